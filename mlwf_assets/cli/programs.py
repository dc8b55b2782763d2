"""The programs of `mlwf up`: the code with the definitions, Dagster's webserver and daemon, MLflow.

Commands, environment and the small file by which Dagster finds the code. Nothing is started here.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from mlwf_assets.cli.served import Addresses
from mlwf_assets.cli.servers import Server

_PATHS = ("MLWF_WORKFLOWS", "PYTHONPATH")


def make_servers(home: Path, module: str, addresses: Addresses) -> list[Server]:
    """Say what is to be started.

    Args:
        home: the folder of all state.
        module: the one with the Dagster definitions.
        addresses: the ports to serve at.
    """
    from mlwf_assets.deployment.store import prepare_folder, store_uri

    (home / "reports").mkdir(exist_ok=True)
    _write_workspace(home, module, addresses.code_port)
    mlflow = prepare_folder(home)
    workspace = ["-w", str(workspace_file(home))]
    code = [
        "dagster", "code-server", "start", "-m", module, "--location-name", module, "-h", "127.0.0.1",
        "-p", str(addresses.code_port), "--use-python-environment-entry-point", "--inject-env-vars-from-instance",
    ]  # fmt: skip
    tracking = [
        "mlflow", "server", "--host", "127.0.0.1", "--port", str(addresses.mlflow_port), "--workers", "1",
        "--backend-store-uri", store_uri(home), "--artifacts-destination", str(mlflow / "artifacts"),
    ]  # fmt: skip
    webserver = ["dagster_webserver", "-h", "127.0.0.1", "-p", str(addresses.dagster_port), *workspace]
    return [
        _python("mlflow", tracking, home),
        _python("dagster-code", code, home),
        _python("dagster-webserver", webserver, home, asks_code=True),
        _python("dagster-daemon", ["dagster._daemon", "run", *workspace], home, asks_code=True),
    ]


def _python(name: str, arguments: list[str], home: Path, *, asks_code: bool = False) -> Server:
    # They run in a folder without `.env`: Dagster would let that file win over the shell.
    command = [sys.executable, "-m", *arguments]
    return Server(name, command, home / "logs" / f"{name}.log", folder=home / "dagster", asks_code=asks_code)


def workspace_file(home: Path) -> Path:
    """Where Dagster's servers read which code there is."""
    return home / "dagster" / "workspace.up.yaml"


def _write_workspace(home: Path, module: str, code_port: int) -> None:
    """Tell Dagster of the code's server; the location has the name that workspace.yaml gives it too."""
    server = {"host": "127.0.0.1", "port": code_port, "location_name": module}
    workspace_file(home).write_text(json.dumps({"load_from": [{"grpc_server": server}]}), encoding="utf-8")


def environment(homes: Mapping[str, str]) -> dict[str, str]:
    """What the programs see: the variables of this process, where state lives, and what is switched off.

    Args:
        homes: MLWF_HOME and DAGSTER_HOME, as `home.prepare_home` gives them.

    Example:
        >>> environment({"MLWF_HOME": "/data"})["MLFLOW_DISABLE_TELEMETRY"]
        'true'
    """
    variables = {
        **os.environ, **homes, "DAGSTER_DISABLE_TELEMETRY": "yes", "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_ENABLE_AI_GATEWAY": "false",
    }  # fmt: skip
    for name in _PATHS:
        parts = [part for part in variables.get(name, "").split(os.pathsep) if part]
        if parts:  # the programs run in another folder
            variables[name] = os.pathsep.join(str(Path(part).absolute()) for part in parts)
    return variables
