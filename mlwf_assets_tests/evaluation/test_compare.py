"""Champion against challenger on the same rows."""

import numpy as np
import pytest

from mlwf_assets.errors import DataError
from mlwf_assets.evaluation.compare import paired_difference


def draw(n=800, seed=0):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.4).astype(float)
    return y, 1 / (1 + np.exp(-(y + rng.normal(size=n))))


def test_a_model_does_not_differ_from_itself():
    y, p = draw()
    assert paired_difference("roc_auc", y, p, p, n=50) == paired_difference("roc_auc", y, p, p.copy(), n=50)
    difference = paired_difference("roc_auc", y, p, p, n=50)
    assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)


def test_swapping_the_two_turns_the_sign():
    y, p = draw()
    worse = np.random.default_rng(1).permutation(p)
    ahead = paired_difference("roc_auc", y, p, worse, n=100, seed=3)
    behind = paired_difference("roc_auc", y, worse, p, n=100, seed=3)
    assert ahead.low > 0
    assert behind.value == pytest.approx(-ahead.value)
    assert behind.high == pytest.approx(-ahead.low, abs=0.01)


def test_pairing_tells_apart_what_single_intervals_do_not():
    y, p = draw()
    slightly = p + 0.02 * (y - 0.5)
    difference = paired_difference("roc_auc", y, slightly, p, n=200)
    assert difference.low > 0
    assert difference.high - difference.low < 0.02


def test_each_model_is_judged_at_its_own_threshold():
    y = np.array([0.0, 0.0, 1.0, 1.0])
    new, old = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.01, 0.02, 0.08, 0.09])
    assert paired_difference("accuracy", y, new, old, n=20, threshold=0.5, threshold_old=0.05).value == 0
    assert paired_difference("accuracy", y, new, old, n=20, threshold=0.5).value == 0.5


def test_rows_must_be_the_same():
    with pytest.raises(DataError, match=r"must have the same rows, at least one, however: len\(y\)=2"):
        paired_difference("accuracy", np.zeros(2), np.zeros(3), np.zeros(2))
