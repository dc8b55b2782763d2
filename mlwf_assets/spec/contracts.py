"""Whether the contract of a column makes sense in itself: its bounds and values against its type."""

import datetime as dt
import math
from collections.abc import Iterator
from typing import Any

from mlwf_assets.spec.mistakes import Mistake, Place
from mlwf_assets.spec.tables import Column, ColumnType

_EXAMPLES: dict[ColumnType, str] = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date such as 2013-01-31",
    "timestamp": "a time such as 2013-01-31 12:00",
}


def check_contract(column: Column, place: Place) -> Iterator[Mistake]:
    """Find bounds and values that no value of the column's type can meet.

    Example:
        >>> [m.message for m in check_contract(Column(type="integer", min=5, max=1), ("tables", "t", "columns", "c"))]
        ['min must not be above max, however: 5 and 1']
    """
    bounds = {name: value for name, value in (("min", column.min), ("max", column.max)) if value is not None}
    if column.type == "boolean" and bounds:
        yield Mistake((*place, *bounds), "bounds are for numbers, times and text, however: boolean")
        return
    wrong = [name for name, value in bounds.items() if not fits(value, _bound_type(column.type))]
    for name in wrong:
        expected = _EXAMPLES[_bound_type(column.type) or "number"]
        yield Mistake((*place, name), f"must be {expected}, as the column is, however: {bounds[name]!r}")
    for position, value in enumerate(column.values or ()):
        if not fits(value, column.type):
            expected = _EXAMPLES[column.type or "number"]
            yield Mistake((*place, "values", position), f"must be {expected}, as the column is, however: {value!r}")
    if len(bounds) == 2 and not wrong and _above(*bounds.values()):
        yield Mistake((*place, "min"), f"min must not be above max, however: {column.min} and {column.max}")
    yield from _check_reading(column, place)


def _check_reading(column: Column, place: Place) -> Iterator[Mistake]:
    if column.format is not None and column.type not in ("date", "timestamp"):
        yield Mistake((*place, "format"), f"is for the types date and timestamp, however: {column.type}")
    if column.timezone is not None and column.type != "timestamp":
        yield Mistake((*place, "timezone"), f"is for the type timestamp, however: {column.type}")
    if column.sql is not None and (column.format or column.timezone):
        yield Mistake((*place, "sql"), "makes the column, so nothing is read; say strptime() or timezone() in the SQL")


def _bound_type(type_: ColumnType | None) -> ColumnType | None:
    return "number" if type_ == "integer" else type_


def fits(value: Any, type_: ColumnType | None) -> bool:
    """Say whether a value of the file is one of a type.

    Example:
        >>> fits("2013-02-30", "date"), fits(3.0, "integer"), fits("EWR", "category")
        (False, True, True)
    """
    if type_ in ("string", "category", None):
        return isinstance(value, str | int | float)
    if type_ == "boolean":
        return str(value).lower() in ("true", "false", "0", "1")
    if isinstance(value, bool):
        return False
    try:
        if type_ in ("date", "timestamp"):
            return bool(dt.date.fromisoformat(value) if type_ == "date" else dt.datetime.fromisoformat(value))
        number = float(value)
    except (TypeError, ValueError):
        return False
    return math.isfinite(number) and (type_ == "number" or number.is_integer())


def _above(low: Any, high: Any) -> bool:
    try:
        return bool(low > high)
    except TypeError:
        return False
