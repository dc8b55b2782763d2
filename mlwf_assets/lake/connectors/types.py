"""The type found in all values of a column: what clean data will read it as where no contract says it.

Strict: one value that is no number, and the column is text, so nothing is lost by reading it. Text that looks
like numbers but would lose something as such ('007', more digits than 64 bits hold) stays text. Types agree with
how `cleaning` reads them; here only the distinct values are looked at.
"""

from collections.abc import Iterator, Mapping

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from mlwf_assets.lake import duck
from mlwf_assets.spec.tables import ColumnType

_INTEGER = r"[+-]?(0|[1-9]\d*)"
_NUMBER = r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
# With a decimal comma, points group thousands, and only before a comma (as cleaning reads it).
_COMMA_NUMBER = r"[+-]?((0|[1-9]\d*)(,\d*)?|[1-9]\d{0,2}(\.\d{3})+,\d*|,\d+)([eE][+-]?\d+)?"
_DATE = r"\d{4}-\d{1,2}-\d{1,2}"
_TIMESTAMP = _DATE + r"[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?(Z|UTC|[+-]\d{2}(:?\d{2})?))?"
# A query costs milliseconds: wide files would take minutes column by column.
_VALUES_PER_QUERY, _COLUMNS_PER_QUERY = 100_000, 500
_WHOLE_NUMBER_DIGITS = 15  # what a float holds exactly


def found_types(table: pa.Table, *, is_text: bool, decimal: str = ".") -> dict[str, ColumnType]:
    """Find the type of every column.

    Args:
        table: all rows of a source.
        is_text: whether all values came as text (CSV), so that text may be numbers and booleans; else text
            can only be dates and times, for which JSON has no other form.
        decimal: the decimal sign of numbers that came as text.
    Example:
        >>> rows = pa.table({"a": ["1", None], "b": ["007", "1"], "c": ["1.5", "2"], "d": ["2013-01-01"] * 2})
        >>> found_types(rows, is_text=True)
        {'a': 'integer', 'b': 'string', 'c': 'number', 'd': 'date'}
    """
    tests = {**(_of_numbers(decimal) if is_text else {}), **_of_times()}
    kinds = dict(zip(table.column_names, table.schema.types, strict=True))
    with duck.connect() as connection:
        told: dict[str, ColumnType] = {}
        for batch in _distinct_values(table.select([name for name, kind in kinds.items() if pt.is_string(kind)])):
            told |= _told_by_values(connection, batch, tests)
    return {name: told[name] if pt.is_string(kind) else _told_by_type(kind) for name, kind in kinds.items()}


def _distinct_values(table: pa.Table) -> Iterator[dict[str, pa.Array]]:
    """The values of each column, as many columns together as are looked at in one query."""
    batch: dict[str, pa.Array] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        batch[name] = column.unique().drop_null()
        if sum(map(len, batch.values())) > _VALUES_PER_QUERY or len(batch) >= _COLUMNS_PER_QUERY:
            yield batch
            batch = {}
    if batch:
        yield batch


def _of_numbers(decimal: str) -> dict[ColumnType, str]:
    """SQL predicates over the text `v`, by the type for which it must hold of all values."""
    number = "TRY_CAST(replace(replace(v, '.', ''), ',', '.') AS DOUBLE)" if decimal == "," else "TRY_CAST(v AS DOUBLE)"
    pattern = _COMMA_NUMBER if decimal == "," else _NUMBER
    digits = f"(length(regexp_extract(v, '\\d+')) <= {_WHOLE_NUMBER_DIGITS} OR contains(v, '{decimal}'))"
    return {
        "integer": f"regexp_full_match(v, '{_INTEGER}') AND TRY_CAST(v AS BIGINT) IS NOT NULL",
        "number": f"lower(v) = 'nan' OR (regexp_full_match(v, '{pattern}') AND isfinite({number}) AND {digits})",
        "boolean": "lower(v) IN ('true', 'false')",
    }


def _of_times() -> dict[ColumnType, str]:
    return {
        "date": f"regexp_full_match(v, '{_DATE}') AND TRY_CAST(v AS DATE) IS NOT NULL",
        "timestamp": f"regexp_full_match(v, '{_TIMESTAMP}') AND TRY_CAST(v AS TIMESTAMPTZ) IS NOT NULL",
    }


def _told_by_values(
    connection: duckdb.DuckDBPyConnection, columns: Mapping[str, pa.Array], tests: Mapping[ColumnType, str]
) -> dict[str, ColumnType]:
    numbers = np.repeat(np.arange(len(columns)), [len(values) for values in columns.values()])
    values = pa.concat_arrays(list(columns.values()))
    connection.register("distinct_values", pa.table({"n": numbers, "v": values}))
    holds = ", ".join(f"bool_and(coalesce({test}, false))" for test in tests.values())
    asked = f"SELECT n, {holds} FROM (SELECT n, trim(v) AS v FROM distinct_values) GROUP BY n"
    found = {number: row for number, *row in connection.execute(asked).fetchall()}
    return {
        name: next((kind for kind, all_hold in zip(tests, found.get(i, ()), strict=False) if all_hold), "string")
        for i, name in enumerate(columns)
    }


def _told_by_type(kind: pa.DataType) -> ColumnType:
    if pt.is_integer(kind):
        return "integer"
    if pt.is_floating(kind) or pt.is_decimal(kind):
        return "number"
    if pt.is_boolean(kind):
        return "boolean"
    if pt.is_date(kind):
        return "date"
    return "timestamp" if pt.is_timestamp(kind) else "string"
