"""tsfresh's selection, test by test and choice by choice."""

import warnings

import numpy as np
import pandas as pd
import pytest
import tsfresh
from tsfresh.feature_selection.relevance import calculate_relevance_table

from mlwf_assets.features.relevance import calculate_relevance, select_features

RNG = np.random.default_rng(3)
N = 300
CODE = RNG.integers(0, 3, N)
NUMBER = CODE + RNG.normal(size=N)
INDEX = pd.Index(RNG.permutation(N) + 7, name="id")
X = pd.DataFrame(
    {
        "noise": RNG.normal(size=N),
        "told": NUMBER + RNG.normal(size=N) / 2,
        "little": NUMBER / 4 + RNG.normal(size=N),
        "whole": RNG.integers(0, 6, N) + CODE,
        "switch": (CODE + RNG.normal(size=N) > 1) * 1.0,
        "idle": RNG.integers(0, 2, N) * 2.0,
        "flat": np.ones(N),
        **{f"noise {i}": RNG.normal(size=N) for i in range(20)},
    },
    index=INDEX,
)
Y = {
    "two classes": pd.Series((CODE == 1).astype(int), INDEX),
    "three classes": pd.Series(CODE, INDEX),
    "names": pd.Series(np.array(["a", "b", "c"])[CODE], INDEX, dtype=object),
    "a number": pd.Series(NUMBER, INDEX),
    "a class of few": pd.Series((np.arange(N) < 6).astype(int), INDEX),
}


@pytest.fixture(autouse=True)
def _without_tsfresh_s_warnings():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="tsfresh|scipy")
        yield


@pytest.mark.parametrize("independent", [False, True])
@pytest.mark.parametrize("label", Y)
def test_p_values_and_choice_are_tsfresh_s(label, independent):
    ours = calculate_relevance(X, Y[label], hypotheses_independent=independent)
    theirs = calculate_relevance_table(X, Y[label], n_jobs=0, hypotheses_independent=independent)
    columns = ["type", "p_value", "relevant"]
    left, right = (table.set_index("feature")[columns].sort_index() for table in (ours, theirs))
    pd.testing.assert_frame_equal(left, right, rtol=1e-9, check_dtype=False)


@pytest.mark.parametrize("n_significant", [1, 2])
def test_relevant_for_so_many_classes_is_tsfresh_s(n_significant):
    ours = calculate_relevance(X, Y["three classes"], multiclass=True, n_significant=n_significant)
    theirs = calculate_relevance_table(X, Y["three classes"], multiclass=True, n_significant=n_significant, n_jobs=0)
    tested = theirs.dropna().set_index("feature").sort_index()
    found = ours.set_index("feature").loc[tested.index, tested.columns]
    pd.testing.assert_frame_equal(found, tested, rtol=1e-9, check_dtype=False)
    assert 0 < ours["relevant"].sum() < len(ours)


@pytest.mark.parametrize("label", Y)
def test_the_selected_columns_are_tsfresh_s(label):
    ours, theirs = select_features(X, Y[label]), tsfresh.select_features(X, Y[label], n_jobs=0)
    pd.testing.assert_frame_equal(ours, theirs)


def test_labels_may_be_an_array_and_of_two_classes_nothing_is_asked_twice():
    y = Y["two classes"]
    assert list(select_features(X, y.to_numpy())) == list(select_features(X, y))
    with pytest.warns(UserWarning, match="of two classes the second says all"):
        assert list(select_features(X, y, multiclass=True)) == list(select_features(X, y))


def test_only_constants_are_not_relevant():
    assert select_features(X[["flat"]], Y["two classes"]).shape == (N, 0)


@pytest.mark.parametrize(
    ("features", "label", "arguments", "message"),
    [
        (X.assign(told=np.nan), Y["a number"], {}, r"no value of a feature may be missing, however: \['told'\]"),
        (X, Y["a number"].iloc[:-1], {}, "must have the same index, however: 300 and 299"),
        (X, Y["a number"] * 0, {}, "two labels at least"),
        (X, Y["a number"], {"multiclass": True}, "needs a label of classes"),
        (
            X,
            Y["names"],
            {"multiclass": True, "n_significant": 4},
            "must not exceed the number of classes, however: 4, 3",
        ),
    ],
)
def test_what_cannot_be_tested_is_an_error(features, label, arguments, message):
    with pytest.raises(ValueError, match=message):
        select_features(features, label, **arguments)
