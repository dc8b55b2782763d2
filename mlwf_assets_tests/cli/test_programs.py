import json
import os
from pathlib import Path

import pytest

from mlwf_assets.cli.programs import environment, make_servers, workspace_file
from mlwf_assets.cli.served import Addresses

ADDRESSES = Addresses(3000, 4001, 4002, 4003)


@pytest.fixture
def home(tmp_path):
    (tmp_path / "dagster").mkdir()
    return tmp_path


def test_the_servers_listen_on_this_machine_at_their_ports(home):
    servers = {server.name: server for server in make_servers(home, "tiny", ADDRESSES)}
    ports = {"mlflow": "4002", "dagster-code": "4003", "dagster-webserver": "4001"}
    for name, port in ports.items():
        assert {port, "127.0.0.1"} <= set(servers[name].command)
    assert [name for name, server in servers.items() if server.asks_code] == ["dagster-webserver", "dagster-daemon"]


def test_dagster_finds_the_code_under_the_name_that_workspace_yaml_gives_it(home):
    make_servers(home, "mlwf_assets.definitions", ADDRESSES)
    [[kind, server]] = json.loads(workspace_file(home).read_text())["load_from"][0].items()
    assert kind == "grpc_server"
    assert server == {"host": "127.0.0.1", "port": 4003, "location_name": "mlwf_assets.definitions"}


def test_mlflow_keeps_its_store_below_the_home(home):
    command = " ".join(make_servers(home, "tiny", ADDRESSES)[0].command)
    assert f"--backend-store-uri sqlite:///{home}/mlflow/mlflow.db" in command
    assert f"--artifacts-destination {home}/mlflow/artifacts" in command


def test_nothing_is_sent_away_and_paths_hold_in_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLWF_WORKFLOWS", f"mine{os.pathsep}/abs")
    monkeypatch.setenv("PYTHONPATH", "")
    variables = environment({"MLWF_HOME": "/data", "DAGSTER_HOME": "/data/dagster"})
    assert variables["MLWF_WORKFLOWS"] == os.pathsep.join([str(Path(tmp_path) / "mine"), "/abs"])
    assert variables["PYTHONPATH"] == ""
    assert (variables["DAGSTER_DISABLE_TELEMETRY"], variables["MLFLOW_DISABLE_TELEMETRY"]) == ("yes", "true")
    assert variables["DAGSTER_HOME"] == "/data/dagster"
