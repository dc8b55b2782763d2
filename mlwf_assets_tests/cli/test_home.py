import os
import subprocess
import sys

import pytest
import yaml
from dotenv import dotenv_values

from mlwf_assets.cli.home import DAGSTER_YAML, find_home, load_env_file, prepare_home


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with a workspace.yaml, where the shell sets no home."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "workspace.yaml").write_text("load_from: []\n")
    monkeypatch.chdir(folder)
    for name in ("MLWF_HOME", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    return folder


def test_the_home_is_below_the_working_directory_unless_the_shell_names_one(checkout, monkeypatch):
    assert find_home() == checkout / ".mlwf"
    monkeypatch.setenv("MLWF_HOME", "elsewhere")
    assert find_home() == checkout / "elsewhere"


def test_dagster_is_told_to_watch_runs_to_free_slots_and_to_send_no_telemetry(checkout):
    homes = prepare_home(find_home())
    settings = yaml.safe_load((checkout / ".mlwf" / "dagster" / "dagster.yaml").read_text())
    assert homes == {
        "MLWF_HOME": str(checkout / ".mlwf"),
        "DAGSTER_HOME": str(checkout / ".mlwf" / "dagster"),
        "DAGSTER_EVENT_BATCH_SIZE": "500",
    }
    assert settings["telemetry"] == {"enabled": False}
    assert settings["run_monitoring"]["enabled"] is True
    assert settings["run_monitoring"]["free_slots_after_run_end_seconds"] > 0


def test_what_the_user_wrote_is_not_written_again(checkout):
    prepare_home(find_home())
    (checkout / ".mlwf" / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: true}\n")
    (checkout / ".env").write_text("TOKEN=1\n")
    prepare_home(find_home())
    assert (checkout / ".mlwf" / "dagster" / "dagster.yaml").read_text() == "telemetry: {enabled: true}\n"
    assert (checkout / ".env").read_text() == "TOKEN=1\n"


def test_dagster_dev_finds_the_same_home_by_the_env_file(checkout, monkeypatch):
    homes = prepare_home(find_home())
    assert dotenv_values(checkout / ".env") == homes
    monkeypatch.setenv("MLWF_HOME", "/data/mlwf")
    assert dotenv_values(checkout / ".env")["DAGSTER_HOME"] == "/data/mlwf/dagster"


def test_a_home_that_is_chosen_for_one_call_is_not_remembered(checkout, monkeypatch):
    monkeypatch.setenv("MLWF_HOME", str(checkout / "once"))
    prepare_home(find_home())
    assert not (checkout / ".env").exists()


def test_where_no_workspace_is_no_env_file_is_written(checkout):
    (checkout / "workspace.yaml").unlink()
    prepare_home(find_home())
    assert not (checkout / ".env").exists()


def test_nothing_half_written_is_left(checkout):
    prepare_home(find_home())
    assert sorted(path.name for path in checkout.iterdir()) == [".env", ".mlwf", "workspace.yaml"]
    assert [path.name for path in (checkout / ".mlwf" / "dagster").glob("*.yaml*")] == ["dagster.yaml"]


def test_processes_that_begin_at_once_make_one_history(tmp_path):
    """Dagster's own making of its databases ends in an error here, or in two revisions, which it refuses ever after."""
    script = (
        "import sys, time, dagster\nfrom pathlib import Path\nfrom mlwf_assets.cli.home import prepare_home\n"
        "print('ready', flush=True)\nwhile not Path(sys.argv[1], 'go').exists(): time.sleep(0.001)\n"
        "import os; os.environ.update(prepare_home(Path(sys.argv[1])))\n"
        "with dagster.DagsterInstance.get() as instance: print(instance.get_runs_count())\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", script, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 3
    (tmp_path / "go").touch()
    assert [process.communicate(timeout=60)[0] for process in processes] == ["0\n"] * 3


def test_the_env_file_is_below_the_shell(checkout, monkeypatch):
    monkeypatch.setenv("SHOWN", "shell")
    monkeypatch.setenv("HIDDEN", "")
    monkeypatch.delenv("HIDDEN")  # and is put back in order afterwards
    (checkout / ".env").write_text("SHOWN=file\nHIDDEN=file\n")
    load_env_file(checkout)
    assert (os.environ["SHOWN"], os.environ["HIDDEN"]) == ("shell", "file")
    load_env_file(checkout / "absent")


def test_a_checkout_is_made_ready_by_the_module_as_make_env_calls_it(checkout, tmp_path):
    subprocess.run(
        [sys.executable, "-W", "error", "-m", "mlwf_assets.cli.home", str(checkout)],
        cwd=tmp_path, check=True, timeout=60,
    )  # fmt: skip
    assert dotenv_values(checkout / ".env")["MLWF_HOME"] == str(checkout / ".mlwf")
    assert (checkout / ".mlwf" / "dagster" / "dagster.yaml").read_text() == DAGSTER_YAML
