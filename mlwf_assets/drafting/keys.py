"""What names the rows of a table: one column, or an id and a time, without a value that stands twice.

Unique values are needed, and a name or a place that speaks for it: the first column, or one that is called as an
id. Where rows stand twice in the files (all of their values are the same), the key is what is unique without
them; a run keeps one row of each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from mlwf_assets.cleaning.casting import quote
from mlwf_assets.drafting.tables import Column, Database, Table
from mlwf_assets.drafting.words import is_id, is_own_id
from mlwf_assets.spec.names import RESERVED_IN_KEYS

_MOSTLY = 0.99  # of the rows must have a key
_COUNTED = 30  # rows from which on a first column of whole numbers may be a key although it does not count rows
_PAIRS = 20
_MOST_SERIES = 200  # values of a text that, together with a time, may be a key: stations, airports


@dataclass(frozen=True)
class Key:
    """Columns that name a row.

    Attributes:
        columns: one or two; () where nothing names a row.
        repeated: rows that stand in the files another time.
        without: rows without a key.
    """

    columns: tuple[str, ...] = ()
    repeated: int = 0
    without: int = 0


def find_key(database: Database, table: Table, *, target: str | None = None) -> Key:
    """Find the key of a table.

    Args:
        target: a column that cannot be it, for it is predicted.
    """
    distinct_rows = _distinct_rows(database, table)
    candidates = [c for c in table.columns.values() if c.name != target and c.name not in RESERVED_IN_KEYS]
    ranked = sorted(
        ((_rank(column, table, is_first=i == 0), -i, column) for i, column in enumerate(candidates)),
        key=lambda one: one[:2], reverse=True,
    )  # fmt: skip
    for rank, _, column in ranked:
        present = table.rows - column.missing
        is_unique = present - column.distinct == table.rows - distinct_rows and present >= _MOSTLY * table.rows
        if rank and is_unique:
            return Key((column.name,), table.rows - distinct_rows, column.missing)
    return next(_pairs(database, table, candidates, distinct_rows), Key())


def _distinct_rows(database: Database, table: Table) -> int:
    """Rows that differ in a value; counted only where a column that may be a key says that some do not."""
    if any(column.distinct == table.rows for column in table.columns.values()):
        return table.rows
    columns = list(table.columns.values())
    likely = [*columns[:1], *(c for c in columns if is_id(c.name) or is_own_id(c.name, table.name))]
    if not any(column.distinct >= table.rows / 2 for column in likely):
        return table.rows
    return int(database.row(f"SELECT count(*) FROM (SELECT DISTINCT * FROM {quote(table.name)})")[0])


def _rank(column: Column, table: Table, *, is_first: bool) -> int:
    """How much speaks for a column besides its values; 0: nothing does."""
    if column.reading.type not in ("string", "integer"):
        return 0
    if is_own_id(column.name, table.name):
        return 3
    if is_id(column.name):
        return 2
    counts = column.low is not None and column.high is not None and column.reading.type == "integer" and (
        int(column.high) - int(column.low) + 1 == table.rows
    )  # fmt: skip
    return int(is_first and (column.reading.type == "string" or counts or table.rows >= _COUNTED))


def _pairs(database: Database, table: Table, candidates: list[Column], distinct_rows: int) -> Iterator[Key]:
    """An id, or what has few values, together with a time."""
    ids = [c for c in candidates if c.reading.type in ("string", "integer") and not c.missing and c.distinct > 1]
    ids = sorted(ids, key=lambda c: (not is_id(c.name), c.reading.type != "string"))[:_PAIRS]
    times = [c for c in candidates if c.is_time and not c.missing]
    for one, time in product(ids, times):
        names_things = is_id(one.name) or (one.reading.type == "string" and one.distinct <= _MOST_SERIES)
        if not names_things or one.distinct * time.distinct < distinct_rows:
            continue
        sql = f"SELECT count(*) FROM (SELECT DISTINCT {quote(one.name)}, {quote(time.name)} FROM {quote(table.name)})"
        if database.row(sql)[0] == distinct_rows:
            yield Key((one.name, time.name), table.rows - distinct_rows)
