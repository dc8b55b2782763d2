"""One round over the ledger, inside one transaction: who is gone is taken out, the arbiter decides, it is written down.

Every client runs it: after asking, after giving back, and while it waits. What the arbiter decides is not known here.
"""

import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mlwf_assets.errors import LedgerError
from mlwf_assets.gpu.entries import Entry, end, read_entries, update
from mlwf_assets.gpu.machine import Machine, make_state
from mlwf_assets.gpu.model import Decisions
from mlwf_assets.gpu.scheduler import schedule

# the holder itself kills its work when the grace is over; this long after, others do it for a holder that cannot
_ENFORCED_AFTER_S = 2.0


def run_round(connection: sqlite3.Connection, machine: Machine, *, now: float) -> Decisions:
    """Run one round, and write what it decides.

    Raises:
        LedgerError: if a device would have two owners; nothing is written then.
    """
    entries = _note_idle(connection, machine, read_entries(connection), now=now)
    state = make_state(connection, machine, entries, now=now)
    decisions = schedule(state)
    after = [_decided(entry, decisions, machine, now=now) for entry in entries]
    check_owners(
        after,
        machine,
        {name for entry in after if entry.state == "running" and entry.began_s == now for name in entry.devices},
    )
    for before, entry in zip(entries, after, strict=True):
        update(connection, before, entry)
    return decisions


def reap(connection: sqlite3.Connection, machine: Machine, *, now: float) -> None:
    """Take out the jobs whose processes are gone, and kill what a recall has not ended in time."""
    for entry in read_entries(connection):
        late = entry.recalled_s is not None and now > entry.recalled_s + machine.quota.grace_s + _ENFORCED_AFTER_S
        if late and entry.state == "releasing":
            _kill(entry)
        if not is_gone(entry):
            continue
        ended = "died" if entry.ending == "released" else entry.ending
        end(connection, entry, ended, now=now, at=time.time(), parts_milli=machine.milli(entry))


def is_gone(entry: Entry) -> bool:
    """Whether no process of a job is left; work that has lost its holder is killed."""
    if entry.holder.standing() != "gone":
        return False
    if entry.child is None or not entry.child.group_lives():
        return True
    entry.child.kill(group=True)
    return not entry.child.group_lives()


def _kill(entry: Entry) -> None:
    if entry.child is not None:
        entry.child.kill(group=True)
    if entry.child is None or entry.holder.standing() == "stopped":
        entry.holder.kill()


def _note_idle(
    connection: sqlite3.Connection, machine: Machine, entries: Sequence[Entry], *, now: float
) -> list[Entry]:
    idle = {device.name for device in machine.devices if device.is_idle}
    found = []
    for entry in entries:
        is_idle = entry.state == "running" and bool(entry.devices) and set(entry.devices) <= idle
        since = (now if entry.idle_since_s is None else entry.idle_since_s) if is_idle else None
        noted = replace(entry, idle_since_s=since)
        update(connection, entry, noted)
        found.append(noted)
    return found


def _decided(entry: Entry, decisions: Decisions, machine: Machine, *, now: float) -> Entry:
    """A job as the round leaves it."""
    name = entry.request.name
    names = [device.name for device in machine.devices]
    if eviction := next((one for one in decisions.evictions if one.job == name), None):
        if entry.holds:
            recall = f"{eviction.action} for {eviction.claimer}" if eviction.claimer else eviction.action
            return replace(entry, state="releasing", recalled_s=now, recall=recall)
        entry = replace(entry, state="waiting", devices=())
    if start := next((one for one in decisions.starts if one.job == name), None):
        return _started(entry, tuple(names[number] for number in start.devices), now=now)
    if entry.holds:
        return entry
    if promise := next((one for one in decisions.promises if one.job == name), None):
        entry = replace(entry, state="promised", devices=tuple(names[number] for number in promise.devices))
    reserved = tuple(names[number] for number in decisions.reservations.get(name, ()))
    return replace(entry, reserved=reserved, reason=_reason(entry, decisions, machine))


def _started(entry: Entry, devices: tuple[str, ...], *, now: float) -> Entry:
    return replace(
        entry,
        state="running",
        devices=devices,
        began_s=now,
        waited_s=entry.waited_s + now - entry.came_s,
        reserved=(),
        from_reservation=bool(entry.reserved),
        idle_since_s=None,
    )


def _reason(entry: Entry, decisions: Decisions, machine: Machine) -> str | None:
    if entry.request.queue not in machine.quota.leaves:
        return "no-queue"
    return "promised" if entry.state == "promised" else decisions.waiting.get(entry.request.name, entry.reason)


def check_owners(entries: Sequence[Entry], machine: Machine, granted: set[str]) -> None:
    """Hold what may never break, whatever the arbiter decides: no part of a device has two owners.

    Args:
        granted: the devices on which something starts.
    Raises:
        LedgerError: naming the device and its owners.
    """
    unit = machine.unit(entries)
    held: Counter[str] = Counter()
    for entry in entries:
        if not entry.holds:
            continue
        size = entry.request.size(unit, machine.memory_mib)
        for device in granted & set(entry.devices):
            held[device] += min(unit, size)
    for device, parts in held.items():
        if parts > unit:
            owners = ", ".join(entry.request.name for entry in entries if entry.holds and device in entry.devices)
            raise LedgerError(
                f"device {device} must have one owner for each part of it, however: {owners} would hold "
                f"{parts / unit:g} of it. Nothing was granted; this is a fault of mlwf, please report it"
            )
