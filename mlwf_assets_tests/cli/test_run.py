"""`mlwf run` as a process: how it is stopped, and what it says of mistakes. Whole runs stand in e2e."""

import contextlib
import json
import signal
import sqlite3

import pytest

DEFS = """
type: mlwf_assets.MLWorkflow
attributes:
  name: trips
  project: {question: "Will the trip be late?"}
  sources: {trips: trips.csv}
  examples: {table: trips, label: late = 'yes'}
  models: {families: [lightgbm], budget: {trials: 500}}
"""


@pytest.fixture
def trips(shell):
    """A workflow of one file whose search would take minutes."""
    folder = shell.folder / "trips"
    folder.mkdir()
    rows = [f"{i},{(i * 37) % 101},{'yes' if (i * 37) % 101 > 50 else 'no'}" for i in range(400)]
    (folder / "trips.csv").write_text("\n".join(["trip,rain,late", *rows]) + "\n")
    (folder / "defs.yaml").write_text(DEFS)
    return folder


def _runs(home):
    with contextlib.closing(sqlite3.connect(home / "dagster" / "history" / "runs.db")) as connection:
        return [status for (status,) in connection.execute("SELECT status FROM runs")]


@pytest.mark.soak
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_says_so_and_is_no_open_run_in_dagster(shell, trips, number, full):
    if number == signal.SIGTERM and not full:
        pytest.skip("the other signal is enough for most runs: --full")
    process = shell.start("run", trips, "--json")
    for line in process.stderr:
        if "features/matrix" in line:
            break
    process.send_signal(number)
    said, words = process.communicate(timeout=120)
    assert process.returncode == 130
    assert words.endswith("Stopped. What was finished is kept: the same command goes on from there.\n")
    assert "Traceback" not in words
    document = json.loads(said)
    assert {"raw/trips", "clean/trips", "features/matrix"} <= {*document["computed"]}
    assert {"models/ensemble", "evaluation/report"} <= {*document["failed"]}
    assert _runs(shell.home) == ["FAILURE"]


def test_a_mistake_in_the_file_is_the_users_and_leaves_nothing_behind(shell, trips):
    (trips / "defs.yaml").write_text(DEFS.replace("label:", "labell:"))
    done = shell.mlwf("run", trips, "--json")
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "SpecError"
    assert "Did you mean 'label'?" in error["message"]
    assert error["message"] + "\n" == done.stderr
    assert not shell.home.exists()


def test_a_file_that_is_missing_is_the_users_mistake(shell, trips):
    (trips / "trips.csv").unlink()
    done = shell.mlwf("run", trips)
    assert done.returncode == 2
    assert "defs.yaml:6" in done.stderr
    assert "trips.csv" in done.stderr
    assert "Traceback" not in done.stderr
