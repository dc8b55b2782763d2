"""Who holds a lease: a process of this machine, named so that no other one is taken for it.

A pid alone is given again; pid and start time are not, as long as the machine runs, and the boot id says whether it
has. Times are ticks since boot, so that no clock is asked. Read from Linux' /proc.
"""

import os
import signal
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Standing = Literal["alive", "stopped", "gone"]


@dataclass(frozen=True, slots=True)
class Process:
    """One process, for as long as it lives.

    Attributes:
        pid: its number.
        started_ticks: when it started, in clock ticks since boot.
        boot: the boot and the pid namespace in which the number counts.
    """

    pid: int
    started_ticks: int
    boot: str

    def standing(self) -> Standing:
        """Whether it lives, has been stopped (SIGSTOP), or is gone; what cannot be judged is taken to live."""
        if self.boot != boot():
            # another boot has no living process; another namespace of this boot cannot be looked into
            return "gone" if self.boot.split("/")[0] != boot().split("/")[0] else "alive"
        found = _stat(self.pid)
        if found is None:
            return "alive" if _exists(self.pid) else "gone"
        state, ticks, _ = found
        if ticks != self.started_ticks or state in "ZX":
            return "gone"
        return "stopped" if state in "Tt" else "alive"

    def group_lives(self) -> bool:
        """Whether any process is left of the group that it leads."""
        if self.standing() != "gone":
            return True
        if self.boot != boot():
            return False
        found = _stat(self.pid)
        if found is not None and found[1] != self.started_ticks:
            return False  # the number was given again: a group's number is not, as long as the group lives
        return any(int(one[2]) == self.pid and one[0] not in "ZX" for one in _all_fields().values())

    def kill(self, *, group: bool = False) -> bool:
        """Kill it, and with `group` the group that it leads and all their descendants; False if this user may not."""
        if not (self.group_lives() if group else self.standing() != "gone"):
            return True
        # workers that have a session of their own (torchrun's) would outlive the group, and stay on the devices
        left = self._descendants_elsewhere() if group else []
        try:
            if group:
                os.killpg(self.pid, signal.SIGKILL)
            else:
                os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        killed = [one.kill() for one in left]
        return all(killed)

    def _descendants_elsewhere(self) -> list["Process"]:
        """Descendants of the group that it leads which are not in it."""
        every = _all_fields()
        members = {pid for pid, fields in every.items() if int(fields[2]) == self.pid}
        found, ancestors = set(members), set(members)
        while ancestors:
            ancestors = {pid for pid, fields in every.items() if int(fields[1]) in ancestors} - found
            found |= ancestors
        return [Process(pid, int(every[pid][19]), self.boot) for pid in found - members]


def this_process() -> Process:
    """The process that asks."""
    return find_process(os.getpid())


def find_process(pid: int) -> Process:
    """Name a living process.

    Raises:
        ProcessLookupError: if there is none of that number.
    """
    found = _stat(pid)
    if found is None:
        raise ProcessLookupError(f"process {pid} must be alive, however: there is none")
    return Process(pid, found[1], boot())


@cache
def boot() -> str:
    """The id of this boot, and of the pid namespace."""
    number = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{number}/{Path('/proc/self/ns/pid').readlink()}"


def belongs_to(pid: int, owners: set[int]) -> bool:
    """Whether a process is one of the owners, of a group that one of them leads, or a descendant of one."""
    while pid > 1:
        if pid in owners:
            return True
        try:
            if os.getpgid(pid) in owners:
                return True
        except OSError:
            return False
        pid = _parent(pid)
    return False


def _stat(pid: int) -> tuple[str, int, int] | None:
    """State, start in ticks and process group; None if it cannot be read."""
    fields = _fields(pid)
    return None if fields is None else (fields[0], int(fields[19]), int(fields[2]))


def _parent(pid: int) -> int:
    fields = _fields(pid)
    return 0 if fields is None else int(fields[1])


def _fields(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # the name, in brackets, may hold anything
    return text.rpartition(")")[2].split()


def _all_fields() -> dict[int, list[str]]:
    pids = [int(one.name) for one in Path("/proc").iterdir() if one.name.isdecimal()]
    return {pid: found for pid in pids if (found := _fields(pid)) is not None}


def _exists(pid: int) -> bool:
    """Whether there is such a process, also one that this user may not look at."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _stat(pid) is not None
