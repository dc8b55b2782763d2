"""How a window moves from reading to reading."""

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch
from mlwf_assets.features.timeseries.families.order import quantile_edge
from mlwf_assets.features.timeseries.registry import Calculator, Parameters, each, plain


def _mean_change(batch: Batch) -> np.ndarray:
    steps = batch.length - 1
    return (batch.x[:, -1] - batch.x[:, 0]) / steps if steps else batch.fill(np.nan)


def _mean_second_derivative(batch: Batch) -> np.ndarray:
    x = batch.x
    if batch.length < 3:
        return batch.fill(np.nan)
    return np.asarray((x[:, -1] - x[:, -2] - x[:, 1] + x[:, 0]) / (2 * (batch.length - 2)))


def _absolute_changes(batch: Batch) -> np.ndarray:
    return batch.once("absolute changes", lambda: np.abs(batch.changes))


def _mean_abs_change(batch: Batch) -> np.ndarray:
    return np.mean(_absolute_changes(batch), axis=1) if batch.length > 1 else batch.fill(np.nan)


def _cid_ce(batch: Batch, normalize: bool) -> np.ndarray:  # noqa: FBT001 - tsfresh's parameter
    if not normalize:
        return np.asarray(np.sqrt(np.sum(batch.changes * batch.changes, axis=1)))
    changes = np.diff(batch.centered / batch.std[:, None], axis=1)
    return np.where(batch.std == 0, 0.0, np.sqrt(np.sum(changes * changes, axis=1)))


def _lagged(batch: Batch, lag: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The readings, those `lag` later and those two lags later, as far as all three exist."""
    n = batch.length - 2 * lag
    return batch.x[:, :n], batch.x[:, lag : lag + n], batch.x[:, 2 * lag :]


def _c3(batch: Batch, lag: int) -> np.ndarray:
    if 2 * lag >= batch.length:
        return batch.fill(0.0)
    x, one, two = _lagged(batch, lag)
    return np.asarray(np.mean(two * one * x, axis=1))


def _time_reversal_asymmetry(batch: Batch, lag: int) -> np.ndarray:
    if 2 * lag >= batch.length:
        return batch.fill(0.0)
    x, one, two = _lagged(batch, lag)
    return np.asarray(np.mean(two * two * one - one * x * x, axis=1))


def _edge(batch: Batch, q: float) -> np.ndarray:
    """(n_windows, 1) quantile of the readings that are not NaN, as pandas rounds it (per cent and back)."""
    counts = batch.once("present", lambda: batch.length - np.sum(np.isnan(batch.x), axis=1))
    return batch.once(("edge", q), lambda: quantile_edge(batch.sorted, counts, q * 100.0 / 100)[:, None])


def _steps_inside(batch: Batch, ql: float, qh: float) -> tuple[np.ndarray, np.ndarray]:
    """Which changes begin and end between two quantiles, and how many per window."""

    def find() -> tuple[np.ndarray, np.ndarray]:
        low, high = _edge(batch, ql), _edge(batch, qh)
        # A quantile that is no number (of infinite readings) sorts last: nothing is above it.
        inside = (batch.x >= low) & ((batch.x <= high) | np.isnan(high))
        steps = inside[:, 1:] & inside[:, :-1]
        return steps, np.sum(steps, axis=1)

    return batch.once(("steps inside", ql, qh), find)


def _change_quantiles(batch: Batch, ql: float, qh: float, isabs: bool, f_agg: str) -> np.ndarray:  # noqa: FBT001
    """Mean or variance of the changes that begin and end between two quantiles; 0 where there are none."""
    if ql >= qh or batch.length < 2:
        return batch.fill(0.0)
    steps, count = _steps_inside(batch, ql, qh)
    changes = _absolute_changes(batch) if isabs else batch.changes
    mean = batch.once(("mean inside", ql, qh, isabs), lambda: np.sum(np.where(steps, changes, 0.0), axis=1) / count)
    if f_agg == "mean":
        return np.where(count == 0, 0.0, mean)
    apart = np.where(steps, changes - mean[:, None], 0.0)
    return np.where(count == 0, 0.0, np.sum(apart * apart, axis=1) / count)


def _serves_aggregate(parameters: Parameters) -> bool:
    return parameters["f_agg"] in {"mean", "var"}


CALCULATORS: tuple[Calculator, ...] = (
    plain("mean_change", _mean_change),
    plain("mean_abs_change", _mean_abs_change),
    plain("absolute_sum_of_changes", lambda batch: np.sum(_absolute_changes(batch), axis=1)),
    plain("mean_second_derivative_central", _mean_second_derivative),
    each("cid_ce", _cid_ce),
    each("c3", _c3),
    each("time_reversal_asymmetry_statistic", _time_reversal_asymmetry),
    each("change_quantiles", _change_quantiles, serves=_serves_aggregate),
)
