"""Writers of a lake side by side, and the one that takes away alone: a lock of the operating system.

Between the moment in which a writer finds a file that it can use again and the commit that names the file, nobody may
take it away. Whoever dies gives the lock back.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FILE = ".lock"


@contextmanager
def writing(lake: Path) -> Iterator[None]:
    """Write beside other writers; wait while somebody takes away."""
    with _locked(lake, fcntl.LOCK_SH):
        yield


@contextmanager
def taking_away(lake: Path) -> Iterator[None]:
    """Be alone; wait for the writes that have begun."""
    with _locked(lake, fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(lake: Path, how: int) -> Iterator[None]:
    lake.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lake / _FILE, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
