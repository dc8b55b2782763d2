import json

import numpy as np
import pyarrow as pa
import pytest

from mlwf_assets.errors import ModelError
from mlwf_assets.models.ensemble import blend, choose
from mlwf_assets.models.leaderboard import leaderboard
from mlwf_assets.models.metrics import default_metric, find_metric
from mlwf_assets.models.out_of_fold import OutOfFold
from mlwf_assets.models.predictor import loaded
from mlwf_assets.models.truth import Truth
from mlwf_assets.spec.models import Models
from mlwf_assets.spec.outputs import Costs
from mlwf_assets_tests.models.battery import KINDS, make_matrix
from mlwf_assets_tests.models.test_family import train

SPEC = Models.model_validate({"budget": {"trials": 1}, "folds": 2, "seed": 5})


@pytest.fixture(scope="module")
def trained():
    made = {}

    def get(kind):
        if kind not in made:
            families = {name: train(name, kind, budget={"trials": 1}) for name in ("linear", "lightgbm")}
            members = {name: (one.table, one.files) for name, one in families.items()}
            matrix = make_matrix(kind)
            blended = blend(
                members, matrix, spec=SPEC, costs=Costs(false_positive=1, false_negative=3), kind=kind, key=["id"]
            )
            made[kind] = matrix, members, blended
        return made[kind]

    return get


def draw(said, y, *, folds=4, metric="rmse", kind="regression", forward=False):
    places = np.arange(len(y)) * folds // len(y)
    return OutOfFold(said, Truth(kind, y), places, find_metric(metric, kind), is_forward=forward)


def test_two_that_err_apart_are_better_together():
    rng = np.random.default_rng(0)
    y = rng.normal(size=4000)
    said = {name: y + rng.normal(size=4000) for name in ("a", "b")}
    said["useless"] = 5 * rng.normal(size=4000)
    chosen = choose(draw(said, y))
    assert chosen.weights["a"] == pytest.approx(0.5, abs=0.1)
    assert chosen.weights["b"] == pytest.approx(0.5, abs=0.1)
    assert chosen.weights["useless"] < 0.05
    assert sum(chosen.weights.values()) == pytest.approx(1)
    assert chosen.scores.mean() < 0.75


def test_the_best_alone_stays_alone():
    rng = np.random.default_rng(0)
    y = rng.normal(size=2000)
    noise = rng.normal(size=2000)
    chosen = choose(draw({"worse": y + 0.5 * noise, "best": y + 0.2 * noise}, y))
    assert chosen.weights == {"worse": 0.0, "best": 1.0}


def test_weights_that_differ_by_chance_are_evened():
    rng = np.random.default_rng(4)
    y = rng.normal(size=400)
    said = {name: y + rng.normal(size=400) for name in ("a", "b", "c")}
    chosen = choose(draw(said, y))
    assert list(chosen.weights.values()) == pytest.approx([1 / 3] * 3)


def test_weights_that_differ_for_a_reason_stay_different():
    rng = np.random.default_rng(4)
    y = rng.normal(size=8000)
    said = {"sharp": y + 0.4 * rng.normal(size=8000), "blunt": y + 0.8 * rng.normal(size=8000)}
    chosen = choose(draw(said, y))
    assert 0.65 < chosen.weights["sharp"] < 0.9


def test_what_helps_on_one_fold_alone_is_not_taken():
    """The second is perfect on the first fold and worse than nothing on the others."""
    rng = np.random.default_rng(1)
    y = rng.normal(size=4000)
    steady = y + 0.7 * rng.normal(size=4000)
    lucky = np.where(np.arange(4000) < 1000, y, 3 * rng.normal(size=4000))
    chosen = choose(draw({"steady": steady, "lucky": lucky}, y))
    assert chosen.weights["steady"] > 0.85


def test_where_time_goes_forward_the_last_fold_says_who_is_good():
    """The first is better in the past, the second of late."""
    rng = np.random.default_rng(1)
    y = rng.normal(size=8000)
    late = np.arange(8000) >= 6000
    said = {"once": y + np.where(late, 0.5, 0.05) * rng.normal(size=8000), "now": y + 0.3 * rng.normal(size=8000)}
    assert choose(draw(said, y)).weights["once"] >= 0.5
    chosen = choose(draw(said, y, forward=True))
    assert chosen.weights["once"] < 0.4
    assert len(chosen.scores) == 4


def test_all_members_count_the_same_where_that_is_not_clearly_worse():
    """The third says nothing that the first does not say better; on so few rows nobody can be sure of it."""
    rng = np.random.default_rng(4)
    y = 4 * rng.normal(size=400)
    said = {name: y + rng.normal(size=400) for name in ("a", "b")}
    said["c"] = said["a"] + 0.3 * rng.normal(size=400)
    assert set(choose(draw(said, y, forward=True)).weights.values()) == {1 / 3}


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("folds", [1, 3])
def test_labels_in_one_half_alone_leave_the_members_equal(folds, forward):
    """No half of a fold can be scored: there is nothing to choose by on other rows."""
    y = np.tile(np.repeat([0.0, 1.0], [9, 1]), folds)
    said = {"a": y * 0.5, "b": 0.1 + y * 0.5}
    chosen = choose(draw(said, y, folds=folds, metric="roc_auc", kind="binary", forward=forward))
    assert sum(chosen.weights.values()) == pytest.approx(1)
    assert chosen.scores.tolist() == [1.0] * folds


def test_the_score_of_the_blend_is_not_that_of_the_rows_it_was_chosen_on():
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 60).astype(float)
    said = {f"noise {k}": rng.random(60) for k in range(12)}
    oof = draw(said, y, folds=3, metric="roc_auc", kind="binary")
    chosen = choose(oof)
    mixed = sum(weight * said[name] for name, weight in chosen.weights.items())
    assert chosen.scores.mean() < oof.scores(mixed).mean()


@pytest.mark.parametrize("kind", KINDS)
def test_the_blend_is_a_predictor_of_all_members(kind, trained):
    matrix, _, blended = trained(kind)
    assert blended.key == ("member",)
    rows = {row["member"]: row for row in blended.table.to_pylist()}
    assert list(rows) == ["linear", "lightgbm"]
    facts = json.loads(blended.files["ensemble.json"])
    frame = matrix.to_pandas()
    with loaded(blended.files) as predictor:
        assert dict(predictor.weights) == {name: row["weight"] for name, row in rows.items()} == facts["weights"]
        assert predictor.threshold == (0.25 if kind == "binary" else 0.5)
        assert set(predictor.members) == {"linear", "lightgbm"}
        prediction = predictor.predict(frame)
        parts = [weight * predictor.members[name].predict(frame) for name, weight in predictor.weights.items()]
        assert prediction == pytest.approx(predictor.calibration.apply(parts[0] + parts[1], kind))
    metric = find_metric(default_metric(kind), kind)
    better = max if metric.higher_is_better else min
    singles = [row["score"] for row in rows.values()]
    assert abs(facts["score"] - better(singles)) < 0.15 * abs(better(singles))


def test_the_trials_of_all_families_stand_in_one_file(trained):
    _, members, blended = trained("binary")
    trials = json.loads(blended.files["trials.json"])
    assert list(trials) == ["lightgbm", "linear"]
    again = train("lightgbm", budget={"trials": 1}, replay=trials)
    assert dict(again.files) == dict(members["lightgbm"][1])


def test_the_same_members_give_the_same_blend(trained):
    matrix, members, blended = trained("multiclass")
    again = blend(members, matrix, spec=SPEC, costs=Costs(), kind="multiclass", key=["id"])
    assert (again.table, dict(again.files)) == (blended.table, dict(blended.files))


def test_members_of_other_rows_are_refused(trained):
    matrix, members, _ = trained("binary")
    table, files = members["linear"]
    fewer = {**members, "linear": (table.slice(1), files)}
    with pytest.raises(ModelError, match="must have predicted the same rows, however: lightgbm and linear differ"):
        blend(dict(fewer), matrix, spec=SPEC, costs=Costs(), kind="binary", key=["id"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_leaderboard_shows_everyone_on_the_same_rows_the_best_first(kind, trained):
    matrix, members, blended = trained(kind)
    board = leaderboard(members, (blended.table, blended.files), matrix, spec=SPEC, kind=kind, key=["id"])
    rows = {row["model"]: row for row in board.table.to_pylist()}
    expected = {"ensemble", "linear", "lightgbm", "base_rate"} | ({"process_today"} if kind == "binary" else set())
    assert set(rows) == expected
    assert [row["place"] for row in board.table.to_pylist()] == list(range(1, len(rows) + 1))
    sign = -1 if find_metric(default_metric(kind), kind).higher_is_better else 1
    scores = [sign * row["score"] for row in board.table.to_pylist()]
    assert scores == sorted(scores)
    assert rows["ensemble"]["score"] == json.loads(blended.files["ensemble.json"])["score"]
    for row in rows.values():
        assert sign * row["best_fold"] <= sign * row["score"] <= sign * row["worst_fold"]
        assert row["words"]
    assert rows["lightgbm"]["trials"] == 1
    assert rows["lightgbm"]["rounds"] > 0
    assert rows["linear"]["rounds"] is None
    assert rows["base_rate"]["weight"] is None
    assert rows["linear"]["weight"] + rows["lightgbm"]["weight"] == pytest.approx(1)


def test_the_base_rate_says_the_same_of_every_row(trained):
    matrix, members, blended = trained("binary")
    board = leaderboard(members, (blended.table, blended.files), matrix, spec=SPEC, kind="binary", key=["id"])
    rows = {row["model"]: row for row in board.table.to_pylist()}
    assert rows["base_rate"]["score"] == 0.5
    assert rows["base_rate"]["spread"] == 0.0


def test_a_rule_that_gives_no_probabilities_has_no_log_loss(trained):
    matrix, _, _ = trained("binary")
    place = matrix.column_names.index("process_today")
    rule = matrix.set_column(place, "process_today", pa.array(np.arange(240) * 1.0))
    spec = Models.model_validate({"budget": {"trials": 1}, "folds": 2, "seed": 5, "metric": "log_loss"})
    made = train("linear", budget={"trials": 1}, spec={"metric": "log_loss"}, matrix=rule)
    members = {"linear": (made.table, made.files)}
    blended = blend(members, rule, spec=spec, costs=Costs(), kind="binary", key=["id"])
    board = leaderboard(members, (blended.table, blended.files), rule, spec=spec, kind="binary", key=["id"])
    last = board.table.to_pylist()[-1]
    assert (last["model"], last["score"], last["worst_fold"]) == ("process_today", None, None)
