"""What becomes of a machine over hours and days: time-based fair share, starvation, idle holders, protection."""

from dataclasses import replace
from fractions import Fraction

import pytest

from mlwf_assets.gpu.model import Job, Queue, Settings, State, Task
from mlwf_assets.gpu.scheduler import schedule
from mlwf_assets.gpu.simulation import carry_out
from mlwf_assets.gpu.usage import WINDOW_S, Used, usage

_HOUR = 3600


class Clock:
    """A machine in time: jobs run for as long as they are told, everybody else waits."""

    def __init__(self, state, lasts_s):
        self.state, self.lasts_s, self.now = state, lasts_s, 0
        self.started, self.history, self.came = {}, [], {job.name: 0 for job in state.jobs}

    def settle(self):
        while (after := carry_out(self.state, schedule(self.state))) != self.state:
            self.state = after
            for job in after.jobs:
                if job.is_running:
                    self.started.setdefault(job.name, self.now)
                elif job.name in self.started:
                    self._note(job)

    def _note(self, job):
        self.history.append((job.queue, job.size * len(job.tasks), self.started.pop(job.name), self.now))

    def submit(self, job):
        self.came[job.name] = self.now
        self.state = replace(self.state, jobs=(*self.state.jobs, job))

    def pass_time(self, seconds):
        self.now += seconds
        jobs = []
        for job in self.state.jobs:
            if job.name in self.started and self.now - self.started[job.name] >= self.lasts_s[job.name]:
                self._note(job)
                continue
            ran_s = self.now - self.started[job.name] if job.name in self.started else None
            jobs.append(replace(job, ran_s=ran_s, waited_s=self.now - self.came[job.name]))
        self.state = replace(self.state, jobs=tuple(jobs))

    def remember(self):
        used = [Used(queue, amount, self.now - began, self.now - ended) for queue, amount, began, ended in self.history]
        found = usage(used, self.state.devices * 1000)
        queues = tuple(replace(queue, usage=found.get(queue.name, Fraction(0))) for queue in self.state.queues)
        self.state = replace(self.state, queues=queues)


@pytest.mark.parametrize(("gpus", "head_start"), [(1, 0), (4, 0), (4, 20)])
def test_two_equal_queues_share_the_gpu_time_of_ten_windows(gpus, head_start):
    """Each always has one-hour whole-machine jobs waiting, the older queue's jobs being older; one may begin alone."""
    settings = Settings(usage_weight=Fraction(1), starvation_after_s=10**9)
    queues = tuple(Queue(name, deserved=0, created=number) for number, name in enumerate("ab"))
    clock = Clock(State(gpus, queues, (), settings=settings), {})
    windows = 10 * WINDOW_S // _HOUR
    for hour in range(windows + head_start):
        for number, name in enumerate("ab"[: 1 + (hour >= head_start)]):
            if sum(job.queue == name for job in clock.state.jobs) > 2:
                continue
            job = Job(f"{name}{hour}", name, gpus * 1000, created=hour + number * 10**6)
            clock.lasts_s[job.name] = _HOUR
            clock.submit(job)
        clock.remember()
        clock.settle()
        clock.pass_time(_HOUR)
    of_a = sum(
        ended - began for queue, _, began, ended in clock.history if queue == "a" and began >= head_start * _HOUR
    )
    assert of_a / (windows * _HOUR) == pytest.approx(0.5, abs=0.05)


def _starving_machine(limit=None, starvation_after_s=600):
    queues = (Queue("small", deserved=2000, created=0), Queue("big", deserved=2000, limit=limit, created=1))
    return State(4, queues, (), settings=Settings(starvation_after_s=starvation_after_s))


@pytest.mark.parametrize("asked", [3000, 4000])
def test_a_job_larger_than_its_fair_share_starts_within_the_bound_though_small_ones_keep_coming(asked):
    """Bound: starvation_after_s, and then the longest rest of what runs at that moment (here at most 15 min)."""
    clock, lasts_s = Clock(_starving_machine(), {}), 900
    for minute in range(120):
        for number in range(2):
            job = Job(f"small-{minute}-{number}", "small", 1000, created=minute * 10 + number)
            clock.lasts_s[job.name] = lasts_s
            clock.submit(job)
        if minute == 20:
            clock.lasts_s["big"] = 300
            clock.submit(Job("big", "big", asked, created=minute * 10 + 5))
        clock.settle()
        if "big" in clock.started:
            break
        clock.pass_time(60)
    assert "big" in clock.started
    assert clock.now - clock.came["big"] <= 600 + lasts_s + 60
    clock.settle()
    assert "big" in clock.started  # what it waited for is not taken back at once


def test_without_the_reservation_that_job_would_starve():
    clock = Clock(_starving_machine(starvation_after_s=10**9), {})
    for minute in range(120):
        job = Job(f"small-{minute}", "small", 1000, created=minute)
        clock.lasts_s[job.name] = 900
        clock.submit(job)
        if minute == 20:
            clock.lasts_s["big"] = 300
            clock.submit(Job("big", "big", 4000, created=minute))
        clock.settle()
        clock.pass_time(60)
    assert "big" in clock.came
    assert "big" not in clock.started


def test_reserved_devices_are_named_and_kept_while_work_goes_on_around_them():
    running = tuple(Job(f"r{n}", "small", 1000, (Task("running", (n,)),), created=n) for n in range(3))
    big = Job("big", "big", 3000, created=5, waited_s=600)
    late = tuple(Job(f"late-{n}", "small", 1000, created=6 + n) for n in range(2))
    state = replace(_starving_machine(), jobs=(*running, big, *late))
    decisions = schedule(state)
    assert len(decisions.reservations["big"]) == 3
    assert 3 in decisions.reservations["big"]
    assert not decisions.starts
    assert decisions.waiting["late-0"] == "reserved"


def test_work_goes_on_around_what_is_reserved():
    running = (
        Job("whole", "small", 1000, (Task("running", (0,)),)),
        Job("half", "small", 500, (Task("running", (1,)),), created=1),
    )
    big = Job("big", "big", 3000, created=2, waited_s=660, reserved=(0, 2, 3))
    decisions = schedule(replace(_starving_machine(), jobs=(*running, big, Job("late", "small", 500, created=3))))
    assert decisions.reservations == {"big": (0, 2, 3)}
    assert [(one.job, one.devices) for one in decisions.starts] == [("late", (1,))]


def test_nothing_is_reserved_for_a_job_that_its_limit_forbids():
    state = replace(_starving_machine(limit=2000), jobs=(Job("big", "big", 4000, waited_s=10**6),))
    decisions = schedule(state)
    assert not decisions.reservations
    assert decisions.waiting["big"] == "limit"


@pytest.mark.parametrize(("idle_s", "warned", "taken"), [(1799, 0, 0), (1800, 1, 0), (3599, 1, 0), (3600, 1, 1)])
def test_a_holder_that_does_nothing_is_warned_and_then_gives_way(idle_s, warned, taken):
    queue = Queue("team", deserved=1000)
    holder = Job("notebook", "team", 1000, (Task("running", (0,)),), 100, preemptible=False, idle_s=idle_s)
    decisions = schedule(State(1, (queue,), (holder, Job("train", "team", 1000, created=1))))
    assert decisions.warned == ("notebook",) * warned
    assert [(one.job, one.action) for one in decisions.evictions] == [("notebook", "idle")] * taken


def test_an_idle_holder_keeps_its_device_while_nobody_waits():
    holder = Job("notebook", "team", 1000, (Task("running", (0,)),), idle_s=10**6)
    decisions = schedule(State(1, (Queue("team", deserved=1000),), (holder,)))
    assert decisions.warned == ("notebook",)
    assert not decisions.evictions


def _tree(**runtimes):
    def queue(name, parent, created):
        return Queue(name, parent, 1000, None, 1, created=created, **runtimes.get(name, {}))

    names = (("top", None), ("left", "top"), ("right", "top"), ("l", "left"), ("r", "right"), ("r2", "right"))
    return tuple(queue(name, parent, number) for number, (name, parent) in enumerate(names))


@pytest.mark.parametrize(
    ("runtimes", "claimer", "kept"),
    [
        ({}, "l", False),
        ({"right": {"reclaim_min_runtime_s": 60}}, "l", True),
        ({"top": {"reclaim_min_runtime_s": 60}}, "l", True),
        ({"top": {"reclaim_min_runtime_s": 60}, "right": {"reclaim_min_runtime_s": 5}}, "l", False),
        ({"r": {"reclaim_min_runtime_s": 60}}, "l", False),  # below the child of the common ancestor: not asked
        ({"r": {"reclaim_min_runtime_s": 60}}, "r2", True),
        ({"right": {"reclaim_min_runtime_s": 60}}, "r2", True),
    ],
)
def test_the_minimum_runtime_before_reclaim_is_that_below_the_common_ancestor_or_above(runtimes, claimer, kept):
    runs = Job("runs", "r", 2000, (Task("running", (0, 1)),), ran_s=30)
    decisions = schedule(State(2, _tree(**runtimes), (runs, Job("waits", claimer, 1000, created=1))))
    assert bool(decisions.evictions) != kept


@pytest.mark.parametrize(("where", "kept"), [("r", True), ("right", True), ("left", False)])
def test_the_minimum_runtime_before_preemption_is_the_nearest_up_the_queue(where, kept):
    runs = Job("runs", "r", 1000, (Task("running", (0,)),), 50, ran_s=30)
    more = Job("more", "r", 1000, priority=75, created=1)
    tree = _tree(**{where: {"preempt_min_runtime_s": 60}})
    assert bool(schedule(State(1, tree, (runs, more))).evictions) != kept
    longer = replace(runs, ran_s=60)
    assert schedule(State(1, tree, (longer, more))).evictions


def test_elastic_tasks_above_the_minimum_are_not_protected():
    runs = Job("runs", "r", 1000, (Task("running", (0,)), Task("running", (1,))), 50, min_member=1, ran_s=1)
    tree = _tree(r={"preempt_min_runtime_s": 60})
    decisions = schedule(State(2, tree, (runs, Job("more", "r", 1000, priority=75, created=1))))
    assert [(one.job, one.task) for one in decisions.evictions] == [("runs", 1)]
    decisions = schedule(State(2, tree, (runs, Job("more", "r", 2000, priority=75, created=1))))
    assert not decisions.evictions


def test_nobody_is_recalled_before_the_claimers_own_delay():
    runs = Job("runs", "q", 1000, (Task("running", (0,)),), 50)
    more = Job("more", "q", 1000, priority=75, created=1, preemption_delay_s=30)
    queue = (Queue("q", deserved=1000),)
    assert not schedule(State(1, queue, (runs, replace(more, waited_s=29)))).evictions
    assert schedule(State(1, queue, (runs, replace(more, waited_s=30)))).evictions


@pytest.mark.parametrize(("stale_for_s", "gone"), [(None, True), (59, False), (60, True)])
def test_a_gang_below_its_minimum_is_recalled_after_the_grace(stale_for_s, gone):
    gang = Job("gang", "q", 1000, (Task("running", (0,)), Task()), stale_for_s=stale_for_s)
    decisions = schedule(State(1, (Queue("q", deserved=1000),), (gang,)))
    assert bool(decisions.evictions) == gone


def test_a_promised_device_is_given_once_it_is_free():
    leaving = Job("leaving", "q", 1000, (Task("releasing", (0,)),))
    state = State(1, (Queue("q", deserved=1000),), (leaving, Job("next", "q", 500, created=1)))
    first = schedule(state)
    assert not first.starts
    assert first.promises[0].job == "next"
    after = carry_out(state, first)
    assert schedule(after).starts[0].devices == (0,)


def test_foreign_work_counts_as_taken():
    state = State(
        2, (Queue("q", deserved=2000),), (Job("a", "q", 2000), Job("b", "q", 1000, created=1)), taken={0: 700}
    )
    decisions = schedule(state)
    assert [(one.job, one.devices) for one in decisions.starts] == [("b", (1,))]
    assert decisions.waiting["a"] == "too-large"
