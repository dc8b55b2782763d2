"""Autocorrelation: by lag, partial, and aggregated over lags."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch
from mlwf_assets.features.timeseries.registry import Calculator, Parameters, each

_AGGREGATES: Mapping[str, Callable[..., np.ndarray]] = {
    "mean": np.mean,
    "median": np.median,
    "var": np.var,
    "std": np.std,
    "max": np.max,
    "min": np.min,
}
# tsfresh's bounds below which a variance counts as none.
_NO_VARIANCE, _CLOSE_TO_ZERO = 1e-10, 1e-8


def _autocovariance_sum(batch: Batch, lag: int) -> np.ndarray:
    """(n_windows,) sum of products of readings `lag` apart, the mean taken off."""
    n = batch.length - lag
    return batch.once(("autocovariance", lag), lambda: np.sum(batch.centered[:, :n] * batch.centered[:, lag:], axis=1))


def _autocorrelation(batch: Batch, lag: int) -> np.ndarray:
    if batch.length <= lag:
        return batch.fill(np.nan)
    value = _autocovariance_sum(batch, lag) / ((batch.length - lag) * batch.variance)
    return np.where(np.abs(batch.variance) <= _CLOSE_TO_ZERO, np.nan, value)


def _agg_autocorrelation(batch: Batch, sets: Sequence[Parameters]) -> list[np.ndarray]:
    """Aggregate the autocorrelations of lags 1 to maxlag; a constant window has 0 at each lag."""
    n = batch.length
    most = min(max(int(one["maxlag"]) for one in sets), n - 1)
    if n == 1:
        return [batch.fill(0.0) for _ in sets]
    none = np.abs(batch.variance) < _NO_VARIANCE
    scale = _autocovariance_sum(batch, 0) / n
    lags = np.stack([_autocovariance_sum(batch, lag) / (n - lag) / scale for lag in range(1, most + 1)], axis=1)
    lags[none] = 0.0
    return [np.asarray(_AGGREGATES[one["f_agg"]](lags[:, : int(one["maxlag"])], axis=1)) for one in sets]


def _partial_autocorrelation(batch: Batch, sets: Sequence[Parameters]) -> list[np.ndarray]:
    """Durbin and Levinson's recursion over autocovariances that are each divided by their number of products."""
    asked = max(int(one["lag"]) for one in sets)
    most = min(asked, batch.length // 2 - 1)
    if most < 1:
        return [batch.fill(np.nan) for _ in sets]
    covariance = [_autocovariance_sum(batch, lag) / (batch.length - lag) for lag in range(most + 1)]
    first = covariance[1] / covariance[0]
    partial, weights = [batch.fill(1.0), first], [first]
    rest = covariance[0] - first * covariance[1]
    for order in range(2, most + 1):
        told = sum((w * covariance[order - j] for j, w in enumerate(weights, start=1)), batch.fill(0.0))
        new = (covariance[order] - told) / rest
        weights = [w - new * other for w, other in zip(weights, reversed(weights), strict=True)] + [new]
        rest = rest * (1 - new**2)
        partial.append(new)
    return [partial[lag] if (lag := int(one["lag"])) <= most else batch.fill(np.nan) for one in sets]


CALCULATORS: tuple[Calculator, ...] = (
    each("autocorrelation", _autocorrelation),
    Calculator(
        "agg_autocorrelation",
        _agg_autocorrelation,
        named_by=("f_agg", "maxlag"),
        serves=lambda one: one["f_agg"] in _AGGREGATES and int(one["maxlag"]) > 0,
    ),
    Calculator("partial_autocorrelation", _partial_autocorrelation, named_by=("lag",)),
)
