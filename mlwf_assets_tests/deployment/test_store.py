import contextlib
import shutil
import sqlite3
import subprocess
import sys

import mlflow
import pytest

from mlwf_assets.deployment.store import open_store, prepare_folder, store_uri
from mlwf_assets.errors import ModelError
from mlwf_assets_tests.deployment.children import make_experiment


def test_the_database_keeps_a_write_ahead_log(store):
    with sqlite3.connect(store.folder / "mlflow.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_two_processes_that_open_a_new_store_at_once_share_it(tmp_path, processes):
    answers = processes.Queue()
    both = [processes.Process(target=make_experiment, args=(str(tmp_path / "home"), answers)) for _ in range(2)]
    for process in both:
        process.start()
    first, second = (answers.get(timeout=120) for _ in both)
    assert first == second
    for process in both:
        process.join(60)
        assert process.exitcode == 0


def test_an_experiment_is_made_once_and_keeps_its_artifacts_in_the_store(store):
    first = store.experiment("flights")
    assert store.experiment("flights") == first
    location = store.client.get_experiment(first).artifact_location
    assert location == (store.folder / "artifacts" / "flights").as_uri()


def test_opening_sets_no_global_address_and_writes_nothing_where_the_process_stands(tmp_path, monkeypatch):
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    before = mlflow.get_tracking_uri()
    open_store(tmp_path / "home").experiment("flights")
    assert mlflow.get_tracking_uri() == before
    assert mlflow.active_run() is None
    assert list(work.iterdir()) == []


def test_preparing_needs_no_mlflow(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom mlwf_assets.deployment.store import prepare_folder\n"
        "prepare_folder(Path(sys.argv[1]))\nsys.exit('mlflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
    assert prepare_folder(tmp_path) == tmp_path / "mlflow"
    assert store_uri(tmp_path).endswith("/mlflow/mlflow.db")


def test_a_file_that_is_no_database_is_told_with_what_to_do(tmp_path):
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "mlflow.db").write_text("no database" * 1000)
    with pytest.raises(ModelError, match=r"mlflow[.]db must be MLflow's database, however: file is not a database"):
        open_store(tmp_path)


def test_a_database_of_another_version_is_told_with_what_to_do(store, tmp_path):
    home = shutil.copytree(store.folder.parent, tmp_path / "later")
    with contextlib.closing(sqlite3.connect(home / "mlflow" / "mlflow.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'of the future'")
    with pytest.raises(ModelError, match=r"must be readable by the installed MLflow(.|\n)*mlflow db upgrade sqlite"):
        open_store(home)


@pytest.mark.parametrize("left", ["", "CREATE TABLE experiments (x); CREATE TABLE _alembic_tmp_experiments (x);"])
def test_a_database_that_a_killed_process_left_half_made_is_made_anew(tmp_path, left):
    (tmp_path / "mlflow").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow" / "mlflow.db")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(left)
    assert open_store(tmp_path).experiment("flights")
    assert sorted(path.name for path in (tmp_path / "mlflow").iterdir() if "mlflow.db" not in path.name) == [
        "artifacts",
        "locks",
    ]
