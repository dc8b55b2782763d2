"""The ledger's rows as values: what a job asked for, who holds it, and what it holds."""

import json
import sqlite3
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

from mlwf_assets.gpu.model import MILLI
from mlwf_assets.gpu.processes import Process

EntryState = Literal["waiting", "promised", "running", "releasing"]
Ended = Literal["released", "recalled", "cancelled", "died"]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        name: unique among the jobs that wait or run.
        milli: thousandths of a GPU; None where memory is asked for.
        memory_mib: memory on one device; None where GPUs are asked for.
        requeue: whether it waits again, in its old place, after a recall.
        delay_s: how long it waits before others are recalled for it.
    """

    name: str
    queue: str
    milli: int | None = MILLI
    memory_mib: int | None = None
    priority: int = 50
    preemptible: bool = True
    requeue: bool = False
    delay_s: float = 0
    user: str = ""
    workflow: str | None = None
    asset: str | None = None

    def size(self, unit: int, memory_mib: int) -> int:
        """Parts of a GPU, `unit` of them a whole one; memory counts as its MiB over a device's."""
        if self.memory_mib is not None:
            return max(1, min(unit, int(Fraction(self.memory_mib * unit, memory_mib))))
        return (self.milli or 0) * unit // MILLI


@dataclass(frozen=True, slots=True)
class Entry:
    """One job in the ledger.

    Attributes:
        id: grows with every job: its place in the order of creation.
        holder: the process that asked.
        child: the leader of the process group that works on the devices, where that is another one.
        devices: names of those that it holds or is promised.
        came_s: since when it waits, or waited, in seconds since boot.
        recall: why it was called back: an action of the arbiter, and for whom.
        reason: why it waits, or waited last, as the arbiter's code.
    """

    id: int
    request: Request
    holder: Process
    child: Process | None
    state: EntryState
    devices: tuple[str, ...]
    came_s: float
    waited_s: float
    began_s: float | None
    recalled_s: float | None
    recall: str | None
    cancelled: bool
    idle_since_s: float | None
    reserved: tuple[str, ...]
    from_reservation: bool
    reason: str | None

    @property
    def holds(self) -> bool:
        """Whether devices are in its hands."""
        return self.state in ("running", "releasing")

    @property
    def ending(self) -> Ended:
        """What its end is to be called, if it leaves now by itself."""
        if self.cancelled:
            return "cancelled"
        return "recalled" if self.state == "releasing" else "released"


def read_entries(connection: sqlite3.Connection) -> list[Entry]:
    """All jobs, older ones first."""
    return [_entry(row) for row in connection.execute("SELECT * FROM jobs ORDER BY id")]


def find_entry(connection: sqlite3.Connection, number: int) -> Entry | None:
    """One job; None if it is no longer there."""
    row = connection.execute("SELECT * FROM jobs WHERE id = ?", (number,)).fetchone()
    return None if row is None else _entry(row)


def insert(connection: sqlite3.Connection, request: Request, holder: Process, *, now: float) -> int:
    """Write a job that begins to wait; its number."""
    values = {
        **{name: getattr(request, name) for name in request.__slots__},
        "holder": _written(holder),
        "state": "waiting",
        "came_s": now,
    }
    cursor = connection.execute(
        f"INSERT INTO jobs ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", tuple(values.values())
    )
    return int(cursor.lastrowid or 0)


def update(connection: sqlite3.Connection, before: Entry, after: Entry) -> None:
    """Write what has changed of a job."""
    changed = {
        name: _value(getattr(after, name))
        for name in before.__slots__
        if name != "request" and getattr(before, name) != getattr(after, name)
    }
    if changed:
        columns = ", ".join(f"{name} = ?" for name in changed)
        connection.execute(f"UPDATE jobs SET {columns} WHERE id = ?", (*changed.values(), before.id))


def end(connection: sqlite3.Connection, entry: Entry, ended: Ended, *, now: float, at: float, parts_milli: int) -> None:
    """Take a job out, and note what it used.

    Args:
        at: the time of day, in seconds since 1970.
    """
    note_use(connection, entry, ended, now=now, at=at, parts_milli=parts_milli)
    connection.execute("DELETE FROM jobs WHERE id = ?", (entry.id,))


def note_use(
    connection: sqlite3.Connection, entry: Entry, ended: Ended, *, now: float, at: float, parts_milli: int
) -> None:
    """Note what a job used, where it held anything."""
    if not entry.holds or entry.began_s is None:
        return
    request = entry.request
    # after a reboot the end is not known: what it used until then is left out, rather than made up
    seconds = max(0.0, now - entry.began_s)
    connection.execute(
        "INSERT INTO uses (job, queue, workflow, asset, user, devices, parts_milli, seconds, waited_s, ended_at, "
        "ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            request.name, request.queue, request.workflow, request.asset, request.user, json.dumps(entry.devices),
            parts_milli, seconds, entry.waited_s, at, ended,
        ),
    )  # fmt: skip


def waiting_again(entry: Entry, *, now: float) -> Entry:
    """A recalled job back in the queue, in its old place."""
    return replace(
        entry,
        state="waiting",
        devices=(),
        child=None,
        came_s=now,
        began_s=None,
        recalled_s=None,
        recall=None,
        idle_since_s=None,
        reserved=(),
        from_reservation=False,
        reason=None,
    )


def _entry(row: sqlite3.Row) -> Entry:
    fields = dict(row)
    asked: dict[str, Any] = {name: fields[name] for name in Request.__slots__}
    asked |= {name: bool(asked[name]) for name in ("preemptible", "requeue")}
    own = {name: fields[name] for name in Entry.__slots__ if name != "request"}
    own |= {name: tuple(json.loads(own[name])) for name in ("devices", "reserved")}
    own |= {name: bool(own[name]) for name in ("cancelled", "from_reservation")}
    own["holder"] = _process(own["holder"])
    own["child"] = None if own["child"] is None else _process(own["child"])
    return Entry(request=Request(**asked), **own)


def _value(value: object) -> object:
    if isinstance(value, Process):
        return _written(value)
    return json.dumps(value) if isinstance(value, tuple) else value


def _written(process: Process) -> str:
    return json.dumps([process.pid, process.started_ticks, process.boot])


def _process(text: str) -> Process:
    return Process(*json.loads(text))
