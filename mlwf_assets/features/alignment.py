"""Finding rows by key: which row of one table belongs to which row of another.

Keys of one or several columns; a null equals a null. Everything that joins features to examples goes
through here, so that a lost or doubled row is an error in one place instead of a silent gap in many.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.spec.names import ROW_ID

# A table of features, and what each of them is: name, kind, words, source, columns.
FeatureTable = tuple[pa.Table, Sequence[Mapping[str, Any]]]


def key_columns(key: Sequence[str]) -> list[str]:
    """Name the columns that tell examples apart: the declared key, else the row's place in its file.

    Example:
        >>> key_columns(["carrier", "flight"]), key_columns(())
        (['carrier', 'flight'], ['_row_id'])
    """
    return list(key) or [ROW_ID]


def find_rows(table: pa.Table, wanted: pa.Table, *, key: Sequence[str], name: str = "the table") -> np.ndarray:
    """Find, for each row of `wanted`, the row of `table` with the same key.

    Args:
        table: the rows to search, unique by key.
        wanted: the rows to find; more columns than the key do no harm.
        key: the key's columns, in both tables.
        name: how errors call the table.

    Returns:
        (wanted.num_rows,) positions in `table`, int64.

    Raises:
        SchemaError: if a key column is missing.
        DataError: if a key stands in `table` twice, or not at all.

    Example:
        >>> find_rows(pa.table({"id": [7, 8]}), pa.table({"id": [8, 7, 8]}), key=["id"])
        array([1, 0, 1])
    """
    for side, columns in ((name, table.column_names), ("the examples", wanted.column_names)):
        if absent := [column for column in key if column not in columns]:
            raise SchemaError(f"{side} must have the key columns {list(key)}, however: {absent} missing")
    if (found_at_once := _find_in_order(table, wanted, key)) is not None:
        return found_at_once
    codes = _key_codes(table, wanted, key)
    own, asked = codes[: table.num_rows], codes[table.num_rows :]
    order = np.argsort(own, kind="stable")
    if len(own) > 1 and (doubled := own[order][1:] == own[order][:-1]).any():
        row = int(order[1:][doubled][0])
        raise DataError(f"{name} must be unique by {list(key)}, however: {_show(table, row, key)} stands twice")
    positions = np.full(codes.max(initial=-1) + 1, -1, dtype=np.int64)
    positions[own] = np.arange(len(own))
    found = positions[asked]
    if (lost := found < 0).any():
        row = int(np.flatnonzero(lost)[0])
        raise DataError(
            f"{name} must hold a row for each example, however: {int(lost.sum())} missing, the first "
            f"{_show(wanted, row, key)}; recompute the features of its partition"
        )
    return np.asarray(found)


def _find_in_order(table: pa.Table, wanted: pa.Table, key: Sequence[str]) -> np.ndarray | None:
    """Find rows by one ascending column of numbers or times, without a copy of it; None where that is not so."""
    if len(key) != 1 or not table.num_rows:
        return None
    own, asked = table[key[0]], wanted[key[0]]
    kind = own.type
    if kind != asked.type or not (pa.types.is_int64(kind) or pa.types.is_timestamp(kind)):
        return None
    if own.null_count or asked.null_count:
        return None
    names, sought = (column.cast(pa.int64()).to_numpy() for column in (own, asked))
    if not (names[1:] > names[:-1]).all():
        return None
    places = np.minimum(np.searchsorted(names, sought), len(names) - 1)
    return places if bool((names[places] == sought).all()) else None


def _key_codes(table: pa.Table, wanted: pa.Table, key: Sequence[str]) -> np.ndarray:
    """(rows of both tables,) one integer per distinct key."""
    codes = np.zeros(table.num_rows + wanted.num_rows, dtype=np.int64)
    for column in key:
        kind = table.schema.field(column).type
        both = pa.chunked_array([*table[column].chunks, *wanted[column].cast(kind).chunks], type=kind)
        values = both.combine_chunks().dictionary_encode(null_encoding="encode").indices.to_numpy()
        codes = pd.factorize(codes * (int(values.max(initial=0)) + 1) + values)[0].astype(np.int64)
    return np.asarray(codes)


def _show(table: pa.Table, row: int, key: Sequence[str]) -> str:
    return ", ".join(f"{column}={table[column][row].as_py()!r}" for column in key)
