"""Writes where the time of an extraction went, as tsfresh's profiling does."""

import cProfile
import pstats
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def profiled(filename: str, sorting: str, *, wanted: bool) -> Iterator[None]:
    """Profile what happens inside.

    Args:
        filename: where the table goes.
        sorting: by which of pstats' keys.
        wanted: False to do nothing.
    """
    if not wanted:
        yield
        return
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        yield
    finally:
        profiler.disable()
        with Path(filename).open("w", encoding="utf-8") as file:
            pstats.Stats(profiler, stream=file).sort_stats(sorting).print_stats()
