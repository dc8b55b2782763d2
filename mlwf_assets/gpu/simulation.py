"""A machine in time: what a state settles to when its decisions are carried out round after round.

Recalled tasks leave at once and wait again; what was on its way out when the simulation began is gone after the first
round. Nothing else changes: no job ends and no time passes.
"""

from dataclasses import replace

from mlwf_assets.errors import DataError
from mlwf_assets.gpu.board import Board
from mlwf_assets.gpu.model import Decisions, Job, State, Task
from mlwf_assets.gpu.scheduler import schedule

_MAX_ROUNDS = 1000


def settle(state: State) -> State:
    """Run the arbiter until nothing changes.

    Raises:
        DataError: if what runs at the beginning has no room, or if the rounds never come to rest.
    """
    state = seat(state)
    for _ in range(_MAX_ROUNDS):
        after = carry_out(state, schedule(state))
        if after == state:
            return state
        state = after
    raise DataError(f"the arbiter must come to rest, however: it still changes its mind after {_MAX_ROUNDS} rounds")


def carry_out(state: State, decisions: Decisions) -> State:
    """Do what a round decided, at once, and let go what was on its way out.

    Example:
        >>> from mlwf_assets.gpu.model import Queue
        >>> state = State(1, (Queue("team", deserved=1000),), (Job("train", "team", 1000),))
        >>> carry_out(state, schedule(state)).jobs[0].tasks
        (Task(state='running', devices=(0,)),)
    """
    changed: dict[str, dict[int, Task]] = {}
    for eviction in decisions.evictions:
        changed.setdefault(eviction.job, {})[eviction.task] = Task()
    for promise in decisions.promises:
        changed.setdefault(promise.job, {})[promise.task] = Task("promised", promise.devices)
    for start in decisions.starts:
        changed.setdefault(start.job, {})[start.task] = Task("running", start.devices)
    started = {start.job for start in decisions.starts}
    jobs = []
    for job in state.jobs:
        tasks = tuple(
            changed.get(job.name, {}).get(number, Task("ended") if task.state == "releasing" else task)
            for number, task in enumerate(job.tasks)
        )
        lent = job.from_reservation or bool(job.reserved and job.name in started)
        reserved = decisions.reservations.get(job.name, ())
        jobs.append(replace(job, tasks=tasks, reserved=reserved, from_reservation=lent and _holds(tasks)))
    return replace(state, jobs=tuple(jobs))


def seat(state: State) -> State:
    """Give devices to running tasks that do not name theirs: after those that do, whole ones before fractions.

    Raises:
        DataError: if what runs does not fit on the devices.
    """
    board = Board(state.devices, state.unit)
    for device, parts in state.taken.items():
        board.take(parts, (device,))
    jobs = {job.name: list(job.tasks) for job in state.jobs}
    held = [(job, number) for job in state.jobs for number, task in enumerate(job.tasks) if _holds((task,))]
    for job, number in held:
        if devices := job.tasks[number].devices:
            _take(board, job, devices)
    for job, number in sorted(held, key=lambda one: -one[0].size):
        if job.tasks[number].devices:
            continue
        found = board.find(job.size, job.name, later=False)
        if found is None:
            raise DataError(f"job {job.name}: what runs must fit on the devices, however: there is no room for it")
        _take(board, job, found)
        jobs[job.name][number] = replace(job.tasks[number], devices=found)
    return replace(state, jobs=tuple(replace(job, tasks=tuple(jobs[job.name])) for job in state.jobs))


def _take(board: Board, job: Job, devices: tuple[int, ...]) -> None:
    part = min(job.size, board.unit)
    for device in devices:
        if board.later[device] < part:
            raise DataError(
                f"job {job.name}: what runs must fit on the devices, however: device {device} is held by others; "
                "let each task name a device with room, or leave the device out"
            )
    board.take(job.size, devices)


def _holds(tasks: tuple[Task, ...]) -> bool:
    return any(task.state in ("running", "promised", "releasing") for task in tasks)
