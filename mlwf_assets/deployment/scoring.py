"""The rows of a workflow's own sources, scored with the model that stands: what `deployment/predictions` holds.

Raw rows go the way of any new rows (`batch.py`); here stands which of them, what comes out for people - a table, its
file, figures -, and what is said where nothing can be predicted, which stops no run.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from mlwf_assets.deployment.alias import aliased_version
from mlwf_assets.deployment.batch import predict_rows
from mlwf_assets.deployment.pages import version_page
from mlwf_assets.deployment.rows_out import write_rows
from mlwf_assets.deployment.sifting import History, NewRows
from mlwf_assets.deployment.standing import Champion, load_champion
from mlwf_assets.deployment.waiting import find_waiting
from mlwf_assets.errors import ModelError, SchemaError
from mlwf_assets.evaluation.report.draw import as_markdown, columns
from mlwf_assets.lake.result import Entry, Result
from mlwf_assets.lake.shapes import align, common_shape
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.sources import CsvOptions, FilesSource
from mlwf_assets.spec.workflow import Workflow

FILE = "predictions.csv"
_BINS = 20
_NOTHING = pa.schema([("model_version", pa.int64()), ("problem", pa.string())])


def score_sources(workflow: Workflow, home: Path, lake: Lake, pinned: Mapping[str, Sequence[Entry]]) -> Result:
    """Score the raw rows of the examples' table with the model that the alias points to.

    Args:
        workflow: the workflow; it deploys a model.
        home: the folder of all state.
        lake: the lake.
        pinned: 'GROUP/NAME' -> the entries to be read: the raw rows, and all that predictions are made from.
    Returns:
        The columns of `batch.Predictions` and, where the workflow has cutoffs, `cutoff`; its CSV file; figures. Where
        time is cut, of all rows of the entries, else of those without a label. No rows, and the reason, where no
        model stands, or the one that stands cannot score what the workflow makes.
    """
    try:
        champion = _load(home, workflow)
        tables = [_score(workflow, champion, source, lake, pinned) for source in _sources(workflow)]
    except (ModelError, SchemaError) as obstacle:
        return _result(_NOTHING.empty_table(), {"nothing was predicted": str(obstacle)})
    shape = common_shape([table.schema for table in tables], otherwise=pa.string())
    table = pa.concat_tables([align(one, shape) for one in tables])
    return _result(table, _describe(workflow, champion, table))


def _load(home: Path, workflow: Workflow) -> Champion:
    spec = workflow.deployment
    if spec is not None and not aliased_version(home, spec.registered_model, alias=spec.alias):
        raise ModelError(f"no version of {spec.registered_model} has the alias {spec.alias!r} yet")
    return load_champion(home, workflow)


def _sources(workflow: Workflow) -> tuple[str, ...]:
    root = workflow.examples.table
    return workflow.tables[root].sources or (root,)


def _score(
    workflow: Workflow, champion: Champion, source: str, lake: Lake, pinned: Mapping[str, Sequence[Entry]]
) -> pa.Table:
    spec = workflow.sources[source]
    raw = lake.read_entries(pinned[f"raw/{source}"])
    options = spec.csv if isinstance(spec, FilesSource) else CsvOptions()
    rows = NewRows(source, source, raw, options)
    if not workflow.is_partitioned(workflow.examples.table):
        rows = find_waiting(workflow, rows, History(workflow, lake, pinned))
    made = predict_rows(workflow, champion, rows, lake, pinned=pinned)
    if workflow.examples.cutoff is None:
        return made.table
    at = made.table.column_names.index("prediction")
    return made.table.add_column(at, "cutoff", made.cutoffs)


def _result(table: pa.Table, metadata: Mapping[str, Any]) -> Result:
    stream = io.BytesIO()
    write_rows(table, stream, "csv")
    return Result(table, files={FILE: stream.getvalue()}, metadata=metadata)


def _describe(workflow: Workflow, champion: Champion, table: pa.Table) -> dict[str, Any]:
    """What people want to know of the predictions at a glance."""
    problems = pc.value_counts(table["problem"].drop_null()).to_pylist()
    problems.sort(key=lambda one: -one["counts"])
    described = {
        "model": champion.title,
        "model version": version_page(champion.name, champion.version),
        "rows": table.num_rows,
        "predicted": table["problem"].null_count,
        "problems": {one["values"]: one["counts"] for one in problems},
        **_spread(workflow, table),
    }
    if not table.num_rows:
        described["nothing was predicted"] = (
            "the partition has no rows"
            if workflow.is_partitioned(workflow.examples.table)
            else f"every row of {workflow.examples.table} has its label; rows without one are scored here, those of "
            f"other files by 'mlwf predict {workflow.name} FILE'"
        )
    return described


def _spread(workflow: Workflow, table: pa.Table) -> dict[str, Any]:
    """How predictions are spread: over the classes, and the probability or value over its range."""
    said, classes = table["prediction"].drop_null(), workflow.examples.classes
    if not len(said):
        return {}
    if pt.is_floating(said.type):
        return {"mean prediction": round(pc.mean(said).as_py(), 4), "plot": _plot(said, "rows by predicted value")}
    counts = pc.value_counts(said.cast(pa.string())).to_pylist()
    found = {"predicted classes": {classes.get(one["values"], one["values"]): one["counts"] for one in counts}}
    if not pt.is_boolean(said.type):
        return found
    sure = table["probability_true"].drop_null()
    positive = classes.get("true", "true")
    return found | {
        f"mean probability of {positive}": round(pc.mean(sure).as_py(), 4),
        "plot": _plot(sure, f"rows by the probability of {positive}", (0.0, 1.0)),
    }


def _plot(values: pa.ChunkedArray, words: str, span: tuple[float, float] | None = None) -> str:
    counts, edges = np.histogram(values.to_numpy(), bins=_BINS, range=span)
    titles = [
        f"{low:.4g} to {high:.4g}: {n:,} rows" for n, low, high in zip(counts, edges[:-1], edges[1:], strict=True)
    ]
    return as_markdown(columns(counts.tolist(), label=words, titles=titles, width=420), words)
