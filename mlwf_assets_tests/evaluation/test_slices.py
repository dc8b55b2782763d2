"""For whom the model is worse."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from mlwf_assets.errors import DataError
from mlwf_assets.evaluation.slices import MISSING, OTHERS, judge_slices, slice_values, worst_slices
from mlwf_assets.models.truth import Truth

TIMES = pa.array([dt.datetime(2013, 11, 3, 5, 30, tzinfo=dt.UTC), None], pa.timestamp("us", "UTC"))


def test_months_and_hours_begin_in_the_workflows_time_zone():
    test = pa.table({"time": TIMES})
    assert slice_values("hour", test, pa.table({}), timezone="America/New_York") == ["01:00", MISSING]
    assert slice_values("month", test, pa.table({}), timezone="America/New_York") == ["2013-11", MISSING]
    assert slice_values("weekday", test, pa.table({}), timezone="UTC") == ["Sunday", MISSING]


def test_the_clean_rows_come_before_the_matrix():
    test, clean = pa.table({"month": ["matrix"], "size": [1]}), pa.table({"month": ["clean"]})
    assert slice_values("month", test, clean) == ["clean"]
    assert slice_values("size", test, clean) == ["1"]


def test_whole_numbers_with_gaps_keep_their_look():
    assert slice_values("n", pa.table({}), pa.table({"n": [4, None]})) == ["4", MISSING]


def test_many_different_numbers_become_five_ranges():
    found = slice_values("n", pa.table({}), pa.table({"n": np.linspace(0.5, 99.5, 100)}))
    assert len(set(found)) == 5


def test_an_unknown_column_is_an_error_that_says_where_to_look():
    with pytest.raises(DataError, match=r"however: 'carier'; correct evaluation\.slices"):
        slice_values("carier", pa.table({"id": [1]}), pa.table({"carrier": ["AA"]}))


def test_without_time_there_is_no_month():
    times = pa.table({"time": pa.array([None], pa.timestamp("us", "UTC"))})
    with pytest.raises(DataError, match="however: 'month'"):
        slice_values("month", times, pa.table({}))


def judged(seed=0, n=2000):
    """Two halves: in 'bad' the score knows nothing, in 'good' it knows much."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.5).astype(float)
    half = np.arange(n) % 2 == 0
    p = np.where(half, rng.random(n), np.clip(0.3 * y + rng.random(n) * 0.7, 0, 1))
    values = np.where(half, "bad", "good").tolist()
    values[0] = "rare"
    return judge_slices({"half": values}, Truth("binary", y), p, metric="roc_auc", overall=0.7, n=50)


def test_a_slice_is_worse_only_where_its_whole_interval_is():
    by_value = {one.value: one for one in judged()}
    assert by_value["bad"].verdict == "worse"
    assert by_value["good"].verdict == "better"
    assert by_value["rare"].verdict == "few"
    assert by_value["bad"].gap == pytest.approx(0.7 - by_value["bad"].score.value)
    assert [one.value for one in worst_slices(judged())] == ["bad"]


def test_lower_is_better_turns_the_verdict():
    y = np.zeros(400)
    p = np.r_[np.zeros(200), np.full(200, 2.0)]
    values = ["exact"] * 200 + ["off"] * 200
    found = judge_slices({"v": values}, Truth("regression", y), p, metric="mae", overall=1.0, n=30)
    assert {one.value: one.verdict for one in found} == {"exact": "better", "off": "worse"}


def test_rare_values_of_long_columns_are_put_together_and_stand_last():
    values = [f"v{i % 30}" for i in range(900)]
    rng = np.random.default_rng(0)
    truth = Truth("binary", (rng.random(900) < 0.5).astype(float))
    found = judge_slices({"v": values}, truth, rng.random(900), metric="roc_auc", overall=0.5, n=20)
    assert len(found) == 14
    assert found[-1].value == OTHERS
    assert sum(one.rows for one in found) == 900


def test_values_stand_in_natural_order():
    values = ["10", "9", "Tuesday", "Monday", "(missing)", "b"] * 10
    truth = Truth("regression", np.zeros(60))
    found = judge_slices({"v": values}, truth, np.ones(60), metric="mae", overall=1.0, n=20)
    assert [one.value for one in found] == ["Monday", "Tuesday", "9", "10", "b", "(missing)"]
