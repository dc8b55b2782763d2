"""Bootstrap intervals: the same rows drawn again with replacement, many times, all at once.

Resamples are kept as counts (how often is each row drawn), so that a metric sorts its rows once and each
resample is a weighting. The same counts for several models make their intervals comparable, and their
difference paired (`compare.py`). Source: Efron and Tibshirani (1993), percentile intervals.
"""

from dataclasses import dataclass

import numpy as np

from mlwf_assets.models.metrics import Array, Metric

_CELLS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % bootstrap interval; nan where it cannot be told."""

    value: float
    low: float
    high: float


def draw_counts(rows: int, *, n: int, seed: int) -> Array:
    """How often each row is drawn in each resample.

    Args:
        rows: number of rows; each resample draws as many.
        n: number of resamples.
    Returns:
        (n, rows), uint8: a row is drawn once on average, and never 256 times.
    Example:
        >>> draw_counts(5, n=3, seed=0).sum(axis=1).tolist()
        [5, 5, 5]
    """
    rng = np.random.default_rng(seed)
    counts = np.empty((n, rows), dtype=np.uint8)
    for i in range(n):
        counts[i] = np.bincount(rng.integers(0, rows, size=rows), minlength=rows)
    return counts


def plain_value(metric: Metric, y: Array, p: Array, *, threshold: float = 0.5) -> float:
    """The metric on the rows as they are; nan without rows.

    Example:
        >>> from mlwf_assets.models.metrics import find_metric
        >>> plain_value(find_metric("roc_auc"), np.array([0, 1, 1]), np.array([0.2, 0.1, 0.9]))
        0.5
    """
    if len(y) == 0:
        return float("nan")
    return float(metric.prepare(y, p, threshold)(np.ones((1, len(y))))[0])


def distribution(metric: Metric, y: Array, p: Array, *, counts: Array, threshold: float = 0.5) -> Array:
    """The metric on each resample.

    Args:
        y: (rows,) truth: 0/1, class number, or value.
        p: (rows,) prediction, or (rows, classes).
        counts: (n, rows) of `draw_counts`.
    Returns:
        (n,) values; nan where a resample does not hold what the metric needs.
    """
    if len(y) == 0:
        return np.full(len(counts), np.nan)
    apply = metric.prepare(y, p, threshold)
    step = max(1, _CELLS_AT_ONCE // len(y))
    parts = [apply(counts[i : i + step].astype(float)) for i in range(0, len(counts), step)]
    return np.concatenate(parts)


def percentile_interval(value: float, draws: Array) -> Interval:
    """The central 95 % of the draws around a value.

    Example:
        >>> percentile_interval(0.5, np.linspace(0, 1, 41))
        Interval(value=0.5, low=0.025, high=0.975)
    """
    usable = draws[np.isfinite(draws)]
    if len(usable) == 0:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(usable, [0.025, 0.975])
    return Interval(value, round(float(low), 12), round(float(high), 12))


def interval_of(metric: Metric, y: Array, p: Array, *, counts: Array, threshold: float = 0.5) -> Interval:
    """The metric with its interval.

    Example:
        >>> from mlwf_assets.models.metrics import find_metric
        >>> y, p = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])
        >>> interval_of(find_metric("roc_auc"), y, p, counts=draw_counts(4, n=50, seed=1))
        Interval(value=1.0, low=1.0, high=1.0)
    """
    draws = distribution(metric, y, p, counts=counts, threshold=threshold)
    return percentile_interval(plain_value(metric, y, p, threshold=threshold), draws)
