"""Curves: the same as scikit-learn's, however many points are kept."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from mlwf_assets.evaluation import curves

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40).filter(
    lambda rows: len({a for a, _ in rows}) == 2
)


def as_arrays(rows):
    return np.array([a for a, _ in rows], float), np.array([b for _, b in rows]) / 6


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_the_area_below_the_roc_curve_is_roc_auc(rows):
    y, p = as_arrays(rows)
    curve = curves.roc_curve(y, p)
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(reference.roc_auc_score(y, p), abs=1e-4)


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_the_steps_of_precision_over_recall_are_average_precision(rows):
    y, p = as_arrays(rows)
    curve = curves.precision_recall_curve(y, p)
    area = float(np.sum(np.diff(curve.x) * np.array(curve.y[1:])))
    assert area == pytest.approx(reference.average_precision_score(y, p), abs=1e-4)


def test_many_points_are_thinned_without_changing_the_picture():
    rng = np.random.default_rng(0)
    y = (rng.random(20_000) < 0.3).astype(float)
    p = rng.normal(size=20_000) + y
    thin = curves.roc_curve(y, p)
    assert len(thin.x) <= 165
    assert (thin.x[0], thin.y[0], thin.x[-1], thin.y[-1]) == (0.0, 0.0, 1.0, 1.0)
    fpr, tpr, _ = reference.roc_curve(y, p)
    assert np.interp(thin.x[1:-1], fpr, tpr) == pytest.approx(thin.y[1:-1], abs=2e-3)


def test_gain_ends_with_everything_and_shares_ties_evenly():
    y, p = np.array([1.0, 0.0, 1.0, 0.0]), np.full(4, 0.5)
    assert curves.gain_curve(y, p) == curves.Curve((0.0, 1.0), (0.0, 1.0))
    assert curves.gain_at(y, p, 0.25) == pytest.approx(0.25)


def test_the_decision_counts_what_the_confusion_matrix_of_scikit_learn_counts():
    rng = np.random.default_rng(1)
    y, p = (rng.random(500) < 0.3).astype(float), rng.random(500)
    made = curves.decide(y, p, threshold=0.4, false_positive=2, false_negative=5)
    (tn, fp), (fn, tp) = reference.confusion_matrix(y, p >= 0.4)
    assert (made.true_negative, made.false_positive, made.false_negative, made.true_positive) == (tn, fp, fn, tp)
    assert made.cost_per_1000 == pytest.approx(2 * (2 * fp + 5 * fn))
    assert made.cost_never_per_1000 == pytest.approx(10 * y.sum())
    assert made.cost_always_per_1000 == pytest.approx(4 * (1 - y).sum())


def test_the_cost_curve_goes_through_every_decision():
    rng = np.random.default_rng(2)
    y, p = (rng.random(300) < 0.3).astype(float), rng.integers(0, 101, 300) / 100
    curve = curves.cost_curve(y, p, false_positive=1, false_negative=3)
    for i in (0, 25, 50, 100):
        made = curves.decide(y, p, threshold=curve.x[i], false_positive=1, false_negative=3)
        assert curve.y[i] == pytest.approx(made.cost_per_1000, abs=1e-3)


def test_a_histogram_holds_all_rows_outliers_included():
    found = curves.score_histogram(np.array([-9.0, 0.1, 0.9, 9.0]), low=0, high=1, bins=4)
    assert sum(found.shares) == 1.0
    assert found.shares[0] == found.shares[-1] == 0.5


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_single_class_is_drawn_without_dividing_by_zero(label):
    y, p = np.full(3, label), np.array([0.1, 0.2, 0.3])
    for draw in (curves.roc_curve, curves.precision_recall_curve, curves.gain_curve):
        assert np.isfinite(draw(y, p).y).all()
