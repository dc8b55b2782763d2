import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from statsmodels.stats.multitest import multipletests
from tsfresh.feature_selection import significance_tests as reference

from mlwf_assets.features.significance import (
    Target,
    assess_categories,
    assess_missing,
    assess_numbers,
    choose_relevant,
    combine_tests,
    rank,
)

N = st.shared(st.integers(3, 50), key="n")
VALUES = hnp.arrays(float, N, elements=st.integers(-4, 4) | st.floats(-1e3, 1e3))
SWITCH = hnp.arrays(bool, N)
NUMBERS = hnp.arrays(float, N, elements=st.integers(-3, 3))


def binary(members):
    return Target(members[None], members.astype(int))


def number(values):
    return Target(np.empty((0, len(values)), dtype=bool), values)


def assess(values, target):
    return float(assess_numbers(values, rank(values), target=target)[0])


def both_occur(members):
    return 0 < members.sum() < len(members)


@given(hnp.arrays(float, N, elements=st.integers(-4, 4) | st.just(np.nan) | st.floats(-1e3, 1e3)))
def test_ranks_are_scipy_s_and_gaps_stay(values):
    expected = stats.rankdata(values, nan_policy="omit")
    np.testing.assert_array_equal(rank(values), expected)


@given(VALUES, SWITCH)
def test_a_number_against_a_class_is_tested_as_tsfresh_does(values, members):
    assume(len(np.unique(values)) > 2 and both_occur(members))
    expected = reference.target_binary_feature_real_test(pd.Series(values), pd.Series(members), "mann")
    assert assess(values, binary(members)) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_many_rows_are_tested_as_tsfresh_does():
    rng = np.random.default_rng(0)
    members = rng.random(30_000) < 0.2
    for values in (rng.normal(size=30_000) + members, rng.integers(0, 5, 30_000) * 1.0, rng.normal(size=30_000)):
        expected = reference.target_binary_feature_real_test(pd.Series(values), pd.Series(members), "mann")
        assert assess(values, binary(members)) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(SWITCH, hnp.arrays(bool, N))
def test_a_switch_against_a_class_is_tested_as_tsfresh_does(values, members):
    assume(both_occur(values) and both_occur(members))
    expected = reference.target_binary_feature_binary_test(pd.Series(values * 1.0), pd.Series(members))
    assert assess(values * 3.0, binary(members)) == pytest.approx(expected, rel=1e-9)
    assert assess_missing(values, target=binary(members))[0] == pytest.approx(expected, rel=1e-9)


@given(VALUES, NUMBERS)
def test_a_number_against_a_number_is_tested_as_tsfresh_does(values, labels):
    assume(len(np.unique(values)) > 2 and len(np.unique(labels)) > 1)
    expected = reference.target_real_feature_real_test(pd.Series(values), pd.Series(labels))
    assert assess(values, number(labels)) == pytest.approx(expected, rel=1e-9, nan_ok=True)


@settings(max_examples=50)
@given(SWITCH, NUMBERS)
@pytest.mark.filterwarnings("ignore:ks_2samp. Exact calculation unsuccessful:RuntimeWarning")
def test_a_switch_against_a_number_is_tested_as_tsfresh_does(values, labels):
    assume(both_occur(values) and len(np.unique(labels)) > 1)
    expected = reference.target_real_feature_binary_test(pd.Series(values * 1.0), pd.Series(labels))
    assert assess(values * 1.0, number(labels)) == pytest.approx(expected, rel=1e-9)


def test_where_scipy_must_fall_back_nobody_is_warned():
    values, labels = np.repeat([1.0, 0.0], 7), np.append(0.0, np.ones(13))
    with pytest.warns(RuntimeWarning, match="Exact calculation unsuccessful"):
        expected = stats.ks_2samp(labels[:7], labels[7:]).pvalue
    assert assess(values, number(labels)) == expected


def test_each_class_is_tested_against_the_rest():
    values = np.random.default_rng(1).normal(size=60)
    codes = np.arange(60) % 3
    target = Target(np.stack([codes == code for code in range(3)]), codes)
    expected = [assess(values, binary(codes == code)) for code in range(3)]
    assert assess_numbers(values, rank(values), target=target).tolist() == expected


@given(st.lists(st.floats(0, 1) | st.just(0.01), min_size=1, max_size=40), st.sampled_from([0.01, 0.05, 0.5]))
def test_what_is_relevant_is_chosen_as_benjamini_and_yekutieli_do(p_values, fdr_level):
    for independent, method in ((False, "fdr_by"), (True, "fdr_bh")):
        expected = multipletests(p_values, fdr_level, method)[0]
        found = choose_relevant(np.array(p_values), fdr_level=fdr_level, independent=independent)
        assert found.tolist() == expected.tolist()


def test_a_test_without_a_p_value_is_not_relevant_but_counts():
    assert choose_relevant(np.array([0.02, np.nan, np.nan]), fdr_level=0.05).tolist() == [False] * 3
    assert choose_relevant(np.array([0.02]), fdr_level=0.05).tolist() == [True]


def test_nothing_asked_gives_nothing():
    assert choose_relevant(np.empty(0), fdr_level=0.05).shape == (0,)


def test_categories_are_tested_by_chi_squared():
    rng = np.random.default_rng(2)
    codes, members = rng.integers(0, 3, 300), rng.random(300) < 0.4
    expected = stats.chi2_contingency(pd.crosstab(codes, members), correction=False).pvalue
    assert assess_categories(codes, target=binary(members))[0] == pytest.approx(expected, rel=1e-9)


def test_categories_against_a_number_are_tested_by_kruskal_and_wallis():
    rng = np.random.default_rng(3)
    codes, values = rng.integers(0, 3, 300), rng.normal(size=300)
    expected = stats.kruskal(*(values[codes == code] for code in range(3))).pvalue
    assert assess_categories(codes, target=number(values))[0] == pytest.approx(expected, rel=1e-9)


def test_rare_categories_are_pooled_until_five_rows_are_expected_in_each_cell():
    members = np.arange(120) % 2 == 0
    # Two frequent ones, and ten rare ones that are large enough together.
    codes = np.concatenate([np.zeros(50, int), np.ones(50, int), 2 + np.arange(20) // 2])
    pooled = np.minimum(codes, 2)
    expected = stats.chi2_contingency(pd.crosstab(pooled, members), correction=False).pvalue
    assert assess_categories(codes, target=binary(members))[0] == pytest.approx(expected, rel=1e-9)


def test_what_is_too_rare_even_when_pooled_joins_the_smallest_other():
    members = np.arange(103) % 2 == 0
    codes = np.concatenate([np.zeros(60, int), np.ones(40, int), [2, 3, 4]])
    joined = np.minimum(codes, 1)
    expected = stats.chi2_contingency(pd.crosstab(joined, members), correction=False).pvalue
    assert assess_categories(codes, target=binary(members))[0] == pytest.approx(expected, rel=1e-9)


@given(hnp.arrays(int, N, elements=st.integers(0, 60)), SWITCH, NUMBERS)
def test_rare_categories_never_break_a_test(codes, members, values):
    for target in (binary(members), number(values)):
        p_value = assess_categories(codes, target=target)[0]
        assert 0 <= p_value <= 1


def test_an_id_of_many_values_says_nothing():
    members = np.arange(100) % 3 == 0
    assert assess_categories(np.arange(100), target=binary(members)).tolist() == [1.0]
    assert assess_categories(np.arange(4), target=number(np.arange(4.0))).tolist() == [1.0]


def test_a_constant_number_to_predict_tells_nothing():
    target = number(np.ones(10))
    assert np.isnan(assess_numbers(np.arange(10.0), np.arange(1.0, 11.0), target=target)).all()
    assert assess_categories(np.arange(10) % 2, target=target).tolist() == [1.0]


def test_several_questions_are_paid_for():
    tests = [np.array([0.01, 0.9]), np.array([np.nan, 0.8])]
    assert combine_tests(tests).tolist() == [0.02, 1.0]


def test_classes_with_too_few_rows_are_left_out():
    codes = np.array([0, 0, 0, 1, 1, 2])
    target = Target(np.stack([codes == code for code in range(3)]), codes)
    assert target.with_rows(2).classes.sum(axis=1).tolist() == [3, 2]
    assert target.with_rows(4) is None
    assert number(np.arange(3.0)).with_rows(4) is None
    assert number(np.arange(4.0)).with_rows(4) is not None
