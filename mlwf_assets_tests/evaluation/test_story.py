"""The data's story in numbers."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlwf_assets.cleaning.counts import Counts
from mlwf_assets.evaluation.story import add_up, label_over_time, summarize_split
from mlwf_assets.models.truth import Truth


def timed(days, start="2013-01-01"):
    times = pd.date_range(start, periods=len(days) if hasattr(days, "__len__") else days, freq="D", tz="UTC").as_unit(
        "us"
    )
    return pa.table({"time": pa.array(times)})


def test_counts_of_cleaning_add_up_over_partitions_table_by_table():
    month = Counts(9, 5, 2, 1, 1, dropped={"test": 1}, nulled={"odd": 2}, noted={"late": 3}, reasons={"a": 2, "b": 1})
    found = add_up(
        [{"table": "t", "partition": p, **month.as_metadata()} for p in ("1", "2")]
        + [{"table": "u", "partition": None, **Counts(1, 1).as_metadata()}]
    )
    t, u = found
    assert (t.rows_in, t.rows_out, t.quarantined, t.duplicates, t.contradictions) == (18, 10, 4, 2, 2)
    assert (t.dropped, t.nulled, t.noted, list(t.reasons.items())) == (
        {"test": 2},
        {"odd": 4},
        {"late": 6},
        [("a", 4), ("b", 2)],
    )
    assert (t.partitioned, u.partitioned, u.reasons) == (True, False, {})


def test_days_of_a_split_are_those_of_the_workflows_time_zone():
    late = pa.table({"time": pa.array([dt.datetime(2013, 11, 1, 3, tzinfo=dt.UTC)], pa.timestamp("us", "UTC"))})
    truth = Truth("binary", np.array([1.0]), ("false", "true"), ("no", "yes"))
    found = summarize_split("test", late, truth, timezone="America/New_York")
    assert (found.first, found.last, found.mean, found.shares) == (
        "2013-10-31",
        "2013-10-31",
        1.0,
        {"no": 0.0, "yes": 1.0},
    )


def test_an_empty_split_has_no_mean():
    found = summarize_split("validation", pa.table({"id": pa.array([], pa.int64())}), Truth("regression", np.array([])))
    assert (found.rows, found.first) == (0, "")
    assert np.isnan(found.mean)


@pytest.mark.parametrize(("days", "step"), [(30, 1), (200, 7), (800, 28)])
def test_the_label_goes_by_day_week_or_month(days, step):
    truth = Truth("binary", np.ones(days))
    periods = label_over_time({"train": (timed(days), truth)})
    gaps = np.diff([pd.Timestamp(one.start).toordinal() for one in periods])
    assert gaps.min() >= step
    assert sum(one.rows for one in periods) == days
    assert {one.mean for one in periods} == {1.0}


def test_weeks_begin_on_monday_and_hold_their_own_rows():
    truth = Truth("regression", np.arange(60.0))
    periods = label_over_time({"train": (timed(60), truth)})
    assert all(pd.Timestamp(one.start).weekday() == 0 for one in periods)
    assert periods[0].mean == pytest.approx(np.arange(6).mean())  # 2013-01-01 was a Tuesday


def test_without_time_or_with_several_classes_there_is_no_line():
    untimed = pa.table({"time": pa.array([None], pa.timestamp("us", "UTC"))})
    assert label_over_time({"train": (untimed, Truth("binary", np.ones(1)))}) == ()
    assert label_over_time({"train": (timed(9), Truth("multiclass", np.ones(9)))}) == ()
