"""What the arbiter is told and what it decides, as plain values.

Times are given as how long something has lasted, in whole seconds: the clock stands outside. Amounts are integers, in
parts of a GPU of which `State.unit` make a whole one: thousandths, or finer ones where jobs ask for memory, so that a
device's MiB divide without rounding. None stands for unlimited.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

TaskState = Literal["pending", "running", "releasing", "promised", "ended"]
MILLI = 1000


@dataclass(frozen=True, slots=True)
class Queue:
    """A team, or a group of teams.

    Attributes:
        name: unique among queues.
        parent: the queue above it; None at the top.
        deserved: the guaranteed share, in parts; None is unlimited.
        limit: what it may never exceed, in parts; None is unlimited.
        over_quota_weight: its weight when idle GPUs are lent, in any one scale; 0 is lent nothing.
        priority: the higher tier is lent first, is served first and gives back last.
        created: its place in the order of creation.
        usage: its part of the GPU time of the recent past, 0 to 1, for time-based fair share.
        preempt_min_runtime_s: how long its jobs run before work of their own queue may push them out; None asks above.
        reclaim_min_runtime_s: how long they run before other queues may take back; None asks above.
    """

    name: str
    parent: str | None = None
    deserved: int | None = 0
    limit: int | None = None
    over_quota_weight: int = 1
    priority: int = 100
    created: int = 0
    usage: Fraction = Fraction(0)
    preempt_min_runtime_s: int | None = None
    reclaim_min_runtime_s: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One process of a job.

    Attributes:
        state: `releasing` holds its devices but is on its way out; `promised` waits for devices that are being freed;
            `ended` is gone.
        devices: numbers of the devices that it holds or is promised.
    """

    state: TaskState = "pending"
    devices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for: one task or more, alike.

    Attributes:
        name: unique among jobs.
        queue: a queue without children.
        size: parts that each task wants: below one unit it shares a device, else whole units.
        tasks: in order; those behind the first `min_member` are elastic.
        priority: the order inside its queue; only lower work is preempted.
        preemptible: whether it may go over quota and may be a victim.
        min_member: how many tasks start together or not at all; None is all.
        created: its place in the order of creation.
        waited_s: how long it has been waiting.
        ran_s: how long it has run since its last start; None where that is not known.
        stale_for_s: how long a gang has been below its minimum; None is longer than any grace.
        idle_s: how long none of its processes used the device.
        preemption_delay_s: how long it waits before others are evicted for it.
        reserved: devices that were reserved for it in the last round.
        from_reservation: whether its present run began on reserved devices.
        restartable: whether it starts again after a recall; only such work is moved to make room.
    """

    name: str
    queue: str
    size: int
    tasks: tuple[Task, ...] = (Task(),)
    priority: int = 50
    preemptible: bool = True
    min_member: int | None = None
    created: int = 0
    waited_s: int = 0
    ran_s: int | None = None
    stale_for_s: int | None = None
    idle_s: int = 0
    preemption_delay_s: int = 0
    reserved: tuple[int, ...] = ()
    from_reservation: bool = False
    restartable: bool = True

    @property
    def minimum(self) -> int:
        """How many tasks start together."""
        return len(self.tasks) if self.min_member is None else min(self.min_member, len(self.tasks))

    @property
    def is_running(self) -> bool:
        """Whether its gang is whole."""
        return sum(task.state == "running" for task in self.tasks) >= max(self.minimum, 1)


@dataclass(frozen=True, slots=True)
class Settings:
    """Times and weights that hold for the machine.

    Attributes:
        stale_grace_s: how long a gang may stay below its minimum.
        starvation_after_s: after how long devices are reserved for a job that cannot be placed; it is also how long a
            run that began on reserved devices is kept from being taken back.
        idle_warn_s: after how long a holder that does nothing is warned.
        idle_reclaim_s: after how long whoever waits may take its devices.
        usage_weight: k of time-based fair share; 0 forgets the past.
    """

    stale_grace_s: int = 60
    starvation_after_s: int = 600
    idle_warn_s: int = 1800
    idle_reclaim_s: int = 3600
    usage_weight: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class State:
    """All that a round looks at.

    Attributes:
        devices: how many GPUs there are.
        queues: by any order.
        jobs: by any order.
        unit: how many parts make a GPU.
        taken: parts of devices that are held by others (foreign processes, a drained device); by device number.
    """

    devices: int
    queues: tuple[Queue, ...]
    jobs: tuple[Job, ...]
    unit: int = MILLI
    settings: Settings = field(default_factory=Settings)
    taken: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placement:
    """A task starts on these devices now, or is promised them."""

    job: str
    task: int
    devices: tuple[int, ...]


Action = Literal["allocate", "consolidate", "idle", "reclaim", "preempt", "stale"]


@dataclass(frozen=True, slots=True)
class Eviction:
    """A task is recalled, or its promise: by which action, and for which job (None where it is for no one)."""

    job: str
    task: int
    action: Action
    claimer: str | None = None


Reason = Literal["limit", "quota", "no-room", "too-large", "delayed", "reserved", "incomplete", "promised"]


@dataclass(frozen=True, slots=True)
class Decisions:
    """What one round decides.

    Attributes:
        starts: tasks that start now.
        promises: tasks that get devices as soon as those are free.
        evictions: tasks that are recalled; one that is also promised devices is moved.
        reservations: job -> devices that are kept free for it.
        warned: jobs that hold devices and do nothing.
        waiting: job -> why it waits.
        fair_shares: queue -> parts.
    """

    starts: tuple[Placement, ...] = ()
    promises: tuple[Placement, ...] = ()
    evictions: tuple[Eviction, ...] = ()
    reservations: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    warned: tuple[str, ...] = ()
    waiting: Mapping[str, Reason] = field(default_factory=dict)
    fair_shares: Mapping[str, int] = field(default_factory=dict)
