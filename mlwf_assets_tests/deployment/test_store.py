import sqlite3
import subprocess
import sys

import mlflow

from mlwf_assets.deployment.store import open_store, prepare_folder, store_uri
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
