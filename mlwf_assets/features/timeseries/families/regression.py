"""Coefficients of an autoregressive model with a constant, by least squares."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch
from mlwf_assets.features.timeseries.least_squares import factorize, pseudo_inverse, substitute
from mlwf_assets.features.timeseries.registry import Calculator, Parameters


def _fit(batch: Batch, k: int) -> np.ndarray:
    """(n_windows, k + 1) the constant and the coefficients of lags 1 to k; NaN where they cannot be told."""
    rows = batch.length - k
    fitted = np.full((batch.size, k + 1), np.nan)
    if rows < k + 1:
        return fitted
    lags = [batch.x[:, k - lag : batch.length - lag] for lag in range(1, k + 1)]
    design = np.stack([np.ones((batch.size, rows)), *lags], axis=2)
    target = batch.x[:, k:]
    triangle, sound = factorize(design, target)
    fitted[sound] = substitute(triangle[sound])
    others = np.flatnonzero(~sound & np.isfinite(batch.x[:, :-1]).all(axis=1))
    if len(others):
        inverse, _ = pseudo_inverse(design[others])
        fitted[others] = np.matmul(inverse, target[others][:, :, None])[:, :, 0]
    return fitted


def _ar_coefficient(batch: Batch, sets: Sequence[Parameters]) -> list[np.ndarray]:
    made = []
    for one in sets:
        k, coefficient = one["k"], one["coeff"]
        if coefficient > k:
            made.append(batch.fill(np.nan))
            continue
        fitted = batch.once(("autoregression", k), partial(_fit, batch, k))[:, coefficient]
        # tsfresh fills in k values where it cannot fit, and takes the one behind them for 0.
        made.append(np.where(_cannot_fit(batch, k), 0.0, fitted) if coefficient == k else fitted)
    return made


def _cannot_fit(batch: Batch, k: int) -> np.ndarray:
    """(n_windows,) where tsfresh gives up on the fit, rather than raise: too few readings, or some are -inf."""
    if batch.length < 2 * k + 1:
        return np.ones(batch.size, dtype=bool)
    lags = batch.x[:, :-1]
    return np.asarray((lags == -np.inf).any(axis=1) & (lags < np.inf).all(axis=1))


CALCULATORS: tuple[Calculator, ...] = (Calculator("ar_coefficient", _ar_coefficient, named_by=("coeff", "k")),)
