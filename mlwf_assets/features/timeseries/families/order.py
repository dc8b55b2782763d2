"""What is told by the sorted readings: quantiles, values that come again, mass, leading digits."""

from functools import cache

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch
from mlwf_assets.features.timeseries.registry import Calculator, each, plain


def quantile_edge(ordered: np.ndarray, counts: np.ndarray, q: float) -> np.ndarray:
    """Take a linear quantile of each row, rounded as NumPy rounds it.

    Args:
        ordered: (n, length) ascending, NaN last.
        counts: (n,) how many of a row's values count, from the left.
        q: between 0 and 1.

    Returns:
        (n,); NaN where nothing counts.
    """
    place = (counts - 1) * q
    lower = np.floor(place).astype(np.intp)
    top = place >= counts - 1
    lower = np.where(top, np.maximum(counts - 1, 0), np.maximum(lower, 0))
    upper = np.where(top, lower, lower + 1)
    rows = np.arange(len(ordered))
    a, b = ordered[rows, lower], ordered[rows, upper]
    # Past the end NumPy weighs from position -1; both sides are the same value there, and infinite ones give NaN.
    weight = np.where(top, place + 1, place - lower)
    step = b - a
    edge = np.where(weight >= 0.5, b - step * (1 - weight), a + step * weight)
    return np.where(counts > 0, edge, np.nan)


def _quantile(batch: Batch, q: float) -> np.ndarray:
    edge = quantile_edge(batch.sorted, np.full(batch.size, batch.length), q)
    return np.where(batch.missing, np.nan, edge)


def _median(batch: Batch) -> np.ndarray:
    return np.asarray(np.median(batch.x, axis=1))


def _firsts(batch: Batch) -> np.ndarray:
    """(n_windows, length) whether a sorted value is the first of its kind; all NaN are of one kind."""

    def mark() -> np.ndarray:
        first = np.ones(batch.x.shape, dtype=bool)
        before, after = batch.sorted[:, :-1], batch.sorted[:, 1:]
        first[:, 1:] = (before != after) & ~(np.isnan(before) & np.isnan(after))
        return first

    return batch.once("firsts", mark)


def _repeated(batch: Batch) -> np.ndarray:
    """(n_windows, length) whether a sorted value is there more than once."""

    def mark() -> np.ndarray:
        alone = _firsts(batch).copy()
        alone[:, :-1] &= _firsts(batch)[:, 1:]
        return ~alone

    return batch.once("repeated", mark)


def _has_duplicate_of(batch: Batch, extreme: np.ndarray) -> np.ndarray:
    return np.asarray(np.sum(batch.x == extreme[:, None], axis=1) >= 2)


def _reoccurring_values(batch: Batch) -> np.ndarray:
    firsts = _firsts(batch)
    return np.asarray(np.sum(firsts & _repeated(batch), axis=1) / np.sum(firsts, axis=1))


def _reoccurring_datapoints(batch: Batch) -> np.ndarray:
    # pandas counts values without NaN, NumPy (for the calculators around) takes NaN for a value.
    return np.asarray(np.sum(_repeated(batch) & ~np.isnan(batch.sorted), axis=1) / batch.length)


def _sum_of_reoccurring(batch: Batch, *, once: bool) -> np.ndarray:
    """Sum over values that come again; others count 0 times, which makes NaN of an infinite one."""
    products = np.where(_repeated(batch), 1.0, 0.0) * batch.sorted
    return np.asarray(np.sum(np.where(_firsts(batch), products, 0.0) if once else products, axis=1))


def _mean_n_absolute_max(batch: Batch, number_of_maxima: int) -> np.ndarray:
    if number_of_maxima <= 0:
        raise ValueError(f"mean_n_absolute_max: number_of_maxima must be positive, however: {number_of_maxima}")
    if batch.length <= number_of_maxima:
        return batch.fill(np.nan)
    ordered = batch.once("sorted absolute", lambda: np.sort(batch.absolute, axis=1))
    return np.asarray(np.mean(ordered[:, -number_of_maxima:], axis=1))


def _index_mass_quantile(batch: Batch, q: float) -> np.ndarray:
    place = (np.argmax(batch.mass >= q, axis=1) + 1) / batch.length
    total = batch.once("mass", lambda: np.sum(batch.absolute, axis=1))
    return np.where(total == 0, np.nan, place)


@cache
def _leading_digits() -> tuple[np.ndarray, np.ndarray]:
    """Doubles next to d * 10**k in order, and the digit that each begins with when written shortest."""
    bounds = np.unique([float(f"{d}e{k}") for k in range(-324, 309) for d in range(1, 10)])
    bounds = bounds[np.isfinite(bounds)]
    digits = np.array([int(np.format_float_scientific(bound)[0]) for bound in bounds])
    return bounds, digits


def _benford_correlation(batch: Batch) -> np.ndarray:
    """Correlate the leading digits' shares with Benford's law."""
    bounds, digits = _leading_digits()
    magnitudes = np.nan_to_num(batch.absolute)
    place = np.searchsorted(bounds, magnitudes, side="right") - 1
    leading = np.where(place >= 0, digits[place], 0)
    shares = np.stack([np.mean(leading == digit, axis=1) for digit in range(1, 10)], axis=1)
    law = np.log10(1 + 1 / np.arange(1.0, 10.0))
    law = law - np.mean(law)
    apart = shares - np.mean(shares, axis=1, keepdims=True)
    scale = np.sqrt(np.sum(law * law)) * np.sqrt(np.sum(apart * apart, axis=1))
    return np.asarray(np.clip(np.sum(apart * law, axis=1) / scale, -1, 1))


CALCULATORS: tuple[Calculator, ...] = (
    plain("median", _median),
    each("quantile", _quantile),
    plain("has_duplicate", lambda batch: ~np.all(_firsts(batch), axis=1)),
    plain("has_duplicate_max", lambda batch: _has_duplicate_of(batch, batch.maximum)),
    plain("has_duplicate_min", lambda batch: _has_duplicate_of(batch, batch.minimum)),
    plain("percentage_of_reoccurring_values_to_all_values", _reoccurring_values),
    plain("percentage_of_reoccurring_datapoints_to_all_datapoints", _reoccurring_datapoints),
    plain("sum_of_reoccurring_values", lambda batch: _sum_of_reoccurring(batch, once=True)),
    plain("sum_of_reoccurring_data_points", lambda batch: _sum_of_reoccurring(batch, once=False)),
    plain("ratio_value_number_to_time_series_length", lambda batch: np.sum(_firsts(batch), axis=1) / batch.length),
    each("mean_n_absolute_max", _mean_n_absolute_max),
    each("index_mass_quantile", _index_mass_quantile),
    plain("benford_correlation", _benford_correlation),
)
