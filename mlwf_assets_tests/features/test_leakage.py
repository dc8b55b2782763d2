import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from sklearn.metrics import roc_auc_score

from mlwf_assets.features.leakage import measure_categories, measure_missing, measure_ranks
from mlwf_assets.features.significance import Target, rank

SIZES = st.shared(st.integers(2, 60), key="n")
VALUES = hnp.arrays(float, SIZES, elements=st.integers(-5, 5) | st.floats(-1e6, 1e6))
LABELS = hnp.arrays(int, SIZES, elements=st.integers(0, 2))


def binary(members):
    return Target(members[None], members.astype(int))


def multiclass(codes):
    return Target(np.stack([codes == code for code in np.unique(codes)]), codes)


def number(values):
    return Target(np.empty((0, len(values)), dtype=bool), values)


def gini(values, members):
    return abs(2 * roc_auc_score(members, values) - 1)


@settings(max_examples=50)
@given(VALUES, LABELS)
def test_for_two_classes_it_is_the_normalized_gini_of_roc_auc(values, labels):
    members = labels > 0
    assume(0 < members.sum() < len(members))
    assert measure_ranks(rank(values), target=binary(members)) == pytest.approx(gini(values, members), abs=1e-12)


@settings(max_examples=50)
@given(VALUES, LABELS)
def test_for_several_classes_it_is_the_largest_of_one_against_the_rest(values, labels):
    assume(len(np.unique(labels)) == 3)
    expected = max(gini(values, labels == code) for code in range(3))
    assert measure_ranks(rank(values), target=multiclass(labels)) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=50)
@given(VALUES, hnp.arrays(float, SIZES, elements=st.integers(-3, 3)))
def test_for_numbers_it_is_the_absolute_rank_correlation(values, labels):
    assume(len(np.unique(values)) > 1 and len(np.unique(labels)) > 1)
    expected = abs(stats.spearmanr(values, labels).statistic)
    assert measure_ranks(rank(values), target=number(labels)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("target", [binary(np.ones(4, dtype=bool)), number(np.ones(4))], ids=["class", "number"])
def test_where_the_label_is_constant_nothing_is_told(target):
    assert measure_ranks(np.arange(1.0, 5.0), target=target) == 0


def test_a_constant_feature_tells_nothing():
    assert measure_ranks(np.full(4, 2.5), target=number(np.arange(4.0))) == 0


@settings(max_examples=50)
@given(LABELS, st.randoms(use_true_random=False))
def test_gaps_are_measured_like_a_feature_of_two_values(labels, random):
    members = labels > 0
    missing = np.array([random.random() < 0.5 for _ in members])
    assume(0 < members.sum() < len(members))
    assert measure_missing(missing, target=binary(members)) == pytest.approx(gini(missing, members), abs=1e-12)


def test_gaps_that_follow_the_label_decide_it():
    late = np.arange(100) % 3 == 0
    assert measure_missing(late, target=binary(late)) == 1


def test_categories_that_follow_the_label_decide_it():
    late = np.arange(500) % 3 == 0
    assert measure_categories(np.where(late, 7, 4), target=binary(late)) > 0.99
    values = np.arange(500.0)
    assert measure_categories(np.arange(500) // 10, target=number(values)) > 0.99


def test_an_id_of_many_values_does_not_look_like_a_leak():
    late = np.random.default_rng(0).random(3000) < 0.3
    assert measure_categories(np.arange(3000), target=binary(late)) < 0.1
    # By means of its own rows it would decide everything.
    assert gini(late.astype(float), late) == 1


def test_categories_tell_what_their_means_tell():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 4, 20_000)
    late = rng.random(20_000) < np.array([0.1, 0.2, 0.4, 0.5])[codes]
    assert measure_categories(codes, target=binary(late)) == pytest.approx(gini(codes, late), abs=0.01)


def test_the_most_telling_class_counts():
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1, 2], 300)
    codes = np.where(labels == 2, 5, rng.integers(0, 3, 900))
    assert measure_categories(codes, target=multiclass(labels)) > 0.99


def test_the_same_rows_give_the_same_number():
    rng = np.random.default_rng(3)
    codes, late = rng.integers(0, 50, 400), rng.random(400) < 0.5
    first = measure_categories(codes, target=binary(late))
    assert first == measure_categories(codes, target=binary(late))
