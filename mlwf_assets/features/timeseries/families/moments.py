"""Sums, moments, extremes and where they stand."""

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch
from mlwf_assets.features.timeseries.registry import Calculator, each, plain

# Below this pandas takes a sum of powers for a rounding error of zero.
_FLOAT_ERROR = 1e-14


def _variation_coefficient(batch: Batch) -> np.ndarray:
    return np.where(batch.mean == 0, np.nan, batch.std / batch.mean)


def _skewness(batch: Batch) -> np.ndarray:
    """Adjusted Fisher-Pearson coefficient G1."""
    n = float(batch.length)
    if n < 3:
        return batch.fill(np.nan)
    second = batch.centered**2
    m2 = _drop_float_error(np.sum(second, axis=1))
    m3 = _drop_float_error(np.sum(second * batch.centered, axis=1))
    skew = n * (n - 1) ** 0.5 / (n - 2) * (m3 / m2**1.5)
    return np.where(batch.missing, np.nan, np.where(m2 == 0, 0.0, skew))


def _kurtosis(batch: Batch) -> np.ndarray:
    """Adjusted Fisher-Pearson coefficient G2 of the readings that are not NaN."""
    gaps = np.isnan(batch.x)
    n = batch.length - np.sum(gaps, axis=1).astype(float)
    mean = np.sum(np.where(gaps, 0.0, batch.x), axis=1) / n
    second = np.where(gaps, 0.0, batch.x - mean[:, None]) ** 2
    m2, m4 = np.sum(second, axis=1), np.sum(second**2, axis=1)
    adjustment = 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))
    numerator = _drop_float_error(n * (n + 1) * (n - 1) * m4)
    denominator = _drop_float_error((n - 2) * (n - 3) * m2**2)
    kurtosis = np.where(denominator == 0, 0.0, numerator / denominator - adjustment)
    return np.where(n < 4, np.nan, kurtosis)


def _drop_float_error(power_sum: np.ndarray) -> np.ndarray:
    return np.where(np.abs(power_sum) < _FLOAT_ERROR, 0.0, power_sum)


def _symmetry_looking(batch: Batch, r: float) -> np.ndarray:
    apart = batch.once("mean to median", lambda: np.abs(batch.mean - np.median(batch.x, axis=1)))
    return np.asarray(apart < r * (batch.maximum - batch.minimum))


def _ratio_beyond_r_sigma(batch: Batch, r: float) -> np.ndarray:
    apart = batch.once("distance to mean", lambda: np.abs(batch.centered))
    return np.asarray(np.sum(apart > r * batch.std[:, None], axis=1) / batch.length)


CALCULATORS: tuple[Calculator, ...] = (
    plain("sum_values", lambda batch: np.sum(batch.x, axis=1)),
    plain("mean", lambda batch: batch.mean),
    plain("length", lambda batch: batch.fill(batch.length)),
    plain("standard_deviation", lambda batch: batch.std),
    plain("variance", lambda batch: batch.variance),
    plain("variation_coefficient", _variation_coefficient),
    plain("root_mean_square", lambda batch: np.sqrt(np.mean(batch.squares, axis=1))),
    plain("abs_energy", lambda batch: np.sum(batch.squares, axis=1)),
    plain("maximum", lambda batch: batch.maximum),
    plain("minimum", lambda batch: batch.minimum),
    plain("absolute_maximum", lambda batch: np.max(batch.absolute, axis=1)),
    plain("first_location_of_maximum", lambda batch: np.argmax(batch.x, axis=1) / batch.length),
    plain("first_location_of_minimum", lambda batch: np.argmin(batch.x, axis=1) / batch.length),
    plain("last_location_of_maximum", lambda batch: 1.0 - np.argmax(batch.x[:, ::-1], axis=1) / batch.length),
    plain("last_location_of_minimum", lambda batch: 1.0 - np.argmin(batch.x[:, ::-1], axis=1) / batch.length),
    plain("variance_larger_than_standard_deviation", lambda batch: batch.variance > batch.std),
    plain("skewness", _skewness),
    plain("kurtosis", _kurtosis),
    each("large_standard_deviation", lambda batch, r: batch.std > r * (batch.maximum - batch.minimum)),
    each("symmetry_looking", _symmetry_looking),
    each("ratio_beyond_r_sigma", _ratio_beyond_r_sigma),
)
