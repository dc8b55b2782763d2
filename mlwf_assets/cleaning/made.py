"""The rows that the SQL of a table gives, in the form in which rows of a source are cleaned.

The query runs in DuckDB over clean tables that are registered under their names, on one thread, so that the same
tables give the same rows in the same order. What is checked of a query before it runs stands in `spec.query`.
"""

from collections.abc import Callable, Mapping

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from mlwf_assets.errors import DataError
from mlwf_assets.lake import duck
from mlwf_assets.spec.made import is_ours
from mlwf_assets.spec.mistakes import Place, dotted
from mlwf_assets.spec.tables import ColumnType

_TYPES: Mapping[pa.DataType, ColumnType] = {
    pa.int64(): "integer",
    pa.float64(): "number",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us", "UTC"): "timestamp",
    pa.string(): "string",
}


def make_rows(
    sql: str, tables: Mapping[str, pa.Table], *, name: str, locate: Callable[[Place], str] = dotted
) -> tuple[pa.Table, dict[str, ColumnType]]:
    """Run the query of a table.

    Args:
        sql: a query that `spec.query.parse_query` lets pass.
        tables: the clean tables that it names, all their rows; it sees their own columns alone.
        name: the table that is made.
        locate: writes a place of the workflow file, for messages.
    Returns:
        The query's columns, `_file` (the table's name) and `_row` (the place in the result); and the types of the
        columns.
    Raises:
        DataError: if the query fails, or gives what no column can hold.
    Example:
        >>> rows, types = make_rows("SELECT town, sum(n) AS n FROM trips GROUP BY town",
        ...                         {"trips": pa.table({"town": ["Bonn", "Bonn"], "n": [1, 2]})}, name="towns")
        >>> rows.to_pylist(), types
        ([{'town': 'Bonn', 'n': 3, '_file': 'towns', '_row': 0}], {'town': 'string', 'n': 'integer'})
    """
    place: Place = ("tables", name, "sql")
    with duck.connect(threads=1) as connection:
        for other, rows in tables.items():
            connection.register(other, rows.select([column for column in rows.column_names if not is_ours(column)]))
        try:
            made = connection.sql(sql.strip().rstrip(";")).to_arrow_table()
        except duckdb.Error as error:
            words = str(error).split("\n")[0]
            raise DataError(f"{locate(place)}: must be computable, however: {words}") from error
    columns = {column: _simple(made[column], f"{locate(place)}: {column}") for column in made.column_names}
    types = {column: _TYPES[values.type] for column, values in columns.items()}
    placed = {"_file": pa.repeat(name, made.num_rows), "_row": pa.array(np.arange(made.num_rows, dtype=np.int64))}
    return pa.table({**columns, **placed}), types


def _simple(values: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    """Bring a column to one of the types that clean columns have; sums of whole numbers come as decimals."""
    kind = values.type
    try:
        if pt.is_integer(kind) or (pt.is_decimal(kind) and kind.scale == 0):
            return values.cast(pa.int64())
        if pt.is_floating(kind) or pt.is_decimal(kind):
            return values.cast(pa.float64())
        if pt.is_timestamp(kind):
            return values.cast(pa.timestamp("us", "UTC"))
        if pt.is_null(kind) or pt.is_string(kind) or pt.is_large_string(kind):
            return values.cast(pa.string())
    except pa.ArrowInvalid as error:
        raise DataError(f"{where} must fit into 64 bits, however: {error}; cast it to DOUBLE") from error
    if pt.is_boolean(kind) or pt.is_date32(kind):
        return values
    raise DataError(
        f"{where} must be a number, text, true or false, a date or a time, however: {kind}; cast it, or for a duration "
        "say date_diff('minute', ...)"
    )
