"""One client of the machine's ledger: asks, looks, gives back; after each of these it runs a round.

The quota file is read anew whenever it has changed. One that is wrong stops no one who waits: the last good one,
which the ledger keeps, counts until it is mended.
"""

import getpass
import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from mlwf_assets.errors import DataError, MlwfError, SpecError
from mlwf_assets.gpu.accounting import first_use, gpu_seconds, typical_seconds
from mlwf_assets.gpu.devices import DeclaredDevices, Device, NvmlDevices
from mlwf_assets.gpu.entries import (
    Entry,
    Request,
    end,
    find_entry,
    insert,
    note_use,
    read_entries,
    update,
    waiting_again,
)
from mlwf_assets.gpu.home import GpuHome, find_gpu_home
from mlwf_assets.gpu.ledger import LOCK_S, Ledger, now_s
from mlwf_assets.gpu.machine import Machine
from mlwf_assets.gpu.model import Decisions
from mlwf_assets.gpu.processes import Process, this_process
from mlwf_assets.gpu.quota_file import Quota, parse_quota, read_text
from mlwf_assets.gpu.rounds import is_gone, reap, run_round
from mlwf_assets.spec.mistakes import suggestion

ROUND_EVERY_S = 2.0
_MOMENT_S = 60.0


@dataclass(frozen=True)
class View:
    """The machine as it is at one moment.

    Attributes:
        now: seconds since boot.
        decisions: of the round that was run for it, with the fair shares.
        problem: what is wrong with the quota file, where the last good one counts.
        typical_s: queue -> the median of how long its last jobs ran.
    """

    machine: Machine
    entries: Sequence[Entry]
    decisions: Decisions
    drained: frozenset[str]
    now: float
    problem: str | None = None
    typical_s: Mapping[str, float] = field(default_factory=dict)


class Client:
    """A client.

    Args:
        home: the machine's folder; None finds it.
        lock_s: how long to wait for the ledger's lock.
    """

    def __init__(self, home: GpuHome | None = None, *, lock_s: float = LOCK_S) -> None:
        self.home = home or find_gpu_home()
        self._lock_s = lock_s
        self._ledger: Ledger | None = None
        self._parsed: tuple[str, Quota] | None = None
        self.problem: str | None = None

    @property
    def ledger(self) -> Ledger:
        """The ledger, made where it is missing.

        Raises:
            LedgerError: if that is not possible.
        """
        if self._ledger is None:
            self._ledger = Ledger(self.home.ledger_file, lock_s=self._lock_s)
        return self._ledger

    def machine(self, *, strict: bool = False) -> Machine:
        """Read the quota file and the devices.

        Args:
            strict: whether a wrong file raises, also where a last good one is known.
        Raises:
            SpecError, SourceError: if they cannot be read.
        """
        text = self._last_good() if (said := self._read_text(strict=strict)) is None else said
        try:
            quota = self._parse(text)
            self.problem = None if said is not None else self.problem
        except SpecError as problem:
            good = None if strict else self._last_good()
            if good is None or good == text:
                raise
            self.problem = str(problem)
            quota = self._parse(good)
        return Machine(quota, self._devices(quota))

    def _read_text(self, *, strict: bool) -> str | None:
        try:
            return read_text(self.home.quota_file)
        except MlwfError as problem:
            if strict or self._last_good() is None:
                raise
            self.problem = str(problem)
            return None

    def _parse(self, text: str | None) -> Quota:
        text = text or ""
        if self._parsed is None or self._parsed[0] != text:
            quota = parse_quota(text, self.home.quota_file)
            if not quota.devices and not quota.overcommit:
                parse_quota(text, self.home.quota_file, devices=len(NvmlDevices().read()))
            self._keep_good(text)
            self._parsed = (text, quota)
        return self._parsed[1]

    def _devices(self, quota: Quota) -> list[Device]:
        if quota.devices:
            return DeclaredDevices(quota.devices, self.home.told_file).read()
        return NvmlDevices().read()

    def _last_good(self) -> str | None:
        try:
            if not self.home.ledger_file.exists():
                return None
        except OSError:
            return None  # a folder that may not be looked into
        with self.ledger.read() as connection:
            row = connection.execute("SELECT value FROM facts WHERE name = 'quota'").fetchone()
        return None if row is None else str(row[0])

    def _keep_good(self, text: str) -> None:
        if self._last_good() != text:
            with self.ledger.write() as connection:
                connection.execute("INSERT OR REPLACE INTO facts VALUES ('quota', ?)", (text,))

    def ask(self, request: Request, holder: Process | None = None) -> int:
        """Begin to wait.

        Returns:
            The job's number.
        Raises:
            DataError: if the machine can never serve it: no such queue, more than there is, a name that is taken.
        """
        machine = self.machine(strict=True)
        request = replace(request, user=request.user or getpass.getuser())
        _check(request, machine)
        with self.ledger.write() as connection:
            now = now_s()
            reap(connection, machine, now=now)  # a name is free as soon as its job's process is gone
            try:
                number = insert(connection, request, holder or this_process(), now=now)
            except sqlite3.IntegrityError:
                message = f"job {request.name}: must have a name that no other job has now; choose another (--name)"
                raise DataError(message) from None
            self._round(connection, machine, now)
        return number

    def look(self, number: int) -> Entry | None:
        """How a job stands; runs a round where one is due."""
        with self.ledger.read() as connection:
            entries = read_entries(connection)
            last = connection.execute("SELECT value FROM facts WHERE name = 'round'").fetchone()
        due = last is None or not 0 <= now_s() - float(last[0]) < ROUND_EVERY_S
        if due or any(entry.holds and is_gone(entry) for entry in entries):
            self.round()
            with self.ledger.read() as connection:
                return find_entry(connection, number)
        return next((entry for entry in entries if entry.id == number), None)

    def round(self) -> None:
        """Run a round."""
        machine = self.machine()
        with self.ledger.write() as connection:
            self._round(connection, machine, now_s())

    def find(self, name: str) -> Entry | None:
        """A job of a name that waits or runs; None if there is none."""
        with self.ledger.read() as connection:
            return next((entry for entry in read_entries(connection) if entry.request.name == name), None)

    def hand_over(self, number: int, holder: Process) -> None:
        """Make another process the holder."""
        with self.ledger.write() as connection:
            entry = find_entry(connection, number)
            if entry is not None:
                update(connection, entry, replace(entry, holder=holder))

    def set_child(self, number: int, child: Process | None) -> None:
        """Name the process group that works under a lease."""
        with self.ledger.write() as connection:
            entry = find_entry(connection, number)
            if entry is not None:
                update(connection, entry, replace(entry, child=child))

    def give_back(self, number: int, *, again: bool = False) -> None:
        """Release what a job holds, or stop waiting; `again`: wait in the old place, if it was recalled."""
        machine = self.machine()
        with self.ledger.write() as connection:
            now = now_s()
            entry = find_entry(connection, number)
            if entry is None:
                return
            parts = machine.milli(entry)
            if again and entry.state == "releasing" and not entry.cancelled:
                note_use(connection, entry, entry.ending, now=now, at=time.time(), parts_milli=parts)
                update(connection, entry, waiting_again(entry, now=now))
            else:
                end(connection, entry, entry.ending, now=now, at=time.time(), parts_milli=parts)
            self._round(connection, machine, now)

    def cancel(self, name: str) -> Entry:
        """Take a waiting job out, or recall a running one for good.

        Raises:
            DataError: if there is no such job, or if it belongs to another user.
        """
        machine = self.machine()
        with self.ledger.write() as connection:
            now = now_s()
            entry = find_by_name(read_entries(connection), name)
            _check_owner(entry)
            if not entry.holds:
                connection.execute("DELETE FROM jobs WHERE id = ?", (entry.id,))
            else:
                since = now if entry.recalled_s is None else entry.recalled_s
                recalled = replace(entry, state="releasing", recalled_s=since, recall="cancelled", cancelled=True)
                update(connection, entry, recalled)
            self._round(connection, machine, now)
        return entry

    def drain(self, device: str, *, undo: bool = False) -> None:
        """Let nothing new start on a device, or let it again; what runs there goes on.

        Raises:
            DataError: if there is no such device.
        """
        machine = self.machine()
        names = [one.name for one in machine.devices]
        if device not in names:
            message = f"the device must be one of this machine, however: {device!r}.{suggestion(device, names)}"
            raise DataError(message)
        with self.ledger.write() as connection:
            if undo:
                connection.execute("DELETE FROM drained WHERE device = ?", (device,))
            else:
                connection.execute("INSERT OR IGNORE INTO drained VALUES (?)", (device,))
            self._round(connection, machine, now_s())

    def view(self) -> View:
        """The machine as it is now, after a round."""
        machine = self.machine()
        with self.ledger.write() as connection:
            now = now_s()
            decisions = self._round(connection, machine, now)
            entries = read_entries(connection)
            drained = frozenset(row[0] for row in connection.execute("SELECT device FROM drained"))
            typical_s = typical_seconds(connection)
        return View(machine, entries, decisions, drained, now, self.problem, typical_s)

    def uses(self, since_s: float) -> list[dict[str, Any]]:
        """GPU-seconds of the last so many seconds by queue, workflow, asset and user; what still runs included."""
        at = time.time()
        # a moment later than now, for what still runs ends now
        (found,) = self.uses_between([at - since_s, at + _MOMENT_S])
        return found

    def uses_between(self, edges: Sequence[float]) -> list[list[dict[str, Any]]]:
        """GPU-seconds between each edge (seconds since 1970) and the next, as `uses` gives them."""
        machine = self.machine()
        with self.ledger.read() as connection:
            entries, now = read_entries(connection), now_s()
            return [
                gpu_seconds(connection, machine, entries, begin_at=begin_at, end_at=end_at, now=now)
                for begin_at, end_at in pairwise(edges)
            ]

    def first_use(self) -> float | None:
        """When the first use that is noted began, in seconds since 1970; None without a ledger, which is not made."""
        if not self.home.ledger_file.exists():
            return None
        with self.ledger.read() as connection:
            return first_use(connection)

    def _round(self, connection: sqlite3.Connection, machine: Machine, now: float) -> Decisions:
        reap(connection, machine, now=now)
        decisions = run_round(connection, machine, now=now)
        connection.execute("INSERT OR REPLACE INTO facts VALUES ('round', ?)", (str(now),))
        return decisions


def find_by_name(entries: Sequence[Entry], name: str) -> Entry:
    """Find a job that waits or runs.

    Raises:
        DataError: if there is none.
    """
    for entry in entries:
        if entry.request.name == name:
            return entry
    known = suggestion(name, [entry.request.name for entry in entries]) or " None waits or runs."
    raise DataError(f"the job must be one that waits or runs, however: {name!r} is none of them.{known}")


def _check(request: Request, machine: Machine) -> None:
    leaves = machine.quota.leaves
    if request.queue not in leaves:
        known = suggestion(request.queue, leaves)
        raise DataError(f"the queue must be one of gpu.yaml without children, however: {request.queue!r}.{known}")
    if request.memory_mib is not None and not 0 < request.memory_mib <= machine.memory_mib:
        raise DataError(f"memory must fit on a device, 1 to {machine.memory_mib} MiB, however: {request.memory_mib}")
    milli = request.milli or 0
    if request.memory_mib is None and (milli <= 0 or (milli > 1000 and milli % 1000)):
        raise DataError(
            f"GPUs must be a whole number, or a fraction between 0 and 1 to three places, however: {milli / 1000:g}"
        )
    if milli > 1000 * len(machine.devices):
        raise DataError(f"this machine must have so many GPUs, however: it has {len(machine.devices)}")


def _check_owner(entry: Entry) -> None:
    user = getpass.getuser()
    if os.geteuid() != 0 and entry.request.user != user:
        raise DataError(f"job {entry.request.name} must be cancelled by {entry.request.user} or root, however: {user}")
