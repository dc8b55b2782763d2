"""The type found in all values of a column: what clean data will read it as where no contract says it.

Strict: one value that is no number, and the column is text, so nothing is lost by reading it. Text that looks
like numbers but would lose something as such ('007', more digits than 64 bits hold) stays text. Types agree with
how `cleaning` reads them; here only the distinct values are looked at.
"""

from collections.abc import Iterator, Mapping

import duckdb
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
_BATCH_VALUES, _BATCH_COLUMNS = 200_000, 200
_FIRST = 10_000  # values that are looked at before all of them are
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
    tests = value_tests(is_text=is_text, decimal=decimal)
    texts = dict(_texts(table))
    found = {field.name: _told_by_type(field.type) for field in table.schema}
    with duck.connect() as connection:
        # What the first values are not, all of them cannot be: of millions, only what is left is asked.
        likely: dict[tuple[ColumnType, ...], list[str]] = {}
        for name, kinds in _kinds_that_hold(connection, _first(texts), tests).items():
            likely.setdefault(kinds, []).append(name)
        for kinds, names in likely.items():
            told = dict.fromkeys(names, kinds)
            if table.num_rows > _FIRST:
                asked = {kind: tests[kind] for kind in kinds}
                told = _kinds_that_hold(connection, {name: texts[name] for name in names}, asked)
            found |= {name: next(iter(told[name]), "string") for name in names}
    return found


def _texts(table: pa.Table) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """The columns of text that have a value; of the others nothing can be said."""
    for field, column in zip(table.schema, table.columns, strict=True):
        if pt.is_string(field.type) and column.null_count < len(column):
            yield field.name, column


def _first(texts: Mapping[str, pa.ChunkedArray]) -> dict[str, pa.ChunkedArray]:
    return {name: column.slice(0, _FIRST) for name, column in texts.items()}


def value_tests(*, is_text: bool, decimal: str = ".") -> dict[ColumnType, str]:
    """Return SQL predicates over the trimmed text `v`, by the type that a column has if they hold of all its values.

    Args:
        is_text, decimal: as for `found_types`.
    Example:
        >>> list(value_tests(is_text=True))
        ['integer', 'number', 'boolean', 'date', 'timestamp']
    """
    return {**(_of_numbers(decimal) if is_text else {}), **_of_times()}


def _of_numbers(decimal: str) -> dict[ColumnType, str]:
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


def _kinds_that_hold(
    connection: duckdb.DuckDBPyConnection, columns: Mapping[str, pa.ChunkedArray], tests: Mapping[ColumnType, str]
) -> dict[str, tuple[ColumnType, ...]]:
    """Tell of each column the types that all of its values have; of one without values, all."""
    found: dict[str, tuple[ColumnType, ...]] = dict.fromkeys(columns, tuple(tests))
    if tests:
        for values in _batches(columns):
            found |= _asked(connection, values, tests)
    return found


def _batches(columns: Mapping[str, pa.ChunkedArray]) -> Iterator[dict[str, pa.ChunkedArray]]:
    """The values of text columns, of many small columns or few large ones at once: a query costs 10 ms."""
    batch: dict[str, pa.ChunkedArray] = {}
    size = 0
    for name, column in columns.items():
        batch[name] = _distinct(column)
        size += len(batch[name])
        if size > _BATCH_VALUES or len(batch) == _BATCH_COLUMNS:
            yield batch
            batch, size = {}, 0
    if batch:
        yield batch


def _distinct(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The distinct values, where they are few; of ids and times, to find out would cost more than it saves."""
    first = column.slice(0, _FIRST)
    is_varied = 2 * len(first.unique()) > len(first) and len(column) > _FIRST
    return (column if is_varied else column.unique()).drop_null()


def _asked(
    connection: duckdb.DuckDBPyConnection, values: Mapping[str, pa.ChunkedArray], tests: Mapping[ColumnType, str]
) -> dict[str, tuple[ColumnType, ...]]:
    pieces = [pa.table({"c": pa.repeat(name, len(some)), "v": some}) for name, some in values.items() if len(some)]
    if not pieces:
        return {}
    connection.register("distinct_values", pa.concat_tables(pieces))
    holds = ", ".join(f"bool_and(coalesce({test}, false))" for test in tests.values())
    rows = connection.execute(f"SELECT c, {holds} FROM (SELECT c, trim(v) AS v FROM distinct_values) GROUP BY c")
    return {
        name: tuple(kind for kind, all_hold in zip(tests, told, strict=True) if all_hold)
        for name, *told in rows.fetchall()
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
