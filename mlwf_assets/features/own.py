"""Features that the workflow's own Python files make, each of an example's own row."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mlwf_assets.cleaning.row_functions import RowFunction, own_words
from mlwf_assets.features.alignment import find_rows
from mlwf_assets.features.times import ALWAYS_KNOWN, END_OF_TIME, read_times
from mlwf_assets.features.words import as_sentence
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.extensions import Feature
from mlwf_assets.spec.workflow import Workflow

_KINDS = {"number": "numeric", "boolean": "boolean", "category": "categorical"}


def build(workflow: Workflow, clean: pa.Table, examples: pa.Table, *, key: Sequence[str] = ()) -> Result:
    """Compute the workflow's own features of the given examples.

    Args:
        workflow: the workflow.
        clean: rows of the examples' table; of the examples' partition they suffice.
        examples: key columns and `cutoff`.
        key: the columns that name an example; by default the workflow's.
    Returns:
        Key columns, then a column per feature (double, bool or string); rows in the order of the examples. A row
        that is not known by its cutoff has none. Files: features.json.
    Raises:
        DataError: if a function fails or gives other values than it said, or an example has no row.
    """
    key, root = key or workflow.example_key, workflow.examples.table
    rows = clean.take(find_rows(clean, examples, key=key, name=f"clean/{root}"))
    hidden = np.zeros(rows.num_rows, dtype=bool)
    if "_known_at" in rows.column_names:
        cutoffs = read_times(examples["cutoff"], missing=END_OF_TIME)
        hidden = read_times(rows["_known_at"], missing=ALWAYS_KNOWN) > cutoffs
    columns = {name: examples[name] for name in key}
    listed = []
    for feature in workflow.own.of(Feature):
        values = RowFunction(workflow.own, feature)(rows)[feature.name]
        columns[feature.name] = _hide(values, hidden)
        listed.append(_describe(root, feature))
    return Result(
        pa.table(columns),
        files={"features.json": json.dumps(listed, indent=1).encode()},
        metadata={"features": len(listed)},
        key=tuple(key),
    )


def _hide(values: pa.ChunkedArray, hidden: np.ndarray) -> pa.ChunkedArray:
    if not hidden.any():
        return values
    rows = np.arange(len(values))
    return values.take(pa.array(rows, mask=hidden))


def _describe(root: str, feature: Feature) -> dict[str, Any]:
    return {
        "name": feature.name,
        "kind": _KINDS[feature.type],
        "words": as_sentence(own_words(feature)),
        "source": "python",
        "columns": [f"{root}.{column}" for column in feature.reads],
    }
