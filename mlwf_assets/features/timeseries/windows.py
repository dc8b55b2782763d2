"""Finds the readings that each example may use: the last one known by its cutoff, and those before it.

Time here is the time at which a reading became known. A window ends with the last known reading, so that all
examples between two readings share it and it is computed once. Values are not looked at.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Windows:
    """What examples see of one table of readings.

    Attributes:
        anchors: (n_windows,) row of the last known reading, among the readings in order; distinct.
        of_example: (n_examples,) position among the anchors; -1: nothing current is known.
    """

    anchors: np.ndarray
    of_example: np.ndarray


def find_windows(
    series: np.ndarray, known_us: np.ndarray, *, asked: np.ndarray, cutoffs_us: np.ndarray, tolerance_us: int
) -> Windows:
    """Find the last known reading of each example.

    Args:
        series: (n,) the series of each reading, an integer from 0; readings ordered by series, then known_us.
        known_us: (n,) when each reading became known, microseconds since 1970.
        asked: (n_examples,) the series that each example asks for; -1: none.
        cutoffs_us: (n_examples,) each example's cutoff.
        tolerance_us: a reading that became known longer before the cutoff is not current.

    Returns:
        The distinct last readings, and which is whose.

    Example:
        >>> one = np.zeros(2, dtype=int)
        >>> find_windows(one, np.array([0, 60]), asked=one, cutoffs_us=np.array([59, 200]), tolerance_us=100)
        Windows(anchors=array([0]), of_example=array([ 0, -1]))
    """
    last = last_before(series, known_us, asked=asked, times_us=cutoffs_us)
    found = last >= 0
    if len(known_us):
        found &= known_us[last] >= cutoffs_us - tolerance_us
    anchors, position = np.unique(last[found], return_inverse=True)
    of_example = np.full(len(asked), -1)
    of_example[found] = position
    return Windows(anchors, of_example)


def last_before(series: np.ndarray, known_us: np.ndarray, *, asked: np.ndarray, times_us: np.ndarray) -> np.ndarray:
    """Find the last reading of a series that is known at a time, that instant included.

    Args:
        series: (n,) as for `find_windows`.
        known_us: (n,) likewise.
        asked: (m,) series.
        times_us: (m,) times.

    Returns:
        (m,) rows; -1 where there is none.
    """
    last = np.full(len(asked), -1)
    bounds = np.searchsorted(series, np.arange(series.max(initial=-1) + 2))
    for number, (start, end) in enumerate(pairwise(bounds)):
        mine = np.flatnonzero(asked == number)
        within = np.searchsorted(known_us[start:end], times_us[mine], side="right")
        last[mine] = np.where(within > 0, start + within - 1, -1)
    return last


def window_starts(series: np.ndarray, known_us: np.ndarray, *, anchors: np.ndarray, width_us: int) -> np.ndarray:
    """Find the first reading of each window, which spans `width_us` up to its last reading.

    Args:
        series: (n,) as for `find_windows`.
        known_us: (n,) likewise.
        anchors: (m,) last readings.
        width_us: the window's width; a reading exactly so old is no longer in it.

    Returns:
        (m,) rows.

    Example:
        >>> window_starts(np.zeros(3, dtype=int), np.array([0, 1, 2]), anchors=np.array([2]), width_us=2)
        array([1])
    """
    before = last_before(series, known_us, asked=series[anchors], times_us=known_us[anchors] - width_us)
    first = np.searchsorted(series, series[anchors])
    return np.where(before >= 0, before + 1, first)
