import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mlwf_assets.deployment import predictions
from mlwf_assets.deployment.assemble import assemble, judged_metrics
from mlwf_assets.deployment.candidate import Origin
from mlwf_assets.spec.loader import loads
from mlwf_assets_tests.deployment import toy

TEXT = """
type: mlwf_assets.MLWorkflow
attributes:
  name: flights
  project: {question: "Will it be on time?", owner: "team:ops", success: roc_auc >= 0.7 on SPLIT}
  sources: {flights: flights.csv}
  tables: {flights: {key: [id]}}
  examples: {table: flights, label: late, classes: {"true": not on time, "false": on time}}
  models: {metric: roc_auc}
  deployment: {registered_model: flight-on-time}
"""
LEADERBOARD = pa.table(
    {"model": ["ensemble", "linear"], "words": ["", ""], "score": [0.71, None], "spread": [None, 0.1], "trials": [1, 1]}
)


def _workflow(split="test"):
    return loads(TEXT.replace("SPLIT", split), file=Path("flights/defs.yaml"))


def _assemble(predictor, folder, test):
    metrics = pa.table({"metric": ["roc_auc"], "value": [0.8], "low": [0.78], "high": [0.82]})
    workflow = _workflow()
    return assemble(
        workflow, workflow.deployment, predictor=folder, features=toy.FEATURES, test=test, key=["id"], metrics=metrics,
        files={"features.json": b"[]"}, origin=Origin(run_id="ab"), report_link="/reports/flights/report.html",
    )  # fmt: skip


def _matrix(label):
    frame, truth = toy.make_rows(seed=1)
    table = pa.Table.from_pandas(frame.assign(label=label(truth), id=np.arange(len(frame))), preserve_index=False)
    return table, frame


@pytest.fixture
def made(predictor, tmp_path):
    test, _ = _matrix(lambda truth: truth.astype(bool))
    return _assemble(predictor, tmp_path / "predictor", test)


def test_a_candidate_says_what_it_answers_for_whom_and_how_well(made):
    candidate, _ = made
    assert (candidate.workflow, candidate.registered_model, candidate.alias) == (
        "flights",
        "flight-on-time",
        "champion",
    )
    assert (candidate.question, candidate.owner) == ("Will it be on time?", "team:ops")
    assert (candidate.metrics, candidate.intervals) == ({"roc_auc": 0.8}, {"roc_auc": (0.78, 0.82)})
    assert candidate.positive == "not on time"
    assert candidate.params["test_rows"] == 600
    assert candidate.params["weight_lightgbm"] == 1.0


def test_the_rows_are_scored_by_the_predictor_and_named_by_their_key(made, predictor):
    candidate, rows = made
    _, frame = _matrix(lambda truth: truth)
    np.testing.assert_array_equal(rows.scores, predictor.predict(frame))
    assert rows.keys.column_names == ["id"]
    found = predictions.find(candidate.run_files[predictions.FILE], rows)
    np.testing.assert_array_equal(found, rows.scores)


def test_rows_whose_class_training_never_saw_are_left_out(tmp_path):
    predictor = toy.make_predictor(tmp_path / "predictor", kind="multiclass")
    test, _ = _matrix(lambda truth: np.where(np.arange(len(truth)) < 10, "lost", "late"))
    candidate, rows = _assemble(predictor, tmp_path / "predictor", test)
    assert len(rows.truth) == rows.keys.num_rows == 590
    assert rows.scores.shape == (590, 3)
    assert set(rows.truth) == {2.0}
    np.testing.assert_array_equal(predictions.find(candidate.run_files[predictions.FILE], rows), rows.scores)


def test_success_is_judged_on_the_rows_that_it_names(made):
    candidate, _ = made
    assert judged_metrics(_workflow("test"), candidate, LEADERBOARD) == {"roc_auc": 0.8}
    assert judged_metrics(_workflow("validation"), candidate, LEADERBOARD) == {"roc_auc": 0.71}
    unknown = LEADERBOARD.slice(1)
    assert judged_metrics(_workflow("validation"), candidate, unknown) == {}


def test_many_partitions_are_told_by_their_ends():
    months = [f"{year}-{month:02}" for year in range(2000, 2010) for month in range(1, 13)]
    assert Origin(partitions=months).partitions_in_words() == "2000-01 to 2009-12 (120)"
    assert Origin(partitions=months[:3]).partitions_in_words() == "2000-01, 2000-02, 2000-03"
    assert dataclasses.replace(Origin(), partitions=()).partitions_in_words() == ""
