"""Putting rows of several files (or blocks of one) below each other when their columns differ.

Columns are matched by name and stand in the order of their first appearance; where a file lacks one it is null.
Numbers of several types become floats if those hold them, times one unit; what has nothing in common becomes text.
"""

from collections.abc import Sequence
from functools import reduce

import pyarrow as pa
import pyarrow.types as pt


def stack(tables: Sequence[pa.Table]) -> pa.Table:
    """Put tables below each other.

    Example:
        >>> stack([pa.table({"a": [1]}), pa.table({"b": ["x"], "a": [0.5]})]).to_pydict()
        {'a': [1.0, 0.5], 'b': [None, 'x']}
        >>> stack([pa.table({"a": [1]}), pa.table({"a": ["x"]})]).to_pydict()
        {'a': ['1', 'x']}
    """
    names = dict.fromkeys(name for table in tables for name in table.column_names)
    # Looked up once by name: `table[name]` goes through all columns each time.
    columns = [dict(zip(table.column_names, table.columns, strict=True)) for table in tables]
    absent = [pa.chunked_array([pa.nulls(table.num_rows)]) for table in tables]
    return pa.table(
        {
            name: _stack_column([own.get(name, nothing) for own, nothing in zip(columns, absent, strict=True)])
            for name in names
        }
    )


def _stack_column(pieces: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    wanted = reduce(_hold_both, [piece.type for piece in pieces])
    try:
        cast = [piece.cast(wanted) for piece in pieces]
    except pa.ArrowInvalid:  # a value that the type does not hold, e.g. an integer that no float is
        wanted = pa.string()
        cast = [piece.cast(wanted) for piece in pieces]
    return pa.chunked_array([chunk for piece in cast for chunk in piece.chunks], type=wanted)


def _hold_both(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other or pt.is_null(other):
        return one
    if pt.is_null(one):
        return other
    if pt.is_integer(one) and pt.is_integer(other):
        return pa.int64()
    if _is_number(one) and _is_number(other):
        return pa.float64()
    if pt.is_timestamp(one) and pt.is_timestamp(other) and (one.tz is None) == (other.tz is None):
        return pa.timestamp("us", None if one.tz is None else "UTC")
    return pa.string()


def _is_number(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind))
