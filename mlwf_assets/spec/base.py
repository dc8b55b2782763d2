"""What every part of a workflow file shares: the frozen base model and the few value types.

Models here and beside hold only form: fields, types, descriptions, checks that need nothing but the field
itself. What needs several parts of the file (does this column exist?) stands in `references.py`, what
needs the file's text (line numbers) in `loader.py`. A field's description is the one text for docs and UI.
"""

import datetime as dt
import re
import zoneinfo
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

_UNIT_S = {
    "second": 1, "seconds": 1, "sec": 1, "secs": 1, "s": 1,
    "minute": 60, "minutes": 60, "min": 60, "mins": 60, "m": 60,
    "hour": 3600, "hours": 3600, "h": 3600,
    "day": 86400, "days": 86400, "d": 86400,
    "week": 604800, "weeks": 604800, "w": 604800,
}  # fmt: skip
_DURATION = re.compile(r"\s*(\d{1,9}(?:\.\d+)?)\s*([a-z]+)\s*")
# Beyond these years zones have no rules, and lists of partitions no end.
_YEARS = (1900, 2200)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class SpecModel(BaseModel):
    """Frozen, refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def parse_duration(value: Any) -> dt.timedelta:
    """Read "24 hours", "4min", "90 s" or "7 days".

    Example:
        >>> parse_duration("4min").total_seconds()
        240.0
    """
    if isinstance(value, dt.timedelta):
        return value
    match = _DURATION.fullmatch(str(value).lower())
    seconds = float(match[1]) * _UNIT_S.get(match[2], 0) if match else 0
    if not 0 < seconds < _UNIT_S["day"] * 1e6:
        raise ValueError(f"must be a duration such as '24 hours' or '4min', however: {value!r}")
    return dt.timedelta(seconds=seconds)


def write_duration(value: dt.timedelta) -> str:
    """Write a duration as people do, in the largest unit that fits.

    Example:
        >>> write_duration(dt.timedelta(minutes=90)), write_duration(dt.timedelta(days=1))
        ('90 minutes', '1 day')
    """
    seconds = value.total_seconds()
    unit = next((unit for unit in ("day", "hour", "minute") if seconds % _UNIT_S[unit] == 0), "second")
    number = seconds / _UNIT_S[unit]
    return f"{number:g} {unit}{'' if number == 1 else 's'}"


def parse_day(value: Any) -> dt.date:
    """Read "2013-01-31".

    Example:
        >>> parse_day("2013-01-31")
        datetime.date(2013, 1, 31)
    """
    try:
        day = value if type(value) is dt.date else dt.date.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError(f"must be a date such as 2013-01-31, however: {value!r}") from None
    if not _YEARS[0] <= day.year < _YEARS[1]:
        raise ValueError(f"must be a day of the years {_YEARS[0]} to {_YEARS[1] - 1}, however: {day}")
    return day


def is_name(text: str) -> bool:
    """Say whether a text may name a workflow, a source or a table.

    Example:
        >>> is_name("trips_2024"), is_name("Trips")
        (True, False)
    """
    return _NAME.fullmatch(text) is not None


def _check_name(value: str) -> str:
    if not is_name(value):
        raise ValueError(f"must be lower-case letters, digits and underscores, however: {value!r}")
    return value


@cache
def _timezones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _check_timezone(value: str) -> str:
    if value not in _timezones():
        raise ValueError(f"must be a time zone such as 'Europe/Berlin', however: {value!r}")
    return value


def as_list(value: Any) -> Any:
    """Let one value stand where a list may."""
    return [value] if isinstance(value, str) else value


Day = Annotated[dt.date, BeforeValidator(parse_day)]
Duration = Annotated[
    dt.timedelta, BeforeValidator(parse_duration), PlainSerializer(write_duration, return_type=str, when_used="json")
]
TimeZone = Annotated[str, AfterValidator(_check_timezone)]
Name = Annotated[str, AfterValidator(_check_name)]
SQL_MARK = "One SQL expression over the table's columns."
Sql = Annotated[str, Field(min_length=1, description=SQL_MARK)]
QUERY_MARK = "One query over other tables of the file."
Query = Annotated[str, Field(min_length=1, description=QUERY_MARK)]
Names = Annotated[tuple[str, ...], BeforeValidator(as_list)]
