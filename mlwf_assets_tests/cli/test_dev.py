"""`dagster dev` and `dg dev` in a checkout: the history that they open is that of `mlwf run` and `mlwf up`."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from mlwf_assets.cli.servers import MARK, claim_port, stop

BIN = Path(sys.executable).parent
TINY = str(Path(__file__).with_name("tiny"))
WAIT_S = 180


@pytest.fixture
def checkout(tmp_path):
    """A folder that `make env` made ready, with small definitions instead of ours."""
    (tmp_path / "workspace.yaml").write_text("load_from: [{python_module: tiny_definitions}]\n")
    subprocess.run([sys.executable, "-m", "mlwf_assets.cli.home", str(tmp_path)], check=True, timeout=60)
    return tmp_path


def _ask(port, query):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own server
        return json.load(answer)["data"]


def _serve_and_ask(command, folder, query):
    """What a command that serves Dagster in a folder answers when it is up."""
    port, mark = claim_port(0), f"dev-{os.getpid()}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLWF_", "DAGSTER_"))}
    with (folder / "dev.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-w", "workspace.yaml", "-p", str(port)],
            cwd=folder, env={**kept, "PYTHONPATH": TINY, MARK: mark}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end and process.poll() is None:
            try:
                return _ask(port, query)
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.3)
        raise AssertionError((folder / "dev.log").read_text())
    finally:
        process.send_signal(signal.SIGINT)
        stop(mark, wait_s=15)
        process.wait()


@pytest.mark.soak
def test_they_open_the_same_instance_with_our_settings(checkout, full):
    commands = [[BIN / "dagster", "dev"], [BIN / "dg", "dev"]]
    for command in commands if full else commands[:1]:
        answer = _serve_and_ask(command, checkout, "{ instance { info } assetNodes { assetKey { path } } }")
        settings = yaml.safe_load(answer["instance"]["info"])
        assert settings["local_artifact_storage"]["config"]["base_dir"] == str(checkout / ".mlwf" / "dagster")
        assert settings["telemetry"] == {"enabled": False}
        assert settings["run_launcher"]["class"] == "RunLauncher"
        assert answer["assetNodes"] == [{"assetKey": {"path": ["numbers"]}}]
