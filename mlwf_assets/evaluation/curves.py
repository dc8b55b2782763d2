"""Curves and counts of a binary problem: ROC, precision-recall, gain, scores by class, cost by threshold.

Pure functions of truth and score; each curve is thinned to what a picture can show. Intervals are made in
`bootstrap.py`, reliability in `calibration.py`.
"""

from dataclasses import dataclass

import numpy as np

from mlwf_assets.models.metrics import Array

_POINTS = 160


@dataclass(frozen=True)
class Curve:
    """A line: x and y of the same length."""

    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Histogram:
    """Shares of rows per bin: `edges` has one more entry than `shares`."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Decision:
    """What happens when an alarm is raised from a threshold on; costs in the workflow's own unit."""

    threshold: float
    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int
    cost_false_positive: float
    cost_false_negative: float
    cost_per_1000: float
    cost_never_per_1000: float
    cost_always_per_1000: float


def _thin(x: Array, y: Array, points: int = _POINTS) -> Curve:
    """Keep the points nearest to an even grid along the curve, both ends included."""
    if len(x) > points:
        length = np.r_[0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))]
        wanted = np.linspace(0, length[-1], points)
        keep = np.unique(np.r_[0, np.searchsorted(length, wanted).clip(0, len(x) - 1), len(x) - 1])
        x, y = x[keep], y[keep]
    return Curve(tuple(np.round(x, 5).tolist()), tuple(np.round(y, 5).tolist()))


def _cumulative(y: Array, p: Array) -> tuple[Array, Array, Array]:
    """Thresholds from high to low; positives and rows at or above each."""
    order = np.argsort(-p, kind="stable")
    ordered = p[order]
    last = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])
    return ordered[last], np.cumsum(y[order])[last], (last + 1).astype(float)


def roc_curve(y: Array, p: Array) -> Curve:
    """False alarms (x) against positives found (y), as shares.

    Example:
        >>> roc_curve(np.array([0.0, 1.0]), np.array([0.1, 0.9]))
        Curve(x=(0.0, 0.0, 1.0), y=(0.0, 1.0, 1.0))
    """
    _, positives, rows = _cumulative(y, p)
    total = max(1.0, float(y.sum()))
    negatives = max(1.0, float(len(y) - y.sum()))
    return _thin(np.r_[0, (rows - positives) / negatives], np.r_[0, positives / total])


def precision_recall_curve(y: Array, p: Array) -> Curve:
    """Recall (x) against precision (y).

    Example:
        >>> precision_recall_curve(np.array([0.0, 1.0]), np.array([0.1, 0.9])).y
        (1.0, 1.0, 0.5)
    """
    _, positives, rows = _cumulative(y, p)
    precision = positives / rows
    return _thin(np.r_[0, positives / max(1.0, float(y.sum()))], np.r_[precision[0], precision])


def gain_curve(y: Array, p: Array) -> Curve:
    """Share of rows looked at, highest scores first (x), against share of positives found (y).

    Example:
        >>> gain_curve(np.array([0.0, 1.0]), np.array([0.1, 0.9]))
        Curve(x=(0.0, 0.5, 1.0), y=(0.0, 1.0, 1.0))
    """
    _, positives, rows = _cumulative(y, p)
    return _thin(np.r_[0, rows / len(y)], np.r_[0, positives / max(1.0, float(y.sum()))])


def gain_at(y: Array, p: Array, share: float) -> float:
    """The share of positives among the `share` of rows with the highest scores (ties shared evenly).

    Example:
        >>> gain_at(np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.1, 0.9, 0.2, 0.3]), 0.5)
        1.0
    """
    _, positives, rows = _cumulative(y, p)
    found = np.interp(share * len(y), np.r_[0, rows], np.r_[0, positives])
    return float(found / max(1.0, float(y.sum())))


def score_histogram(values: Array, *, low: float, high: float, bins: int = 40) -> Histogram:
    """Shares of rows in equal bins; what lies outside falls into the outer bins.

    Example:
        >>> score_histogram(np.array([0.1, 0.9]), low=0, high=1, bins=2).shares
        (0.5, 0.5)
    """
    edges = np.linspace(low, high, bins + 1)
    counts, _ = np.histogram(np.clip(values, low, high), bins=edges)
    return Histogram(tuple(np.round(edges, 6).tolist()), tuple((counts / max(1, len(values))).tolist()))


def decide(y: Array, p: Array, *, threshold: float, false_positive: float, false_negative: float) -> Decision:
    """Count right and wrong decisions at a threshold, and what they cost.

    Example:
        >>> d = decide(np.array([0.0, 1.0]), np.array([0.6, 0.9]), threshold=0.5,
        ...            false_positive=1, false_negative=4)
        >>> d.false_positive, d.cost_per_1000, d.cost_never_per_1000
        (1, 500.0, 2000.0)
    """
    said, truly, rows = p >= threshold, y > 0, max(1, len(y))
    fp, fn = int((said & ~truly).sum()), int((~said & truly).sum())
    return Decision(
        threshold=float(threshold),
        true_positive=int((said & truly).sum()),
        false_positive=fp,
        false_negative=fn,
        true_negative=int((~said & ~truly).sum()),
        cost_false_positive=false_positive,
        cost_false_negative=false_negative,
        cost_per_1000=1000 * (fp * false_positive + fn * false_negative) / rows,
        cost_never_per_1000=1000 * float(truly.sum()) * false_negative / rows,
        cost_always_per_1000=1000 * float((~truly).sum()) * false_positive / rows,
    )


def cost_curve(y: Array, p: Array, *, false_positive: float, false_negative: float) -> Curve:
    """Threshold (x, 0 to 1) against the cost of 1,000 predictions (y)."""
    thresholds = np.linspace(0, 1, 101)
    ordered_all, ordered_positive = np.sort(p), np.sort(p[y > 0])
    missed = np.searchsorted(ordered_positive, thresholds, side="left")
    below = np.searchsorted(ordered_all, thresholds, side="left")
    false_alarms = (len(p) - below) - (len(ordered_positive) - missed)
    cost = 1000 * (false_alarms * false_positive + missed * false_negative) / max(1, len(y))
    return Curve(tuple(thresholds.tolist()), tuple(np.round(cost, 3).tolist()))
