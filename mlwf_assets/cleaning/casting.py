"""How raw values are read as the types of a contract, as DuckDB expressions.

Each type gives two expressions: the value, and whether a value stands there that is not of the type.
Reading never guesses: '5.5' is no integer, '2' no boolean, infinity no number. 'nan' is a missing number.
"""

from typing import NamedTuple

from mlwf_assets.spec.tables import ColumnType

SQL_TYPES: dict[ColumnType, str] = {
    "string": "VARCHAR",
    "category": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
}


class Reading(NamedTuple):
    """Two SQL expressions: the typed value, and whether the raw value is there but of another type."""

    value: str
    fails: str


def quote(name: str) -> str:
    """Quote a column's name.

    Example:
        >>> quote('a "b" c')
        '"a ""b"" c"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text.

    Example:
        >>> literal("it's")
        "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def read_as(expression: str, type_: ColumnType, *, decimal: str = ".") -> Reading:
    """Say in SQL how a value is read.

    Args:
        expression: SQL of the raw value, of any type.
        type_: the type that it must have.
        decimal: the decimal sign where numbers are text; with ',' a '.' may group thousands.
    Example:
        >>> read_as('"a"', "string")
        Reading(value='CAST("a" AS VARCHAR)', fails='false')
    """
    if type_ in ("string", "category"):
        return Reading(f"CAST({expression} AS VARCHAR)", "false")
    if type_ in ("integer", "number"):
        return _read_number(expression if decimal == "." else _with_point(expression), expression, type_)
    if type_ == "boolean":
        number = f"TRY_CAST({expression} AS DOUBLE)"
        word = f"TRY_CAST(CAST({expression} AS VARCHAR) AS BOOLEAN)"
        value = f"CASE WHEN {number} IN (0, 1) THEN {number} = 1 ELSE {word} END"
    else:
        value = f"TRY_CAST({expression} AS {SQL_TYPES[type_]})"
    return Reading(value, f"({expression}) IS NOT NULL AND ({value}) IS NULL")


def _read_number(expression: str, raw: str, type_: ColumnType) -> Reading:
    number = f"TRY_CAST({expression} AS DOUBLE)"
    if type_ == "integer":
        value = f"CASE WHEN {number} % 1 = 0 THEN TRY_CAST({expression} AS BIGINT) END"
    else:
        value = f"CASE WHEN isfinite({number}) THEN {number} END"
    missing = f"coalesce(isnan({number}), false)"
    return Reading(value, f"({raw}) IS NOT NULL AND ({value}) IS NULL AND NOT {missing}")


def _with_point(expression: str) -> str:
    text = f"CAST({expression} AS VARCHAR)"
    grouped = f"regexp_full_match({text}, '[+-]?[0-9]{{1,3}}([.][0-9]{{3}})+,[0-9]*')"
    plain = f"CASE WHEN {grouped} THEN replace({text}, '.', '') ELSE {text} END"
    # A lone point is no decimal sign here: '1.5' must not become 1.5, and not 15 either.
    return f"CASE WHEN contains({text}, '.') AND NOT {grouped} THEN 'x' ELSE replace({plain}, ',', '.') END"
