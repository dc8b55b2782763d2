"""The metrics of each kind of problem, computed for many weightings of the same rows at once.

A metric is prepared once (sorting, per-row losses) and then applied to a matrix of weights, a row per
bootstrap resample; all weights 1 give the plain value. No resampling here (`bootstrap.py`) and no curves.
ROC AUC: Fawcett (2006), ties count half; average precision: as scikit-learn's, without interpolation.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Applied = Callable[[Array], Array]

_TINY = 1e-15
ECE_BINS = 10


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: as in workflow files.
        label: as people call it.
        higher_is_better: its direction.
        prepare: (truth (n,), prediction, threshold) -> function from weights (r, n) to values (r,).
        probability: whether predictions must be probabilities for it to make sense.
        words: what it says, in a sentence.
    """

    name: str
    label: str
    higher_is_better: bool
    prepare: Callable[[Array, Array, float], Applied]
    probability: bool = False
    words: str = ""


def _average(losses: Array) -> Applied:
    return lambda w: np.asarray(w @ losses / w.sum(axis=1))


def _safe_divide(a: Array, b: Array) -> Array:
    return np.asarray(np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0))


def _tie_starts(ordered: Array) -> Array:
    """Positions at which a new value begins in an ordered array."""
    return np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])


def _positives_and_all(y: Array, p: Array) -> Callable[[Array], tuple[Array, Array]]:
    """Per distinct score, ascending: weight of the positives and of all rows."""
    order = np.argsort(p, kind="stable")
    starts, sorted_y = _tie_starts(p[order]), y[order]

    def grouped(w: Array) -> tuple[Array, Array]:
        ordered = np.take(w, order, axis=1)
        return (
            np.add.reduceat(ordered * sorted_y, starts, axis=1),
            np.add.reduceat(ordered, starts, axis=1),
        )

    return grouped


def _roc_auc(y: Array, p: Array, threshold: float) -> Applied:
    positive, negative = (
        rows[np.argsort(p[rows], kind="stable")] for rows in (np.flatnonzero(y > 0), np.flatnonzero(y <= 0))
    )
    below, upto = (np.searchsorted(p[negative], p[positive], side=side) for side in ("left", "right"))

    def apply(w: Array) -> Array:
        # Weight of the negatives up to each place, 0 before the first; a tie counts half.
        lost = np.pad(np.cumsum(np.take(w, negative, axis=1), axis=1), ((0, 0), (1, 0)))
        won = np.take(w, positive, axis=1)
        wins = np.einsum("ij,ij->i", won, np.take(lost, below, axis=1) + np.take(lost, upto, axis=1)) / 2
        return _safe_divide(wins, won.sum(axis=1) * lost[:, -1])

    return apply


def _average_precision(y: Array, p: Array, threshold: float) -> Applied:
    grouped = _positives_and_all(y, -p)

    def apply(w: Array) -> Array:
        positive, rows = grouped(w)
        precision = _safe_divide(np.cumsum(positive, axis=1), np.cumsum(rows, axis=1))
        found = np.einsum("ij,ij->i", positive, np.nan_to_num(precision))
        return _safe_divide(found, positive.sum(axis=1))

    return apply


def _log_loss(y: Array, p: Array, threshold: float) -> Applied:
    q = np.clip(p, _TINY, 1 - _TINY)
    return _average(-np.where(y > 0, np.log(q), np.log1p(-q)))


def _brier(y: Array, p: Array, threshold: float) -> Applied:
    return _average((p - y) ** 2)


def _ece(y: Array, p: Array, threshold: float) -> Applied:
    order = np.argsort(p, kind="stable")
    starts = np.unique(np.linspace(0, len(p), ECE_BINS, endpoint=False).astype(int))
    gaps = (p - y)[order]

    def apply(w: Array) -> Array:
        by_bin = np.add.reduceat(np.take(w, order, axis=1) * gaps, starts, axis=1)
        return np.asarray(np.abs(by_bin).sum(axis=1) / w.sum(axis=1))

    return apply


def _counted(formula: Callable[[Array, Array, Array, Array], Array]) -> Callable[[Array, Array, float], Applied]:
    """A metric of (true positives, false positives, false negatives, true negatives) at the threshold."""

    def prepare(y: Array, p: Array, threshold: float) -> Applied:
        said, truly = p >= threshold, y > 0
        cells = np.stack([said & truly, said & ~truly, ~said & truly, ~said & ~truly], axis=1).astype(float)
        return lambda w: formula(*(w @ cells).T)

    return prepare


def _multi_log_loss(y: Array, p: Array, threshold: float) -> Applied:
    chosen = p[np.arange(len(y)), y.astype(int)] / p.sum(axis=1)
    return _average(-np.log(np.clip(chosen, _TINY, 1)))


def _multi_accuracy(y: Array, p: Array, threshold: float) -> Applied:
    return _average((p.argmax(axis=1) == y).astype(float))


def _multi_roc_auc(y: Array, p: Array, threshold: float) -> Applied:
    classes = [k for k in range(p.shape[1]) if (y == k).any()]
    each = [_roc_auc((y == k).astype(float), p[:, k], threshold) for k in classes]
    return lambda w: np.mean([one(w) for one in each], axis=0)


def _by_class(y: Array, p: Array) -> Callable[[Array], tuple[Array, Array, Array]]:
    """Per class: weight found, weight present, weight predicted; each (resamples, classes)."""
    k = p.shape[1]
    truth, said = np.eye(k)[y.astype(int)], np.eye(k)[p.argmax(axis=1)]
    return lambda w: (w @ (truth * said), w @ truth, w @ said)


def _mean_over_present(values: Array, present: Array) -> Array:
    shown = present > 0
    return _safe_divide(np.where(shown, np.nan_to_num(values), 0).sum(axis=1), shown.sum(axis=1).astype(float))


def _balanced_accuracy(y: Array, p: Array, threshold: float) -> Applied:
    counts = _by_class(y, p)

    def apply(w: Array) -> Array:
        found, present, _ = counts(w)
        return _mean_over_present(_safe_divide(found, present), present)

    return apply


def _f1_macro(y: Array, p: Array, threshold: float) -> Applied:
    counts = _by_class(y, p)

    def apply(w: Array) -> Array:
        found, present, predicted = counts(w)
        return _mean_over_present(_safe_divide(2 * found, present + predicted), present + predicted)

    return apply


def _rmse(y: Array, p: Array, threshold: float) -> Applied:
    average = _average((p - y) ** 2)
    return lambda w: np.sqrt(average(w))


def _mae(y: Array, p: Array, threshold: float) -> Applied:
    return _average(np.abs(p - y))


def _bias(y: Array, p: Array, threshold: float) -> Applied:
    return _average(p - y)


def _r2(y: Array, p: Array, threshold: float) -> Applied:
    errors, centered = _average((p - y) ** 2), y - y.mean()
    squares, means = _average(centered**2), _average(centered)
    # A constant truth has no variance to explain: nan rather than a division by rounding noise.
    floor = 1e-12 * max(float(np.mean(y**2)), _TINY)

    def apply(w: Array) -> Array:
        variance = squares(w) - means(w) ** 2
        return 1 - _safe_divide(errors(w), np.where(variance > floor, variance, 0.0))

    return apply


_BINARY = (
    Metric("roc_auc", "ROC AUC", True, _roc_auc,
           words="how often a random positive is scored above a random negative"),
    Metric("average_precision", "Average precision", True, _average_precision,
           words="precision averaged over all shares of positives found"),
    Metric("log_loss", "Log loss", False, _log_loss, probability=True,
           words="the surprise at what happened, given the probability"),
    Metric("brier", "Brier score", False, _brier, probability=True,
           words="the mean squared error of the probability"),
    Metric("ece", "Calibration error", False, _ece, probability=True,
           words="how far probabilities stand from frequencies, on average"),
    Metric("accuracy", "Accuracy", True, _counted(lambda tp, fp, fn, tn: (tp + tn) / (tp + fp + fn + tn)),
           words="the share of right decisions at the threshold"),
    Metric("balanced_accuracy", "Balanced accuracy", True,
           _counted(lambda tp, fp, fn, tn: (_safe_divide(tp, tp + fn) + _safe_divide(tn, tn + fp)) / 2),
           words="the mean share of right decisions in both classes"),
    Metric("precision", "Precision", True, _counted(lambda tp, fp, fn, tn: _safe_divide(tp, tp + fp)),
           words="the share of alarms that are right"),
    Metric("recall", "Recall", True, _counted(lambda tp, fp, fn, tn: _safe_divide(tp, tp + fn)),
           words="the share of positives that are caught"),
    Metric("f1", "F1", True, _counted(lambda tp, fp, fn, tn: _safe_divide(2 * tp, 2 * tp + fp + fn)),
           words="the harmonic mean of precision and recall"),
)  # fmt: skip
_MULTICLASS = (
    Metric("log_loss", "Log loss", False, _multi_log_loss, probability=True,
           words="the surprise at what happened, given the probabilities"),
    Metric("accuracy", "Accuracy", True, _multi_accuracy, words="the share of rows whose class is right"),
    Metric("balanced_accuracy", "Balanced accuracy", True, _balanced_accuracy,
           words="the share found, averaged over classes"),
    Metric("f1", "F1 (macro)", True, _f1_macro, words="F1 averaged over classes"),
    Metric("roc_auc", "ROC AUC (one against rest)", True, _multi_roc_auc,
           words="how often a row of a class is scored above the others, averaged over classes"),
)  # fmt: skip
_REGRESSION = (
    Metric("rmse", "RMSE", False, _rmse, words="the root of the mean squared error"),
    Metric("mae", "MAE", False, _mae, words="the mean absolute error"),
    Metric("r2", "R²", True, _r2, words="the share of the variance that is explained"),
    Metric("bias", "Bias", True, _bias, words="the mean of predicted minus actual; best at 0"),
)  # fmt: skip
_BY_KIND = {"binary": _BINARY, "multiclass": _MULTICLASS, "regression": _REGRESSION}
_added: ContextVar[Mapping[str, Sequence[Metric]]] = ContextVar("metrics of the workflow", default=MappingProxyType({}))


def metrics_of(kind: str) -> tuple[Metric, ...]:
    """The metrics of a kind of problem, in the order in which they are shown.

    Raises:
        ValueError: if the kind is none of binary, multiclass, regression.
    Example:
        >>> [m.name for m in metrics_of("regression")]
        ['rmse', 'mae', 'r2', 'bias']
    """
    if kind not in _BY_KIND:
        raise ValueError(f"kind must be one of {', '.join(_BY_KIND)}, however: {kind!r}")
    return (*_BY_KIND[kind], *_added.get().get(kind, ()))


@contextmanager
def more_metrics(metrics: Mapping[str, Sequence[Metric]]) -> Iterator[None]:
    """Have more metrics than these, for as long as the context lasts.

    Args:
        metrics: kind of problem -> its other metrics.
    """
    token = _added.set(metrics)
    try:
        yield
    finally:
        _added.reset(token)


def find_metric(name: str, kind: str = "binary") -> Metric:
    """The metric of that name among those of a kind.

    Raises:
        ValueError: if that kind has no such metric.
    Example:
        >>> find_metric("roc_auc").higher_is_better
        True
    """
    for metric in metrics_of(kind):
        if metric.name == name:
            return metric
    known = ", ".join(m.name for m in metrics_of(kind))
    raise ValueError(f"metric of a {kind} problem must be one of {known}, however: {name!r}")


def default_metric(kind: str) -> str:
    """What is shown first where the workflow names no metric.

    Example:
        >>> default_metric("multiclass")
        'log_loss'
    """
    return {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[kind]
