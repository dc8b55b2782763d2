"""The column types that the lake keeps: one physical form for each logical type.

Arrow has several ways to hold the same values (dictionaries, large and view strings, time units); two tables
that say the same must be the same in the lake, so each is brought to one form before it is named or written.
Reading types from text stands in `connectors/types.py`, not here.
"""

import json
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from mlwf_assets.errors import SchemaError

RESERVED = ("_file", "_row", "_partition")
_UTC = ("UTC", "Etc/UTC", "Z", "+00:00", "+0000")
_SIGNED = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.int64()}


def storable(table: pa.Table) -> pa.Table:
    """Bring every column to the one form in which the lake keeps it.

    Dictionaries are decoded, large and view types become plain ones, times are counted in microseconds,
    unsigned integers become signed, a column without type becomes text, metadata is dropped.

    Raises:
        SchemaError: if two columns share a name, a type cannot be kept, or a value would change.
    Example:
        >>> storable(pa.table({"a": pa.array(["x", None]).dictionary_encode()})).schema.field("a").type
        DataType(string)
    """
    names = table.column_names
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SchemaError(f"column names must be unique, however: {twice} stand more than once")
    if not names:
        raise SchemaError("a table must have at least one column, however: it has none")
    columns = [_storable_column(name, table.column(name)) for name in names]
    return pa.table(columns, schema=pa.schema([(n, c.type) for n, c in zip(names, columns, strict=True)]))


def storable_type(kind: pa.DataType) -> pa.DataType:  # noqa: PLR0911 - a table of types, one line each
    """Return the type in which the lake keeps values of `kind`.

    Raises:
        SchemaError: if there is none (durations, unions, ...).
    Example:
        >>> storable_type(pa.timestamp("ns", "Etc/UTC"))
        TimestampType(timestamp[us, tz=UTC])
    """
    if pt.is_dictionary(kind):
        return storable_type(kind.value_type)
    if pt.is_large_string(kind) or pt.is_string_view(kind) or pt.is_null(kind):
        return pa.string()
    if pt.is_large_binary(kind) or pt.is_binary_view(kind) or pt.is_fixed_size_binary(kind):
        return pa.binary()
    if pt.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz in _UTC else kind.tz)
    if pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        return pa.list_(storable_type(kind.value_type))
    if pt.is_struct(kind):
        return pa.struct([(field.name, storable_type(field.type)) for field in kind])
    if pt.is_date64(kind):
        return pa.date32()
    if pt.is_float16(kind):
        return pa.float32()
    if not (pt.is_integer(kind) or pt.is_floating(kind) or pt.is_boolean(kind) or pt.is_string(kind)
            or pt.is_binary(kind) or pt.is_date32(kind) or pt.is_decimal128(kind)):  # fmt: skip
        raise SchemaError(f"the lake keeps no columns of type {kind}; cast it to a number, text or a timestamp")
    return _SIGNED.get(kind, kind)


def as_text(value: Any) -> str | None:
    """Write a nested value as JSON text, the same for the same value.

    Example:
        >>> as_text({"b": [1, None], "a": b"x"})
        '{"a": "78", "b": [1, null]}'
    """
    return None if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _storable_column(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        wanted = storable_type(column.type)
        if column.type == wanted:
            return column
        if pt.is_dictionary(column.type):
            return _storable_column(name, column.cast(column.type.value_type))
        return column.cast(wanted)
    except SchemaError as error:
        raise SchemaError(f"column {name!r}: {error}") from error
    except pa.ArrowInvalid as error:
        raise SchemaError(
            f"column {name!r} must fit the lake's type {wanted}, however it is {column.type}: {error}"
        ) from error
