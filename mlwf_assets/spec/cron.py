"""Cron expressions: five fields, held against their bounds here, for Dagster would tell of a slip only later.

Nothing is computed with them; when a tick passes is Dagster's business.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_ITEM = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d{1,2}))?")
_LONGEST = dict(enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), start=1))


class _Field(NamedTuple):
    name: str
    first: int
    last: int
    words: Sequence[str] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, _DAYS),
)


def check_cron(text: str) -> str:
    """Return a cron expression with one space between its fields.

    Raises:
        ValueError: if it is none, or never comes.
    Example:
        >>> check_cron("0 3  * * mon-fri")
        '0 3 * * mon-fri'
    """
    parts = text.lower().split()
    if len(parts) != len(_FIELDS):
        raise ValueError(
            f"must be on_data, or five fields 'MINUTE HOUR DAY MONTH WEEKDAY' such as '0 3 * * *' (each night at 3), "
            f"however: {text!r}"
        )
    _, _, days, months, _ = (_values(part, field) for part, field in zip(parts, _FIELDS, strict=True))
    if parts[4] == "*" and not any(day <= _LONGEST[month] for day in days for month in months):
        raise ValueError(f"must come some day, however no month of {text!r} has such a day")
    return " ".join(parts)


def _values(part: str, field: _Field) -> set[int]:
    """All values that a field stands for."""
    found: set[int] = set()
    for item in part.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise _wrong(item, field)
        first = field.first if match[1] else _number(match[2], field)
        last = field.last if match[1] or (match[4] and not match[3]) else _number(match[3] or match[2], field)
        step = int(match[4] or 1)
        if not field.first <= first <= last <= field.last or step == 0:
            raise _wrong(item, field)
        found |= set(range(first, last + 1, step))
    return found


def _number(text: str, field: _Field) -> int:
    if text in field.words:
        return field.words.index(text) + field.first
    if not text.isdecimal():
        raise _wrong(text, field)
    return int(text)


def _wrong(item: str, field: _Field) -> ValueError:
    words = f" or a name such as {field.words[0]}" if field.words else ""
    return ValueError(
        f"the {field.name} must be '*', or numbers from {field.first} to {field.last}{words} "
        f"('5', '1-5', '*/2', '1,3'), however: {item!r}"
    )
