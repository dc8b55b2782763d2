"""Columns that change from partition to partition, and what they have in common.

A **shape** is an Arrow schema in which the columns without any value are marked: they fit every type. Each
file of the lake keeps its own types; what stands here says which columns several of them have together. No
value is changed on the way: where no type holds the values of all, that is an error, not a cast.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.types as pt

from mlwf_assets.errors import SchemaError

_NO_VALUES = {b"no_values": b"1"}


def make_shape(schema: pa.Schema, without_values: Sequence[str]) -> pa.Schema:
    """Mark the columns that hold no value.

    Example:
        >>> make_shape(pa.schema([("a", pa.int64()), ("b", pa.string())]), ["b"]).field("b").metadata
        {b'no_values': b'1'}
    """
    empty = set(without_values)
    return pa.schema([field.with_metadata(_NO_VALUES if field.name in empty else None) for field in schema])


def common_shape(shapes: Sequence[pa.Schema], *, otherwise: pa.DataType | None = None) -> pa.Schema:
    """Return the columns of all shapes, in the order in which they first appear, each of the type that holds all.

    Args:
        shapes: one or more.
        otherwise: the type of a column whose types do not go together; None: that is an error.
    Raises:
        SchemaError: naming a column whose types do not go together.
    Example:
        >>> one, other = pa.schema([("a", pa.int64())]), pa.schema([("b", pa.string()), ("a", pa.float64())])
        >>> common_shape([one, other]).types
        [DataType(double), DataType(string)]
    """
    fields: dict[str, list[pa.Field]] = {}
    for shape in shapes:
        for field in shape:
            fields.setdefault(field.name, []).append(field)
    return pa.schema([(name, _common_type(name, found, otherwise)) for name, found in fields.items()])


def align(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Bring a table to the columns of a common shape; a missing column holds nulls.

    Raises:
        SchemaError: if a value does not fit.
    Example:
        >>> align(pa.table({"a": [1]}), pa.schema([("a", pa.float64()), ("b", pa.string())])).to_pylist()
        [{'a': 1.0, 'b': None}]
    """
    if table.schema.equals(schema):
        return table
    return pa.table([_column(table, field) for field in schema], schema=schema)


def _column(table: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    if field.name not in table.column_names:
        return pa.nulls(table.num_rows, field.type)
    column = table.column(field.name)
    if column.type == field.type:
        return column
    if column.null_count == len(column):
        return pa.nulls(len(column), field.type)
    try:
        return column.cast(field.type)
    except pa.ArrowInvalid as error:
        raise SchemaError(
            f"column {field.name!r} must fit {field.type}, the type of other partitions, however: {error}"
        ) from error


def _common_type(name: str, fields: Sequence[pa.Field], otherwise: pa.DataType | None) -> pa.DataType:
    with_values = [field.type for field in fields if field.metadata != _NO_VALUES]
    # A column that never held a value came untyped and became text; any other type says more.
    kinds = list(dict.fromkeys(with_values or [field.type for field in fields if not pt.is_string(field.type)]))
    if not kinds:
        return pa.string()
    if len(kinds) == 1 or not with_values:
        return kinds[0]
    common = _widest(kinds) or otherwise
    if common is None:
        raise SchemaError(
            f"column {name!r} must have one type in all partitions that are read together, however it is "
            f"{' and '.join(sorted(map(str, kinds)))}; compute the older partitions again (mlwf run --force)"
        )
    return common


def _widest(kinds: Sequence[pa.DataType]) -> pa.DataType | None:
    """Return the type that holds every value of several types; None where there is none."""
    if all(pt.is_integer(kind) for kind in kinds):
        return max(kinds, key=lambda kind: kind.bit_width)
    if all(pt.is_integer(kind) or pt.is_floating(kind) for kind in kinds):
        return pa.float64()
    if all(pt.is_timestamp(kind) and kind.tz is not None for kind in kinds):
        return pa.timestamp("us", "UTC")
    return None
