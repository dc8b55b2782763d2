"""`mlwf init` and `mlwf check` as processes: what they print, and how they end."""

import json

import pytest


@pytest.fixture
def trips(shell):
    rows = [f"{i},{(i * 37) % 101},{'yes' if (i * 37) % 101 > 50 else 'no'}" for i in range(90)]
    (shell.folder / "trips.csv").write_text("\n".join(["trip,rain,late", *rows]) + "\n")
    return shell


def test_a_file_becomes_a_workflow_that_is_sound(trips):
    done = trips.mlwf("init", "trips.csv", "--target", "late")
    assert done.returncode == 0, done.stderr
    assert "table     trips: 90 rows, 3 columns, key trip" in done.stdout
    assert done.stdout.endswith("then: mlwf run trips\n")
    checked = trips.mlwf("check", "trips")
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout == (
        "trips is sound: table trips (90 rows); predicts late = 'yes' of trips; splits by stratified\n"
    )
    again = trips.mlwf("init", "trips.csv", "--target", "late")
    assert again.returncode == 2
    assert "is never written over" in again.stderr
    assert not trips.home.exists()


def test_both_answer_in_json(trips):
    document = json.loads(trips.mlwf("init", "trips.csv", "--target", "late", "--out", "mine", "--json").stdout)
    assert document["target"] == {"table": "trips", "column": "late", "kind": "binary"}
    assert document["tables"]["trips"]["columns"] == {"trip": "integer", "rain": "integer", "late": "string"}
    assert document["file"] == str(trips.folder / "mine" / "defs.yaml")
    document = json.loads(trips.mlwf("check", "mine", "--json").stdout)
    assert (document["workflow"], document["tables"], document["splits"]) == ("trips", {"trips": 90}, "stratified")


def test_without_a_target_nothing_is_written_and_candidates_are_in_the_document(trips):
    done = trips.mlwf("init", "trips.csv", "--json")
    assert done.returncode == 2
    message = json.loads(done.stdout)["error"]["message"]
    assert "late  binary      " in message
    assert message.endswith("mlwf init trips.csv --target late")
    assert not (trips.folder / "trips").exists()


def test_a_file_that_cannot_be_read_is_the_users_mistake(shell):
    (shell.folder / "trips.csv").write_text("")
    done = shell.mlwf("init", "trips.csv")
    assert done.returncode == 2
    assert (
        done.stderr
        == f"{shell.folder}/trips.csv must hold data, however it is empty; write the file again or remove it\n"
    )


def test_check_finds_broken_lines_and_columns_that_are_gone(trips):
    trips.mlwf("init", "trips.csv", "--target", "late")
    file = trips.folder / "trips.csv"
    sound = file.read_text()
    file.write_text(sound + "7,7\n")
    done = trips.mlwf("check", "trips")
    assert done.returncode == 2
    assert "sources.trips: " in done.stderr
    assert "line 92 must have 3 fields" in done.stderr
    file.write_text(sound.replace("late", "latte", 1))
    done = trips.mlwf("check", "trips", "--json")
    assert done.returncode == 2
    assert "there must be a column 'late'. Did you mean 'latte'?" in json.loads(done.stdout)["error"]["message"]
