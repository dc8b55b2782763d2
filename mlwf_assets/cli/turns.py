"""Runs of one workflow take turns: two at once would do the same work twice, and get in each other's way.

The lock is the operating system's: whoever dies gives it back. Runs that are started in Dagster's UI are not asked.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def taking_turns(home: Path, workflow: str, say: Callable[[str], None]) -> Iterator[float]:
    """Wait until no other run of the workflow goes on, and let none begin before the end; give the seconds waited.

    Args:
        home: the folder of all state.
        workflow: its name.
        say: is told, once, that there is something to wait for.
    """
    file = home / "locks" / f"{workflow}.lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file)
    start_s = time.monotonic()
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"Another run of {workflow} goes on in {home}: waiting for its end; what it makes is not made again.")
        lock.acquire()
    try:
        yield time.monotonic() - start_s
    finally:
        lock.release()
