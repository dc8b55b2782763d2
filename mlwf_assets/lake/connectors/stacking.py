"""Putting rows of several files (or blocks of one) below each other when their columns differ.

Columns are matched by name and stand in the order of their first appearance; where a file lacks one it is
null. Integers and floats of one column become floats; types that have nothing in common become text.
"""

from collections.abc import Sequence

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
    types: dict[str, pa.DataType] = {}
    for table in tables:
        for field in table.schema:
            types[field.name] = _hold_both(types.get(field.name, field.type), field.type)
    schema = pa.schema(list(types.items()))
    return pa.concat_tables([_fit(table, schema) for table in tables])


def _fit(table: pa.Table, schema: pa.Schema) -> pa.Table:
    there = set(table.column_names)
    columns = [
        table[field.name].cast(field.type) if field.name in there else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _hold_both(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other or pt.is_null(other):
        return one
    if pt.is_null(one):
        return other
    if all(pt.is_integer(kind) for kind in (one, other)):
        return pa.int64()
    if all(pt.is_integer(kind) or pt.is_floating(kind) for kind in (one, other)):
        return pa.float64()
    return pa.string()
