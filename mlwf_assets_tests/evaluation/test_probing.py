"""Asking what if: importance, effects and explanations of models that are known through and through."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import partial_dependence
from sklearn.inspection import permutation_importance as reference

from mlwf_assets.evaluation import probing
from mlwf_assets.evaluation.effects import measure_effects
from mlwf_assets.evaluation.explain import (
    asked_features,
    largest_contributions,
    pick_rows,
    replace_and_compare,
)
from mlwf_assets.evaluation.importance import choose_candidates, permutation_importance, single_features, tables_of
from mlwf_assets.evaluation.probing import Probe, ask
from mlwf_assets.models.metrics import find_metric
from mlwf_assets.models.truth import Truth


def features(*names, kind="numeric"):
    return [{"name": name, "kind": kind, "words": name.upper(), "columns": [f"t.{name}"]} for name in names]


def world(n=300, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "idle": rng.normal(size=n)})


def weighted(frame):
    return 3 * frame["a"].to_numpy() + frame["b"].to_numpy()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5), min_size=1, max_size=6), st.integers(1, 60))
def test_answers_do_not_depend_on_how_questions_are_stacked(rows, cells):
    frame = world(10)
    probes = [Probe(np.array(one), {"a": np.arange(len(one), dtype=float)}) for one in rows]
    before = probing._CELLS_AT_ONCE
    probing._CELLS_AT_ONCE = cells
    try:
        found = ask(weighted, frame, probes)
    finally:
        probing._CELLS_AT_ONCE = before
    for probe, said in zip(probes, found, strict=True):
        assert said == pytest.approx(3 * np.arange(len(probe.rows)) + frame["b"].to_numpy()[probe.rows])


def test_asking_leaves_the_frame_as_it_was():
    frame = world(5)
    before = frame.copy()
    ask(weighted, frame, [Probe(np.arange(5), {"a": np.zeros(5)})])
    pd.testing.assert_frame_equal(frame, before)


class Weighted(RegressorMixin, BaseEstimator):
    def fit(self, x, y):
        self.fitted_ = True
        return self

    def predict(self, x):
        return weighted(x)


def test_importance_agrees_with_scikit_learns():
    frame = world(2000)
    y = weighted(frame)
    ours = permutation_importance(
        weighted, frame, Truth("regression", y), groups=single_features(features("a", "b", "idle")),
        metric=find_metric("r2", "regression"),
    )  # fmt: skip
    theirs = reference(Weighted().fit(frame, y), frame, y, n_repeats=5, random_state=0)
    expected = dict(zip(frame.columns, theirs.importances_mean, strict=True))
    assert [one.name for one in ours] == ["a", "b", "idle"]
    for one in ours:
        assert one.drop == pytest.approx(expected[one.name], rel=0.1, abs=1e-9)
        assert one.low <= one.drop <= one.high


def test_twins_stand_in_for_each_other_one_by_one_but_not_together():
    frame = world()
    frame["b"] = frame["a"]

    def either(asked):
        return np.maximum(asked["a"], asked["b"]).to_numpy()

    y = (frame["a"] > 0).to_numpy().astype(float)
    columns = {"a": ["t.x"], "b": ["t.x"], "idle": ["t.y", "u.x"]}
    tables = tables_of([{"name": name, "columns": found} for name, found in columns.items()], own="t")
    groups = [*single_features(features("a")), *tables]
    found = permutation_importance(either, frame, Truth("binary", y), groups=groups, metric=find_metric("roc_auc"))
    drops = {one.name: one.drop for one in found}
    assert drops["t"] > 1.5 * drops["a"] > 0
    assert drops["u"] == pytest.approx(0)


def test_features_of_one_table_alone_are_no_group():
    assert tables_of(features("a", "b"), own="t") == []


def test_with_too_many_features_the_ones_that_move_predictions_are_chosen():
    frame = world()
    everything = features("idle", "b", "a")
    assert [f["name"] for f in choose_candidates(everything, None, weighted, frame, at_most=2)] == ["a", "b"]
    assert choose_candidates(everything, None, weighted, frame, at_most=3) == everything


def test_effects_are_scikit_learns_partial_dependence():
    frame = world(150)

    def curved(asked):
        return np.sin(asked["a"].to_numpy()) * asked["b"].to_numpy()

    class Curved(Weighted):
        def predict(self, x):
            return curved(x)

    found = measure_effects(curved, frame, features("a"))[0]
    model = Curved().fit(frame, None)
    theirs = partial_dependence(model, frame, ["a"], custom_values={"a": np.array(found.positions)}, kind="average")
    assert found.means[0] == pytest.approx(theirs["average"][0])
    assert found.direction in ("", "up", "down")


@pytest.mark.parametrize(("sign", "direction"), [(1, "up"), (-1, "down"), (0, "")])
def test_direction_is_told_where_it_is_clear(sign, direction):
    found = measure_effects(lambda f: sign * f["a"].to_numpy(), world(), features("a"))[0]
    assert found.direction == direction


def test_categories_stand_by_their_effect_and_gaps_are_no_value():
    frame = pd.DataFrame({"c": ["x", "y", None, "z"] * 10})
    worth = {"x": 1.0, "y": 3.0, "z": 2.0}
    found = measure_effects(
        lambda f: f["c"].map(worth).fillna(0).to_numpy(float), frame, features("c", kind="categorical")
    )[0]
    assert found.values == ("y", "z", "x")
    assert found.means == ((3.0, 2.0, 1.0),)
    assert (found.positions, found.direction) == ((), "")


def test_of_several_classes_the_one_that_varies_most_is_told():
    def three(asked):
        up = 1 / (1 + np.exp(-asked["a"].to_numpy()))
        return np.stack([np.full(len(up), 0.1), 0.9 - 0.9 * up, 0.9 * up], axis=1)

    found = measure_effects(three, world(), features("a"))[0]
    assert len(found.means) == 3
    assert (found.strongest, found.direction) in ((1, "down"), (2, "up"))


@pytest.mark.parametrize("values", [[None] * 4, [1.0] * 4])
def test_a_feature_without_variety_has_no_effect(values):
    frame = pd.DataFrame({"a": pd.array(values, dtype=float)})
    assert measure_effects(lambda f: np.zeros(len(f)), frame, features("a")) == ()


def test_of_a_linear_model_a_contribution_is_weight_times_distance_from_the_others():
    frame, others = world(4, seed=1), world(50, seed=2)
    found = replace_and_compare(weighted, frame, others, [["a", "b"]] * 4)
    for i, amounts in enumerate(found):
        assert amounts["a"] == pytest.approx(3 * (frame["a"].iloc[i] - others["a"].mean()))
        assert amounts["b"] == pytest.approx(frame["b"].iloc[i] - others["b"].mean())


def test_of_several_classes_the_predicted_one_is_explained():
    def two(asked):
        return np.stack([0.2 + 0 * asked["a"].to_numpy(), asked["a"].to_numpy()], axis=1)

    found = replace_and_compare(two, pd.DataFrame({"a": [0.8]}), pd.DataFrame({"a": [0.5]}), [["a"]])
    assert found[0]["a"] == pytest.approx(0.3)


def test_members_that_can_tell_say_which_features_are_asked_about():
    contributions = np.array([[0.0, 5.0, -9.0], [1.0, 0.0, 0.5]])
    assert asked_features(["a", "b", "c"], contributions, 2)[0] == ["c", "b", "a"]
    assert asked_features(["a", "b"], None, 3) == [["a", "b"]] * 3


def test_what_made_no_difference_is_not_listed():
    by_name = {f["name"]: f for f in features("a", "b")}
    listed = largest_contributions(by_name, {"a": float("nan"), "b": 2.0}, {"a": -0.3, "b": 0.0})
    assert [(one.name, one.words, one.value, one.amount) for one in listed] == [("a", "A", "missing", -0.3)]


BINARY = Truth("binary", np.array([0.0, 1.0] * 5), ("false", "true"), ("no", "yes"))
THREE = Truth("multiclass", np.arange(9.0) % 3, tuple("abc"), tuple("abc"))


@pytest.mark.parametrize(
    ("truth", "p"),
    [
        (BINARY, np.linspace(0, 1, 10)),
        (THREE, np.random.default_rng(0).dirichlet(np.ones(3), 9)),
        (Truth("regression", np.arange(8.0)), np.arange(8.0)[::-1]),
    ],
)
def test_rows_are_picked_once_each_with_a_reason(truth, p):
    picked = pick_rows(truth, p, threshold=0.5, at_most=10)
    assert len({row for _, row in picked}) == len(picked) >= 3
    assert len({why for why, _ in picked}) == len(picked)
    assert pick_rows(truth, p, threshold=0.5, at_most=2) == picked[:2]


def test_no_rows_are_no_examples():
    assert pick_rows(Truth("binary", np.array([])), np.array([]), threshold=0.5, at_most=3) == []
