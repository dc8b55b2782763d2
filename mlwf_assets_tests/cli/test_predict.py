"""`mlwf predict` as a process: what it says of mistakes, before any work. Whole predictions stand in e2e."""

import json

import pytest

DEFS = """
type: mlwf_assets.MLWorkflow
attributes:
  name: trips
  project: {question: "Will the trip be late?"}
  sources: {trips: trips.csv}
  examples: {table: trips, label: late = 'yes'}
  deployment: {registered_model: trip-late}
"""


@pytest.fixture
def trips(shell):
    folder = shell.folder / "trips"
    folder.mkdir()
    (folder / "defs.yaml").write_text(DEFS)
    (shell.folder / "new.csv").write_text("trip,rain\n1,2\n")
    return folder


def test_without_a_registered_model_it_says_how_to_get_one_and_makes_nothing(shell, trips):
    done = shell.mlwf("predict", trips, "new.csv", "-o", "out.csv", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["kind"] == "ModelError"
    assert "there must be a registered model trip-late@champion in " in done.stderr
    assert "run 'mlwf run trips'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not shell.home.exists()
    assert not (shell.folder / "out.csv").exists()


def test_a_workflow_that_deploys_nothing_is_the_users_mistake(shell, trips):
    (trips / "defs.yaml").write_text(DEFS.rpartition("  deployment")[0])
    done = shell.mlwf("predict", trips, "new.csv")
    assert done.returncode == 2
    assert "there must be a 'deployment: {registered_model: NAME}'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lost.csv"], "File 'lost.csv' does not exist."),
        (["new.csv", "-o", "out.xls"], "out.xls: the name must end in .csv"),
        (["new.csv", "-o", "no/out.csv"], "there must be a folder no"),
        (["new.csv", "--json"], "give the predictions a file, -o FILE"),
        (["trips"], "'trips' is a directory"),
    ],
)
def test_what_is_wrong_with_files_is_told_before_any_work(shell, trips, arguments, words):
    done = shell.mlwf("predict", trips, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
