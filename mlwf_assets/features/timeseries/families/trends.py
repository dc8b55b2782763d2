"""Straight lines through a window, through its chunks, and over the readings' times; the energy of chunks."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch
from mlwf_assets.features.timeseries.registry import Calculator, Parameters, each

Line = Mapping[str, np.ndarray]

# SciPy's guard against a division by zero where r is 1.
_TINY = 1e-20
_AGGREGATES: Mapping[str, Callable[..., np.ndarray]] = MappingProxyType(
    {"max": np.max, "min": np.min, "mean": np.mean, "var": np.var, "std": np.std, "sum": np.sum}
)
_ATTRIBUTES = ("slope", "intercept", "rvalue", "pvalue", "stderr")


def fit_line(x: np.ndarray, y: np.ndarray) -> Line:
    """Fit a line to each row by least squares, as SciPy's `linregress` does.

    Args:
        x: (n_points,) or (n, n_points).
        y: (n, n_points).

    Returns:
        slope, intercept, rvalue, pvalue (of no slope) and stderr (of the slope), each (n,).
    """
    from scipy.special import stdtr

    n = y.shape[1]
    x = np.broadcast_to(x, y.shape)
    mean_x, mean_y = np.mean(x, axis=1), np.mean(y, axis=1)
    apart_x, apart_y = x - mean_x[:, None], y - mean_y[:, None]
    xx, xy, yy = (np.sum(p, axis=1) / n for p in (apart_x * apart_x, apart_x * apart_y, apart_y * apart_y))
    flat = (xx == 0) | (yy == 0)
    r = np.where(flat, np.where(xy == 0, np.nan, 0.0), np.clip(xy / np.sqrt(xx * yy), -1, 1))
    slope = xy / xx
    if n == 2:
        p_value, error = np.where(y[:, 0] == y[:, 1], 1.0, 0.0), np.zeros(len(y))
    else:
        t = r * np.sqrt((n - 2) / ((1.0 - r + _TINY) * (1.0 + r + _TINY)))
        p_value, error = 2 * stdtr(n - 2, -np.abs(t)), np.sqrt((1 - r**2) * yy / xx / (n - 2))
    line = {"slope": slope, "intercept": mean_y - slope * mean_x, "rvalue": r, "pvalue": p_value, "stderr": error}
    missing = np.isnan(y).any(axis=1) | (n == 1)
    return {name: np.where(missing, np.nan, values) for name, values in line.items()}


def _linear_trend(batch: Batch, sets: Sequence[Parameters]) -> list[np.ndarray]:
    line = batch.once("line", lambda: fit_line(np.arange(batch.length, dtype=float), batch.x))
    return [line[one["attr"]] for one in sets]


def _linear_trend_timewise(batch: Batch, sets: Sequence[Parameters]) -> list[np.ndarray]:
    """The line over hours since the first reading; NaN where all readings have one time."""
    if batch.times is None:
        raise ValueError("linear_trend_timewise needs the times of the readings, however: none are given")
    passed_ns = (batch.times - batch.times[:, :1]).astype("timedelta64[ns]").astype(np.int64)
    hours = passed_ns / 1e9 / 3600.0
    line = fit_line(hours, batch.x)
    return [line[one["attr"]] for one in sets]


def _chunks(batch: Batch, length: int, aggregate: str) -> np.ndarray:
    """(n_windows, n_chunks) an aggregate of consecutive chunks, of which the last may be shorter."""
    whole = batch.length // length * length
    function = _AGGREGATES[aggregate]
    made = [function(batch.x[:, :whole].reshape(batch.size, -1, length), axis=2)] if whole else []
    if whole < batch.length:
        made.append(function(batch.x[:, whole:], axis=1)[:, None])
    return np.concatenate(made, axis=1)


def _agg_linear_trend(batch: Batch, sets: Sequence[Parameters]) -> list[np.ndarray]:
    return [_agg_line(batch, one["chunk_len"], one["f_agg"])[one["attr"]] for one in sets]


def _agg_line(batch: Batch, length: int, aggregate: str) -> Line:
    def make() -> Line:
        if length >= batch.length:
            return dict.fromkeys(_ATTRIBUTES, batch.fill(np.nan))
        chunks = _chunks(batch, length, aggregate)
        return fit_line(np.arange(chunks.shape[1], dtype=float), chunks)

    return batch.once(("line of chunks", length, aggregate), make)


def _energy_ratio(batch: Batch, num_segments: int, segment_focus: int) -> np.ndarray:
    """The share of the sum of squares that one of nearly equal chunks has."""
    if not 0 <= segment_focus < num_segments:
        raise ValueError(
            "energy_ratio_by_chunks: segment_focus must be below num_segments, "
            f"however: {segment_focus} of {num_segments}"
        )
    size, longer = divmod(batch.length, num_segments)
    start = segment_focus * size + min(segment_focus, longer)
    stop = start + size + (segment_focus < longer)
    total = batch.once("energy", lambda: np.sum(batch.squares, axis=1))
    return np.where(total == 0, np.nan, np.sum(batch.squares[:, start:stop], axis=1) / total)


def _serves(one: Parameters) -> bool:
    return one["attr"] in _ATTRIBUTES and one.get("f_agg", "max") in _AGGREGATES


CALCULATORS: tuple[Calculator, ...] = (
    Calculator("linear_trend", _linear_trend, named_by=("attr",), serves=_serves),
    Calculator("linear_trend_timewise", _linear_trend_timewise, named_by=("attr",), serves=_serves, timed=True),
    Calculator("agg_linear_trend", _agg_linear_trend, named_by=("attr", "chunk_len", "f_agg"), serves=_serves),
    each("energy_ratio_by_chunks", _energy_ratio),
)
