from hypothesis import given
from hypothesis import strategies as st

from mlwf_assets.assets.stamps import Recorder, Stamp, current, orchestration, recording


def test_overlapping_work_counts_once():
    share, gaps = orchestration([Stamp("a", 0, 6), Stamp("b", 2, 8)], 0, 10)
    assert share == 0.2
    assert [(gap.after, gap.before) for gap in gaps] == [("b", "end")]


def test_a_run_without_work_is_all_orchestration():
    share, gaps = orchestration([], 5, 7)
    assert (share, gaps[0].seconds) == (1.0, 2)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)).map(sorted)))
def test_gaps_and_work_add_up_to_the_wall_time(spans):
    share, gaps = orchestration([Stamp("x", *span) for span in spans], 0, 100)
    covered = [any(a <= point < b for a, b in spans) for point in (i + 0.5 for i in range(100))]
    assert abs(sum(gap.seconds for gap in gaps) - share * 100) < 1e-6
    assert abs(share - (1 - sum(covered) / 100)) <= 0.01 * (2 * len(spans) + 1)


def test_a_recorder_is_current_only_inside_its_block():
    with recording(Recorder()) as recorder:
        assert current() is recorder
    assert current() is not recorder
