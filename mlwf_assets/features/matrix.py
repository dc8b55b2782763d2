"""The matrix: who, when, what happened, and the kept features, in the types that models expect.

Rows of the given splits only, sorted by cutoff and key, so that models see time in order. No scaling, no
filling, no encoding: those belong to the model families.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from mlwf_assets.errors import SchemaError
from mlwf_assets.features.alignment import find_rows, key_columns
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.names import RESERVED_IN_KEYS

_LEAD = ("split", "cutoff", "time", "_group", "label", "process_today")


def assemble(
    splits: Mapping[str, pa.Table],
    features: Sequence[pa.Table],
    selected: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
) -> Result:
    """Put the kept features beside the examples of some splits.

    Args:
        splits: name of the split -> its examples.
        features: tables of features; more rows and columns than needed do no harm.
        selected: descriptions of the kept features, in order.
        key: the examples' key; () for a row's place in its file.

    Returns:
        Key, split, cutoff, time, label; process_today and _group (whose rows stay together) where given; then the
        features: double for numeric and boolean ones (0 and 1), string for categorical ones, null where missing.
        Files: features.json.

    Raises:
        SchemaError: if a selected feature is in none of the tables, or in two.
        DataError: if an example has no features.
    """
    examples = pa.concat_tables(
        [table.append_column("split", pa.array([name] * len(table), pa.string())) for name, table in splits.items()]
    )
    key = key_columns(key)
    given = [name for name in ("cutoff", "time") if name in examples.column_names and name not in key]
    # Arrow cannot sort by a column of type null, which a workflow without times has.
    order = [name for name in (*given[:1], *key) if not pa.types.is_null(examples.schema.field(name).type)]
    examples = examples.sort_by([(name, "ascending") for name in order])
    lead = [*key, *(name for name in _LEAD if name in examples.column_names and name not in key)]
    columns = {name: examples[name] for name in lead}
    columns |= _collect(examples, features, selected, key)
    return Result(
        pa.table(columns).combine_chunks(),
        files={"features.json": json.dumps([dict(one) for one in selected], indent=1).encode()},
        metadata={"features": len(selected), **{name: table.num_rows for name, table in splits.items()}},
        key=tuple(key),
    )


def _collect(
    examples: pa.Table, features: Sequence[pa.Table], selected: Sequence[Mapping[str, Any]], key: Sequence[str]
) -> dict[str, pa.ChunkedArray]:
    kinds = {str(one["name"]): str(one["kind"]) for one in selected}
    found: dict[str, pa.ChunkedArray] = {}
    for table in features:
        here = [name for name in kinds if name in table.column_names]
        if twice := [name for name in here if name in found]:
            raise SchemaError(f"a feature's name must be its own, however: {twice} stand in two tables")
        rows = pa.array(find_rows(table, examples, key=key, name="the features"))
        found |= {name: _to_column(table[name].take(rows), kinds[name]) for name in here}
    taken = {*key, *RESERVED_IN_KEYS}
    if wrong := [name for name in kinds if name not in found or name in taken]:
        raise SchemaError(
            f"the selected features must be in the tables of features, under names that are not the examples' "
            f"own ({sorted(taken)}), however: {wrong} are not; recompute features/selection"
        )
    return {name: found[name] for name in kinds}


def _to_column(column: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    if kind == "categorical":
        return column.cast(pa.string())
    return (column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column).cast(pa.float64())
