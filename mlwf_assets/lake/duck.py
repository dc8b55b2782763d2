"""DuckDB as the rooms above may use it: in memory, in UTC, shut off from files and networks, bounded in memory.

Expressions from workflow files run here; whatever they say, they reach only the tables that were registered.
Extensions are never fetched (that would be the internet); tables of the lake come in as Arrow.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from mlwf_assets.errors import SpecError

MEMORY_VARIABLE = "MLWF_MEMORY"
_SHUT = (  # in this order; a bar of progress would stand in the midst of what a command says
    "SET TimeZone = 'UTC'; SET enable_progress_bar = false; SET enable_external_access = false; "
    "SET lock_configuration = true"
)
_MOST_BYTES = 3 << 29  # beyond it, it spills to the disk; as much again stands beside it, as Arrow tables
_UNITS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@contextmanager
def connect(*, threads: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database of one's own, closed at the end.

    Tables come in by `connection.register(name, arrow_table)` alone: neither files nor Python variables are seen.

    Args:
        threads: how many work at once; by default one for each processor. With one, sums of floating numbers and the
            order of rows are the same each time.
    Raises:
        SpecError: if MLWF_MEMORY is not a size such as 2G.
    Example:
        >>> with connect() as connection:
        ...     connection.sql("SELECT current_setting('TimeZone')").fetchone()
        ('UTC',)
    """
    with tempfile.TemporaryDirectory(prefix="mlwf-duckdb-") as spill_folder:
        connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": f"{memory_limit_bytes() // (1 << 20)}MiB",
                "temp_directory": spill_folder,
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",
                **({} if threads is None else {"threads": str(threads)}),
            },
        )
        try:
            connection.execute(_SHUT)
            yield connection
        finally:
            connection.close()


def memory_limit_bytes() -> int:
    """Return what a database may use: MLWF_MEMORY, else half of the machine's memory, at most 1.5 GiB.

    Raises:
        SpecError: if MLWF_MEMORY is not a size such as 2G.
    Example:
        >>> memory_limit_bytes() >= 1 << 20
        True
    """
    words = os.environ.get(MEMORY_VARIABLE, "").strip()
    if not words:
        return min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2, _MOST_BYTES)
    number, unit = words.upper().removesuffix("IB").removesuffix("B"), 1
    if number[-1:] in _UNITS:
        number, unit = number[:-1], _UNITS[number[-1:]]
    try:
        limit = int(float(number) * unit)
    except (ValueError, OverflowError):
        limit = 0
    if limit < 1 << 20:
        raise SpecError(f"{MEMORY_VARIABLE} must be a size of 1M or more, such as 2G, however: {words!r}")
    return limit
