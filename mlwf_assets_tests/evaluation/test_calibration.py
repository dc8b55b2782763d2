"""Predicted against observed frequency."""

import numpy as np
import pytest
from scipy import stats
from sklearn.calibration import calibration_curve

from mlwf_assets.evaluation.calibration import reliability, wilson_interval


def test_bins_are_scikit_learns_quantile_bins():
    rng = np.random.default_rng(0)
    p = rng.random(5000)
    hits = (rng.random(5000) < p).astype(float)
    observed, predicted = calibration_curve(hits, p, n_bins=12, strategy="quantile")
    found = reliability(hits, p, bins=12)
    assert [one.predicted for one in found] == pytest.approx(predicted, abs=2e-3)
    assert [one.observed for one in found] == pytest.approx(observed, abs=1e-2)


def test_calibrated_probabilities_lie_within_their_intervals():
    rng = np.random.default_rng(1)
    p = rng.beta(1, 3, 20_000)
    found = reliability((rng.random(20_000) < p).astype(float), p)
    assert sum(one.low <= one.predicted <= one.high for one in found) >= len(found) - 2


def test_equal_predictions_are_never_split():
    found = reliability(np.array([0.0, 1.0] * 50), np.full(100, 0.3))
    assert [(one.predicted, one.observed, one.rows) for one in found] == [(0.3, 0.5, 100)]


@pytest.mark.parametrize(("hits", "rows"), [(0, 10), (3, 10), (10, 10), (250, 1000)])
def test_the_interval_is_wilsons(hits, rows):
    exact = stats.binomtest(hits, rows).proportion_ci(method="wilson")
    assert wilson_interval(hits, rows) == pytest.approx((exact.low, exact.high), abs=1e-4)


def test_no_rows_have_no_bins():
    assert reliability(np.array([]), np.array([])) == ()
    assert wilson_interval(0, 0) == (0.0, 1.0)
