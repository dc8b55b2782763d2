"""Which new rows can be scored, as clean rows and examples, and what is wrong with each of the others.

The functions that make the workflow's own clean tables and examples, with the contract of `new_rows.py`. Each
row is named by its place, so that none is made one with another. A row for which an expression of the workflow
cannot be computed at all is found by halving, for it must not stop the others.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from mlwf_assets.cleaning import clean_table
from mlwf_assets.datasets import make_examples
from mlwf_assets.deployment.new_rows import Expected
from mlwf_assets.errors import DataError, LakeError, SchemaError
from mlwf_assets.features.alignment import find_rows
from mlwf_assets.lake import duck
from mlwf_assets.lake.result import Entry
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.lookups import looked_up
from mlwf_assets.spec.names import ROW_ID
from mlwf_assets.spec.sources import CsvOptions
from mlwf_assets.spec.tables import Column, ColumnType, Table
from mlwf_assets.spec.workflow import Workflow

PLACE = ("_file", "_row")
KEY = (ROW_ID,)
# Where an expression fails for more rows, it is the expression that is wrong.
_MOST_FAILING = 20

Connection = duckdb.DuckDBPyConnection
Places = np.ndarray[Any, Any]


@dataclass(frozen=True)
class NewRows:
    """Rows of a file, as they came.

    Attributes:
        name: the file's.
        source: the source whose rows look like these.
        table: their columns, `_file` and `_row`.
        read_as: how text is to be read as numbers.
    """

    name: str
    source: str
    table: pa.Table
    read_as: CsvOptions


@dataclass(frozen=True)
class Sifted:
    """What became of new rows.

    Attributes:
        clean: those that keep the contract.
        examples: those of them that are predicted, and when.
        problems: place -> what is wrong with the row there.
    """

    clean: pa.Table
    examples: pa.Table
    problems: Mapping[int, str]


@dataclass(frozen=True)
class History:
    """What the lake knows of a workflow.

    Attributes:
        workflow: the workflow.
        lake: the lake.
        pinned: 'GROUP/NAME' -> the entries that count for it; of what is not named, those that stand now.
    """

    workflow: Workflow
    lake: Lake
    pinned: Mapping[str, Sequence[Entry]] = field(default_factory=dict)

    def read(self, name: str) -> pa.Table:
        """Read what the asset GROUP/NAME holds, all of it."""
        if name in self.pinned:
            return self.lake.read_entries(self.pinned[name])
        return self.lake.read(f"{self.workflow.name}/{name}")

    def types(self, source: str) -> dict[str, ColumnType]:
        """The columns of a source, with the types that were found in all of its rows.

        Raises:
            LakeError: if the source was never read.
        """
        name = f"raw/{source}"
        entries = self.pinned.get(name) or list(self.lake.entries(f"{self.workflow.name}/{name}").values())
        if not entries:
            raise LakeError(
                f"the lake must hold raw/{source}, which says how new rows are read, however: it does not; run 'mlwf "
                f"run {self.workflow.name}' first"
            )
        found: dict[str, ColumnType] = json.loads(self.lake.file_bytes(entries[-1], "types.json"))
        return found

    def alike(self) -> pa.Table | None:
        """The rows by whose values the features told categories from text; None where they did not look at values."""
        root = self.workflow.examples.table
        if self.workflow.is_partitioned(root):
            return None
        clean, key = self.read(f"clean/{root}"), self.workflow.example_key
        return clean.take(find_rows(clean, self.read("datasets/examples"), key=key, name=f"clean/{root}"))


def sift(workflow: Workflow, expected: Expected, rows: NewRows, history: History) -> Sifted:
    """Clean new rows and make examples of them.

    Args:
        workflow: the workflow.
        expected: what the rows are held to.
        rows: as they came, with the columns that are needed.
        history: gives tables that are looked up in, and the types of columns.
    Raises:
        DataError: if an expression of the workflow fails for many rows.
        LakeError: if the lake lacks a table.
    """
    with duck.connect() as connection:
        sieve = _Sieve(workflow, expected, rows, history, connection)
        parts = sieve.sift(np.arange(rows.table.num_rows)) or sieve.sift(np.arange(0))
    clean, examples = (pa.concat_tables(tables) for tables in zip(*parts, strict=True))
    return Sifted(clean, examples, sieve.problems)


def places_of(table: pa.Table) -> Places:
    """(n,) the place of each row among the new ones, which its name ends with.

    Example:
        >>> places_of(pa.table({"_row_id": ["new.csv:4", "new.csv:0"]}))
        array([4, 0])
    """
    return np.array([int(name.rpartition(":")[2]) for name in table[ROW_ID].to_pylist()], dtype=np.int64)


class _Sieve:
    """Sifts rows, some at a time, and notes what is wrong with them."""

    def __init__(
        self, workflow: Workflow, expected: Expected, rows: NewRows, history: History, connection: Connection
    ) -> None:
        self.problems: dict[int, str] = {}
        self._connection, self._failing = connection, 0
        self._workflow, self._expected, self._rows = workflow, expected, rows
        self._table = _without_formats(expected.table, rows.table)
        self._types = {
            source: {name: kind for name, kind in history.types(source).items() if name not in expected.forgotten}
            for source in self._table.sources or (workflow.examples.table,)
        }
        self._lookups = {other: history.read(f"clean/{other}") for other in looked_up(self._table)}

    def sift(self, places: Places) -> list[tuple[pa.Table, pa.Table]]:
        """Clean rows and examples of some places, in one part or several."""
        try:
            clean = self._clean(places)
            return [(clean, self._make_examples(clean))]
        except SchemaError:
            raise
        except DataError as error:
            if self._failing == _MOST_FAILING:
                raise
            if len(places) == 1:
                self._failing += 1
                self.problems[int(places[0])] = str(error)
                return []
            middle = len(places) // 2
            return [*self.sift(places[:middle]), *self.sift(places[middle:])]

    def _clean(self, places: Places) -> pa.Table:
        cleaned = clean_table(
            self._table,
            {source: self._as_raw(source, places) for source in self._types},
            self._lookups,
            types=self._types,
            name=self._workflow.examples.table,
            keys={other: self._workflow.tables[other].key[0] for other in self._lookups},
            read_as={self._rows.source: self._rows.read_as},
            own=self._workflow.own,
            locate=self._workflow.locate,
            connection=self._connection,
        )
        broken = cleaned.quarantine.table
        self.problems |= dict(zip(broken["_row"].to_pylist(), broken["_reason"].to_pylist(), strict=True))
        return cleaned.clean.table

    def _as_raw(self, source: str, places: Places) -> pa.Table:
        """A source's columns: with new rows, or - of a table's other sources - with none, for they tell types too."""
        places = places if source == self._rows.source else places[:0]
        taken = self._rows.table.take(pa.array(places))
        columns = {
            name: taken[name] if name in taken.column_names else pa.nulls(len(places), pa.string())
            for name in self._types[source]
        }
        file = pa.repeat(pa.scalar(self._rows.name, pa.string()), len(places))
        return pa.table({**columns, "_file": file, "_row": pa.array(places, pa.int64())})

    def _make_examples(self, clean: pa.Table) -> pa.Table:
        # Any label makes an example of a row; nobody looks at it.
        asked = self._workflow.examples.model_copy(
            update={"label": "0", "kind": "regression", "classes": {}, "where": self._expected.where}
        )
        made = make_examples(asked, None, clean, key=KEY).table
        if made.num_rows == clean.num_rows:
            return made
        anywhere = make_examples(asked.model_copy(update={"where": None}), None, clean, key=KEY).table
        timely, kept = set(places_of(anywhere).tolist()), set(places_of(made).tolist())
        for place in places_of(clean).tolist():
            if place not in timely:
                words = f"examples.cutoff must give the time of the prediction, however: none ({asked.cutoff})"
                self.problems[place] = words
            elif place not in kept:
                words = f"examples.where must hold for a row that is predicted, however: not so ({asked.where})"
                self.problems[place] = words
        return made


def _without_formats(table: Table, rows: pa.Table) -> Table:
    """Dates and times that came as such are not written in any form."""
    timed = {field.name for field in rows.schema if pt.is_timestamp(field.type) or pt.is_date(field.type)}
    columns: dict[str, Column] = {
        name: column.model_copy(update={"format": None}) if name in timed else column
        for name, column in table.columns.items()
    }
    return table.model_copy(update={"columns": columns})
