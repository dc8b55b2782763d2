"""How raw values are read as the types of a contract, as DuckDB expressions.

Reading never guesses: '5.5' is no integer, '2' no boolean, infinity no number. 'nan' is a missing number.
Spaces around a value say nothing. What `lake.connectors.types` finds in a source, this can read.
"""

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
TEXTS = ("string", "category")
# A time of day, then an offset from UTC: the end of times that say for themselves which moment they mean.
_OFFSET = r":[0-9]{2}([.][0-9]+)? ?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)$"


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


def read_as(
    expression: str, type_: ColumnType, *, decimal: str = ".", form: str | None = None, timezone: str | None = None
) -> str:
    """Say in SQL how a value is read; what is not of the type becomes null.

    Args:
        expression: SQL of the raw value, of any type.
        type_: the type that it must have.
        decimal: the decimal sign where numbers are text; with ',' a '.' may group thousands.
        form: how dates and times are written, in strptime's signs; by default as ISO 8601 says.
        timezone: the zone of times that are written without one; by default UTC.
    Example:
        >>> read_as('"a"', "string")
        'CAST("a" AS VARCHAR)'
    """
    if type_ in TEXTS:
        return f"CAST({expression} AS VARCHAR)"
    if type_ in ("integer", "number"):
        return _number(expression if decimal == "." else _with_point(expression), type_)
    if type_ == "boolean":
        number = f"TRY_CAST({expression} AS DOUBLE)"
        return f"CASE WHEN {number} IN (0, 1) THEN {number} = 1 ELSE TRY_CAST({_text(expression)} AS BOOLEAN) END"
    if form is not None:
        moment = f"try_strptime({_text(expression)}, {literal(form)})"
        return f"TRY_CAST({moment} AS DATE)" if type_ == "date" else _in_zone(moment, timezone)
    if type_ == "timestamp" and timezone is not None:
        text = _text(expression)
        says = f"regexp_matches({text}, {literal(_OFFSET)})"
        local = _in_zone(f"TRY_CAST({text} AS TIMESTAMP)", timezone)
        return f"CASE WHEN {says} THEN TRY_CAST({text} AS TIMESTAMPTZ) ELSE {local} END"
    return f"TRY_CAST({expression} AS {SQL_TYPES[type_]})"


def read_surely(expression: str, type_: ColumnType, *, decimal: str = ".") -> str:
    """Say in SQL how a text is read that is known to be of the type, e.g. because that is how the type was found.

    Nothing stands twice in it: DuckDB looks for what does, and among thousands of columns that takes a minute.

    Args:
        expression: SQL of the raw text.
        type_: the type that all of its values have; 'nan' is a number that is missing.
        decimal: the decimal sign.
    Example:
        >>> read_surely('"a"', "integer")
        'TRY_CAST("a" AS BIGINT)'
    """
    if decimal != "." or type_ not in ("integer", "number", "boolean"):
        return read_as(expression, type_, decimal=decimal)
    text = {"number": f"translate({expression}, 'nN', '??')", "boolean": f"trim({expression})"}.get(type_, expression)
    return f"TRY_CAST({text} AS {SQL_TYPES[type_]})"


def fails_as(raw: str, value: str, type_: ColumnType) -> str | None:
    """Say in SQL whether a raw value is there although it could not be read; None where all can be read.

    Args:
        raw, value: SQL of the raw value, and of what it was read as.
    Example:
        >>> fails_as('"raw"', '"a"', "date")
        '"a" IS NULL AND "raw" IS NOT NULL'
    """
    if type_ in TEXTS:
        return None
    fails = f"{value} IS NULL AND {raw} IS NOT NULL"
    if type_ in ("integer", "number"):
        return f"{fails} AND NOT coalesce(isnan(TRY_CAST({raw} AS DOUBLE)), false)"
    return fails


def _text(expression: str) -> str:
    return f"trim(CAST({expression} AS VARCHAR))"


def _number(expression: str, type_: ColumnType) -> str:
    number = f"TRY_CAST({expression} AS DOUBLE)"
    if type_ == "integer":
        return f"CASE WHEN {number} % 1 = 0 THEN TRY_CAST({expression} AS BIGINT) END"
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def _with_point(expression: str) -> str:
    text = _text(expression)
    grouped = f"regexp_full_match({text}, '[+-]?[0-9]{{1,3}}([.][0-9]{{3}})+,[0-9]*')"
    plain = f"CASE WHEN {grouped} THEN replace({text}, '.', '') ELSE {text} END"
    # A lone point is no decimal sign here: '1.5' must not become 1.5, and not 15 either.
    return f"CASE WHEN contains({text}, '.') AND NOT {grouped} THEN 'x' ELSE replace({plain}, ',', '.') END"


def _in_zone(local: str, timezone: str | None) -> str:
    return f"timezone({literal(timezone or 'UTC')}, CAST({local} AS TIMESTAMP))"
