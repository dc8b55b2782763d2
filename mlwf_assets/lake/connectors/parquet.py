"""Parquet: values keep their types; what the lake keeps no columns of becomes text.

Nested values become JSON text, times of day and durations become text; dictionaries are decoded.
"""

import pyarrow as pa
import pyarrow.types as pt
from pyarrow import parquet as arrow_parquet

from mlwf_assets.errors import SourceError
from mlwf_assets.lake.columns import as_text
from mlwf_assets.lake.connectors.parts import Part


def read_parquet(part: Part) -> pa.Table:
    """Read all rows.

    Raises:
        SourceError: if it is not Parquet or cut off, or two columns share a name.
    """
    content = part.read()
    try:
        table = arrow_parquet.ParquetFile(pa.BufferReader(content)).read()
        table.validate(full=True)  # text may hold anything
    except (pa.ArrowException, OSError) as error:
        raise _broken(part, error) from error
    names = table.column_names
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SourceError(f"{part.place}: column names must be unique, however {twice[0]!r} stands twice; rename one")
    return pa.table({name: _simple(table[name]) for name in names})


def parquet_columns(part: Part) -> list[str]:
    """Return the names of the columns.

    Raises:
        SourceError: if it is not Parquet or cut off.
    """
    try:
        with part.open() as stream:
            return list(arrow_parquet.read_schema(stream).names)
    except (pa.ArrowException, OSError) as error:
        raise _broken(part, error) from error


def _simple(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pt.is_dictionary(column.type):
        return _simple(column.cast(column.type.value_type))
    if pt.is_nested(column.type):
        return pa.chunked_array([pa.array(map(as_text, column.to_pylist()), pa.string())])
    if pt.is_time(column.type) or pt.is_duration(column.type) or pt.is_decimal256(column.type):
        return column.cast(pa.string())
    return column


def _broken(part: Part, error: Exception) -> SourceError:
    words = str(error).splitlines()[0] if str(error) else type(error).__name__
    return SourceError(f"{part.place} must be Parquet, however: {words}; the file may be cut off, copy it again")
