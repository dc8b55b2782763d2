"""Raw rows to predictions: what the assets do with a partition, done with rows that belong to none.

The same functions clean, make examples, features and the matrix; related tables and readings come from the
lake. Each row is named by its place, so that it is scored for itself: rows with the same key, and rows that
cannot be scored, change nothing for the others. What a row must be says `new_rows.py`.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from mlwf_assets.cleaning import clean_table
from mlwf_assets.datasets import make_examples
from mlwf_assets.deployment.new_rows import Expected, choose_source, expect
from mlwf_assets.deployment.standing import Champion
from mlwf_assets.errors import LakeError, ModelError
from mlwf_assets.features import relational, timeseries
from mlwf_assets.features.alignment import find_rows
from mlwf_assets.features.matrix import assemble
from mlwf_assets.lake.connectors import read_content
from mlwf_assets.lake.connectors.parts import Form
from mlwf_assets.lake.result import Entry
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.lookups import looked_up
from mlwf_assets.spec.names import ROW_ID
from mlwf_assets.spec.relationships import related_tables
from mlwf_assets.spec.sources import CsvOptions, FilesSource
from mlwf_assets.spec.tables import Column, ColumnType, Table
from mlwf_assets.spec.workflow import Workflow

_PLACE = ("_file", "_row")
_KEY = (ROW_ID,)


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
class Predictions:
    """What became of new rows.

    Attributes:
        table: a row for each, in their order: the key's columns, `prediction`, `probability_CLASS` for each
            class, `model_version`, `problem` (why there is no prediction, else null).
        ignored: the file's columns that the workflow does not know.
    """

    table: pa.Table
    ignored: tuple[str, ...]

    @cached_property
    def problems(self) -> dict[str, int]:
        """How many rows have each problem, the most frequent first."""
        return dict(Counter(text for text in self.table["problem"].to_pylist() if text is not None).most_common())


def read_new_rows(
    workflow: Workflow, name: str, content: bytes, *, form: Form | None = None, source: str | None = None
) -> NewRows:
    """Read a file of new rows as the workflow's source of such rows is read.

    Args:
        workflow: names the sources of the examples' table.
        name: the file's; tells its form where none is given.
        content: its bytes.
        form: how it is written.
        source: the source that it is like; by default the first one of files.
    Raises:
        SpecError: if there is no such source, or the form is not known.
        SourceError: if the file is not sound.
    """
    source = choose_source(workflow, source)
    spec = workflow.sources[source]
    options = spec.csv if isinstance(spec, FilesSource) else CsvOptions()
    table, is_text = read_content(name, content, form, options)
    # Numbers that came as numbers have no decimal comma.
    return NewRows(name, source, table, options if is_text else CsvOptions())


def predict_rows(workflow: Workflow, champion: Champion, rows: NewRows, lake: Lake) -> Predictions:
    """Score raw rows with the registered model.

    Args:
        workflow: the workflow that trained it.
        champion: the registered model.
        rows: as they came; labels and outcomes may be there or not, and are not looked at.
        lake: holds the workflow's clean tables: related rows and readings come from there.
    Raises:
        SchemaError: if a column that is needed is missing.
        LakeError: if the lake does not hold the workflow's tables.
        ModelError: if the model takes features that the workflow does not make any more.
        DataError: if an expression of the workflow cannot be computed.
    """
    history = _History(workflow, lake)
    expected = expect(workflow, champion.features)
    raw = list(history.types(rows.source))
    found = [name for name in rows.table.column_names if name not in _PLACE]
    expected.check_columns(found, raw=raw, name=rows.name)
    problems: dict[int, str] = {}
    clean = _clean(workflow, expected, rows, history, problems)
    examples = _make_examples(workflow, expected, clean, problems)
    matrix = _make_matrix(workflow, champion, clean, examples, history)
    scored = champion.score(matrix.to_pandas())
    n = rows.table.num_rows
    columns = _keys(workflow, expected, rows, clean) | _spread(scored, _places(matrix), n)
    columns["model_version"] = pa.chunked_array([np.full(n, champion.version, dtype=np.int64)])
    columns["problem"] = pa.chunked_array([pa.array([problems.get(place) for place in range(n)], pa.string())])
    return Predictions(pa.table(columns), tuple(name for name in found if name not in raw))


@dataclass(frozen=True)
class _History:
    """What the lake knows of a workflow."""

    workflow: Workflow
    lake: Lake

    def read(self, name: str) -> pa.Table:
        return self.lake.read(f"{self.workflow.name}/{name}")

    def types(self, source: str) -> dict[str, ColumnType]:
        """The columns of a source, with the types that were found in all of its rows."""
        entries: list[Entry] = list(self.lake.entries(f"{self.workflow.name}/raw/{source}").values())
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


def _clean(
    workflow: Workflow, expected: Expected, rows: NewRows, history: _History, problems: dict[int, str]
) -> pa.Table:
    """Rows that keep the contract, named by their places; the reasons of the others become their problems."""
    root, table = workflow.examples.table, _without_formats(expected.table, rows.table)
    sources = table.sources or (root,)
    types = {
        source: {name: kind for name, kind in history.types(source).items() if name not in expected.forgotten}
        for source in sources
    }
    others = looked_up(table)
    cleaned = clean_table(
        table,
        {source: _as_raw(rows, types[source], here=source == rows.source) for source in sources},
        {other: history.read(f"clean/{other}") for other in others},
        types=types,
        name=root,
        keys={other: workflow.tables[other].key[0] for other in others},
        read_as={rows.source: rows.read_as},
        locate=workflow.locate,
    )
    broken = cleaned.quarantine.table
    problems |= dict(zip(broken["_row"].to_pylist(), broken["_reason"].to_pylist(), strict=True))
    return cleaned.clean.table


def _as_raw(rows: NewRows, columns: Mapping[str, ColumnType], *, here: bool) -> pa.Table:
    """A source's columns: with the new rows, or - of a table's other sources - with none, for they tell types too."""
    n = rows.table.num_rows if here else 0
    taken = {
        name: rows.table[name]
        if here and name in rows.table.column_names
        else pa.chunked_array([pa.nulls(n, pa.string())])
        for name in columns
    }
    file = pa.repeat(pa.scalar(rows.name, pa.string()), n)
    return pa.table({**taken, "_file": file, "_row": pa.array(np.arange(n, dtype=np.int64))})


def _without_formats(table: Table, rows: pa.Table) -> Table:
    """Dates and times that came as such are not written in any form."""
    timed = {field.name for field in rows.schema if pt.is_timestamp(field.type) or pt.is_date(field.type)}
    columns: dict[str, Column] = {
        name: column.model_copy(update={"format": None}) if name in timed else column
        for name, column in table.columns.items()
    }
    return table.model_copy(update={"columns": columns})


def _make_examples(workflow: Workflow, expected: Expected, clean: pa.Table, problems: dict[int, str]) -> pa.Table:
    # Any label makes an example of a row; nobody looks at it.
    asked = workflow.examples.model_copy(
        update={"label": "0", "kind": "regression", "classes": {}, "where": expected.where}
    )
    made = make_examples(asked, None, clean, key=_KEY).table
    if made.num_rows == clean.num_rows:
        return made
    anywhere = make_examples(asked.model_copy(update={"where": None}), None, clean, key=_KEY).table
    timely, kept = set(_places(anywhere).tolist()), set(_places(made).tolist())
    for place in _places(clean).tolist():
        if place not in timely:
            problems[place] = f"examples.cutoff must give the time of the prediction, however: none ({asked.cutoff})"
        elif place not in kept:
            problems[place] = f"examples.where must hold for a row that is predicted, however: not so ({asked.where})"
    return made


def _make_matrix(
    workflow: Workflow, champion: Champion, clean: pa.Table, examples: pa.Table, history: _History
) -> pa.Table:
    """The columns that the model takes, and `_row_id`; in no particular order of rows."""
    if not examples.num_rows:
        return examples
    made = _make_features(workflow, clean, examples, history)
    there = {name for table in made for name in table.column_names}
    if lost := [str(one["name"]) for one in champion.features if one["name"] not in there]:
        raise ModelError(
            f"{champion.title} takes features that the workflow must make, however: as its file is now, it does not "
            f"make {', '.join(lost[:5])}; run 'mlwf run {workflow.name}', which trains a model for the file as it is"
        )
    return assemble({"new": examples}, made, champion.features, key=_KEY).table


def _make_features(workflow: Workflow, clean: pa.Table, examples: pa.Table, history: _History) -> Sequence[pa.Table]:
    root = workflow.examples.table
    tables = {name: history.read(f"clean/{name}") for name in related_tables(workflow)}
    made = [relational.build(workflow, {**tables, root: clean}, examples, key=_KEY, alike=history.alike())]
    if workflow.features.timeseries:
        readings = {name: history.read(f"clean/{name}") for name in workflow.features.timeseries}
        made.append(timeseries.build(workflow, readings, examples, clean, key=_KEY))
    return [result.table for result in made]


def _keys(workflow: Workflow, expected: Expected, rows: NewRows, clean: pa.Table) -> dict[str, pa.ChunkedArray]:
    """The key's columns, as they came where they were read, so that they fit the file; else as they were made."""
    root = workflow.examples.table
    columns = {}
    for name in workflow.tables[root].key:
        made = name in expected.table.lookups or expected.table.columns[name].sql is not None
        values = _spread(clean.select([name]), _places(clean), rows.table.num_rows)[name] if made else rows.table[name]
        columns[f"{root}.{name}" if _is_ours(name) else name] = values
    return columns


def _is_ours(name: str) -> bool:
    return name in ("prediction", "model_version", "problem") or name.startswith("probability_")


def _places(table: pa.Table) -> np.ndarray[Any, Any]:
    """(n,) the place of each row among the new ones, which its name ends with."""
    return np.array([int(name.rpartition(":")[2]) for name in table[ROW_ID].to_pylist()], dtype=np.int64)


def _spread(table: pa.Table, places: np.ndarray[Any, Any], n: int) -> dict[str, pa.ChunkedArray]:
    """Put rows to their places among n; the others are null."""
    rows = np.full(n, -1, dtype=np.int64)
    rows[places] = np.arange(len(places))
    taken = table.take(pa.array(rows, mask=rows < 0))
    return {name: taken[name] for name in table.column_names}
