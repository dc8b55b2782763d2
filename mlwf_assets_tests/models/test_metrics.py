import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_assets.models.metrics import default_metric, find_metric, metrics_of
from mlwf_assets.spec.names import KINDS, METRICS

THRESHOLD = 0.4
BINARY = {
    "roc_auc": reference.roc_auc_score,
    "average_precision": reference.average_precision_score,
    "log_loss": reference.log_loss,
    "brier": reference.brier_score_loss,
    "accuracy": lambda y, p: reference.accuracy_score(y, p >= THRESHOLD),
    "balanced_accuracy": lambda y, p: reference.balanced_accuracy_score(y, p >= THRESHOLD),
    "precision": lambda y, p: reference.precision_score(y, p >= THRESHOLD, zero_division=np.nan),
    "recall": lambda y, p: reference.recall_score(y, p >= THRESHOLD),
    "f1": lambda y, p: reference.f1_score(y, p >= THRESHOLD),
}
MULTICLASS = {
    "log_loss": lambda y, p: reference.log_loss(y, p, labels=np.arange(p.shape[1])),
    "accuracy": lambda y, p: reference.accuracy_score(y, p.argmax(axis=1)),
    "balanced_accuracy": lambda y, p: reference.balanced_accuracy_score(y, p.argmax(axis=1)),
    "f1": lambda y, p: reference.f1_score(y, p.argmax(axis=1), average="macro"),
    "roc_auc": lambda y, p: reference.roc_auc_score(y, p, multi_class="ovr"),
}
REGRESSION = {
    "rmse": reference.root_mean_squared_error,
    "mae": reference.mean_absolute_error,
    "r2": reference.r2_score,
}


def value(name, kind, y, p, weights=None):
    applied = find_metric(name, kind).prepare(y, p, THRESHOLD)
    return float(applied(np.ones((1, len(y))) if weights is None else weights)[0])


def draw(kind, seed, n=60):
    """Labels and predictions, some of which are equal."""
    rng = np.random.default_rng(seed)
    if kind == "regression":
        return rng.normal(size=n), rng.normal(size=n).round(1)
    if kind == "binary":
        return np.r_[0.0, 1.0, rng.integers(0, 2, n - 2)], rng.uniform(0.05, 0.95, n).round(1)
    p = rng.uniform(0.05, 1, (n, 3)).round(1) + 0.01
    return np.r_[0.0, 1.0, 2.0, rng.integers(0, 3, n - 3)], p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        (kind, *item)
        for kind, names in zip(KINDS, (BINARY, MULTICLASS, REGRESSION), strict=True)
        for item in names.items()
    ],
)
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_metrics_are_those_of_scikit_learn(kind, name, expected, seed):
    y, p = draw(kind, seed)
    assert value(name, kind, y, p) == pytest.approx(expected(y, p), nan_ok=True)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_as_if_rows_were_there_so_often(kind):
    y, p = draw(kind, 7)
    times = np.random.default_rng(1).integers(0, 4, len(y))
    for metric in metrics_of(kind):
        if metric.name == "ece":  # its bins are those of the rows as they are
            continue
        repeated = value(metric.name, kind, np.repeat(y, times), np.repeat(p, times, axis=0))
        assert value(metric.name, kind, y, p, weights=times[None].astype(float)) == pytest.approx(repeated), metric.name


def test_many_weightings_at_once_are_each_alone():
    y, p = draw("binary", 3)
    weights = np.random.default_rng(0).integers(0, 3, (5, len(y))).astype(float)
    for metric in metrics_of("binary"):
        together = metric.prepare(y, p, THRESHOLD)(weights)
        assert together == pytest.approx([value(metric.name, "binary", y, p, weights=w[None]) for w in weights])


def test_the_calibration_error_is_the_gap_of_bins():
    assert value("ece", "binary", np.array([0.0, 1.0] * 50), np.full(100, 0.5)) == pytest.approx(0, abs=1e-12)
    assert value("ece", "binary", np.ones(100), np.full(100, 0.7)) == pytest.approx(0.3)


def test_what_cannot_be_told_is_nan():
    assert np.isnan(value("roc_auc", "binary", np.ones(3), np.array([0.1, 0.2, 0.3])))
    assert np.isnan(value("r2", "regression", np.full(3, 0.1), np.array([0.1, 0.2, 0.3])))


def test_the_names_are_those_of_workflow_files():
    known = {(name, kind) for name, kinds in METRICS.items() for kind in kinds}
    assert known <= {(metric.name, kind) for kind in KINDS for metric in metrics_of(kind)}
    assert all((default_metric(kind), kind) in known for kind in KINDS)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(
        ValueError, match="metric of a regression problem must be one of rmse, mae, r2, bias, however: 'auc'"
    ):
        find_metric("auc", "regression")
    with pytest.raises(ValueError, match="kind must be one of binary, multiclass, regression, however: 'ranking'"):
        metrics_of("ranking")
