"""Intervals: right for many weightings at once, and as wide as they must be."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from mlwf_assets.evaluation.bootstrap import distribution, draw_counts, interval_of, plain_value
from mlwf_assets.models.metrics import find_metric

BINARY = {
    "roc_auc": lambda y, p, w: reference.roc_auc_score(y, p, sample_weight=w),
    "average_precision": lambda y, p, w: reference.average_precision_score(y, p, sample_weight=w),
    "log_loss": lambda y, p, w: reference.log_loss(y, p, sample_weight=w, labels=[0, 1]),
    "brier": lambda y, p, w: reference.brier_score_loss(y, p, sample_weight=w, pos_label=1),
    "accuracy": lambda y, p, w: reference.accuracy_score(y, p >= 0.5, sample_weight=w),
    "f1": lambda y, p, w: reference.f1_score(y, p >= 0.5, sample_weight=w),
}
MULTICLASS = {
    "log_loss": lambda y, p, w: reference.log_loss(y, p, sample_weight=w, labels=[0, 1, 2]),
    "accuracy": lambda y, p, w: reference.accuracy_score(y, p.argmax(1), sample_weight=w),
    "balanced_accuracy": lambda y, p, w: reference.balanced_accuracy_score(y, p.argmax(1), sample_weight=w),
    "f1": lambda y, p, w: reference.f1_score(y, p.argmax(1), sample_weight=w, average="macro"),
}
REGRESSION = {
    "rmse": lambda y, p, w: reference.root_mean_squared_error(y, p, sample_weight=w),
    "mae": lambda y, p, w: reference.mean_absolute_error(y, p, sample_weight=w),
    "r2": lambda y, p, w: reference.r2_score(y, p, sample_weight=w),
}
ORACLES = {"binary": BINARY, "multiclass": MULTICLASS, "regression": REGRESSION}
CASES = [(kind, name) for kind, found in ORACLES.items() for name in found]


def rows_of(kind, rng, n=60):
    if kind == "regression":
        y = rng.normal(size=n)
        return y, y + rng.normal(size=n)
    if kind == "binary":
        return rng.integers(0, 2, n).astype(float), (rng.integers(0, 12, n) + 0.5) / 12
    p = rng.dirichlet(np.ones(3), n)
    return rng.integers(0, 3, n).astype(float), p


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_each_resample_gives_what_scikit_learn_gives_with_its_counts_as_weights(kind, name):
    oracle = ORACLES[kind][name]
    y, p = rows_of(kind, np.random.default_rng(3))
    counts = draw_counts(len(y), n=12, seed=5)
    found = distribution(find_metric(name, kind), y, p, counts=counts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of classes that a resample lacks
        assert found == pytest.approx([oracle(y, p, row) for row in counts], abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=30))
def test_plain_roc_auc_is_scikit_learns_however_many_ties(rows):
    y, p = np.array([a for a, _ in rows], float), np.array([b for _, b in rows], float)
    found = plain_value(find_metric("roc_auc"), y, p)
    if len(set(y.tolist())) < 2:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(reference.roc_auc_score(y, p))


def test_a_resample_is_as_large_as_the_rows_and_repeatable():
    counts = draw_counts(500, n=20, seed=1)
    assert (counts.sum(axis=1) == 500).all()
    assert (counts == draw_counts(500, n=20, seed=1)).all()
    assert (counts != draw_counts(500, n=20, seed=2)).any()


@pytest.mark.soak
@pytest.mark.parametrize("name", ["roc_auc", "accuracy"])
def test_intervals_hold_the_true_value_19_times_in_20(name, full):
    rng, metric, worlds = np.random.default_rng(0), find_metric(name), 1000 if full else 120

    def draw(n):
        y = (rng.random(n) < 0.3).astype(float)
        return y, 1 / (1 + np.exp(-(rng.normal(size=n) + 1.5 * y - 1)))

    true = plain_value(metric, *draw(400_000))
    held = 0
    for world in range(worlds):
        y, p = draw(300)
        interval = interval_of(metric, y, p, counts=draw_counts(300, n=200, seed=world))
        held += interval.low <= true <= interval.high
    # Four standard errors of a frequency of 95 %, and what percentile intervals are known to lack.
    assert 0.93 - 4 * np.sqrt(0.05 * 0.95 / worlds) <= held / worlds <= 0.95 + 4 * np.sqrt(0.05 * 0.95 / worlds)


def test_what_no_resample_can_tell_has_no_interval():
    y, p = np.zeros(5), np.linspace(0, 1, 5)
    interval = interval_of(find_metric("roc_auc"), y, p, counts=draw_counts(5, n=10, seed=0))
    assert np.isnan([interval.value, interval.low, interval.high]).all()


def test_no_rows_are_no_error():
    assert np.isnan(plain_value(find_metric("accuracy"), np.array([]), np.array([])))
    assert np.isnan(distribution(find_metric("accuracy"), np.array([]), np.array([]), counts=np.empty((3, 0)))).all()
