"""Raw rows to predictions: what the assets do with a partition, done with rows that belong to none.

What can be scored says `sifting.py`; here the same functions as the assets' make features and the matrix of it,
with related tables and readings from the lake, and the registered model scores them. Each row is scored for
itself: rows with the same key, and rows that cannot be scored, change nothing for the others.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from mlwf_assets.deployment.new_rows import Expected, choose_source, expect
from mlwf_assets.deployment.sifting import KEY, PLACE, History, NewRows, Sifted, places_of, sift
from mlwf_assets.deployment.standing import Champion
from mlwf_assets.errors import ModelError
from mlwf_assets.features import own, relational, timeseries
from mlwf_assets.features.matrix import assemble
from mlwf_assets.lake.connectors import read_content
from mlwf_assets.lake.connectors.parts import Form
from mlwf_assets.lake.result import Entry
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.extensions import Feature
from mlwf_assets.spec.history import history_tables
from mlwf_assets.spec.relationships import related_tables
from mlwf_assets.spec.sources import CsvOptions, FilesSource
from mlwf_assets.spec.workflow import Workflow


@dataclass(frozen=True)
class Predictions:
    """What became of new rows.

    Attributes:
        table: a row for each, in their order: the key's columns, `prediction`, `probability_CLASS` for each
            class, `model_version`, `problem` (why there is no prediction, else null).
        cutoffs: as of when each row is predicted; null where that is not asked for, or the row has a problem.
        ignored: the file's columns that the workflow does not know.
    """

    table: pa.Table
    cutoffs: pa.ChunkedArray
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


def predict_rows(
    workflow: Workflow,
    champion: Champion,
    rows: NewRows,
    lake: Lake,
    *,
    pinned: Mapping[str, Sequence[Entry]] | None = None,
) -> Predictions:
    """Score raw rows with the registered model.

    Args:
        workflow: the workflow that trained it.
        champion: the registered model.
        rows: as they came; labels and outcomes may be there or not, and are not looked at.
        lake: holds the workflow's clean tables: related rows and readings come from there.
        pinned: 'GROUP/NAME' -> the entries of such a table to be read, instead of those that stand now.
    Raises:
        SchemaError: if a column that is needed is missing.
        LakeError: if the lake does not hold the workflow's tables.
        ModelError: if the model takes features that the workflow does not make any more.
        DataError: if an expression of the workflow cannot be computed.
    """
    history = History(workflow, lake, pinned or {})
    expected = expect(workflow, champion.features)
    raw = list(history.types(rows.source))
    found = [name for name in rows.table.column_names if name not in PLACE]
    expected.check_columns(found, raw=raw, name=rows.name)
    sifted = sift(workflow, expected, rows, history)
    matrix = _make_matrix(workflow, champion, sifted, history)
    scored = champion.score(matrix.to_pandas())
    n = rows.table.num_rows
    columns = _keys(workflow, expected, rows, sifted.clean) | _spread(scored, places_of(matrix), n)
    columns["model_version"] = pa.chunked_array([np.full(n, champion.version, dtype=np.int64)])
    columns["problem"] = pa.chunked_array([pa.array([sifted.problems.get(place) for place in range(n)], pa.string())])
    cutoffs = _spread(sifted.examples.select(["cutoff"]), places_of(sifted.examples), n)["cutoff"]
    return Predictions(pa.table(columns), cutoffs, tuple(name for name in found if name not in raw))


def _make_matrix(workflow: Workflow, champion: Champion, sifted: Sifted, history: History) -> pa.Table:
    """The columns that the model takes, and `_row_id`; in no particular order of rows."""
    if not sifted.examples.num_rows:
        return sifted.examples
    made = _make_features(workflow, champion, sifted, history)
    there = {name for table in made for name in table.column_names}
    if lost := [str(one["name"]) for one in champion.features if one["name"] not in there]:
        raise ModelError(
            f"{champion.title} takes features that the workflow must make, however: as its file is now, it does not "
            f"make {', '.join(lost[:5])}; run 'mlwf run {workflow.name}', which trains a model for the file as it is"
        )
    return assemble({"new": sifted.examples}, made, champion.features, key=KEY).table


def _make_features(workflow: Workflow, champion: Champion, sifted: Sifted, history: History) -> Sequence[pa.Table]:
    """What the model takes, and of relational and own features the others as well."""
    root, clean, examples = workflow.examples.table, sifted.clean, sifted.examples
    tables = {name: history.read(f"clean/{name}") for name in related_tables(workflow)}
    past = _read_past(workflow, history)
    made = [relational.build(workflow, {**tables, root: clean}, examples, key=KEY, alike=history.alike(), history=past)]
    if past is not None:
        past.close()
    if workflow.features.timeseries:
        wanted = {str(one["name"]) for one in champion.features}
        needed = [name for name in workflow.features.timeseries if any(one.startswith(f"{name}.") for one in wanted)]
        readings = {name: history.read(f"clean/{name}") for name in needed}
        made.append(timeseries.build(workflow, readings, examples, clean, key=KEY, wanted=wanted))
    if workflow.own.of(Feature):
        made.append(own.build(workflow, clean, examples, key=KEY))
    return [result.table for result in made]


def _read_past(workflow: Workflow, history: History) -> relational.History | None:
    """Read what features look back over: clean rows of the lake, never the new ones."""
    past = history_tables(workflow)
    if not past:
        return None
    return relational.History(workflow, {name: history.read(f"clean/{name}") for name in past})


def _keys(workflow: Workflow, expected: Expected, rows: NewRows, clean: pa.Table) -> dict[str, pa.ChunkedArray]:
    """The key's columns, as they came where they were read, so that they fit the file; else as they were made."""
    root = workflow.examples.table
    columns = {}
    for name in workflow.tables[root].key:
        made = name in expected.made
        values = (
            _spread(clean.select([name]), places_of(clean), rows.table.num_rows)[name] if made else rows.table[name]
        )
        columns[f"{root}.{name}" if _is_ours(name) else name] = values
    return columns


def _is_ours(name: str) -> bool:
    return name in ("prediction", "model_version", "problem") or name.startswith("probability_")


def _spread(table: pa.Table, places: np.ndarray[Any, Any], n: int) -> dict[str, pa.ChunkedArray]:
    """Put rows to their places among n; the others are null."""
    rows = np.full(n, -1, dtype=np.int64)
    rows[places] = np.arange(len(places))
    taken = table.take(pa.array(rows, mask=rows < 0))
    return {name: taken[name] for name in table.column_names}
