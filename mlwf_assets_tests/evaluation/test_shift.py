"""How features moved between the splits."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from mlwf_assets.evaluation.shift import (
    feature_shift,
    ks_distance,
    measure_shift,
    rows_to_compare,
    sample_rows,
)


def column(values, kind=None):
    return pa.chunked_array([pa.array(values, kind)])


NUMBER = {"name": "x", "kind": "numeric", "words": "The x."}
WORD = {"name": "x", "kind": "categorical", "words": "The x."}


def test_the_distance_is_scipys():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=200), rng.integers(0, 3, 150).astype(float)
    assert ks_distance(a, b) == pytest.approx(stats.ks_2samp(a, b).statistic)


def test_what_does_not_move_has_a_small_index_and_what_moves_a_large_one():
    rng = np.random.default_rng(1)
    train = column(rng.normal(size=5000))
    assert feature_shift(NUMBER, train, column(rng.normal(size=5000))).psi < 0.02
    assert feature_shift(NUMBER, train, column(rng.normal(1, 1, size=5000))).psi > 0.25


def test_what_few_rows_do_by_chance_is_told_from_a_move():
    rng = np.random.default_rng(2)
    train = column(rng.normal(size=230))
    found = [feature_shift(NUMBER, train, column(rng.normal(size=50))) for _ in range(200)]
    assert np.mean([one.psi >= 0.1 for one in found]) > 0.5
    assert 0.01 < np.mean([one.psi > one.chance for one in found]) < 0.12
    assert {one.moved for one in found} >= {"no", "by chance"}
    assert feature_shift(NUMBER, train, column(rng.normal(2, 1, size=50))).moved == "a lot"


def test_new_gaps_are_a_shift():
    train, test = column([1.0, 2.0, 3.0, 4.0] * 50), column([1.0, 2.0, None, None] * 50)
    found = feature_shift(NUMBER, train, test)
    assert (found.missing_train, found.missing_test) == (0.0, 0.5)
    assert found.psi > 0.25


def test_categories_stand_in_natural_order_with_the_rest_at_the_end():
    train, test = column(["10", "9", "9", "b", None]), column(["9", "new", "new", "b", "10"])
    found = feature_shift(WORD, train, test)
    assert found.labels == ("9", "10", "b", "others", "missing")
    assert found.test == (0.2, 0.2, 0.2, 0.4, 0.0)
    assert np.isnan(found.ks)


@pytest.mark.parametrize("values", [[None, None], [float("nan")] * 2, [7.0, 7.0]])
def test_a_feature_without_variety_is_no_error(values):
    gaps = column(values, pa.float64())
    assert feature_shift(NUMBER, gaps, gaps).psi == 0.0


def test_the_most_shifted_feature_comes_first():
    rng = np.random.default_rng(2)
    train = pa.table({"same": rng.random(500), "moved": rng.random(500)})
    test = pa.table({"same": rng.random(500), "moved": rng.random(500) + 1})
    features = [
        {"name": name, "kind": "numeric", "words": name, "columns": [f"t.{name}"]} for name in ("same", "moved")
    ]
    found = measure_shift(train, test, features)
    assert [one.name for one in found] == ["moved", "same"]
    assert found[0].columns == ("t.moved",)


def test_no_rows_have_no_shift():
    table = pa.table({"x": column([], pa.float64())})
    assert measure_shift(table, table, [NUMBER]) == ()


def test_a_sample_is_ascending_without_repeats_and_repeatable():
    rows = sample_rows(1000, at_most=100, seed=3)
    assert (np.diff(rows) > 0).all()
    assert (rows == sample_rows(1000, at_most=100, seed=3)).all()


def test_fewer_rows_are_compared_where_there_are_very_many_features():
    assert rows_to_compare(90) == 20_000
    assert 500 <= rows_to_compare(5_000) < 1_000
