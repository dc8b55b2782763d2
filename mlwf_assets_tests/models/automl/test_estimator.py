import contextlib
import itertools
import json
import subprocess
import sys
from unittest import SkipTest

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import estimator_checks_generator

from mlwf_assets.errors import DataError, ModelError
from mlwf_assets.models import AutoML
from mlwf_assets.models.families.registry import find_family

# What scikit-learn asks and we do otherwise.
_WEIGHTS_ARE_NO_COPIES = {
    "check_sample_weight_equivalence_on_dense_data": "folds are drawn over rows: a row twice is in two folds, a row of "
    "weight 2 is in one",
}


def users_frame(n=420, seed=0):
    rng = np.random.default_rng(seed)
    price, town = rng.normal(size=n), rng.choice(["Ulm", "Bonn", "Köln"], n)
    frame = pd.DataFrame(
        {
            "price": np.where(rng.random(n) < 0.1, np.nan, price),
            "written": [f"{value:.3f}" for value in rng.normal(size=n)],
            "town": pd.Categorical(town),
            "open": rng.random(n) < 0.5,
            "whole": pd.array(rng.integers(0, 9, n), dtype="Int64"),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "note": [f"was {word} in the end" for word in rng.choice(["fine", "bad"], n)],
            "name": [f"id-{seed}-{row}" for row in range(n)],
            "same": 1,
            "empty": None,
        }
    )
    score = 2 * price + (town == "Ulm") + frame["note"].str.contains("fine") + 0.3 * rng.normal(size=n)
    return frame, score


def labels(kind, score):
    if kind == "regression":
        return score * 10
    return pd.cut(score, [-np.inf, 0.8, np.inf] if kind == "binary" else [-np.inf, 0, 1.5, np.inf], labels=False).map(
        {0: "low", 1: "mid" if kind == "multiclass" else "high", 2: "high"}
    )


def make(**others):
    return AutoML(**{"budget_trials": 2, "families": ["linear", "lightgbm"], "progress": False, "n_jobs": 1, **others})


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_a_frame_as_users_have_it_is_learned(kind):
    (frame, score), (new, truth) = users_frame(), users_frame(seed=1)
    model = make().fit(frame, labels(kind, score))
    y = labels(kind, truth)
    assert model.kind_ == kind
    assert model.score(new, y) > {"binary": 0.8, "multiclass": 0.65, "regression": 0.8}[kind]
    if kind != "regression":
        assert set(model.classes_) == set(y)
        said = model.predict_proba(new)
        assert said.shape == (len(new), len(model.classes_))
        assert said.sum(axis=1) == pytest.approx(np.ones(len(new)))
    assert "columns left out: name (names rows), same (constant), empty (empty)" in model.summary()


def test_a_row_is_predicted_the_same_alone():
    frame, score = users_frame()
    model = make().fit(frame, labels("binary", score))
    whole = model.predict_proba(frame)
    assert (np.concatenate([model.predict_proba(frame.iloc[[row]]) for row in range(5)]) == whole[:5]).all()


def test_the_leaderboard_says_what_was_tried():
    frame, score = users_frame()
    board = make(budget_trials=3).fit(frame, labels("binary", score)).leaderboard_
    assert list(board.columns) == [
        "model", "family", "configuration", "score", "spread", "seconds_to_fit", "seconds_per_1000_rows", "weight",
        "state",
    ]  # fmt: skip
    assert len(board) == 3
    assert board["weight"].sum() == pytest.approx(1)
    assert board["score"].is_monotonic_decreasing
    assert (board[["seconds_to_fit", "seconds_per_1000_rows"]] > 0).all(axis=None)


def test_the_same_seed_gives_the_same_bits_and_its_list_of_trials_gives_them_again(tmp_path):
    frame, score = users_frame()
    y = labels("binary", score)
    first = make(folder=tmp_path).fit(frame, y)
    again = make().fit(frame, y)
    replayed = make(replay=tmp_path / "trials.json", random_state=7).fit(frame, y)
    for other in (again, replayed):
        assert (other.predict_proba(frame) == first.predict_proba(frame)).all()
        assert other.trials_ == first.trials_
    assert json.loads((tmp_path / "trials.json").read_text()) == first.trials_


def test_what_a_budget_in_seconds_led_to_can_be_replayed():
    frame, score = users_frame()
    y = labels("binary", score)
    model = make(budget_trials=None, budget_seconds=2).fit(frame, y)
    assert len(model.trials_["trials"]) > 1
    again = make(replay=model.trials_, budget_seconds=1).fit(frame, y)
    assert (again.predict_proba(frame) == model.predict_proba(frame)).all()


_KILLED = """
import os, signal
from mlwf_assets_tests.models.automl.test_estimator import labels, make, users_frame
import mlwf_assets.models.automl.selection as selection
frame, score = users_frame()
done = []
def report(words):
    done.append(words)
    if len(done) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
model = make(budget_trials=3, families=["linear"], folder={folder!r})
model._report = report
model.fit(frame, labels("binary", score))
"""


def test_what_was_fitted_before_a_kill_is_used_and_not_fitted_again(tmp_path, monkeypatch):
    killed = subprocess.run([sys.executable, "-c", _KILLED.format(folder=str(tmp_path))], check=False)
    assert killed.returncode == -9
    fits = len(list(tmp_path.rglob("*.npz")))
    frame, score = users_frame()
    y = labels("binary", score)
    made, kind = [], type(find_family("linear"))
    fit = kind.fit
    monkeypatch.setattr(kind, "fit", lambda *args, **named: made.append(1) or fit(*args, **named))
    resumed = make(budget_trials=3, families=["linear"], folder=tmp_path).fit(frame, y)
    assert fits > 0
    assert len(made) == 8  # of three trials with eight folds each, two were there
    monkeypatch.undo()
    whole = make(budget_trials=3, families=["linear"]).fit(frame, y)
    assert (resumed.predict_proba(frame) == whole.predict_proba(frame)).all()


def test_groups_stay_on_one_side():
    """Labels that hang on the group alone cannot be told for groups that nobody saw."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 20)
    frame = pd.DataFrame({"group": [f"g{group}" for group in groups], "noise": rng.normal(size=800)})
    y = rng.integers(0, 2, 40)[groups]
    told, honest = (make(budget_trials=1, families=["linear"]).fit(frame, y, groups=each) for each in (None, groups))
    assert told.score_ > 0.95
    assert honest.score_ < 0.8


def test_folds_go_forward_in_time():
    frame, score = users_frame()
    shuffled = np.random.default_rng(1).permutation(len(frame))
    moments = pd.Timestamp("2024-01-01") + pd.to_timedelta(shuffled, unit="h")
    model = make(budget_trials=1).fit(frame, labels("binary", score), time=moments)
    assert len(model.trials_["trials"][0]["scores"]) == 4
    assert model.score_ > 0.8


def test_rows_of_weight_0_are_not_learned_from():
    frame, score = users_frame()
    y = (score > 0.8).to_numpy()
    turned = np.arange(len(y)) % 2 == 0
    model = make(families=["linear"]).fit(frame, np.where(turned, ~y, y), sample_weight=1.0 - turned)
    assert roc_auc_score(y, model.predict_proba(frame)[:, 1]) > 0.85


@pytest.mark.parametrize(
    "metric", ["f1", "balanced_accuracy", "neg_log_loss", "matthews_corrcoef", "average_precision"]
)
def test_any_metric_is_optimized(metric):
    frame, score = users_frame()
    y = score > 2.5  # rare: a threshold of one half would find few
    model = make(metric=metric, families=["linear"], budget_trials=1).fit(frame, y)
    assert np.isfinite(model.score_)
    if metric == "balanced_accuracy":
        assert model.predictor_.threshold < 0.5


def test_an_unknown_metric_lists_the_known_ones():
    with pytest.raises(ValueError, match="metric must be one of rmse, mae, r2, bias for a regression problem"):
        make(metric="rmsle").fit(pd.DataFrame({"a": np.arange(50.0)}), np.arange(50) / 7)


def test_an_unknown_way_to_search_lists_the_known_ones():
    with pytest.raises(ValueError, match="search must be one of tpe, halving, random, grid, however: 'bayes'"):
        make(search="bayes").fit(pd.DataFrame({"a": np.arange(50.0)}), np.arange(50) % 2)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([1.0, np.nan] * 20, "every row must have a label, however: 20 have none"),
        (["a"] * 40, "at least two classes to learn from, however: one class, 'a'"),
    ],
)
def test_labels_that_cannot_be_learned_are_refused(y, words):
    with pytest.raises(DataError, match=words):
        make().fit(pd.DataFrame({"a": np.arange(40.0)}), y)


def test_a_missing_package_is_a_warning_that_names_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "mlwf_assets.models.families.catboost", raising=False)
    monkeypatch.setitem(sys.modules, "catboost", None)
    frame, score = users_frame()
    with pytest.warns(UserWarning, match="the family catboost needs the package catboost, which is not installed"):
        model = make(families=["catboost", "linear"]).fit(frame, labels("binary", score))
    assert set(model.leaderboard_["family"]) == {"linear"}


def test_an_unknown_family_lists_the_known_ones():
    with pytest.raises(ModelError, match=r"families must be among base_rate, linear, .*, however: 'xgboost'"):
        make(families=["xgboost"]).fit(pd.DataFrame({"a": np.arange(50.0)}), np.arange(50) % 2)


def test_arguments_are_kept_as_they_are():
    model = clone(make(metric="f1"))
    assert model.get_params()["metric"] == "f1"


@pytest.mark.soak
def test_it_is_an_estimator_as_scikit_learn_wants_it(full):
    for kind, step in (("multiclass", 1), ("regression", 4)) if full else (("multiclass", 20),):
        model = AutoML(kind, budget_trials=1, progress=False, families=["linear"])
        checks = estimator_checks_generator(model, expected_failed_checks=_WEIGHTS_ARE_NO_COPIES, mark="skip")
        ran = 0
        for estimator, check in itertools.islice(checks, None, None, step):
            with contextlib.suppress(SkipTest):
                check(estimator)
                ran += 1
        assert ran > 40 // step
    assert len(_WEIGHTS_ARE_NO_COPIES) <= 5
