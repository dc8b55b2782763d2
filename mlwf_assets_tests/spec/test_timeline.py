"""Partitions and splits as instants, held against Dagster's partitions in zones with and without daylight saving."""

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.datasets import Splits
from mlwf_assets.spec.partitions import Partitions
from mlwf_assets.spec.timeline import (
    partition_bounds,
    partition_cron,
    partition_format,
    partition_names,
    span_bounds,
    split_dates,
)

# Lord Howe turns its clock by half an hour, Santiago at midnight; Kolkata is half an hour off.
ZONES = ("UTC", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata")
YEAR = Partitions(every="month", start="2013-01-01", end="2014-01-01", timezone="America/New_York")


def dagsters(partitions):
    start = dt.datetime.combine(partitions.start, dt.time(), ZoneInfo(partitions.timezone))
    return dg.TimeWindowPartitionsDefinition(
        start=start,
        end=dt.datetime.combine(partitions.end, dt.time(), ZoneInfo(partitions.timezone)),
        cron_schedule=partition_cron(partitions),
        fmt=partition_format(partitions),
        timezone=partitions.timezone,
    )


@pytest.mark.parametrize(
    ("every", "start", "end", "zone"),
    [
        (every, start, end, zone)
        for every, start, end in (
            ("month", "2012-11-01", "2014-02-01"),
            ("week", "2013-01-02", "2014-01-01"),
            ("day", "2013-03-01", "2013-04-30"),
            ("day", "2013-09-01", "2013-11-15"),
            ("hour", "2013-03-09", "2013-03-12"),
            ("hour", "2013-09-07", "2013-09-10"),
            ("hour", "2013-11-02", "2013-11-05"),
        )
        for zone in ZONES
        if (every, zone) != ("hour", "Australia/Lord_Howe")  # refused: clocks must be turned by whole hours
    ],
)
def test_partitions_are_those_of_dagster(every, start, end, zone):
    partitions = Partitions(every=every, start=start, end=end, timezone=zone)
    definition = dagsters(partitions)
    names = partition_names(partitions)
    assert names == list(definition.get_partition_keys())
    for name in names:
        window = definition.time_window_for_partition_key(name)
        assert partition_bounds(partitions, name) == (window.start.astimezone(dt.UTC), window.end.astimezone(dt.UTC)), (
            name
        )


@given(
    every=st.sampled_from(["month", "week", "day", "hour"]),
    start=st.dates(dt.date(1990, 1, 1), dt.date(2030, 1, 1)),
    days=st.integers(1, 40),
    zone=st.sampled_from([zone for zone in ZONES if zone != "Australia/Lord_Howe"]),
)
def test_partitions_lie_side_by_side_without_gap(every, start, days, zone):
    if every == "month":
        start = start.replace(day=1)
    partitions = Partitions(every=every, start=start, end=start + dt.timedelta(days=days), timezone=zone)
    bounds = [partition_bounds(partitions, name) for name in partition_names(partitions)]
    assert all(first < second for first, second in bounds)
    assert all(one[1] == other[0] for one, other in itertools.pairwise(bounds))
    if bounds:
        assert span_bounds(partitions) == (bounds[0][0], bounds[-1][1])


def test_the_hour_that_comes_twice_has_two_names():
    day = Partitions(every="hour", start="2013-11-03", end="2013-11-04", timezone="America/New_York")
    names = partition_names(day)
    assert len(names) == 25
    assert names[:4] == ["2013-11-03-00:00", "2013-11-03-01:00", "2013-11-03-01:00-0500", "2013-11-03-02:00"]
    first, second = (partition_bounds(day, name) for name in names[1:3])
    assert (first[0].hour, second[0].hour) == (5, 6)


def test_an_open_end_gives_what_is_complete_now():
    partitions = Partitions(every="month", start="2013-01-01", timezone="America/New_York")
    just_before = dt.datetime(2013, 4, 1, 3, 59, tzinfo=dt.UTC)
    assert partition_names(partitions, now=just_before) == ["2013-01", "2013-02"]
    assert partition_names(partitions, now=just_before + dt.timedelta(minutes=1)) == ["2013-01", "2013-02", "2013-03"]
    assert partition_names(partitions, now=dt.datetime(2012, 1, 1, tzinfo=dt.UTC)) == []
    assert partition_names(partitions)[-1] >= "2024-01"


@pytest.mark.parametrize("name", ["2013-13", "2013-1", "2012-12", "2013-01-01", "january", "", "2013-11-03-01:00-0500"])
def test_what_is_no_partition_is_refused_with_one_that_is(name):
    with pytest.raises(SpecError, match=r"must be a partition such as '2013-01' \(by month\), however: "):
        partition_bounds(YEAR, name)


@pytest.mark.parametrize(
    "name", ["2013-11-03-01:00-0400", "2013-11-04-01:00-0500", "2013-03-10-02:00", "2013-11-03-01:30"]
)
def test_hours_that_no_clock_showed_are_refused(name):
    hours = Partitions(every="hour", start="2013-03-01", timezone="America/New_York")
    with pytest.raises(SpecError, match="must be a partition such as"):
        partition_bounds(hours, name)


def local(at, zone="America/New_York"):
    return str(at.astimezone(ZoneInfo(zone)).replace(tzinfo=None))


@pytest.mark.parametrize(
    ("validation", "test", "dates"),
    [
        ("2013-09-01", "2013-11-01", ("2013-09-01 00:00:00", "2013-11-01 00:00:00")),
        ("2 months", "2 months", ("2013-09-01 00:00:00", "2013-11-01 00:00:00")),
        ("2 months", "2013-12-01", ("2013-10-01 00:00:00", "2013-12-01 00:00:00")),
        ("2013-06-01", "4 weeks", ("2013-06-01 00:00:00", "2013-12-04 00:00:00")),
        ("10 days", "1 month", ("2013-11-21 00:00:00", "2013-12-01 00:00:00")),
        ("36 hours", "2013-11-04", ("2013-11-02 13:00:00", "2013-11-04 00:00:00")),  # one of them came twice
        (0.25, 0.25, ("2013-07-02 00:00:00", "2013-10-01 00:00:00")),
        (0.5, "3 months", ("2013-07-02 00:00:00", "2013-10-01 00:00:00")),
    ],
)
def test_splits_begin_at_local_midnights(validation, test, dates):
    found = split_dates(Splits(by="time", validation=validation, test=test), YEAR)
    assert tuple(local(at) for at in found) == dates
    assert all(at.tzinfo == dt.UTC for at in found)


def test_months_are_counted_back_to_days_that_exist():
    span = (dt.datetime(2012, 1, 1, tzinfo=dt.UTC), dt.datetime(2013, 3, 31, tzinfo=dt.UTC))
    found = split_dates(Splits(by="time", validation="1 year", test="1 month"), None, span=span)
    assert [str(at.date()) for at in found] == ["2012-02-28", "2013-02-28"]


def test_spans_move_with_the_data():
    partitions = Partitions(every="day", start="2013-01-01")
    splits = Splits(by="time", validation="7 days", test="7 days")
    for day in (10, 11):
        _, test = split_dates(splits, partitions, now=dt.datetime(2013, 6, day, 5, tzinfo=dt.UTC))
        assert test == dt.datetime(2013, 6, day - 7, tzinfo=dt.UTC)


def test_without_partitions_dates_and_spans_before_dates_need_no_end():
    found = split_dates(Splits(by="time", validation="1 month", test="2013-11-01"), None)
    assert [str(at.date()) for at in found] == ["2013-10-01", "2013-11-01"]


@pytest.mark.parametrize(
    ("validation", "test", "name"), [(0.1, "2013-11-01", "validation"), ("2013-09-01", "1 day", "test")]
)
def test_without_partitions_and_data_there_is_no_end_to_count_from(validation, test, name):
    with pytest.raises(SpecError, match=f"splits.{name} must be a date where there are no partitions, however: "):
        split_dates(Splits(by="time", validation=validation, test=test), None)
