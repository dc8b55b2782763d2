"""Machines for property tests: queues that do not promise too much, jobs that come and go."""

from dataclasses import replace

from hypothesis import strategies as st

from mlwf_assets.gpu.model import MILLI, Job, Queue, State, Task
from mlwf_assets.gpu.scheduler import schedule
from mlwf_assets.gpu.simulation import carry_out

_GPUS = st.integers(1, 6)
_SIZES = st.sampled_from((250, 300, 500, 700, 1000, 1000, 2000, 3000))


@st.composite
def machines(draw):
    """A machine with one or two departments, and jobs that all wait."""
    gpus = draw(_GPUS)
    queues, leaves, left = [], [], gpus
    for number in range(draw(st.integers(1, 2))):
        deserved = draw(st.integers(0, left))
        left -= deserved
        name = f"department-{number}"
        queues.append(_queue(draw, name, None, deserved, len(queues)))
        for team in range(draw(st.integers(1, 3))):
            own = draw(st.integers(0, deserved))
            deserved -= own
            leaves.append(f"{name}-{team}")
            queues.append(_queue(draw, leaves[-1], name, own, len(queues)))
    jobs = draw(st.lists(st.builds(dict), min_size=1, max_size=9))
    made = tuple(make_job(draw, number, leaves) for number, _ in enumerate(jobs))
    return State(gpus, tuple(queues), made)


def _queue(draw, name, parent, deserved, created):
    limit = draw(st.sampled_from((None, None, None, 1, 2, 4)))
    return Queue(
        name,
        parent,
        deserved * MILLI,
        None if limit is None else limit * MILLI,
        draw(st.integers(0, 2)),
        draw(st.sampled_from((100, 100, 101))),
        created,
    )


def make_job(draw, number, leaves):
    tasks = draw(st.integers(1, 3))
    priority = draw(st.sampled_from((50, 50, 75, 100)))
    return Job(
        f"job-{number}",
        draw(st.sampled_from(leaves)),
        draw(_SIZES),
        (Task(),) * tasks,
        priority,
        priority < 100,
        draw(st.integers(1, tasks)),
        number,
    )


@st.composite
def histories(draw):
    """A machine that settles, loses jobs, gets new ones, and so on: (state, decisions) of every round of it."""
    state = draw(machines())
    leaves = sorted({queue.name for queue in state.queues} - {queue.parent for queue in state.queues})
    rounds, number = [], len(state.jobs)
    for _ in range(draw(st.integers(1, 3))):
        came = [make_job(draw, number + more, leaves) for more in range(draw(st.integers(0, 4)))]
        gone = draw(st.sets(st.sampled_from(state.jobs), max_size=3)) if state.jobs else set()
        number += len(came)
        state = replace(state, jobs=(*(job for job in state.jobs if job not in gone), *came))
        turn = settled(state)
        rounds.append(turn)
        state = turn[-1][0]
    return rounds


def settled(state, most=60):
    """All rounds until nothing changes, the last one included: (state, decisions)."""
    rounds = []
    for _ in range(most):
        decisions = schedule(state)
        rounds.append((state, decisions))
        after = carry_out(state, decisions)
        if after == state:
            return rounds
        state = after
    raise AssertionError(f"still changing after {most} rounds: {state}")


def held(state, queue, *, firm=False):
    """Parts that a queue and those below it hold; `firm`: of work that cannot be preempted."""
    below = {queue}
    for _ in state.queues:
        below |= {one.name for one in state.queues if one.parent in below}
    return sum(
        job.size
        for job in state.jobs
        if job.queue in below and not (firm and job.preemptible)
        for task in job.tasks
        if task.state in ("running", "promised")
    )
