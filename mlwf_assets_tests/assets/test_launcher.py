import json
import socket
import subprocess
import sys

import dagster as dg
import pytest
import yaml
from dagster._core.launcher import WorkerStatus

from mlwf_assets.assets.launcher import PROCESS_TAG, RunLauncher, is_running, process_name
from mlwf_assets.assets.launching import close_dead_runs
from mlwf_assets.cli.home import DAGSTER_YAML


def _run(**tags):
    return dg.DagsterRun(job_name="flights", tags=tags)


def _served(**address):
    return _run(**{".dagster/grpc_info": json.dumps(address)})


@pytest.fixture
def ended():
    """The name of a process that lived and is gone."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = process_name(process.pid)
    process.communicate(b"\n", timeout=60)
    return name


def test_a_run_lives_as_long_as_the_process_that_it_names(ended):
    assert is_running(_run(**{PROCESS_TAG: process_name()}))
    assert not is_running(_run(**{PROCESS_TAG: ended}))


def test_a_pid_that_was_given_to_another_process_is_not_the_run():
    pid = process_name().partition("@")[0]
    assert not is_running(_run(**{PROCESS_TAG: f"{pid}@12.34"}))


def test_a_run_of_a_code_server_is_dead_when_nobody_answers_there(tmp_path):
    path = str(tmp_path / "socket")
    assert not is_running(_served(host="127.0.0.1", socket=path))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert is_running(_served(host="127.0.0.1", socket=path))
    assert not is_running(_served(host="127.0.0.1", socket=path))


def test_a_run_of_a_code_server_at_a_port_is_dead_when_nobody_answers_there():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert is_running(_served(host="127.0.0.1", port=port))
    assert not is_running(_served(host="127.0.0.1", port=port))


def test_a_run_that_names_nothing_is_not_taken_for_dead():
    assert is_running(_run())


def test_run_monitoring_is_told_and_the_file_for_dagster_names_the_launcher(tmp_path, ended):
    settings = yaml.safe_load(DAGSTER_YAML)
    with dg.instance_for_test(temp_dir=str(tmp_path), overrides=settings) as instance:
        launcher = instance.run_launcher
        assert isinstance(launcher, RunLauncher)
        assert launcher.supports_check_run_worker_health
        assert launcher.check_run_worker_health(_run(**{PROCESS_TAG: ended})).status == WorkerStatus.FAILED
        assert launcher.check_run_worker_health(_run()).status == WorkerStatus.RUNNING


def test_dead_runs_are_closed_and_live_ones_are_not(ended):
    with dg.instance_for_test() as instance:
        names = {"dead": ended, "alive": process_name()}
        runs = {
            name: instance.create_run_for_job(
                dg.GraphDefinition(name="flights").to_job(),
                status=dg.DagsterRunStatus.STARTED,
                tags={PROCESS_TAG: process},
            )
            for name, process in names.items()
        }
        assert close_dead_runs(instance) == 1
        states = {name: instance.get_run_by_id(run.run_id).status for name, run in runs.items()}
    assert states == {"dead": dg.DagsterRunStatus.FAILURE, "alive": dg.DagsterRunStatus.STARTED}
