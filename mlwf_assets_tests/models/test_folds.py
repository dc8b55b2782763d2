import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_assets.errors import DataError
from mlwf_assets.models.folds import draw_rows, make_folds


def splits_of(train, validation):
    return np.array(["train"] * train + ["validation"] * validation)


def regression_folds(splits, times=None, groups=None, y=None, n=3, seed=0):
    y = np.arange(len(splits), dtype=float) if y is None else y
    return make_folds(splits, times, groups, y, classes=0, n=n, seed=seed)


@settings(deadline=None, max_examples=60)
@given(
    train=st.lists(st.integers(0, 50), min_size=8, max_size=80),
    validation=st.lists(st.integers(51, 90), min_size=1, max_size=20),
    n=st.integers(2, 6),
)
def test_with_time_every_fold_judges_on_what_lies_after_all_that_it_learns_from(train, validation, n):
    times = np.array(train + validation)
    folds = regression_folds(splits_of(len(train), len(validation)), times, n=n)
    assert 1 <= len(folds) <= n
    assert folds[-1].valid.tolist() == list(range(len(train), len(times)))
    assert folds[-1].train.tolist() == list(range(len(train)))
    for fold in folds:
        assert times[fold.train].max() < times[fold.valid].min()
    judged = np.concatenate([fold.valid for fold in folds])
    assert len(np.unique(judged)) == len(judged)


def test_blocks_are_as_long_as_the_validation_split():
    """Months 1 to 8 to learn from, 9 and 10 to be judged on."""
    times = np.repeat(np.arange(1, 11) * 30, 5) + np.tile(np.arange(5) * 6, 10)
    folds = regression_folds(np.where(times < 270, "train", "validation"), times)
    spans = [(times[fold.valid].min(), times[fold.valid].max()) for fold in folds]
    assert spans == [(162, 210), (216, 264), (270, 324)]


def test_where_the_training_time_is_short_it_is_cut_into_equal_parts():
    times = np.r_[np.arange(90), 100 + np.arange(90)]
    folds = regression_folds(splits_of(90, 90), times)
    assert [(len(fold.train), len(fold.valid)) for fold in folds] == [(30, 30), (60, 30), (90, 90)]


def test_one_moment_of_training_leaves_one_fold():
    folds = regression_folds(splits_of(20, 5), np.r_[np.zeros(20), np.ones(5)])
    assert [(len(fold.train), len(fold.valid)) for fold in folds] == [(20, 5)]


def test_without_an_order_in_time_train_and_validation_are_one_pool():
    times = np.arange(30)[::-1]
    for given_times in (times, None):
        folds = regression_folds(splits_of(20, 10), given_times)
        judged = np.sort(np.concatenate([fold.valid for fold in folds]))
        assert judged.tolist() == list(range(30))
        assert all(not np.isin(fold.train, fold.valid).any() for fold in folds)


@settings(deadline=None, max_examples=40)
@given(counts=st.lists(st.integers(3, 30), min_size=2, max_size=4), n=st.integers(2, 5), seed=st.integers(0, 99))
def test_each_fold_gets_its_share_of_every_class(counts, n, seed):
    y = np.repeat(np.arange(len(counts), dtype=float), counts)
    folds = make_folds(splits_of(len(y), 0), None, None, y, classes=len(counts), n=n, seed=seed)
    for k, count in enumerate(counts):
        found = [(y[fold.valid] == k).sum() for fold in folds]
        assert max(found) - min(found) <= 2, (k, count, found)


@settings(deadline=None, max_examples=40)
@given(groups=st.lists(st.integers(0, 7), min_size=6, max_size=60), n=st.integers(2, 5), seed=st.integers(0, 99))
def test_a_group_is_never_on_both_sides(groups, n, seed):
    groups = np.array([*groups, 8, 9])
    for fold in regression_folds(splits_of(len(groups), 0), groups=groups, n=n, seed=seed):
        assert not np.isin(groups[fold.valid], groups[fold.train]).any()


def test_groups_come_before_time():
    groups, times = np.arange(30) % 6, np.arange(30)
    for fold in regression_folds(splits_of(20, 10), times, groups):
        assert not np.isin(groups[fold.valid], groups[fold.train]).any()


def test_the_seed_decides_and_nothing_else():
    one, same, other = (regression_folds(splits_of(50, 0), seed=seed)[0].valid.tolist() for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_a_fold_with_one_class_only_is_left_out():
    times = np.arange(60)
    y = np.where(np.arange(60) < 20, 0.0, np.arange(60) % 2)
    folds = make_folds(splits_of(40, 20), times, None, y, classes=2, n=4, seed=0)
    assert 1 <= len(folds) < 4
    assert all(len(np.unique(y[rows])) == 2 for fold in folds for rows in (fold.train, fold.valid))


def test_rows_that_teach_nothing_are_an_error():
    with pytest.raises(
        DataError, match=r"two classes in each of both, however: 6 and 3 rows; correct splits\.validation"
    ):
        make_folds(splits_of(6, 3), np.arange(9), None, np.r_[np.zeros(8), 1.0], classes=2, n=3, seed=0)


def test_a_share_of_the_rows_is_drawn_in_order_and_grows_with_the_share():
    rows = np.arange(1000, 2000)
    small, large = draw_rows(rows, 0.1, seed=4), draw_rows(rows, 0.3, seed=4)
    assert (len(small), len(large)) == (100, 300)
    assert (np.diff(large) > 0).all()
    assert np.isin(small, large).all()
    assert draw_rows(rows, 1.0, seed=4) is rows
    assert len(draw_rows(rows, 0.00001, seed=4)) == 2
