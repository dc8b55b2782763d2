"""What every part of a workflow file shares: the frozen base model and the few value types.

Models here and beside hold only form: fields, types, descriptions, checks that need nothing but the field
itself. What needs several parts of the file (does this column exist?) stands in `references.py`, what
needs the file's text (line numbers) in `loader.py`. A field's description is the one text for docs and UI.
"""

import datetime as dt
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_UNIT_S = {
    "second": 1, "sec": 1, "s": 1,
    "minute": 60, "min": 60, "m": 60,
    "hour": 3600, "h": 3600,
    "day": 86400, "d": 86400,
    "week": 604800, "w": 604800,
}  # fmt: skip
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+?)s?\s*")
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
    if match is None or (unit := _UNIT_S.get(match[2]) or _UNIT_S.get(match[2] + "s")) is None:
        raise ValueError(f"must be a duration such as '24 hours' or '4min', however: {value!r}")
    return dt.timedelta(seconds=float(match[1]) * unit)


def _check_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(f"must be lower-case letters, digits and underscores, however: {value!r}")
    return value


def as_list(value: Any) -> Any:
    """Let one value stand where a list may."""
    return [value] if isinstance(value, str | dict) else value


Duration = Annotated[dt.timedelta, BeforeValidator(parse_duration)]
Name = Annotated[str, AfterValidator(_check_name)]
Sql = Annotated[str, Field(min_length=1, description="One SQL expression over the table's columns.")]
Names = Annotated[tuple[str, ...], BeforeValidator(as_list)]
