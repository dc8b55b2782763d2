"""From the engine's columns to featuretools' feature matrix: pandas types, the index, woodwork's schema."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlwf_assets.features.relational.engine.values import Value


def to_pandas(  # noqa: PLR0911 - one way per kind
    column: pa.ChunkedArray, value: Value, *, complete: bool
) -> Any:
    """Give a column as pandas has it.

    Args:
        column: (n_rows) values.
        value: what they are.
        complete: whether every row is one of the table's own; a category then keeps those that do not come.
    """
    if value.kind in ("time", "delta"):
        raw = column.cast(pa.int64())
        gaps = raw.is_null().to_numpy()
        numbers = raw.fill_null(0).to_numpy().copy()
        numbers[gaps] = np.iinfo(np.int64).min
        return numbers.view("datetime64[ns]" if value.kind == "time" else "timedelta64[ns]")
    if value.kind == "category" and value.categories and complete:
        return _to_category(column, value)
    if value.kind in ("category", "text"):
        return _to_objects(column)
    if value.kind == "latlong":
        return _fill([np.nan if one is None else tuple(one) for one in column.to_pylist()])
    if value.kind == "bool":
        return _to_objects(column) if column.null_count else column.to_numpy()
    if value.kind == "int" and not column.null_count:
        return column.cast(pa.int64()).to_numpy()
    if value.kind == "int" and value.masked:
        return pd.array(column.cast(pa.int64()).to_pandas(integer_object_nulls=True), dtype="Int64")
    return column.cast(pa.float64()).to_numpy()


def _to_category(column: pa.ChunkedArray, value: Value) -> pd.Categorical:
    kinds = pa.array(list(value.categories), type=column.type)
    return pd.Categorical.from_codes(
        _find_codes(column, kinds), categories=list(value.categories), ordered=value.ordered
    )


def _find_codes(column: pa.ChunkedArray, kinds: pa.Array) -> np.ndarray:
    import pyarrow.compute as pc

    codes = pc.index_in(column, value_set=kinds)
    return np.asarray(pc.fill_null(codes, -1).to_numpy())


def _to_objects(column: pa.ChunkedArray) -> np.ndarray:
    values = (
        column.to_numpy()
        if not column.null_count
        else _fill([np.nan if one is None else one for one in column.to_pylist()])
    )
    return (
        values if column.null_count else np.asarray(values, dtype=object if pa.types.is_string(column.type) else None)
    )


def _fill(values: list[Any]) -> np.ndarray:
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def assemble(
    columns: Sequence[tuple[str, Any]], index: pd.MultiIndex, passed: pd.DataFrame, schema: dict[str, Any]
) -> pd.DataFrame:
    """Put columns together and give them woodwork's types.

    Args:
        columns: names and values, in order.
        index: instances and times.
        passed: columns of the cutoffs that are passed through, rows in the same order.
        schema: what `woodwork.init` is given.
    """
    from featuretools.computational_backends.calculate_feature_matrix import init_ww_and_concat_fm

    data = {name: pd.Series(values, index=index) for name, values in columns}
    for name in passed.columns:
        data[name] = pd.Series(passed[name].array, index=index)
    frame = pd.DataFrame(data, index=index, copy=False)
    return init_ww_and_concat_fm([frame], schema)
