"""Coefficients of the continuous wavelet transform with the Mexican hat, as PyWavelets computes them.

PyWavelets convolves the window with the wavelet's integral and takes differences. Of that only the asked places
are computed here.
"""

from collections.abc import Sequence
from functools import cache, partial

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch
from mlwf_assets.features.timeseries.registry import Calculator, Parameters


@cache
def _integral(scale: float) -> np.ndarray:
    """(n_taps,) the wavelet's integral at a scale, reversed."""
    import pywt

    integral, places = pywt.integrate_wavelet(pywt.ContinuousWavelet("mexh"), precision=12)
    taps = np.arange(scale * (places[-1] - places[0]) + 1) / (scale * (places[1] - places[0]))
    taps = taps.astype(int)
    return np.asarray(integral[taps[taps < len(integral)]][::-1])


def _convolve_at(x: np.ndarray, kernel: np.ndarray, place: int) -> np.ndarray:
    """(n,) one place of the full convolution of each row."""
    start, stop = max(0, place - len(kernel) + 1), min(x.shape[1], place + 1)
    # Taps in the order of the readings: reading j meets tap place - j.
    taps = kernel[place - stop + 1 : place - start + 1][::-1]
    return np.asarray(np.sum(x[:, start:stop] * taps, axis=1))


def _cwt_coefficients(batch: Batch, sets: Sequence[Parameters]) -> list[np.ndarray]:
    made = []
    for one in sets:
        scale, coefficient = one["w"], one["coeff"]
        if scale not in one["widths"]:
            raise ValueError(f"cwt_coefficients: w must be among widths, however: {dict(one)}")
        if coefficient >= batch.length:
            made.append(batch.fill(np.nan))
            continue
        kernel = _integral(float(scale))
        place = (len(kernel) - 2) // 2 + coefficient
        here, after = (
            batch.once(("wavelet", scale, at), partial(_convolve_at, batch.x, kernel, at)) for at in (place, place + 1)
        )
        made.append(-np.sqrt(scale) * (after - here))
    return made


def _name(one: Parameters) -> str:
    return f"coeff_{one['coeff']}__w_{one['w']}__widths_{tuple(one['widths'])}"


CALCULATORS: tuple[Calculator, ...] = (Calculator("cwt_coefficients", _cwt_coefficients, named=_name),)
