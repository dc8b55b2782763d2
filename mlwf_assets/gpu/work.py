"""A job while a round is being worked out: which of its tasks run, which wait, and how many go together."""

from typing import Literal

from mlwf_assets.gpu.board import Devices
from mlwf_assets.gpu.books import Account
from mlwf_assets.gpu.model import Job, TaskState


class Work:
    """One job's tasks as they stand at this point of the round.

    Attributes:
        job: as the state has it.
        account: of its queue.
        place: its place in the order of creation.
        active: how many of its tasks run or are promised devices.
        fresh: tasks that this round has placed: none of them is recalled in the same round.
    """

    __slots__ = ("account", "active", "devices", "fresh", "job", "minimum", "pending", "place", "states")

    def __init__(self, job: Job, account: Account, place: int) -> None:
        self.job = job
        self.account = account
        self.place = place
        self.states: list[TaskState] = [task.state for task in job.tasks]
        self.devices: list[Devices] = [task.devices for task in job.tasks]
        self.minimum = job.minimum
        self.active = sum(state in ("running", "promised") for state in self.states)
        self.pending = self.states.count("pending")
        self.fresh: set[int] = set()

    @property
    def chunk(self) -> int:
        """How many tasks start together now: what is missing to the minimum, else one; 0 if so many are not there."""
        if self.active >= self.minimum:
            return min(self.pending, 1)
        missing = self.minimum - self.active
        return missing if self.pending >= missing else 0

    @property
    def request(self) -> int:
        """Parts that the next chunk asks for."""
        return self.chunk * self.job.size

    @property
    def elastic_class(self) -> Literal[0, 1, 2]:
        """Below its minimum, at it, above it: served in this order, and recalled in the reverse one."""
        return 0 if self.active < self.minimum else 1 if self.active == self.minimum else 2

    def next_pending(self) -> list[int]:
        """The tasks of the next chunk, first ones first."""
        return [task for task, state in enumerate(self.states) if state == "pending"][: self.chunk]

    def next_recalled(self) -> list[int]:
        """The tasks that would be recalled next: the last elastic one, else all; none that this round has placed."""
        active = [task for task, state in enumerate(self.states) if state in ("running", "promised")]
        old = [task for task in active if task not in self.fresh]
        if self.active > self.minimum:
            return old[-1:]
        return old if len(old) == len(active) else []

    @property
    def next_gift(self) -> int:
        """Parts that the next recall would free."""
        return (1 if self.active > self.minimum else self.active) * self.job.size
