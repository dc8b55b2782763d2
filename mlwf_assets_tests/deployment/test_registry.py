import dataclasses
import json
import os
import re
import subprocess
import sys

import mlflow
import numpy as np
import pyarrow as pa
import pytest
import yaml

from mlwf_assets.deployment import registry
from mlwf_assets.deployment.card import write_card
from mlwf_assets.deployment.champion import compare_with_champion, find_champion
from mlwf_assets.deployment.deploy import deploy
from mlwf_assets.deployment.gate import Decision, decide
from mlwf_assets.deployment.predictions import FILE, TestRows, pack
from mlwf_assets.deployment.registry import register
from mlwf_assets.errors import GateError
from mlwf_assets.models.predictor import load
from mlwf_assets.spec.project import Success
from mlwf_assets_tests.deployment import toy

PASSED = Decision(True, ("Good enough.",))
AUC = Success(metric="roc_auc", comparison=">=", bound=0.7)

_FRESH = """
import json, sys
import mlflow
import pandas as pd
model = mlflow.pyfunc.load_model("models:/flight-on-time@champion")
print(json.dumps([float(p).hex() for p in model.predict(pd.read_parquet(sys.argv[1]))]))
"""


def _rows(predictor, seed=1):
    frame, truth = toy.make_rows(seed=seed)
    return TestRows(pa.table({"id": range(len(frame))}), frame, truth, predictor.predict(frame))


def test_a_fresh_process_that_knows_the_address_alone_predicts_the_same_bits(store, tmp_path):
    blend = toy.make_predictor(tmp_path / "blend", families=("linear", "lightgbm", "tabm"), rounds=2)
    register(store, toy.make_candidate(tmp_path / "blend"), PASSED)
    rows = _rows(blend)
    rows.frame.to_parquet(tmp_path / "rows.parquet")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLWF_", "MLFLOW_", "DAGSTER_"))}
    done = subprocess.run(
        [sys.executable, "-c", _FRESH, str(tmp_path / "rows.parquet")],
        env={**kept, "MLFLOW_TRACKING_URI": store.uri}, cwd=tmp_path,
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [float(p).hex() for p in rows.scores]


def test_the_model_holds_native_artifacts_and_no_pickle(store, candidate):
    register(store, candidate, PASSED)
    names = {path.name for path in (store.folder / "artifacts").rglob("*") if path.is_file()}
    assert {"model.txt", "scorer.py", "features.json", "definitions.json", "report.html", "MLmodel"} <= names
    assert not [name for name in names if re.search(r"[.](pkl|pickle|joblib|cloudpickle)$", name)]
    for path in (store.folder / "artifacts").rglob("MLmodel"):
        flavor = yaml.safe_load(path.read_text())["flavors"]["python_function"]
        assert flavor["loader_module"] == "mlflow.pyfunc.loaders.code_model"
        assert "python_model" not in flavor


def test_the_signature_names_the_columns_and_lets_those_miss_that_had_gaps(store, candidate, predictor):
    register(store, candidate, PASSED)
    model = mlflow.pyfunc.load_model(find_champion(store, "flight-on-time").source)
    schema = model.metadata.get_input_schema()
    assert schema.input_names() == ["wind", "gust", "late", "carrier"]
    assert [column.type.name for column in schema.inputs] == ["double", "double", "double", "string"]
    assert schema.required_input_names() == ["wind", "late"]
    frame = toy.make_rows(seed=1)[0]
    np.testing.assert_array_equal(
        model.predict(frame.drop(columns="gust")), predictor.predict(frame.assign(gust=np.nan))
    )
    with pytest.raises(mlflow.MlflowException, match="wind"):
        model.predict(frame.drop(columns="wind"))


def test_the_versions_run_holds_metrics_parameters_and_files(store, candidate):
    registered = register(store, candidate, PASSED)
    run = store.client.get_run(registered.run_id)
    assert run.data.metrics == {"test_roc_auc": 0.81, "test_log_loss": 0.5}
    assert run.data.params == {"families": "lightgbm", "threshold": "0.4"}
    assert run.info.status == "FINISHED"
    files = {file.path for file in store.client.list_artifacts(registered.run_id)}
    assert files == {"features.json", "definitions.json", "report.html", "plots"}


def test_the_version_leads_back_to_run_partitions_and_tables_without_a_port(store, candidate):
    registered = register(store, candidate, PASSED)
    version = store.client.get_model_version("flight-on-time", str(registered.version))
    assert version.tags["dagster.run"] == "/runs/0123456789abcdef"
    assert version.tags["mlwf.partitions"] == "2013-01, 2013-02"
    assert json.loads(version.tags["mlwf.tables"]) == {"features/matrix": "version 3, 5f0c"}
    assert "[report](/reports/flights/report.html)" in version.description
    assert "Will this flight be on time?" in version.description
    texts = [*version.tags.values(), version.description, registered.link(), registered.run_link()]
    assert not [text for text in texts if re.search(r"(localhost|127[.]0[.]0[.]1):\d+", text)]


def test_registering_twice_gives_the_version_that_stands(store, candidate, tmp_path):
    first = register(store, candidate, PASSED)
    again = register(store, toy.make_candidate(tmp_path / "predictor"), PASSED)
    assert (again.version, again.run_id, again.reused) == (first.version, first.run_id, True)
    assert len(store.client.search_model_versions("name = 'flight-on-time'")) == 1


def test_another_model_becomes_a_new_version_and_takes_the_alias(store, candidate, tmp_path):
    register(store, candidate, PASSED)
    toy.make_predictor(tmp_path / "other", rounds=30)
    second = register(store, toy.make_candidate(tmp_path / "other"), PASSED)
    assert (second.version, second.replaced) == (2, 1)
    assert int(find_champion(store, "flight-on-time").version) == 2


def test_a_refusal_changes_nothing_and_says_why(store, candidate, predictor, tmp_path):
    register(store, candidate, PASSED)
    toy.make_predictor(tmp_path / "other", rounds=1)
    worse = toy.make_candidate(tmp_path / "other", metrics={"roc_auc": 0.6})
    outcome = deploy(store, worse, _rows(load(tmp_path / "other")), success=AUC, metric="roc_auc")
    assert outcome.registered is None
    assert "roc_auc >= 0.7 on test is required" in str(outcome.decision)
    assert int(find_champion(store, "flight-on-time").version) == 1
    assert len(store.client.search_runs([store.experiment("flights")])) == 1
    with pytest.raises(GateError, match=r"was not deployed: roc_auc on test is 0[.]6"):
        register(store, worse, outcome.decision)


@pytest.mark.parametrize("step", ["_ensure_model", "_fill_run", "_create_version", "set_registered_model_alias"])
def test_an_interruption_before_any_step_leaves_the_old_champion_and_the_next_call_finishes(
    store, candidate, tmp_path, monkeypatch, step
):
    register(store, candidate, PASSED)
    toy.make_predictor(tmp_path / "other", rounds=30)
    second = toy.make_candidate(tmp_path / "other")
    owner = store.client if step == "set_registered_model_alias" else registry

    def stops(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, stops)
        with pytest.raises(KeyboardInterrupt):
            register(store, second, PASSED)
    assert int(find_champion(store, "flight-on-time").version) == 1
    assert register(store, second, PASSED).version == 2
    assert int(find_champion(store, "flight-on-time").version) == 2
    experiment = store.experiment("flights")
    assert len(store.client.search_runs([experiment])) == 2
    assert len(store.client.search_logged_models([experiment])) == 2


def test_a_model_that_was_half_written_is_thrown_away(store, candidate, monkeypatch):
    def dies(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store.client, "log_model_artifacts", dies)
        with pytest.raises(KeyboardInterrupt):
            register(store, candidate, PASSED)
    registered = register(store, candidate, PASSED)
    models = store.client.search_logged_models([store.experiment("flights")])
    assert [model.model_id for model in models] == [registered.model_id]


def test_without_a_champion_there_is_nothing_to_compare(store, candidate, predictor):
    assert compare_with_champion(store, candidate, _rows(predictor), metric="roc_auc") is None


def test_the_champion_is_scored_on_the_challengers_rows(store, candidate, tmp_path):
    register(store, candidate, PASSED)
    weak = toy.make_predictor(tmp_path / "other", rounds=1)
    comparison = compare_with_champion(
        store, toy.make_candidate(tmp_path / "other"), _rows(weak, seed=0), metric="roc_auc"
    )
    assert comparison.champion == "flight-on-time version 1"
    assert comparison.difference.high < 0
    assert not decide(AUC, {"roc_auc": 0.8}, comparison).passed


def test_the_same_model_is_recognized(store, candidate, predictor):
    register(store, candidate, PASSED)
    assert compare_with_champion(store, candidate, _rows(predictor), metric="roc_auc").same


def test_a_champion_whose_columns_are_gone_is_told_in_words(store, candidate, predictor, tmp_path):
    register(store, candidate, PASSED)
    toy.make_predictor(tmp_path / "other", rounds=30)
    rows = _rows(predictor)
    without = dataclasses.replace(rows, frame=rows.frame.drop(columns="wind"))
    comparison = compare_with_champion(store, toy.make_candidate(tmp_path / "other"), without, metric="roc_auc")
    assert comparison.difference is None
    assert comparison.obstacle == "it needs columns that are not made any more: wind"


def test_a_champion_with_lost_files_or_another_question_is_told_in_words(store, candidate, predictor, tmp_path):
    register(store, candidate, PASSED)
    toy.make_predictor(tmp_path / "other", rounds=30)
    other = toy.make_candidate(tmp_path / "other", classes=("late", "on time"))
    comparison = compare_with_champion(store, other, _rows(predictor), metric="roc_auc")
    assert comparison.obstacle == "it knows other classes (False, True)"
    for path in (store.folder / "artifacts").rglob("model.txt"):
        path.unlink()
    broken = compare_with_champion(store, toy.make_candidate(tmp_path / "other"), _rows(predictor), metric="roc_auc")
    assert "model.txt" in broken.obstacle


@pytest.fixture
def remembered(store, candidate, predictor):
    """A champion whose test predictions are kept, and the rows that it predicted."""
    rows = _rows(predictor, seed=0)
    register(store, dataclasses.replace(candidate, run_files={FILE: pack(rows)}), PASSED)
    return rows


def _challenge(store, tmp_path, rows):
    weak = toy.make_predictor(tmp_path / "weak", rounds=1)
    rows = dataclasses.replace(rows, scores=weak.predict(toy.make_rows(seed=0)[0]))
    return compare_with_champion(store, toy.make_candidate(tmp_path / "weak"), rows, metric="roc_auc")


def test_a_champion_whose_columns_are_gone_is_met_by_what_it_said_of_the_same_rows(store, remembered, tmp_path):
    scored = _challenge(store, tmp_path, remembered)
    order = np.random.default_rng(0).permutation(len(remembered.truth))
    shuffled = TestRows(
        remembered.keys.take(order), remembered.frame.drop(columns="wind"), remembered.truth[order], remembered.scores
    )
    toy.make_predictor(tmp_path / "other", rounds=1)
    weak = load(tmp_path / "other").predict(remembered.frame)[order]
    met = compare_with_champion(
        store, toy.make_candidate(tmp_path / "other"), dataclasses.replace(shuffled, scores=weak), metric="roc_auc"
    )
    assert scored.difference.high < 0
    assert met.difference.value == pytest.approx(scored.difference.value, abs=1e-12)
    assert not decide(AUC, {"roc_auc": 0.8}, met).passed


def test_a_champion_that_never_saw_one_of_the_rows_cannot_be_met_by_memory(store, remembered, tmp_path):
    rows = dataclasses.replace(
        remembered,
        keys=pa.table({"id": [*range(1, len(remembered.truth)), 10_000]}),
        frame=remembered.frame.drop(columns="wind"),
    )
    assert _challenge(store, tmp_path, rows).obstacle == "it needs columns that are not made any more: wind"
    renamed = dataclasses.replace(rows, keys=remembered.keys.rename_columns(["name"]))
    assert _challenge(store, tmp_path / "again", renamed).obstacle.startswith("it needs columns")


def test_test_predictions_stand_beside_the_run_and_not_in_the_model(store, remembered):
    version = find_champion(store, "flight-on-time")
    assert FILE in {file.path for file in store.client.list_artifacts(version.run_id)}
    model = mlflow.artifacts.list_artifacts(version.source)
    assert FILE not in {file.path for file in model}


def test_the_card_keeps_to_what_databases_take(tmp_path):
    toy.make_predictor(tmp_path / "predictor")
    long = toy.make_candidate(tmp_path / "predictor", question="why " * 3000)
    assert len(write_card(long, PASSED)) <= 5000
