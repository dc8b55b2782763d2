import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlwf_assets.features.timeseries.windows import find_windows, last_before, window_starts

READINGS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), max_size=25).map(sorted)
ASKED = st.lists(st.tuples(st.integers(-1, 3), st.integers(-5, 40)), max_size=15)


def arrays(pairs):
    pairs = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def candidates(readings, number, until):
    """Rows of a series that are known at a time, by brute force."""
    return [row for row, (series, known) in enumerate(readings) if series == number and known <= until]


@given(READINGS, ASKED, st.integers(0, 20))
def test_each_example_gets_the_last_reading_known_by_its_cutoff_if_it_is_current(readings, examples, tolerance):
    (series, known), (asked, cutoffs) = arrays(readings), arrays(examples)
    found = find_windows(series, known, asked=asked, cutoffs_us=cutoffs, tolerance_us=tolerance)
    expected = []
    for number, cutoff in examples:
        rows = candidates(readings, number, cutoff)
        expected.append(rows[-1] if rows and readings[rows[-1]][1] >= cutoff - tolerance else -1)
    assert np.append(found.anchors, -1)[found.of_example].tolist() == expected
    assert found.anchors.tolist() == sorted({row for row in expected if row >= 0})


@given(READINGS, st.integers(1, 20))
def test_a_window_reaches_back_by_its_width_and_no_further(readings, width):
    series, known = arrays(readings)
    anchors = np.arange(len(readings))
    starts = window_starts(series, known, anchors=anchors, width_us=width)
    for anchor, start in zip(anchors, starts, strict=True):
        inside = [r for r in candidates(readings, series[anchor], known[anchor]) if known[r] > known[anchor] - width]
        assert start == inside[0]


def test_nothing_to_read_and_nobody_who_asks():
    none = np.empty(0, dtype=np.int64)
    assert last_before(none, none, asked=np.array([0, -1]), times_us=np.array([5, 5])).tolist() == [-1, -1]
    found = find_windows(none, none, asked=none, cutoffs_us=none, tolerance_us=1)
    assert (found.anchors.shape, found.of_example.shape) == ((0,), (0,))
