"""The name of content: 128 bits that are equal where two results say the same.

A fingerprint does not depend on the order of rows, on chunks, dictionaries, compression, metadata of fields
or bytes behind nulls; it does depend on column names, their order, logical types, every value and every file.
NaN and null differ, all NaNs are equal, -0.0 equals 0.0. Only content is named here; recipes, which say
what content is made from, are built above with `hash_json`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from mlwf_assets.errors import SchemaError
from mlwf_assets.lake.columns import as_text, storable

_BLOCK_ROWS = 1 << 16  # bounds the memory of the sorted copy; part of the definition, never change it
_DIGEST_BYTES = 16


@dataclass(frozen=True)
class Content:
    """What names a table's content, as a whole and column by column.

    Attributes:
        fingerprint: of the rows and the files, 32 hex digits.
        columns: name -> type and fingerprint of its values, in the table's order of rows; in the order of the columns.
    """

    fingerprint: str
    columns: Mapping[str, tuple[str, str]]


def describe_content(table: pa.Table, *, key: Sequence[str] = (), files: Mapping[str, bytes] | None = None) -> Content:
    """Name the content of a table and its files, and of each column.

    Where two tables give some columns the same fingerprints, these columns hold the same rows: each is hashed in the
    one order of all rows. So a reader of some columns can tell that nothing changed for it.

    Args:
        table: any rows, in any order.
        key: columns that are unique together; ordering by them is cheaper than ordering by all.
        files: name -> bytes that belong to the content.
    Raises:
        SchemaError: if the key is not unique or names a missing column, or a type cannot be kept.
    Example:
        >>> one, more = pa.table({"a": [1, 2]}), pa.table({"a": [2, 1], "b": ["x", None]})
        >>> describe_content(one).columns["a"] == describe_content(more).columns["a"]
        True
    """
    table = storable(table)
    types = {field.name: str(field.type) for field in table.schema}
    table = pa.table({name: _sortable(table.column(name)) for name in table.column_names})
    order = _order(table, tuple(key))
    digests = {name: hashlib.blake2b(digest_size=_DIGEST_BYTES) for name in table.column_names}
    for start in range(0, table.num_rows, _BLOCK_ROWS):
        rows = min(_BLOCK_ROWS, table.num_rows - start)
        block = table.slice(start, rows) if order is None else table.take(order.slice(start, rows))
        for name, column in zip(block.column_names, block.itercolumns(), strict=True):
            for piece in _pieces(_one_array(column)):
                digests[name].update(piece)
    columns = {name: (types[name], digest.hexdigest()) for name, digest in digests.items()}
    hashes = {name: hash_bytes(content) for name, content in (files or {}).items()}
    listed = [[name, *column] for name, column in columns.items()]
    return Content(hash_json([table.num_rows, listed, hashes]), columns)


def fingerprint(table: pa.Table, *, key: Sequence[str] = (), files: Mapping[str, bytes] | None = None) -> str:
    """Name the content of a table and its files: `describe_content`, without the single columns.

    Args:
        table: any rows, in any order.
        key: columns that are unique together; ordering by them is cheaper than ordering by all.
        files: name -> bytes that belong to the content.
    Returns:
        32 hex digits.
    Raises:
        SchemaError: if the key is not unique or names a missing column, or a type cannot be kept.
    Example:
        >>> one = pa.table({"a": [1, 2], "b": ["x", None]})
        >>> fingerprint(one) == fingerprint(one.take([1, 0]))
        True
        >>> fingerprint(one) == fingerprint(one.rename_columns(["a", "c"]))
        False
    """
    return describe_content(table, key=key, files=files).fingerprint


def hash_json(value: Any) -> str:
    """Name a JSON value, whatever the order of its mappings.

    Raises:
        TypeError: if the value holds anything that JSON does not.
    Example:
        >>> hash_json({"a": 1, "b": [2]}) == hash_json({"b": [2], "a": 1})
        True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hash_bytes(text.encode())


def hash_bytes(content: bytes | memoryview) -> str:
    """Name some bytes.

    Example:
        >>> len(hash_bytes(b"anything"))
        32
    """
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def check_key(table: pa.Table, key: Sequence[str]) -> None:
    """Check that no two rows share a key; missing values count as equal.

    Raises:
        SchemaError: naming one example.
    Example:
        >>> check_key(pa.table({"a": [1, 1], "b": [1, 2]}), ["a", "b"])
    """
    if key:
        _order(storable(table.select(list(dict.fromkeys(key)))) if _has(table, key) else table, tuple(key))


def _has(table: pa.Table, key: Sequence[str]) -> bool:
    return set(key) <= set(table.column_names)


def _sortable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write what Arrow cannot sort as text; the schema that is hashed still holds the true type."""
    if pt.is_nested(column.type):
        return pa.chunked_array([pa.array(map(as_text, column.to_pylist()), pa.string())])
    return column.cast(pa.string()) if pt.is_decimal(column.type) else column


def _order(table: pa.Table, key: tuple[str, ...]) -> pa.Array | None:
    """Return the row numbers in sorted order, None where the rows stand in it already."""
    if not _has(table, key):
        missing = sorted(set(key) - set(table.column_names))
        raise SchemaError(f"the key {key} must consist of columns, however: {missing} not in {table.column_names}")
    if table.num_rows < 2:
        return None
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in key or table.column_names])
    in_place = np.array_equal(order.to_numpy(), np.arange(table.num_rows, dtype=np.uint64))
    if key:
        _check_unique(table.select(key) if in_place else table.select(key).take(order))
    return None if in_place else order


def _check_unique(rows: pa.Table) -> None:
    """Compare each of the sorted rows with the next one."""
    same: pa.ChunkedArray | pa.Array | None = None
    for column in rows.itercolumns():
        one, next_one = column.slice(0, rows.num_rows - 1), column.slice(1)
        equal = pc.coalesce(pc.equal(one, next_one), pc.and_(pc.is_null(one), pc.is_null(next_one)))
        if pt.is_floating(column.type):
            nan = pc.and_(pc.fill_null(pc.is_nan(one), False), pc.fill_null(pc.is_nan(next_one), False))
            equal = pc.or_(equal, nan)
        same = equal if same is None else pc.and_(same, equal)
    where = pc.index(same, True).as_py()
    if where >= 0:
        example = rows.slice(where, 1).to_pylist()[0]
        raise SchemaError(
            f"the key {tuple(rows.column_names)} must be unique, however: {example} stands in "
            f"{pc.sum(same).as_py() + 1:,} or fewer rows; remove duplicates or name more columns"
        )


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _pieces(array: pa.Array) -> Iterator[bytes | memoryview]:
    """Give the bytes of a column's block, the same for the same values whatever lies in its buffers."""
    yield bytes([array.null_count > 0])
    if array.null_count:
        yield np.packbits(array.is_valid().to_numpy(zero_copy_only=False)).tobytes()
    if pt.is_string(array.type) or pt.is_binary(array.type):
        yield from _text_pieces(array.fill_null("" if pt.is_string(array.type) else b""))
    else:
        yield np.ascontiguousarray(_numbers(array)).data.cast("B")


def _text_pieces(array: pa.Array) -> Iterator[bytes | memoryview]:
    _, offset_buffer, data = array.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int32)[array.offset : array.offset + len(array) + 1]
    yield np.diff(offsets).tobytes()
    if data is not None:
        yield memoryview(data)[offsets[0] : offsets[-1]]


def _numbers(array: pa.Array) -> npt.NDArray[Any]:
    if pt.is_boolean(array.type):
        array = array.fill_null(False).cast(pa.uint8())
    if pt.is_temporal(array.type):
        array = array.view(pa.int32() if array.type.bit_width == 32 else pa.int64())
    values: npt.NDArray[Any] = array.fill_null(0).to_numpy()
    if pt.is_floating(array.type):
        values = values + values.dtype.type(0)  # -0.0 + 0.0 is 0.0
        values[np.isnan(values)] = np.nan
    return values
