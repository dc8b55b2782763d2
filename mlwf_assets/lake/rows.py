"""The Parquet files in which rows are kept, one for each written result.

A file holds the columns exactly as they were written, each with its own type, and in its footer the facts of
its entry, so that the lake's memory can be rebuilt from files alone. It is on the disk before anything names it.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mlwf_assets.errors import LakeError, SchemaError
from mlwf_assets.lake.blobs import REMEDY
from mlwf_assets.lake.durable import sync_folder
from mlwf_assets.lake.shapes import make_shape

_NOTE = b"mlwf"


def write_rows(path: Path, rows: pa.Table, note: str) -> int:
    """Write a table, with a note about it.

    Returns:
        The size of the file, bytes.
    Raises:
        OSError: if the disk is full or refuses; no file is left.
        SchemaError: if Parquet has no form for a column (a struct without fields).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = rows.replace_schema_metadata({_NOTE: note.encode()})
    try:
        with path.open("xb") as sink:
            pq.write_table(rows, sink, compression="zstd", write_page_checksum=True)
            sink.flush()
            os.fsync(sink.fileno())
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, pa.ArrowException) and not isinstance(error, OSError):
            raise SchemaError(f"every column must have a form in Parquet, however: {error}") from error
        raise
    sync_folder(path.parent)
    return path.stat().st_size


def read_rows(path: Path, *, rows: int, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table as it was written, or some columns of it.

    Raises:
        LakeError: if the file is missing or damaged.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = _read(file, columns)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, str(error).partition("\n")[0]) from error
    if table.num_rows != rows:
        raise _damaged(path, f"it has {table.num_rows:,} rows instead of {rows:,}")
    return table.replace_schema_metadata(None)


def _read(file: pq.ParquetFile, columns: Sequence[str] | None) -> pa.Table:
    """Read by the columns' places, for Parquet takes a point in a name for a step into a struct."""
    if columns is None:
        return file.read()
    names = file.schema_arrow.names
    if any(pa.types.is_nested(field.type) or "." in field.name for field in file.schema_arrow):
        return file.read().select(list(columns))
    return file.read(columns=[name for name in names if name in set(columns)]).select(list(columns))


def read_footer(path: Path) -> tuple[pa.Schema, str]:
    """Return a file's shape (see `shapes`) and its note, without reading the rows.

    Raises:
        LakeError: if the file is missing or damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            metadata, schema = file.metadata, file.schema_arrow
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, str(error).partition("\n")[0]) from error
    note = (schema.metadata or {}).get(_NOTE, b"").decode()
    return make_shape(schema, _without_values(metadata, schema)), note


def _without_values(metadata: pq.FileMetaData, schema: pa.Schema) -> list[str]:
    """Name the columns whose statistics count nothing but nulls; of nested ones nothing is known but in no rows."""
    if not metadata.num_rows:
        return list(schema.names)
    flat = {field.name for field in schema if not pa.types.is_nested(field.type)}
    nulls = dict.fromkeys(flat, 0)
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if column.path_in_schema in nulls and column.statistics is not None:
                nulls[column.path_in_schema] += column.statistics.null_count or 0
    return [name for name, count in nulls.items() if count == metadata.num_rows]


def _damaged(path: Path, found: str) -> LakeError:
    return LakeError(f"{path} must be a whole Parquet file, however: {found}; delete it. {REMEDY.capitalize()}")
