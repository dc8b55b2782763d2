"""Entropies: of a histogram, of the spectrum, of patterns that come again, of the order of readings."""

from collections.abc import Sequence

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch
from mlwf_assets.features.timeseries.registry import Calculator, Parameters, each, plain


def _histogram_entropy(values: np.ndarray, bins: int) -> np.ndarray:
    """(n,) entropy of each row's histogram of equal bins; NaN where a row is not finite."""
    from mlwf_assets.features.timeseries import kernels

    shares = kernels.histogram(np.ascontiguousarray(values), bins) / values.shape[1]
    entropy = -np.sum(shares * np.log(np.where(shares == 0, 1.0, shares)), axis=1)
    return np.where(np.isfinite(values).all(axis=1), entropy, np.nan)


def _fourier_entropy(batch: Batch, bins: int) -> np.ndarray:
    relative = batch.once("relative power", lambda: batch.power / np.max(batch.power, axis=1, keepdims=True))
    return _histogram_entropy(relative, bins)


def _sample_entropy(batch: Batch) -> np.ndarray:
    """Patterns of two and three readings that come again within a fifth of the standard deviation."""
    from mlwf_assets.features.timeseries import kernels

    two, three = kernels.count_similar_pairs(batch.x, 0.2 * batch.std)
    return np.where(batch.missing, np.nan, -np.log(three / two))


def _approximate_entropy(batch: Batch, sets: Sequence[Parameters]) -> list[np.ndarray]:
    made: list[np.ndarray] = [batch.fill(0.0)] * len(sets)
    for m in {one["m"] for one in sets}:
        mine = [i for i, one in enumerate(sets) if one["m"] == m]
        if batch.length <= m + 1:
            continue
        order = sorted(mine, key=lambda i: sets[i]["r"])
        if sets[order[0]]["r"] < 0:
            raise ValueError(f"approximate_entropy: r must not be negative, however: {sets[order[0]]['r']}")
        limits = np.stack([sets[i]["r"] * batch.std for i in order], axis=1)
        for i, values in zip(order, _approximate_entropies(batch.x, m, limits), strict=True):
            made[i] = values
    return made


def _approximate_entropies(x: np.ndarray, m: int, limits: np.ndarray) -> list[np.ndarray]:
    from mlwf_assets.features.timeseries import kernels

    short, long = kernels.mean_log_similar(x, m, limits)
    return list(np.abs(short - long).T)


def _permutation_entropy(batch: Batch, tau: int, dimension: int) -> np.ndarray:
    """Entropy of the orders of `dimension` readings, a pattern starting every `tau` readings."""
    if dimension < 2 or tau < 1:
        raise ValueError(f"permutation_entropy: dimension must be above 1 and tau above 0, however: {dimension}, {tau}")
    if batch.length < dimension:
        return batch.fill(np.nan)
    patterns = np.lib.stride_tricks.sliding_window_view(batch.x, dimension, axis=1)[:, ::tau]
    codes = np.sort(_order_codes(np.ascontiguousarray(patterns)), axis=1)
    new = np.ones(codes.shape, dtype=bool)
    new[:, 1:] = codes[:, 1:] != codes[:, :-1]
    counts = np.diff(np.append(np.flatnonzero(new), codes.size))
    shares = counts / codes.shape[1]
    rows = np.nonzero(new)[0]
    return -np.bincount(rows, weights=shares * np.log(shares), minlength=batch.size)


def _order_codes(patterns: np.ndarray) -> np.ndarray:
    """(n, m) a number for the order of each pattern of (n, m, dimension)."""
    from mlwf_assets.features.timeseries import kernels

    codes, tied = kernels.code_orders(patterns)
    if tied.any():
        # Which of two equal readings comes first is NumPy's choice.
        ranks = np.argsort(np.argsort(patterns[tied]))
        codes[tied] = ranks @ (patterns.shape[2] ** np.arange(patterns.shape[2]))
    return np.asarray(codes)


CALCULATORS: tuple[Calculator, ...] = (
    each("binned_entropy", lambda batch, max_bins: _histogram_entropy(batch.x, max_bins)),
    each("fourier_entropy", _fourier_entropy),
    plain("sample_entropy", _sample_entropy),
    Calculator("approximate_entropy", _approximate_entropy),
    each("permutation_entropy", _permutation_entropy),
)
