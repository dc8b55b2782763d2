"""Counts of readings: above, below, equal, between; the longest run of them; crossings."""

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch
from mlwf_assets.features.timeseries.registry import Calculator, each, plain


def _longest_run(marked: np.ndarray) -> np.ndarray:
    """(n,) length of the longest run of True in each row."""
    places = np.arange(marked.shape[1])
    last_gap = np.maximum.accumulate(np.where(marked, -1, places), axis=1)
    return np.asarray(np.max(places - last_gap, axis=1))


def _crossings(batch: Batch, m: float) -> np.ndarray:
    above = batch.x > m
    return np.asarray(np.sum(above[:, 1:] != above[:, :-1], axis=1))


def _value_count(batch: Batch, value: float) -> np.ndarray:
    same = np.isnan(batch.x) if np.isnan(value) else batch.x == value
    return np.asarray(np.sum(same, axis=1))


def _range_count(batch: Batch, **bounds: float) -> np.ndarray:
    return np.asarray(np.sum((batch.x >= bounds["min"]) & (batch.x < bounds["max"]), axis=1))


CALCULATORS: tuple[Calculator, ...] = (
    plain("count_above_mean", lambda batch: np.sum(batch.x > batch.mean[:, None], axis=1)),
    plain("count_below_mean", lambda batch: np.sum(batch.x < batch.mean[:, None], axis=1)),
    plain("longest_strike_above_mean", lambda batch: _longest_run(batch.x > batch.mean[:, None])),
    plain("longest_strike_below_mean", lambda batch: _longest_run(batch.x < batch.mean[:, None])),
    each("count_above", lambda batch, t: np.sum(batch.x >= t, axis=1) / batch.length),
    each("count_below", lambda batch, t: np.sum(batch.x <= t, axis=1) / batch.length),
    each("range_count", _range_count),
    each("value_count", _value_count),
    each("number_crossing_m", _crossings),
)
