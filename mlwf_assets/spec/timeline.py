"""Partitions and splits as instants: pure, aware of zones and daylight saving, without I/O.

A partition is named by the local time of its beginning, exactly as Dagster's TimeWindowPartitionsDefinition
with `partition_cron`, `partition_format` and the same time zone names it (a test compares them). All instants
that leave this module are aware and in UTC. The clock is read only where the end is open and no `now` is given.
"""

import datetime as dt
import re
from collections.abc import Iterator
from itertools import pairwise
from zoneinfo import ZoneInfo

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.datasets import Splits, parse_span
from mlwf_assets.spec.partitions import Cutting, NamedPartitions, Partitions

_FORMATS = {"month": "%Y-%m", "week": "%Y-%m-%d", "day": "%Y-%m-%d", "hour": "%Y-%m-%d-%H:00"}


def partition_format(partitions: Partitions) -> str:
    """Return the strftime format of the partitions' names, as Dagster takes it.

    Example:
        >>> partition_format(Partitions(every="month", start="2013-01-01"))
        '%Y-%m'
    """
    return _FORMATS[partitions.every]


def partition_cron(partitions: Partitions) -> str:
    """Return the cron schedule on which partitions begin; weeks begin on the weekday of `start`.

    Example:
        >>> partition_cron(Partitions(every="week", start="2013-01-01"))
        '0 0 * * 2'
    """
    weekday = partitions.start.isoweekday() % 7
    return {"month": "0 0 1 * *", "week": f"0 0 * * {weekday}", "day": "0 0 * * *", "hour": "0 * * * *"}[
        partitions.every
    ]


def cut_names(cutting: Cutting, *, now: dt.datetime | None = None) -> list[str]:
    """List the partitions, in order: by time or by name.

    Example:
        >>> cut_names(NamedPartitions(names=("EWR", "JFK")))
        ['EWR', 'JFK']
    """
    return list(cutting.names) if isinstance(cutting, NamedPartitions) else partition_names(cutting, now=now)


def partition_names(partitions: Partitions, *, now: dt.datetime | None = None) -> list[str]:
    """List the partitions, in order; with an open end, those that are complete at `now`.

    Example:
        >>> partition_names(Partitions(every="month", start="2013-01-01", end="2013-03-01"))
        ['2013-01', '2013-02']
    """
    return [name for name, _, _ in partition_spans(partitions, now=now)]


def partition_spans(
    partitions: Partitions, *, now: dt.datetime | None = None
) -> list[tuple[str, dt.datetime, dt.datetime]]:
    """List the partitions with the instants (in UTC) at which each begins and ends, in one pass over the calendar.

    Example:
        >>> year = Partitions(every="month", start="2013-01-01", end="2014-01-01")
        >>> [(name, str(end)) for name, _, end in partition_spans(year)][-1]
        ('2013-12', '2014-01-01 00:00:00+00:00')
    """
    until = _end(partitions, now)
    starts = [start for start in _starts(partitions, until) if start <= until]
    return [(_name(partitions, start), start, end) for start, end in pairwise(starts)]


def partition_bounds(partitions: Partitions, name: str) -> tuple[dt.datetime, dt.datetime]:
    """Return the instants (in UTC) at which a partition begins and the next one begins.

    Raises:
        SpecError: if the name is none of a partition.
    Example:
        >>> new_york = Partitions(every="month", start="2013-01-01", timezone="America/New_York")
        >>> [str(at) for at in partition_bounds(new_york, "2013-03")]
        ['2013-03-01 05:00:00+00:00', '2013-04-01 04:00:00+00:00']
    """
    text, offset = _split_offset(partitions, name)
    try:
        local = dt.datetime.strptime(text, partition_format(partitions))  # noqa: DTZ007 (zone put in below)
        start = _instant(local.replace(fold=1 if offset else 0), partitions)
    except ValueError:
        start = None
    first = _midnight(partitions.start, partitions)
    if start is None or start < first or _name(partitions, start) != name:
        example = _name(partitions, first)
        raise SpecError(f"must be a partition such as {example!r} (by {partitions.every}), however: {name!r}")
    return start, _next(partitions, start)


def span_bounds(partitions: Partitions, *, now: dt.datetime | None = None) -> tuple[dt.datetime, dt.datetime]:
    """Return where the first partition begins and the last one ends, in UTC; both the same if there is none."""
    names = partition_names(partitions, now=now)
    if not names:
        return (_midnight(partitions.start, partitions),) * 2
    return partition_bounds(partitions, names[0])[0], partition_bounds(partitions, names[-1])[1]


def split_dates(
    splits: Splits,
    partitions: Partitions | None,
    *,
    now: dt.datetime | None = None,
    span: tuple[dt.datetime, dt.datetime] | None = None,
) -> tuple[dt.datetime, dt.datetime]:
    """Return where validation and where test begin, in UTC.

    Dates are local midnights in the partitions' time zone; spans count back, the test's from the end, the
    validation's from the test; a share is a share of the whole time, from the local midnight before it on.

    Args:
        now: where an open end is; by default the clock.
        span: beginning and end of the data, aware; needed for shares, and for spans back from the end, where
            there are no partitions.
    Raises:
        SpecError: if a span or share needs an end that nobody gives.
    Example:
        >>> year = Partitions(every="month", start="2013-01-01", end="2014-01-01")
        >>> [str(at.date()) for at in split_dates(Splits(by="time", validation="2 months", test="2013-11-01"), year)]
        ['2013-09-01', '2013-11-01']
    """
    if span is None and partitions is not None:
        span = span_bounds(partitions, now=now)
    zone = ZoneInfo(partitions.timezone if partitions else "UTC")
    share = splits.test if isinstance(splits.test, float) else 0.0
    test = _boundary(splits.test, "test", zone, span, back_from=span[1] if span else None, share=share)
    if isinstance(splits.validation, float):
        share += splits.validation
    validation = _boundary(splits.validation, "validation", zone, span, back_from=test, share=share)
    return validation, test


def _boundary(
    value: dt.date | str | float,
    name: str,
    zone: ZoneInfo,
    span: tuple[dt.datetime, dt.datetime] | None,
    *,
    back_from: dt.datetime | None,
    share: float,
) -> dt.datetime:
    if isinstance(value, dt.date):
        return _utc(dt.datetime.combine(value, dt.time(), zone))
    if isinstance(value, str) and back_from is not None:
        return _count_back(back_from, value, zone)
    if isinstance(value, str) or span is None:
        raise SpecError(f"splits.{name} must be a date where there are no partitions, however: {value!r}")
    at = (span[1] - (span[1] - span[0]) * share).astimezone(zone)
    return _utc(at.replace(hour=0, minute=0, second=0, microsecond=0, fold=0))


def _count_back(end: dt.datetime, text: str, zone: ZoneInfo) -> dt.datetime:
    """Months and days are counted on the local calendar, hours on the clock."""
    number, unit = parse_span(text)
    if unit == "hour":
        return end - dt.timedelta(hours=number)
    local = end.astimezone(zone)
    if unit in ("day", "week"):
        return _utc(local - dt.timedelta(days=number * (7 if unit == "week" else 1)))
    months = local.year * 12 + local.month - 1 - number * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    last_day = (dt.date(year + (month == 11), (month + 1) % 12 + 1, 1) - dt.timedelta(days=1)).day
    return _utc(local.replace(year=year, month=month + 1, day=min(local.day, last_day)))


def _end(partitions: Partitions, now: dt.datetime | None) -> dt.datetime:
    if partitions.end is not None:
        return _midnight(partitions.end, partitions)
    return _utc(now or dt.datetime.now(dt.UTC))


def _starts(partitions: Partitions, until: dt.datetime) -> Iterator[dt.datetime]:
    """Yield the beginnings of all partitions up to the first one that is later than `until`."""
    start = _midnight(partitions.start, partitions)
    while True:
        yield start
        if start > until:
            return
        start = _next(partitions, start)


def _next_day(partitions: Partitions, day: dt.date) -> dt.date:
    if partitions.every == "month":
        return dt.date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return day + dt.timedelta(days=7 if partitions.every == "week" else 1)


def _next(partitions: Partitions, start: dt.datetime) -> dt.datetime:
    if partitions.every == "hour":  # clocks are turned by whole hours where partitions by hour are served
        return start + dt.timedelta(hours=1)
    local = start.astimezone(ZoneInfo(partitions.timezone)).date()
    return _midnight(_next_day(partitions, local), partitions)


def _name(partitions: Partitions, start: dt.datetime) -> str:
    """The local time; the second of two equal hours carries its offset, as in Dagster."""
    local = start.astimezone(ZoneInfo(partitions.timezone))
    name = local.strftime(partition_format(partitions))
    if partitions.every == "hour" and local.fold and local.utcoffset() != local.replace(fold=0).utcoffset():
        return f"{name}{local:%z}"
    return name


def _split_offset(partitions: Partitions, name: str) -> tuple[str, str]:
    """Divide '2013-11-03-01:00-0500' into the local hour and its offset."""
    if partitions.every == "hour" and (match := re.fullmatch(r"(.{16})([+-]\d{4})", name)):
        return match[1], match[2]
    return name, ""


def _midnight(day: dt.date, partitions: Partitions) -> dt.datetime:
    return _instant(dt.datetime.combine(day, dt.time()), partitions)


def _instant(local: dt.datetime, partitions: Partitions) -> dt.datetime:
    return _utc(local.replace(tzinfo=ZoneInfo(partitions.timezone)))


def _utc(at: dt.datetime) -> dt.datetime:
    return at.astimezone(dt.UTC)
