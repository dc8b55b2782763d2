"""A batch of windows of one length, and what several calculators need of it, each computed once.

Every intermediate is made when the first calculator asks for it. All reductions go along the rows of a C-ordered
array: NumPy then sums a row as it would sum it alone, so that a window's values do not depend on its neighbours
(no matrix product here: BLAS rounds by the size of the batch).
"""

from collections.abc import Callable, Hashable
from functools import cached_property
from typing import TypeVar, cast

import numpy as np

T = TypeVar("T")


class Batch:
    """Windows of one length.

    Args:
        values: (n_windows, length).
        times: (n_windows, length) datetime64 of the readings, where they are known.
    """

    def __init__(self, values: np.ndarray, times: np.ndarray | None = None) -> None:
        self.x = np.ascontiguousarray(values, dtype=np.float64)
        self.times = times
        self._made: dict[Hashable, object] = {}

    @property
    def size(self) -> int:
        """How many windows there are."""
        return len(self.x)

    @property
    def length(self) -> int:
        """How many readings each window has."""
        return int(self.x.shape[1])

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Make what is shared under a key, if it is not there yet."""
        if key not in self._made:
            self._made[key] = make()
        return cast("T", self._made[key])

    def fill(self, value: float) -> np.ndarray:
        """Give (n_windows,) of one value."""
        return np.full(self.size, value)

    @cached_property
    def mean(self) -> np.ndarray:
        """(n_windows,) means."""
        return np.asarray(np.mean(self.x, axis=1))

    @cached_property
    def centered(self) -> np.ndarray:
        """(n_windows, length) without the mean."""
        return np.asarray(self.x - self.mean[:, None])

    @cached_property
    def variance(self) -> np.ndarray:
        """(n_windows,) variances of the readings as they are (ddof = 0)."""
        return np.asarray(np.var(self.x, axis=1))

    @cached_property
    def std(self) -> np.ndarray:
        """(n_windows,) standard deviations (ddof = 0)."""
        return np.asarray(np.sqrt(self.variance))

    @cached_property
    def maximum(self) -> np.ndarray:
        """(n_windows,) largest values."""
        return np.asarray(np.max(self.x, axis=1))

    @cached_property
    def minimum(self) -> np.ndarray:
        """(n_windows,) smallest values."""
        return np.asarray(np.min(self.x, axis=1))

    @cached_property
    def missing(self) -> np.ndarray:
        """(n_windows,) whether a window holds a NaN."""
        return np.asarray(np.isnan(self.sorted[:, -1]))

    @cached_property
    def absolute(self) -> np.ndarray:
        """(n_windows, length) absolute values."""
        return np.abs(self.x)

    @cached_property
    def squares(self) -> np.ndarray:
        """(n_windows, length) squares."""
        return self.x * self.x

    @cached_property
    def changes(self) -> np.ndarray:
        """(n_windows, length - 1) from reading to reading."""
        return np.diff(self.x, axis=1)

    @cached_property
    def sorted(self) -> np.ndarray:
        """(n_windows, length) in ascending order, NaN last."""
        return np.sort(self.x, axis=1)

    @cached_property
    def spectrum(self) -> np.ndarray:
        """(n_windows, length // 2 + 1) discrete Fourier transform."""
        return np.fft.rfft(self.x, axis=1)

    @cached_property
    def amplitudes(self) -> np.ndarray:
        """(n_windows, length // 2 + 1) absolute values of the transform."""
        return np.asarray(np.abs(self.spectrum))

    @cached_property
    def power(self) -> np.ndarray:
        """(n_windows, n_frequencies) Welch's power spectral density, segments of at most 256 readings."""
        from scipy.signal import welch

        return np.asarray(welch(self.x, nperseg=min(self.length, 256), axis=1)[1])

    @cached_property
    def mass(self) -> np.ndarray:
        """(n_windows, length) cumulative share of the sum of absolute values."""
        return np.asarray(np.cumsum(self.absolute, axis=1) / np.sum(self.absolute, axis=1, keepdims=True))
