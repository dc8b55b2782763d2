"""The loops that NumPy cannot do over a whole batch, compiled by numba once per machine.

Imported by the functions that need them, for numba takes a moment to load. Each kernel lets go of the
interpreter's lock, so that chunks of windows may be computed in threads. No fast math: a reading on a bound must
fall where NumPy puts it.
"""

from collections.abc import Callable
from typing import Any, cast

import numba
import numpy as np

_compile = cast("Callable[[Any], Any]", numba.njit(cache=True, nogil=True, error_model="numpy"))


@_compile
def _precedes(a: float, b: float) -> bool:
    """NumPy's order of sorting, NaN last."""
    return a < b or (np.isnan(b) and not np.isnan(a))


@_compile
def find_bins(bounds: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Place each value among its row's bounds: how many of them are smaller.

    Args:
        bounds: (n, k) ascending.
        values: (n, length).

    Returns:
        (n, length) from 0 to k.
    """
    found = np.empty(values.shape, np.int64)
    for row in range(values.shape[0]):
        for i in range(values.shape[1]):
            low, high = 0, bounds.shape[1]
            while low < high:
                middle = (low + high) // 2
                if _precedes(bounds[row, middle], values[row, i]):
                    low = middle + 1
                else:
                    high = middle
            found[row, i] = low
    return found


@_compile
def histogram(values: np.ndarray, bins: int) -> np.ndarray:
    """Count each row's values in equal bins between its extremes, as `numpy.histogram` does.

    Args:
        values: (n, length).
        bins: how many.

    Returns:
        (n, bins); zeros for a row that is not finite.
    """
    counts = np.zeros((values.shape[0], bins))
    edges = np.empty(bins + 1)
    for row in range(values.shape[0]):
        first, last = values[row, 0], values[row, 0]
        finite = True
        for value in values[row]:
            finite = finite and np.isfinite(value)
            first, last = min(first, value), max(last, value)
        if not finite:
            continue
        if first == last:
            first, last = first - 0.5, last + 0.5
        width = last - first
        step = width / bins
        for i in range(bins):
            edges[i] = (i * step if step != 0 else i / bins * width) + first
        edges[bins] = last
        for value in values[row]:
            place = int((value - first) / width * bins)
            if place == bins:
                place -= 1
            if value < edges[place]:
                place -= 1
            if value >= edges[place + 1] and place != bins - 1:
                place += 1
            counts[row, place] += 1
    return counts


@_compile
def bin_means(level: np.ndarray, change: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average levels and changes by bin of the level, with Kahan's compensation as pandas averages groups.

    Args:
        level: (n, length).
        change: (n, length).
        edges: (n, k + 1) ascending; a bin holds its upper edge, the first one both.

    Returns:
        Two of (n, k), NaN where a bin is empty.
    """
    n, k = level.shape[0], edges.shape[1] - 1
    sums = np.zeros((2, n, k))
    lost = np.zeros((2, k))
    counts = np.zeros(k)
    for row in range(n):
        lost[:] = 0
        counts[:] = 0
        for i in range(level.shape[1]):
            value = level[row, i]
            low, high = 0, k + 1
            while low < high:
                middle = (low + high) // 2
                if _precedes(edges[row, middle], value):
                    low = middle + 1
                else:
                    high = middle
            if value == edges[row, 0]:
                low = 1
            if low == 0 or low == k + 1 or np.isnan(value):
                continue
            counts[low - 1] += 1
            for which in range(2):
                term = (value if which == 0 else change[row, i]) - lost[which, low - 1]
                total = sums[which, row, low - 1] + term
                rest = total - sums[which, row, low - 1] - term
                lost[which, low - 1] = rest if rest == rest else 0.0  # noqa: PLR0124 - NaN of infinite terms
                sums[which, row, low - 1] = total
        for which in range(2):
            for i in range(k):
                sums[which, row, i] = sums[which, row, i] / counts[i] if counts[i] > 0 else np.nan
    return sums[0], sums[1]


@_compile
def count_similar_pairs(x: np.ndarray, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count ordered pairs of different places whose next two, and next three, readings differ by a limit at most.

    Args:
        x: (n, length).
        limits: (n,); where one is NaN no place is even similar to itself, and counts below zero come out.

    Returns:
        Two of (n,).
    """
    n, length = x.shape
    two, three = np.zeros(n), np.zeros(n)
    for row in range(n):
        v, limit = x[row], limits[row]
        if not limit >= 0:
            two[row], three[row] = -max(length - 1, 0), -max(length - 2, 0)
            continue
        pairs_2, pairs_3 = 0, 0
        for i in range(length - 1):
            for j in range(i + 1, length - 1):
                if abs(v[i] - v[j]) <= limit and abs(v[i + 1] - v[j + 1]) <= limit:
                    pairs_2 += 1
                    if j + 2 < length and abs(v[i + 2] - v[j + 2]) <= limit:
                        pairs_3 += 1
        two[row], three[row] = 2 * pairs_2, 2 * pairs_3
    return two, three


@_compile
def mean_log_similar(  # noqa: C901 - a compiled loop is not cheaper to read in pieces
    x: np.ndarray, m: int, limits: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Average the logarithm of the share of places whose next m (and m + 1) readings are similar, by limit.

    Args:
        x: (n, length).
        m: length of the shorter patterns.
        limits: (n, k) ascending.

    Returns:
        Two of (n, k), for patterns of m and of m + 1 readings.
    """
    n, length = x.shape
    k = limits.shape[1]
    made = np.zeros((2, n, k))
    places = length - m + 1
    similar = np.empty((2, places, k + 1))
    for row in range(n):
        v = x[row]
        similar[:] = 0
        for i in range(places):
            for j in range(i + 1, places):
                apart = 0.0
                for step in range(m):
                    apart = max(apart, abs(v[i + step] - v[j + step]))
                level = 0
                while level < k and not apart <= limits[row, level]:
                    level += 1
                similar[0, i, level] += 1
                similar[0, j, level] += 1
                if j + m < length:
                    further = abs(v[i + m] - v[j + m])
                    while level < k and not further <= limits[row, level]:
                        level += 1
                    similar[1, i, level] += 1
                    similar[1, j, level] += 1
        for longer in range(2):
            size = places - longer
            for level in range(k):
                alike = 1.0 if limits[row, level] >= 0 else 0.0
                total = 0.0
                for i in range(size):
                    if level > 0:
                        similar[longer, i, level] += similar[longer, i, level - 1]
                    total += np.log((similar[longer, i, level] + alike) / size)
                made[longer, row, level] = total / size
    return made[0], made[1]


@_compile
def code_orders(patterns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the order in which a pattern's readings stand.

    Args:
        patterns: (n, m, dimension).

    Returns:
        (n, m) codes: the rank of reading i times dimension ** i, summed; (n, m) whether two readings are equal,
        or one is no number, so that the code says nothing.
    """
    n, m, dimension = patterns.shape
    codes = np.zeros((n, m), np.int64)
    tied = np.zeros((n, m), np.bool_)
    for row in range(n):
        for place in range(m):
            code, weight = 0, 1
            for i in range(dimension):
                rank = 0
                value = patterns[row, place, i]
                for j in range(dimension):
                    other = patterns[row, place, j]
                    rank += other < value
                    if i != j and not (other < value or other > value):
                        tied[row, place] = True
                code += rank * weight
                weight *= dimension
            codes[row, place] = code
    return codes, tied


@_compile
def count_pieces(symbols: np.ndarray, bins: int) -> np.ndarray:
    """Count the different pieces of Lempel and Ziv's parse.

    Args:
        symbols: (n, length) from 0 to bins.
        bins: the largest symbol.

    Returns:
        (n,).
    """
    n, length = symbols.shape
    pieces = np.zeros(n)
    # A tree of pieces: each node knows its first child, its next sibling and its symbol.
    child, sibling, symbol = (
        np.zeros(length + 1, np.int64),
        np.zeros(length + 1, np.int64),
        np.zeros(length + 1, np.int64),
    )
    for row in range(n):
        nodes, here = 1, 0
        child[0] = 0
        for i in range(length):
            node = child[here]
            while node != 0 and symbol[node] != symbols[row, i]:
                node = sibling[node]
            if node != 0:
                here = node
                continue
            symbol[nodes], child[nodes], sibling[nodes] = symbols[row, i], 0, child[here]
            child[here] = nodes
            nodes += 1
            here = 0
        pieces[row] = nodes - 1
    return pieces


@_compile
def count_supports(x: np.ndarray) -> np.ndarray:
    """Count on how many neighbours on both sides a reading looks down, as far as there are neighbours.

    Args:
        x: (n, length).

    Returns:
        (n, length).
    """
    n, length = x.shape
    supports = np.zeros((n, length), np.int64)
    for row in range(n):
        for i in range(length):
            far = 0
            while (
                i - far > 0
                and i + far + 1 < length
                and x[row, i] > x[row, i - far - 1]
                and x[row, i] > x[row, i + far + 1]
            ):
                far += 1
            supports[row, i] = far
    return supports


@_compile
def _tenth_percentile(values: np.ndarray) -> float:
    ordered = np.sort(values)
    place = 10 / 100.0 * (len(ordered) - 1)
    low = int(place)
    if low == place:
        return float(ordered[low])
    weights = (low + 1 - place) + (place - low)
    return float((ordered[low] * (low + 1 - place) + ordered[low + 1] * (place - low)) / weights)


@_compile
def count_ridges(  # noqa: C901, PLR0912 - as above
    transform: np.ndarray, noise_window: int, shortest: int
) -> np.ndarray:
    """Count ridges of wavelet transforms that stand out from the noise, as SciPy's `find_peaks_cwt` finds them.

    Args:
        transform: (n, n_widths, length), widths 1, 2, ...
        noise_window: how many places tell the noise around one.
        shortest: how many points a ridge must have.

    Returns:
        (n,).
    """
    n, widths, length = transform.shape
    found = np.zeros(n)
    half, odd = noise_window // 2, noise_window % 2
    # Of each living ridge: its last column, rows since then, its points.
    column, gap, points = (
        np.zeros(widths * length, np.int64),
        np.zeros(widths * length, np.int64),
        np.zeros(widths * length, np.int64),
    )
    before = np.zeros(widths * length, np.int64)
    ended_row, ended_column = np.zeros(widths * length, np.int64), np.zeros(widths * length, np.int64)
    last_row = np.zeros(widths * length, np.int64)
    for window in range(n):
        lines, ended = 0, 0
        for row in range(widths - 1, -1, -1):
            t = transform[window, row]
            old = lines
            for line in range(old):
                gap[line] += 1
                before[line] = column[line]
            for i in range(1, length - 1):
                if not (t[i] > t[i - 1] and t[i] > t[i + 1]):
                    continue
                closest = -1
                for line in range(old):
                    if closest < 0 or abs(i - before[line]) < abs(i - before[closest]):
                        closest = line
                if closest >= 0 and abs(i - before[closest]) <= (row + 1) / 4.0:
                    column[closest], gap[closest], last_row[closest] = i, 0, row
                    points[closest] += 1
                else:
                    column[lines], gap[lines], points[lines], last_row[lines] = i, 0, 1, row
                    lines += 1
            kept = 0
            for line in range(lines):
                if gap[line] > 1:
                    if points[line] >= shortest:
                        ended_row[ended], ended_column[ended] = last_row[line], column[line]
                        ended += 1
                    continue
                column[kept], gap[kept], points[kept], last_row[kept] = (
                    column[line],
                    gap[line],
                    points[line],
                    last_row[line],
                )
                kept += 1
            lines = kept
        for line in range(lines):
            if points[line] >= shortest:
                ended_row[ended], ended_column[ended] = last_row[line], column[line]
                ended += 1
        for line in range(ended):
            place = ended_column[line]
            start, stop = max(place - half, 0), min(place + half + odd, length)
            noise = _tenth_percentile(transform[window, 0, start:stop])
            if not abs(transform[window, ended_row[line], place] / noise) < 1:
                found[window] += 1
    return found
