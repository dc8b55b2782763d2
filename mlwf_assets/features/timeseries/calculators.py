"""tsfresh's calculators for a batch of windows of one length at a time: same names, same values.

A calculator takes (n_windows, length) and gives (n_windows,); names are those of tsfresh's columns without
the kind. Here stand all of MinimalFCParameters and a few others of fixed cost. Definitions: Christ et al.
(2018), tsfresh, Neurocomputing 307, and its `feature_calculators`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

Calculator = Callable[[np.ndarray], np.ndarray]


def _root_mean_square(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.mean(np.square(x), axis=1)))


def _length(x: np.ndarray) -> np.ndarray:
    return np.full(len(x), float(x.shape[1]))


def _absolute_maximum(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.max(np.abs(x), axis=1))


def _mean_change(x: np.ndarray) -> np.ndarray:
    steps = x.shape[1] - 1
    return (x[:, -1] - x[:, 0]) / steps if steps else np.full(len(x), np.nan)


def _mean_abs_change(x: np.ndarray) -> np.ndarray:
    return np.mean(np.abs(np.diff(x, axis=1)), axis=1) if x.shape[1] > 1 else np.full(len(x), np.nan)


def _slope(x: np.ndarray) -> np.ndarray:
    """Least squares over 0 .. length - 1; centered first, so that large offsets cost no digits."""
    steps = np.arange(x.shape[1]) - (x.shape[1] - 1) / 2
    if len(steps) < 2:
        return np.full(len(x), np.nan)
    # No matrix product: BLAS rounds by the size of the batch, and months must equal the year bit for bit.
    return np.asarray(np.sum((x - np.mean(x, axis=1, keepdims=True)) * steps, axis=1) / np.sum(steps * steps))


CALCULATORS: Mapping[str, Calculator] = MappingProxyType(
    {
        "sum_values": lambda x: np.sum(x, axis=1),
        "median": lambda x: np.median(x, axis=1),
        "mean": lambda x: np.mean(x, axis=1),
        "length": _length,
        "standard_deviation": lambda x: np.std(x, axis=1),
        "variance": lambda x: np.var(x, axis=1),
        "root_mean_square": _root_mean_square,
        "maximum": lambda x: np.max(x, axis=1),
        "absolute_maximum": _absolute_maximum,
        "minimum": lambda x: np.min(x, axis=1),
        # How a window moves, which none of the minimal ones tells.
        "mean_change": _mean_change,
        "mean_abs_change": _mean_abs_change,
        'linear_trend__attr_"slope"': _slope,
    }
)

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "sum_values": "sum",
        "length": "number of readings",
        "standard_deviation": "standard deviation",
        "root_mean_square": "root mean square",
        "absolute_maximum": "largest absolute value",
        "mean_change": "mean change from reading to reading",
        "mean_abs_change": "mean absolute change from reading to reading",
        'linear_trend__attr_"slope"': "slope of the linear trend, per reading,",
    }
)


def calculate(
    values: np.ndarray, starts: np.ndarray, ends: np.ndarray, *, calculators: Mapping[str, Calculator]
) -> dict[str, np.ndarray]:
    """Compute features of windows of one long series, or of several laid end to end.

    Args:
        values: (n,) readings in order, none missing.
        starts: (n_windows,) where each window begins.
        ends: (n_windows,) where it ends (exclusive); an empty window gives NaN.
        calculators: name -> calculator.

    Returns:
        Name -> (n_windows,).

    Example:
        >>> ends = np.array([2, 3])
        >>> calculate(np.array([1.0, 3.0, 5.0]), ends - 2, ends, calculators={"mean": CALCULATORS["mean"]})
        {'mean': array([2., 4.])}
    """
    result = {name: np.full(len(starts), np.nan) for name in calculators}
    lengths = ends - starts
    for length in np.unique(lengths[lengths > 0]):
        chosen = np.flatnonzero(lengths == length)
        windows = np.lib.stride_tricks.sliding_window_view(values, length)
        batch = np.ascontiguousarray(windows[starts[chosen]])
        for name, calculator in calculators.items():
            result[name][chosen] = calculator(batch)
    return result
