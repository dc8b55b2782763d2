"""Runs a command and measures it from outside: wall time, and the peak memory of its whole process tree."""

import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

_EVERY_S = 1.0


@dataclass(frozen=True)
class Measured:
    """One run of a command.

    Attributes:
        seconds: wall time.
        peak_pss_mib: largest sum of proportional set sizes over the process tree; pages that several
            processes share count once.
        stdout: what it printed.
    """

    seconds: float
    peak_pss_mib: float
    stdout: str


def run(command: Sequence[str], environment: Mapping[str, str]) -> Measured:
    """Run a command to its end.

    Raises:
        RuntimeError: if it fails, with the end of what it said.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start_s = time.monotonic()
        process = subprocess.Popen(list(command), env=dict(environment), stdout=out, stderr=err)
        watcher = _Watcher(process.pid)
        watcher.start()
        code = process.wait()
        seconds = time.monotonic() - start_s
        watcher.ended.set()
        watcher.join()
        out.seek(0)
        err.seek(0)
        if code:
            raise RuntimeError(f"{' '.join(command)} must succeed, however: exit code {code}\n{err.read()[-4000:]}")
        return Measured(round(seconds, 2), round(watcher.peak_mib, 1), out.read())


class _Watcher(threading.Thread):
    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.peak_mib = 0.0
        self._root = psutil.Process(pid)

    def run(self) -> None:
        while not self.ended.wait(_EVERY_S):
            self.peak_mib = max(self.peak_mib, self._now_mib())

    def _now_mib(self) -> float:
        try:
            family = [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return 0.0
        total = 0
        for process in family:
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                continue  # it ended in between
        return total / 2**20
