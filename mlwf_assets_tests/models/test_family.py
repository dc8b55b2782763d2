import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pytest

from mlwf_assets.errors import DataError, ModelError, SchemaError
from mlwf_assets.models.families.base import Stopped
from mlwf_assets.models.family import train_family
from mlwf_assets.spec.models import Models
from mlwf_assets_tests.models.battery import FEATURES, KINDS, make_matrix


def train(name="lightgbm", kind="binary", *, matrix=None, budget=None, folder=None, **others):
    spec = Models.model_validate({"budget": budget or {"trials": 2}, "folds": 2, "seed": 5, **others.pop("spec", {})})
    seconds = spec.budget.seconds
    return train_family(
        name,
        make_matrix(kind) if matrix is None else matrix,
        others.pop("features", FEATURES),
        spec=spec,
        kind=kind,
        key=["id"],
        budget_s=seconds.total_seconds() if seconds else None,
        checkpoint_dir=folder,
        report=others.pop("report", lambda _: None),
        **others,
    )


def content(made):
    return made.table, dict(made.files)


@pytest.mark.parametrize("kind", KINDS)
def test_the_result_holds_out_of_fold_predictions_trials_and_the_model(kind):
    matrix = make_matrix(kind)
    made = train(kind=kind, matrix=matrix)
    names = [f"prediction_{name}" for name in ("amt", "büro", "haus")] if kind == "multiclass" else ["prediction"]
    assert made.table.column_names == ["id", "fold", "label", *names]
    known = dict(zip(matrix["id"].to_pylist(), matrix["label"].to_pylist(), strict=True))
    rows = made.table.to_pylist()
    assert all(known[row["id"]] == row["label"] for row in rows)
    assert [row["id"] for row in rows] == sorted(known)[-len(rows) :]
    facts = json.loads(made.files["family.json"])
    parts = [f"part{k}/" for k in range(len(facts["models"]))] if len(facts["models"]) > 1 else [""]
    expected = {f"model/{part}{file}" for part in parts for file in ("model.txt", "columns.json")}
    assert set(made.files) == {"family.json", "trials.json"} | expected
    assert (facts["family"], facts["kind"], facts["trials"]) == ("lightgbm", kind, 2)
    assert facts["rounds"] > 0
    assert [trial["number"] for trial in made.trials] == [0, 1]
    assert made.metrics[f"oof_{made.metric}"] == facts["score"]
    assert made.params["rounds"] == facts["rounds"]
    assert made.key == ("id",)


def test_a_budget_in_trials_gives_the_same_content_again():
    assert content(train()) == content(train())


def test_the_seed_is_part_of_it():
    assert content(train()) != content(train(spec={"seed": 6}))


def test_without_time_all_rows_are_predicted_out_of_fold():
    made = train("linear", matrix=make_matrix("binary", timed=False), spec={"folds": 3})
    assert len(made.table) == 240
    assert set(made.table["fold"].to_pylist()) == {0, 1, 2}


def test_a_group_is_learned_from_or_judged_on_but_not_both():
    matrix = make_matrix("binary")
    groups = pa.array([f"g{i % 7}" for i in range(240)])
    made = train("linear", matrix=matrix.append_column("_group", groups))
    folds = {}
    for row in made.table.to_pylist():
        folds.setdefault(int(row["id"][1:]) % 7, set()).add(row["fold"])
    assert len(folds) == 7
    assert all(len(found) == 1 for found in folds.values())


def test_a_replayed_list_gives_the_same_content():
    first = train(budget={"trials": 4}, spec={"folds": 3})
    again = train(budget="1 hour", spec={"folds": 3}, replay=json.loads(first.files["trials.json"]))
    assert content(again) == content(first)
    assert any(trial["state"] == "pruned" for trial in first.trials)


@pytest.mark.parametrize("name", ["linear", "lightgbm"])
def test_a_budget_in_seconds_writes_the_list_that_gives_the_same_content(name):
    matrix = make_matrix("binary", 3000)
    first = train(name, matrix=matrix, budget="2 s")
    assert len({trial["subsample"] for trial in first.trials} | {1.0}) >= 1
    again = train(name, matrix=matrix, budget="2 s", replay=json.loads(first.files["trials.json"]))
    assert content(again) == content(first)
    assert not any(word in name for name in json.loads(first.files["family.json"]) for word in ("second", "time"))


def test_a_list_of_another_family_is_no_list():
    first = train("linear", budget={"trials": 1})
    with pytest.raises(ModelError, match="trials file with trials of lightgbm"):
        train("lightgbm", replay=json.loads(first.files["trials.json"]))


def test_who_is_told_to_stop_stops_and_goes_on_there(tmp_path):
    asked = []

    def stop():
        asked.append(1)
        return len(asked) > 400

    with pytest.raises(Stopped):
        train(folder=tmp_path, should_stop=stop)
    finished = len(list(tmp_path.glob("*.npz")))
    assert finished > 0
    assert content(train(folder=tmp_path)) == content(train())


KILLED = """
import json, sys
from pathlib import Path
from mlwf_assets_tests.models.test_family import train
made = train(budget={"trials": 5}, folder=Path(sys.argv[1]), report=lambda words: print(words, flush=True))
"""


@pytest.mark.soak
def test_a_killed_search_is_taken_up_with_the_same_content(tmp_path, full):
    expected = content(train(budget={"trials": 5}))
    for kill in range(8 if full else 1):
        folder = tmp_path / str(kill)
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        with process:
            for _ in range(1 + kill % 4):
                process.stdout.readline()
            time.sleep(0.01 * (kill % 5))
            os.kill(process.pid, signal.SIGKILL)
        assert list(folder.glob("*.npz"))
        said = []
        assert content(train(budget={"trials": 5}, folder=folder, report=said.append)) == expected
        assert len(said) == 6


def test_the_second_time_nothing_is_trained_but_the_final_model(tmp_path):
    train(folder=tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    train(folder=tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")} == before


def test_the_report_tells_of_every_trial():
    said = []
    train(report=said.append)
    assert len(said) == 3
    assert said[0].startswith("lightgbm, trial 0: roc_auc 0.")
    assert said[-1].startswith("lightgbm, final model from trial ")


def test_test_rows_are_refused():
    matrix = make_matrix("binary")
    seen = matrix.set_column(matrix.column_names.index("split"), "split", pa.array(["test"] + ["train"] * 239))
    with pytest.raises(DataError, match=r"rows of train and validation only, however: \['test'\]"):
        train(matrix=seen)


def test_a_missing_column_is_named():
    with pytest.raises(SchemaError, match=r"must hold split, label, key and features, however: \['flag'\] missing"):
        train(matrix=make_matrix("binary").drop_columns("flag"))


def test_without_features_there_is_nothing_to_learn_from():
    with pytest.raises(DataError, match="there must be a feature to learn from"):
        train(features=[])


def test_an_unknown_metric_lists_the_known_ones():
    with pytest.raises(ValueError, match="metric of a binary problem must be one of roc_auc"):
        train(spec={"metric": "rmse"})


def test_another_metric_is_what_counts():
    made = train("linear", spec={"metric": "log_loss"})
    assert made.metric == "log_loss"
    assert 0 < made.metrics["oof_log_loss"] < np.log(2)
