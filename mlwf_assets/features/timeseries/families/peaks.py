"""Peaks: higher than so many neighbours, and those that ridges of a wavelet transform lead to."""

from functools import cache, partial

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch
from mlwf_assets.features.timeseries.registry import Calculator, each


def _number_peaks(batch: Batch, n: int) -> np.ndarray:
    """Readings that are higher than n neighbours on each side."""
    from mlwf_assets.features.timeseries import kernels

    supports = batch.once("supports", lambda: kernels.count_supports(batch.x))
    return np.asarray(np.sum(supports >= n, axis=1))


@cache
def _ricker(points: int, width: int) -> np.ndarray:
    """(points,) the Mexican hat."""
    places = np.arange(0, points) - (points - 1.0) / 2
    squares = places**2
    height = 2 / (np.sqrt(3 * width) * np.pi**0.25)
    return np.asarray(height * (1 - squares / width**2) * np.exp(-squares / (2 * width**2)))


def _transform(batch: Batch, width: int) -> np.ndarray:
    """(n_windows, length) convolution with the Mexican hat, rounded as SciPy rounds it.

    SciPy convolves directly or by Fourier transform, whichever is faster for the lengths; where a window is
    constant or periodic, rounding alone decides which reading is a peak.
    """
    from scipy.signal import choose_conv_method, fftconvolve

    kernel = _ricker(min(10 * width, batch.length), width)[::-1]
    if choose_conv_method(batch.x[0], kernel, mode="same") == "fft":
        return np.asarray(fftconvolve(batch.x, kernel[None, :], mode="same", axes=1))
    return np.stack([np.convolve(row, kernel, "same") for row in batch.x])


def _number_cwt_peaks(batch: Batch, n: int) -> np.ndarray:
    """Du, Kibbe and Lin (2006), Bioinformatics 22: ridges over widths 1 to n that stand out from the noise."""
    from mlwf_assets.features.timeseries import kernels

    if not batch.size:
        return batch.fill(np.nan)
    rows = [batch.once(("ricker", w), partial(_transform, batch, w)) for w in range(1, n + 1)]
    return np.asarray(
        kernels.count_ridges(np.stack(rows, axis=1), int(np.ceil(batch.length / 20)), int(np.ceil(n / 4)))
    )


CALCULATORS: tuple[Calculator, ...] = (each("number_peaks", _number_peaks), each("number_cwt_peaks", _number_cwt_peaks))
