import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from mlwf_assets.models.calibration import (
    Calibration,
    choose_threshold,
    choose_way,
    fit_line,
    fit_temperature,
)
from mlwf_assets.models.metrics import find_metric


def auc(y, p):
    return float(find_metric("roc_auc").prepare(y, p, 0.5)(np.ones((1, len(y))))[0])


def log_loss(y, p, kind="binary"):
    return float(find_metric("log_loss", kind).prepare(y, p, 0.5)(np.ones((1, len(y))))[0])


def choose_calibration(p, y, parts, kind):
    return choose_way(p, y, parts, kind=kind)(p, y, kind)


def draw(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.02, 0.98, n)
    return (rng.random(n) < truth).astype(float), truth, np.arange(n) % 4


def test_the_line_is_the_logistic_regression_of_the_log_odds():
    y, truth, _ = draw()
    x = np.log(truth / (1 - truth))[:, None]
    reference = LogisticRegression(C=1e9, tol=1e-9).fit(2 * x - 1, y)
    found = fit_line(1 / (1 + np.exp(-(2 * x[:, 0] - 1))), y, "binary")
    assert (found.slope, found.intercept) == pytest.approx((reference.coef_[0, 0], reference.intercept_[0]), rel=1e-3)


def test_good_probabilities_stay_as_they_are():
    y, truth, parts = draw()
    assert choose_calibration(truth, y, parts, kind="binary") == Calibration()


@pytest.mark.parametrize("spoil", [lambda p: p**3, lambda p: 0.5 + (p - 0.5) / 4, lambda p: p / 3])
def test_bad_probabilities_get_better_and_keep_their_order(spoil):
    y, truth, parts = draw()
    p = spoil(truth)
    better = choose_calibration(p, y, parts, kind="binary").apply(p, "binary")
    assert log_loss(y, better) < 0.98 * log_loss(y, p)
    assert auc(y, better) == auc(y, p)
    assert abs(better.mean() - y.mean()) < 0.02


def test_of_several_classes_the_temperature_is_found_and_the_chosen_class_stays():
    rng = np.random.default_rng(0)
    truth = rng.dirichlet([1, 1, 1], 4000)
    y = np.array([rng.choice(3, p=row) for row in truth]).astype(float)
    sharp = truth**3 / (truth**3).sum(axis=1, keepdims=True)
    found = choose_calibration(sharp, y, np.arange(4000) % 4, kind="multiclass")
    assert found.slope == pytest.approx(1 / 3, rel=0.1)
    better = found.apply(sharp, "multiclass")
    assert better.sum(axis=1) == pytest.approx(np.ones(4000))
    assert (better.argmax(axis=1) == sharp.argmax(axis=1)).all()


def test_values_are_not_calibrated():
    values = np.array([1.0, 2.0])
    assert choose_calibration(values, values, np.array([0, 1]), kind="regression") == Calibration()
    assert Calibration(2.0, 1.0).apply(values, "regression") is values


def test_a_part_with_one_class_forbids_to_judge():
    y, truth, _ = draw(200)
    order = np.argsort(y)
    assert choose_calibration(truth[order] ** 3, y[order], y[order].astype(int), kind="binary") == Calibration()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0.1, 5), st.floats(-3, 3))
@settings(deadline=None)
def test_calibrated_probabilities_are_probabilities(p, slope, intercept):
    found = Calibration(slope, intercept).apply(np.array(p), "binary")
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found[np.argsort(p)]) >= 0).all()


def test_a_temperature_has_no_intercept():
    y, truth, _ = draw()
    found = fit_temperature(truth**2, y, "binary")
    assert found.intercept == 0
    assert 0.3 < found.slope < 1


@pytest.mark.parametrize(
    ("false_positive", "false_negative", "threshold"),
    [(1, 1, 0.5), (1, 3, 0.25), (0, 1, 0.0), (1, 0, 1.0), (0, 0, 0.5)],
)
def test_the_threshold_follows_from_the_costs(false_positive, false_negative, threshold):
    assert choose_threshold(false_positive=false_positive, false_negative=false_negative) == threshold


def test_at_the_threshold_the_costs_are_lowest():
    y, truth, _ = draw(100_000)
    costs = {
        t: ((truth >= t) & (y == 0)).sum() + 3 * ((truth < t) & (y == 1)).sum() for t in (0.1, 0.2, 0.25, 0.3, 0.4, 0.5)
    }
    assert min(costs, key=costs.get) == choose_threshold(false_positive=1, false_negative=3)
