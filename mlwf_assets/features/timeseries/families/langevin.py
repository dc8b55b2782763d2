"""The deterministic part of a Langevin model: a polynomial of the mean change by quantile bin of the level.

Source: Friedrich et al. (2000), Extracting model equations from experimental data, Physics Letters A 271.
"""

import warnings
from collections.abc import Sequence

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch
from mlwf_assets.features.timeseries.families.order import quantile_edge
from mlwf_assets.features.timeseries.least_squares import factorize, substitute
from mlwf_assets.features.timeseries.registry import Calculator, Parameters, each


def _bin_means(batch: Batch, r: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means of level and change in r quantile bins of the level.

    Returns:
        (n, r) levels and (n, r) changes, NaN where a bin is empty; (n,) whether bounds differ and means are finite.
    """
    from mlwf_assets.features.timeseries import kernels

    level = np.ascontiguousarray(batch.x[:, :-1])
    ordered = np.sort(level, axis=1)
    counts = np.sum(~np.isnan(level), axis=1)
    edges = np.stack([quantile_edge(ordered, counts, q * 100.0 / 100) for q in np.linspace(0, 1, r + 1)], axis=1)
    distinct = (np.diff(edges, axis=1) != 0).all(axis=1) & np.isfinite(edges).all(axis=1)
    levels, changes = kernels.bin_means(level, batch.changes, edges)
    return levels, changes, distinct & ~np.isinf(changes).any(axis=1)


def _fit(batch: Batch, m: int, r: int) -> np.ndarray:
    """(n_windows, m + 1) coefficients, the highest power first; NaN where the bins' bounds coincide."""
    if m <= 0:
        raise ValueError(f"the order of the polynomial must be positive, however: m is {m}")
    fitted = np.full((batch.size, m + 1), np.nan)
    if batch.length < 2:
        return fitted
    levels, changes, distinct = _bin_means(batch, r)
    known = np.isfinite(levels) & np.isfinite(changes)
    # An empty bin is a row of zeros, which tells least squares nothing.
    powers = np.where(known[:, :, None], np.where(known, levels, 0.0)[:, :, None] ** np.arange(m, -1.0, -1), 0.0)
    target = np.where(known, changes, 0.0)
    scale = np.sqrt(np.sum(powers * powers, axis=1))
    enough = distinct & (np.sum(known, axis=1) > m) & (scale > 0).all(axis=1) & np.isfinite(scale).all(axis=1)
    triangle, sound = factorize(powers / np.where(scale > 0, scale, 1.0)[:, None, :], target) if r > m else (None, None)
    if triangle is not None and sound is not None:
        sound &= enough
        fitted[sound] = substitute(triangle[sound]) / scale[sound]
    else:
        sound = np.zeros(batch.size, dtype=bool)
    # LAPACK may never come back from powers that underflow to 0 / 0 or overflow to inf / inf.
    usable = (scale > 0).all(axis=1) & np.isfinite(powers).all(axis=(1, 2))
    for row in np.flatnonzero(distinct & ~sound & usable):
        fitted[row] = _fit_alone(levels[row], changes[row], m)
    return fitted


def _fit_alone(levels: np.ndarray, changes: np.ndarray, m: int) -> np.ndarray:
    known = ~(np.isnan(levels) | np.isnan(changes))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", np.exceptions.RankWarning)
            return np.polyfit(levels[known], changes[known], m)
    except (np.linalg.LinAlgError, ValueError):
        return np.full(m + 1, np.nan)


def _coefficients(batch: Batch, m: int, r: int) -> np.ndarray:
    return batch.once(("langevin", m, r), lambda: _fit(batch, m, r))


def _friedrich_coefficients(batch: Batch, sets: Sequence[Parameters]) -> list[np.ndarray]:
    made = []
    for one in sets:
        if one["coeff"] < 0:
            raise ValueError(f"friedrich_coefficients: coeff must not be negative, however: {one['coeff']}")
        within = one["coeff"] <= one["m"]
        made.append(_coefficients(batch, one["m"], one["r"])[:, one["coeff"]] if within else batch.fill(np.nan))
    return made


def _max_langevin_fixed_point(batch: Batch, r: int, m: int) -> np.ndarray:
    """The largest real part of the polynomial's roots."""
    coefficients = _coefficients(batch, m, r)
    largest = batch.fill(np.nan)
    finite = np.asarray(np.isfinite(coefficients).all(axis=1))
    full = np.asarray(finite & (coefficients[:, 0] != 0) & (coefficients[:, -1] != 0))
    if full.any():
        companion = np.zeros((int(full.sum()), m, m))
        companion[:, np.arange(1, m), np.arange(m - 1)] = 1.0
        companion[:, 0, :] = -coefficients[full, 1:] / coefficients[full, :1]
        reach = np.asarray(np.isfinite(companion).all(axis=(1, 2)))
        roots = np.asarray(np.linalg.eigvals(np.where(reach[:, None, None], companion, 0.0)))
        largest[full] = np.where(reach, np.max(np.real(roots), axis=1), np.nan)
    for row in np.flatnonzero(finite & ~full):
        largest[row] = max(np.real(np.roots(coefficients[row])), default=np.nan)
    return largest


CALCULATORS: tuple[Calculator, ...] = (
    Calculator("friedrich_coefficients", _friedrich_coefficients, named_by=("coeff", "m", "r")),
    each("max_langevin_fixed_point", _max_langevin_fixed_point),
)
