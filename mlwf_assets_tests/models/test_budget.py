import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_assets.models.budget import Clock, Pace, budget_shares
from mlwf_assets.models.tuning import plan_search
from mlwf_assets.spec.names import FAMILIES


def test_trees_and_networks_get_most_of_the_time():
    assert sum(budget_shares(FAMILIES).values()) == pytest.approx(1)
    shares = budget_shares(["linear", "lightgbm", "tabm"])
    assert shares["linear"] < 0.15
    assert min(shares["lightgbm"], shares["tabm"]) > 0.35
    assert budget_shares(["tabm"]) == {"tabm": 1.0}


def test_the_clock_counts_what_an_earlier_process_used():
    now = [100.0]
    clock = Clock(50, now=lambda: now[0])
    now[0] = 110
    assert (clock.used_s(), clock.left_s()) == (10, pytest.approx(38))
    clock.carried_s = 30
    assert clock.used_s() == 40
    now[0] = 200
    assert clock.left_s() == 0


def test_one_measurement_is_taken_as_if_nothing_were_fixed_cost():
    assert Pace(((0.1, 2.0),)).estimate(1.0) == pytest.approx(20)


def test_a_second_one_tells_what_is_fixed_cost():
    pace = Pace(((0.1, 2.0),)).add(0.3, 5.0)
    assert pace.estimate(1.0) == pytest.approx(5 + 0.7 * 15)
    assert pace.add(0.3, 1.0).estimate(1.0) > 1.0  # it is never believed that more rows cost nothing


@given(st.floats(0.01, 0.5), st.floats(0.01, 100), st.floats(0.1, 1000))
def test_the_share_for_some_seconds_costs_no_more_than_those(share, seconds, budget):
    pace = Pace(((share, seconds),))
    affordable = pace.share_for(budget)
    assert 0 <= affordable <= 1
    assert pace.estimate(affordable) <= budget * (1 + 1e-9)


@given(st.floats(0.01, 1), st.floats(0.01, 100), st.floats(0.1, 1000), st.floats(0, 2))
def test_the_search_and_what_comes_after_it_fit_into_the_budget(share, seconds, left_s, refit):
    pace = Pace(((share, seconds),))
    planned, reserve_s = plan_search(pace, left_s, refit=refit)
    assert 0 <= planned <= 1
    assert 0 <= reserve_s <= 0.9 * left_s
    if planned == 1:
        assert pace.estimate(1.0) <= left_s


def test_with_ample_time_every_trial_learns_from_all_rows():
    assert plan_search(Pace(((0.05, 0.1),)), 1000.0, refit=0.5)[0] == 1.0
