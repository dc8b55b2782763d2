"""One machine at one moment: its quota, its devices, and the ledger's jobs as the state that the arbiter looks at."""

import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from mlwf_assets.gpu.devices import Device
from mlwf_assets.gpu.entries import Entry
from mlwf_assets.gpu.model import MILLI, Job, Queue, State, Task
from mlwf_assets.gpu.processes import belongs_to
from mlwf_assets.gpu.quota_file import Quota
from mlwf_assets.gpu.usage import WINDOW_S, Used, usage


@dataclass(frozen=True)
class Machine:
    """What stands outside of the ledger.

    Attributes:
        devices: as they are now.
    """

    quota: Quota
    devices: Sequence[Device]

    @property
    def memory_mib(self) -> int:
        """Of the smallest device: what is asked for as memory fits wherever it is placed."""
        return min((device.memory_mib for device in self.devices), default=1)

    def unit(self, entries: Iterable[Entry]) -> int:
        """Parts of a GPU: finer ones where memory is asked for, so that a device's MiB divide without rounding."""
        return MILLI * (self.memory_mib if any(entry.request.memory_mib for entry in entries) else 1)

    def milli(self, entry: Entry) -> int:
        """Thousandths of a GPU that a job is counted for."""
        return round(Fraction(entry.request.size(MILLI * self.memory_mib, self.memory_mib), self.memory_mib))

    def foreign(self, entries: Iterable[Entry]) -> dict[str, list[int]]:
        """Processes on devices that belong to no lease."""
        owners = {one.pid for entry in entries if entry.holds for one in (entry.holder, entry.child) if one}
        found = {
            device.name: [pid for pid in device.processes or () if not belongs_to(pid, owners)]
            for device in self.devices
        }
        return {name: pids for name, pids in found.items() if pids}


def make_state(connection: sqlite3.Connection, machine: Machine, entries: Sequence[Entry], *, now: float) -> State:
    """The state of a round; what it does not know (a queue or a device that is gone) counts as taken."""
    unit = machine.unit(entries)
    numbers = {device.name: number for number, device in enumerate(machine.devices)}
    leaves = set(machine.quota.leaves)
    known = [entry for entry in entries if is_known(entry, leaves, numbers)]
    jobs = tuple(_job(entry, numbers, unit, machine.memory_mib, now) for entry in known)
    queues = tuple(_scaled(queue, unit // MILLI) for queue in machine.quota.queues)
    settings = machine.quota.settings
    if settings.usage_weight:
        recent = _recent(connection, machine, entries, now=now)
        queues = tuple(replace(queue, usage=recent.get(queue.name, Fraction(0))) for queue in queues)
    taken = _taken(connection, machine, entries, known, unit)
    return State(len(machine.devices), queues, jobs, unit, settings, taken)


def is_known(entry: Entry, leaves: set[str], devices: Iterable[str]) -> bool:
    """Whether the arbiter can place a job: its queue and its devices are there."""
    return entry.request.queue in leaves and set(entry.devices) <= set(devices)


def drained(connection: sqlite3.Connection) -> set[str]:
    """Devices on which nothing new starts."""
    return {row[0] for row in connection.execute("SELECT device FROM drained")}


def _job(entry: Entry, numbers: dict[str, int], unit: int, memory_mib: int, now: float) -> Job:
    request = entry.request
    devices = tuple(sorted(numbers[name] for name in entry.devices))
    return Job(
        request.name,
        request.queue,
        request.size(unit, memory_mib),
        (Task("pending" if entry.state == "waiting" else entry.state, devices),),
        request.priority,
        request.preemptible,
        created=entry.id,
        waited_s=0 if entry.holds else int(now - entry.came_s),
        ran_s=None if entry.began_s is None else int(now - entry.began_s),
        idle_s=0 if entry.idle_since_s is None else int(now - entry.idle_since_s),
        preemption_delay_s=int(request.delay_s),
        reserved=tuple(numbers[name] for name in entry.reserved if name in numbers),
        from_reservation=entry.from_reservation,
        restartable=request.requeue,
    )


def _scaled(queue: Queue, factor: int) -> Queue:
    return replace(
        queue,
        deserved=None if queue.deserved is None else queue.deserved * factor,
        limit=None if queue.limit is None else queue.limit * factor,
    )


def _taken(
    connection: sqlite3.Connection, machine: Machine, entries: Sequence[Entry], known: Sequence[Entry], unit: int
) -> dict[int, int]:
    """What others hold, per device: foreign processes and draining take what leases leave."""
    closed = drained(connection) | set(machine.foreign(entries))
    taken = {}
    for number, device in enumerate(machine.devices):
        here = [entry for entry in entries if device.name in entry.devices]
        held = {entry.id: min(unit, entry.request.size(unit, machine.memory_mib)) for entry in here}
        if device.name in closed:
            taken[number] = unit - sum(held[entry.id] for entry in here if entry in known)
        elif strangers := [held[entry.id] for entry in here if entry not in known]:
            taken[number] = sum(strangers)
    return {number: max(0, parts) for number, parts in taken.items()}


def _recent(
    connection: sqlite3.Connection, machine: Machine, entries: Sequence[Entry], *, now: float
) -> dict[str, Fraction]:
    """The memory of time-based fair share: what each queue and those above it used of the last window."""
    at = time.time()
    parents = {queue.name: queue.parent for queue in machine.quota.queues}
    used: list[Used] = []

    def note(queue: str, milli: int, began_s_ago: float, ended_s_ago: float) -> None:
        above: str | None = queue
        while above is not None and above in parents:
            used.append(Used(above, milli, max(0, int(began_s_ago)), max(0, int(ended_s_ago))))
            above = parents[above]

    rows = connection.execute(
        "SELECT queue, parts_milli, seconds, ended_at FROM uses WHERE ended_at > ?", (at - WINDOW_S,)
    )
    for queue, milli, seconds, ended_at in rows:
        note(queue, milli, at - ended_at + seconds, at - ended_at)
    for entry in entries:
        if entry.holds and entry.began_s is not None:
            note(entry.request.queue, machine.milli(entry), now - entry.began_s, 0)
    return usage(used, max(1, len(machine.devices)) * MILLI)
