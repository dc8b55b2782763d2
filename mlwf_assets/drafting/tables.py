"""What tables say: of each column its type, how many values it has, how many of them differ, and which.

Every number is counted on all rows, in DuckDB, over values that were read as cleaning will read them. A
`Database` holds the tables while a draft is made; what is to be concluded from the numbers stands elsewhere.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.types as pt

from mlwf_assets.cleaning.casting import fails_as, quote, read_as, read_surely
from mlwf_assets.drafting.files import SourceFiles
from mlwf_assets.drafting.reading import Read, Reading, read
from mlwf_assets.errors import SourceError
from mlwf_assets.lake import duck
from mlwf_assets.lake.connectors.parts import find_parts
from mlwf_assets.spec.sources import FilesSource

_COLUMNS_AT_ONCE = 50


@dataclass(frozen=True)
class Column:
    """What a column says.

    Attributes:
        reading: how its values are read.
        missing: rows without a value, unreadable ones included.
        distinct: how many different values.
        low, high: the smallest and the largest, as text; None where there is no value.
        unreadable: rows whose value is not of the type.
        example: one such value.
    """

    name: str
    reading: Reading
    missing: int
    distinct: int
    low: str | None
    high: str | None
    unreadable: int = 0
    example: str | None = None

    @property
    def is_time(self) -> bool:
        """Whether it holds dates or times."""
        return self.reading.type in ("date", "timestamp")


@dataclass(frozen=True)
class Table:
    """One table: its source, and its columns by name, in order."""

    name: str
    source: FilesSource
    rows: int
    columns: dict[str, Column]


@dataclass(frozen=True)
class Database:
    """The tables of a draft, loaded one by one.

    Attributes:
        tables: by name.
    """

    connection: duckdb.DuckDBPyConnection
    tables: dict[str, Table] = field(default_factory=dict)

    def load(self, files: SourceFiles, folder: Path) -> Table:
        """Read a source and count what it says.

        Raises:
            SourceError: if a file is not sound, or holds no rows.
        """
        forms = {part.form for part in find_parts(files.source, folder).parts}
        raw = read(self.connection, files.source, folder, is_text="csv" in forms)
        if not raw.rows.num_rows:
            raise SourceError(f"{files.source.path[0]} must hold rows, however there are none below the header")
        _check_case(files)
        self.connection.register("raw", raw.rows)
        typed = [f"{_value(raw, name)} AS {quote(name)}" for name in raw.readings]
        self.connection.execute(f"CREATE TABLE {quote(files.name)} AS SELECT {', '.join(typed)} FROM raw")
        columns = {name: column for some in _some(list(raw.readings)) for name, column in self._count(files, raw, some)}
        self.connection.unregister("raw")
        self.tables[files.name] = Table(files.name, raw.source, raw.rows.num_rows, columns)
        return self.tables[files.name]

    def row(self, sql: str) -> tuple[Any, ...]:
        """Return the first row of a query."""
        return self.connection.execute(sql).fetchone() or ()

    def top(self, table: str, column: str, *, most: int) -> list[tuple[Any, int]]:
        """Return the most frequent values with their rows, ties in the order of the values."""
        name = quote(column)
        found = self.connection.execute(
            f"SELECT {name}, count(*) AS n FROM {quote(table)} WHERE {name} IS NOT NULL GROUP BY 1 "
            f"ORDER BY n DESC, 1 LIMIT {most}"
        ).fetchall()
        return [(value, int(rows)) for value, rows in found]

    def _count(self, files: SourceFiles, raw: Read, names: Sequence[str]) -> Iterator[tuple[str, Column]]:
        parts = []
        for name in names:
            c = quote(name)
            parts += [f"count({c})", f"count(DISTINCT {c})", f"CAST(min({c}) AS VARCHAR)", f"CAST(max({c}) AS VARCHAR)"]
        row = self.row(f"SELECT {', '.join(parts)} FROM {quote(files.name)}")
        for position, name in enumerate(names):
            count, distinct, low, high = row[4 * position : 4 * position + 4]
            reading = raw.readings[name]
            bad, example = self._unreadable(raw, name) if not reading.found else (0, None)
            yield name, Column(name, reading, raw.rows.num_rows - count, distinct, low, high, bad, example)

    def _unreadable(self, raw: Read, name: str) -> tuple[int, str | None]:
        fails = fails_as(quote(name), f"({_value(raw, name)})", raw.readings[name].type)
        if fails is None:
            return 0, None
        bad, example = self.row(f"SELECT count(*), min(CAST({quote(name)} AS VARCHAR)) FROM raw WHERE {fails}")
        return int(bad), example


@contextmanager
def open_database() -> Iterator[Database]:
    """Open a database for one draft."""
    with duck.connect() as connection:
        yield Database(connection)


def _value(raw: Read, name: str) -> str:
    reading = raw.readings[name]
    if reading.found and pt.is_string(raw.rows.schema.field(name).type):
        return read_surely(quote(name), reading.type, decimal=raw.source.csv.decimal)
    return read_as(quote(name), reading.type, decimal=raw.source.csv.decimal, form=reading.format)


def _some(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _COLUMNS_AT_ONCE):
        yield names[start : start + _COLUMNS_AT_ONCE]


def _check_case(files: SourceFiles) -> None:
    """SQL takes names that differ in case alone for one."""
    seen: dict[str, str] = {}
    for name in files.columns:
        if (other := seen.setdefault(name.lower(), name)) != name:
            raise SourceError(
                f"{files.source.path[0]}: columns must differ in more than case, however: {other!r} and {name!r}; "
                f"rename one there"
            )
