"""Fourier coefficients, their distribution, and Welch's power spectral density."""

from collections.abc import Sequence

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch
from mlwf_assets.features.timeseries.registry import Calculator, Parameters

# Below this variance (in coefficients squared) tsfresh gives no higher moments.
_NARROW = 0.5
_ATTRIBUTES = ("real", "imag", "abs", "angle")


def _fft_coefficient(batch: Batch, sets: Sequence[Parameters]) -> list[np.ndarray]:
    for one in sets:
        if one["coeff"] < 0 or one["attr"] not in _ATTRIBUTES:
            raise ValueError(
                f"fft_coefficient: coeff must not be negative and attr be among {', '.join(_ATTRIBUTES)}, "
                f"however: {dict(one)}"
            )
    known = batch.spectrum.shape[1]
    return [_part(batch, one["attr"])[:, one["coeff"]] if one["coeff"] < known else batch.fill(np.nan) for one in sets]


def _part(batch: Batch, attribute: str) -> np.ndarray:
    if attribute == "real":
        return batch.spectrum.real
    if attribute == "imag":
        return batch.spectrum.imag
    if attribute == "abs":
        return batch.amplitudes
    return batch.once("angles", lambda: np.angle(batch.spectrum, deg=True))


def _fft_aggregated(batch: Batch, sets: Sequence[Parameters]) -> list[np.ndarray]:
    """Centroid, variance, skew and kurtosis of the amplitudes over the coefficients' numbers."""
    places = np.arange(batch.amplitudes.shape[1], dtype=float)
    total = np.sum(batch.amplitudes, axis=1)
    m1, m2, m3, m4 = (np.sum(batch.amplitudes * places**power, axis=1) / total for power in range(1, 5))
    variance = m2 - m1**2
    narrow = variance < _NARROW
    kinds = {
        "centroid": m1,
        "variance": variance,
        "skew": np.where(narrow, np.nan, (m3 - 3 * m1 * variance - m1**3) / variance**1.5),
        # The last term is tsfresh's own.
        "kurtosis": np.where(narrow, np.nan, (m4 - 4 * m1 * m3 + 6 * m2 * m1**2 - 3 * m1) / variance**2),
    }
    for one in sets:
        if one["aggtype"] not in kinds:
            raise ValueError(f"fft_aggregated: aggtype must be among {', '.join(kinds)}, however: {one['aggtype']!r}")
    return [kinds[one["aggtype"]] for one in sets]


def _spkt_welch_density(batch: Batch, sets: Sequence[Parameters]) -> list[np.ndarray]:
    """Take densities by number; tsfresh moves those that there are to the front of the list, and so do we."""
    known = batch.power.shape[1]
    there = [batch.power[:, one["coeff"]] for one in sets if one["coeff"] < known]
    return there + [batch.fill(np.nan)] * (len(sets) - len(there))


CALCULATORS: tuple[Calculator, ...] = (
    Calculator("fft_coefficient", _fft_coefficient, named_by=("attr", "coeff")),
    Calculator("fft_aggregated", _fft_aggregated, named_by=("aggtype",)),
    Calculator("spkt_welch_density", _spkt_welch_density, named_by=("coeff",)),
)
