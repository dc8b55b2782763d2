"""The summary of a run whose results stand in a real lake; the run itself is told, not made."""

import dataclasses
import json
from pathlib import Path

import pyarrow as pa
import pytest

from mlwf_assets.assets.execution import Outcome
from mlwf_assets.assets.laziness import Done
from mlwf_assets.assets.recipes import Planned
from mlwf_assets.assets.stamps import Gap
from mlwf_assets.assets.step import Output, Step
from mlwf_assets.cli.served import Addresses, write_state
from mlwf_assets.cli.summary import as_document, print_summary
from mlwf_assets.errors import DataError
from mlwf_assets.lake.result import Result
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.loader import loads
from mlwf_assets.spec.partitions import NamedPartitions

WORKFLOW = loads(
    """
type: mlwf_assets.MLWorkflow
attributes:
  name: trips
  project: {question: "Will [the] trip be late?", success: roc_auc >= 0.7 on test}
  sources: {trips: trips.csv}
  examples: {table: trips, label: late}
  deployment: {registered_model: trip-late}
""",
    file=Path("trips/defs.yaml"),
)


def _entrant(name, before, value, low, high):
    test = {"value": value, "low": low, "high": high}
    return {"name": name, "before": {"score": before}, "weight": None, "test": test}


EVALUATION = {
    "subject": {"metric": "roc_auc"},
    "rows": 54321,
    "metrics": [
        {"name": "roc_auc", "label": "ROC AUC", "value": 0.7204, "low": 0.715, "high": 0.7261},
        {"name": "r", "label": "Odd", "value": None, "low": None, "high": None},
    ],
    "leaderboard": [
        _entrant("ensemble", 0.731, 0.7204, 0.715, 0.7261),
        _entrant("base_rate", None, 0.5, 0.5, 0.5),
    ],
}
TEST = {"value": 0.7204, "low": 0.715, "high": 0.7261}
VERDICT = {"registered_model": "trip-late", "alias": "champion", "passed": True, "version": 3, "reason": "Good enough."}


def _step(*outputs):
    return Step(tuple(Output(name, "") for name in outputs), (), lambda work: iter(()), workflow="trips")


STEPS = {
    "raw": _step("raw/trips"),
    "clean": _step("clean/trips", "quarantine/trips"),
    "report": _step("evaluation/report"),
    "model": _step("deployment/model"),
}


def _write(lake, name, rows, partition=None, **files):
    contents = {f"{file}.json": json.dumps(content).encode() for file, content in files.items()}
    result = Result(pa.Table.from_pylist(rows), files=contents)
    return lake.write(f"trips/{name}", partition, result, recipe="5f0c", run_id="ab12", seconds=1.25)


@pytest.fixture
def home(tmp_path):
    """A home whose lake holds everything."""
    lake = Lake(tmp_path / "lake")
    for month in ("2024-01", "2024-02"):
        _write(lake, "raw/trips", [{"x": 1}] * 2000, month)
        _write(lake, "clean/trips", [{"x": 1}] * 1900, month)
        _write(lake, "quarantine/trips", [{"x": 1}] * 100, month)
    _write(lake, "evaluation/report", [{"metric": "roc_auc"}], evaluation=EVALUATION)
    _write(lake, "deployment/model", [VERDICT])
    return tmp_path


def _done(home, step, output, partition=None, *, reused=False):
    entry = Lake(home / "lake").entry(f"trips/{output}", partition)
    return Done(output, Planned(STEPS[step], partition, "stale"), entry, reused)


@pytest.fixture
def outcome(home):
    """A run that computed one month of clean, restored the other, and made a report."""
    done = [
        _done(home, "clean", "clean/trips", "2024-01", reused=True),
        _done(home, "clean", "quarantine/trips", "2024-01", reused=True),
        _done(home, "clean", "clean/trips", "2024-02"),
        _done(home, "clean", "quarantine/trips", "2024-02"),
        _done(home, "report", "evaluation/report"),
        _done(home, "model", "deployment/model"),
    ]
    fresh = [Planned(STEPS["raw"], month, "fresh") for month in ("2024-01", "2024-02")]
    gaps = [Gap(6.2, "start", "raw/trips"), Gap(0.001, "a", "b")]
    return Outcome(list(STEPS.values()), done, fresh, {}, [], 62.5, 0.1234, gaps, "ab12")


def test_the_document_names_what_was_computed_and_reused_and_how_good_it_is(outcome, home):
    assert as_document(WORKFLOW, outcome, home) == {
        "workflow": "trips",
        "sample_of": None,
        "warnings": [],
        "computed": ["clean/trips@2024-02", "quarantine/trips@2024-02", "evaluation/report", "deployment/model"],
        "reused": [
            "raw/trips@2024-01",
            "raw/trips@2024-02",
            "clean/trips@2024-01",
            "quarantine/trips@2024-01",
        ],
        "failed": [],
        "errors": {},
        "seconds": 62.5,
        "orchestration_share": 0.1234,
        "run_id": "ab12",
        "leaderboard": [
            {"model": "ensemble", "before": 0.731, "test": TEST, "weight": None},
            {"model": "base_rate", "before": None, "test": {"value": 0.5, "low": 0.5, "high": 0.5}, "weight": None},
        ],
        "test_metrics": {"roc_auc": TEST, "r": {"value": None, "low": None, "high": None}},
        "gate": VERDICT,
        "report": f"{home}/reports/trips/report.html",
    }


def test_the_document_names_what_failed_with_the_reason_and_what_was_not_made(outcome, home):
    failed = dataclasses.replace(
        outcome, failures={"clean/trips": DataError("a row is lost"), "x": KeyError("y")}, skipped=["deployment/model"]
    )
    document = as_document(WORKFLOW, failed, home)
    assert document["failed"] == ["clean/trips", "x", "deployment/model"]
    assert document["errors"] == {"clean/trips": "a row is lost", "x": "KeyError: 'y'"}
    assert {document[key] for key in ("leaderboard", "test_metrics", "gate", "report")} == {None}


def test_a_run_that_computed_nothing_says_so(outcome, home, capsys):
    print_summary(WORKFLOW, dataclasses.replace(outcome, done=[], run_id=None), home)
    assert "62.5 s in all; everything was fresh, nothing was computed." in _lines(capsys)


def _lines(capsys):
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_each_asset_is_told_with_rows_seconds_and_what_was_done(outcome, home, capsys):
    print_summary(WORKFLOW, outcome, home)
    lines = _lines(capsys)
    assert "trips: Will [the] trip be late?" in lines
    assert "raw/trips 4,000 reused 2 partitions" in lines
    assert "clean/trips 3,800 1.2 computed 1, reused 1 partitions" in lines
    assert "quarantine/trips 200 computed 1, reused 1 partitions" in lines
    assert "evaluation/report 1 1.2 computed" in lines


def test_leaderboard_metrics_time_and_places_are_told(outcome, home, capsys):
    print_summary(WORKFLOW, outcome, home)
    lines = _lines(capsys)
    assert "Leaderboard by ROC AUC" in lines
    assert "ensemble 0.7310 0.7204 0.7150 to 0.7261" in lines
    assert "base_rate 0.5000 0.5000 to 0.5000" in lines
    assert "On 54,321 test rows" in lines
    assert "ROC AUC 0.7204 0.7150 to 0.7261" in lines
    assert "Odd" in lines
    assert "62.5 s in all; in 12.3% of it no library function ran." in lines
    assert "6.20 start and raw/trips" in lines
    assert "0.00 a and b" not in lines
    assert f"Quarantine 200 rows, each with its reason: {home}/reports/trips/quarantine" in lines
    assert f"Report {home}/reports/trips/report.html" in lines
    assert "Model models:/trip-late@champion, version 3" in lines
    assert "Gate Good enough." in lines
    assert f"MLflow MLFLOW_TRACKING_URI=sqlite:///{home}/mlflow/mlflow.db" in lines
    assert "UI mlwf up" in lines


def test_nothing_but_paths_is_wider_than_100_columns(outcome, home, capsys):
    long = "a_very_long_name_of_a_source_" * 3
    steps = [*outcome.steps, _step(f"raw/{long}")]
    print_summary(WORKFLOW, dataclasses.replace(outcome, steps=steps), home)
    wide = [line for line in capsys.readouterr().out.splitlines() if len(line) > 100 and str(home) not in line]
    assert wide == []


def test_where_the_ui_runs_its_address_is_told(outcome, home, capsys):
    write_state(home, "mark", Addresses(3210, 1, 2, 3), ready=True)
    print_summary(WORKFLOW, outcome, home)
    assert "UI http://127.0.0.1:3210" in _lines(capsys)


def test_a_refused_model_is_told_with_the_reason(outcome, home, capsys):
    refused = {**VERDICT, "passed": False, "version": None, "reason": "roc_auc on test is 0.6, but ..."}
    _write(Lake(home / "lake"), "deployment/model", [refused])
    print_summary(WORKFLOW, outcome, home)
    lines = _lines(capsys)
    assert "Model not deployed" in lines
    assert "Gate roc_auc on test is 0.6, but ..." in lines


def test_a_run_that_had_nothing_to_do_tells_no_gaps(outcome, home, capsys):
    print_summary(WORKFLOW, dataclasses.replace(outcome, done=[], run_id=None), home)
    lines = _lines(capsys)
    assert "The largest gaps" not in lines
    assert "evaluation/report 1 reused" in lines
    assert "Leaderboard by ROC AUC" in lines


def test_failures_are_told_on_stderr_and_no_old_figures_beside_them(outcome, home, capsys):
    failed = dataclasses.replace(
        outcome, done=[], failures={"clean/trips": DataError("a row [is] lost")}, skipped=["evaluation/report"]
    )
    print_summary(WORKFLOW, failed, home)
    said = capsys.readouterr()
    assert "clean/trips failed: a row [is] lost" in said.err
    assert "Not made because of it: evaluation/report" in said.err
    assert "The run ab12 holds the trace: mlwf up" in said.err
    assert "Leaderboard" not in said.out
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert "clean/trips - failed" in lines
    assert "evaluation/report - not made" in lines


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"EWR": 3, "JFK": 2, "LGA": 0}, "4 of 5 rows by trip-late version 3: {home}/reports/trips/predictions"),
        ({"EWR": 0, "JFK": 0}, "nothing: the partition has no rows"),
    ],
)
def test_of_partitions_with_names_all_predictions_are_told(outcome, home, capsys, rows, words):
    lake = Lake(home / "lake")
    for name, count in {**rows, "gone": 7}.items():
        told = {"predicted": count - (name == "JFK"), "model": "trip-late version 3"}
        result = Result(
            pa.table({"x": pa.array([1] * count, pa.int64())}),
            metadata=told if count else {"nothing was predicted": "the partition has no rows"},
        )
        lake.write("trips/deployment/predictions", name, result, recipe="5f0c", run_id="ab12", seconds=1.0)
    partitions = NamedPartitions(names=tuple(rows))
    print_summary(WORKFLOW.model_copy(update={"partitions": partitions}), outcome, home)
    assert f"Predicted {words.format(home=home)}" in _lines(capsys)
