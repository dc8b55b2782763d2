"""How numbers are written, the same everywhere on the page: counts, shares, scores, intervals, days.

The space before a percent sign is narrow and does not break; what cannot be told is a dash.
"""

import datetime as dt
import math

from mlwf_assets.evaluation.bootstrap import Interval

MISSING = "–"
_THIN = "\u202f"


def count(value: float) -> str:
    """Write a whole number.

    Example:
        >>> count(53412)
        '53,412'
    """
    return f"{value:,.0f}" if math.isfinite(value) else MISSING


def share(value: float, digits: int | None = None) -> str:
    """Write a part of a whole in percent, with a digit more where it is small.

    Example:
        >>> share(0.244).replace(chr(0x202F), " "), share(0.0044).replace(chr(0x202F), " ")
        ('24 %', '0.4 %')
    """
    if not math.isfinite(value):
        return MISSING
    if digits is None:
        near_the_end = 0 < abs(value) < 0.1 or 0.9 < value < 1
        digits = 1 if near_the_end and not float(f"{100 * value:.1f}").is_integer() else 0
    return f"{100 * value:.{digits}f}{_THIN}%"


def points(value: float) -> str:
    """Write a change of a share, in percentage points.

    Example:
        >>> points(0.042), points(-0.3)
        ('+4.2', '−30')
    """
    if not math.isfinite(value):
        return MISSING
    digits = 1 if abs(value) < 0.1 else 0
    return f"{100 * value:+.{digits}f}".replace("-", "−")


def amount(value: float, *, signed: bool = False) -> str:
    """Write a value of any size with about three significant digits.

    Example:
        >>> amount(1234.56), amount(0.012345), amount(-3.14159), amount(12.0)
        ('1,235', '0.012', '−3.14', '12')
    """
    if not math.isfinite(value):
        return MISSING
    size = abs(value)
    digits = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2
    if 0 < size < 0.1:
        digits = 1 - math.floor(math.log10(size))
    sign = "+" if signed else ""
    return f"{value:{sign},.{min(digits, 12)}f}".replace("-", "−")


def score(name: str, value: float) -> str:
    """Write a metric: three decimals, or in the label's own unit.

    Example:
        >>> score("roc_auc", 0.7196), score("rmse", 1234.5)
        ('0.720', '1,234')
    """
    if not math.isfinite(value):
        return MISSING
    return amount(value) if name in OWN_UNIT else f"{value:.3f}".replace("-", "−")


OWN_UNIT = ("rmse", "mae", "bias")


def interval(name: str, one: Interval) -> str:
    """Write the interval of a metric; empty where there is none.

    Example:
        >>> interval("roc_auc", Interval(0.7, 0.69, 0.71))
        '0.690 to 0.710'
    """
    if not math.isfinite(one.low + one.high):
        return ""
    return f"{score(name, one.low)} to {score(name, one.high)}"


def day(text: str) -> str:
    """Write a day for people.

    Example:
        >>> day("2013-11-01")
        '1 Nov 2013'
    """
    date = dt.date.fromisoformat(text)
    return f"{date.day} {date:%b %Y}"


def span(first: str, last: str) -> str:
    """Write a stretch of days; whole months by their names.

    Example:
        >>> span("2013-11-01", "2013-12-31"), span("2013-11-05", "2013-12-31"), span("2013-01-01", "2013-08-31")
        ('November and December 2013', '5 Nov 2013 to 31 Dec 2013', 'January to August 2013')
    """
    start, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    if start == end:
        return day(first)
    whole = start.day == 1 and (end + dt.timedelta(days=1)).day == 1
    if not whole:
        return f"{day(first)} to {day(last)}"
    months = (end.year - start.year) * 12 + end.month - start.month
    if months == 0:
        return f"{start:%B %Y}"
    before = f"{start:%B}" if start.year == end.year else f"{start:%B %Y}"
    return f"{before} {'and' if months == 1 else 'to'} {end:%B %Y}"
