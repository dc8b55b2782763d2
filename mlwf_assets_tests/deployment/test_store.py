import json
import os
import sqlite3
import subprocess
import sys

from mlwf_assets.deployment.store import open_store, prepare_folder, store_uri

_OPEN = """
import sys
from pathlib import Path
from mlwf_assets.deployment.store import open_store
print(open_store(Path(sys.argv[1])).experiment("flights"))
"""


def test_the_database_keeps_a_write_ahead_log(store):
    with sqlite3.connect(store.folder / "mlflow.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_two_processes_that_open_a_new_store_at_once_share_it(tmp_path):
    home = tmp_path / "home"
    both = [
        subprocess.Popen([sys.executable, "-c", _OPEN, str(home)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert answers[0][0] == answers[1][0]


def test_an_experiment_is_made_once_and_keeps_its_artifacts_in_the_store(store):
    first = store.experiment("flights")
    assert store.experiment("flights") == first
    location = store.client.get_experiment(first).artifact_location
    assert location == (store.folder / "artifacts" / "flights").as_uri()


def test_nothing_is_written_where_the_process_stands(tmp_path, monkeypatch):
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    open_store(tmp_path / "home").experiment("flights")
    assert list(work.iterdir()) == []


def test_opening_sets_no_global_tracking_address(tmp_path):
    code = (
        "import json, sys, mlflow\nfrom pathlib import Path\n"
        "from mlwf_assets.deployment.store import open_store\n"
        "before = mlflow.get_tracking_uri()\nopen_store(Path(sys.argv[1])).experiment('x')\n"
        "print(json.dumps([before == mlflow.get_tracking_uri(), mlflow.active_run() is None]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "home")], capture_output=True, check=True, timeout=120,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}, cwd=tmp_path,
    )  # fmt: skip
    assert json.loads(done.stdout) == [True, True]


def test_preparing_needs_no_mlflow(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom mlwf_assets.deployment.store import prepare_folder\n"
        "prepare_folder(Path(sys.argv[1]))\nsys.exit('mlflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
    assert prepare_folder(tmp_path) == tmp_path / "mlflow"
    assert store_uri(tmp_path).endswith("/mlflow/mlflow.db")
