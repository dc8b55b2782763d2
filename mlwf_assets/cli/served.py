"""What is served of a home: the addresses, kept in `$MLWF_HOME/servers.json` while an `mlwf up` runs.

Who wants to know where the UI is (the summary of `mlwf run`) asks here; a file whose `mlwf up` is gone
counts for nothing.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from mlwf_assets.cli.servers import stop


@dataclass(frozen=True)
class Addresses:
    """The ports at which things are served, and the addresses that follow.

    Attributes:
        port: of the gateway, the one that people use.
        dagster_port: of the Dagster webserver itself.
        mlflow_port: of the MLflow server itself.
        code_port: of the server that holds the definitions.

    Example:
        >>> Addresses(3000, 4001, 4002, 4003).pages["MLflow"]
        'http://127.0.0.1:3000/mlflow'
    """

    port: int
    dagster_port: int
    mlflow_port: int
    code_port: int

    @property
    def home(self) -> str:
        """The one address for everything."""
        return _address(self.port)

    @property
    def dagster(self) -> str:
        """The webserver, past the gateway."""
        return _address(self.dagster_port)

    @property
    def mlflow(self) -> str:
        """The MLflow server, past the gateway."""
        return _address(self.mlflow_port)

    @property
    def pages(self) -> dict[str, str]:
        """What is where, for people."""
        return {"Dagster": self.home, "MLflow": f"{self.home}/mlflow", "Reports": f"{self.home}/reports"}


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def running_address(home: Path) -> str | None:
    """The address of the `mlwf up` that serves a home, if one does and is ready.

    Example:
        >>> running_address(Path("/nowhere")) is None
        True
    """
    state = read_state(home)
    return state["address"] if state.get("ready") and is_alive(state) else None


def stop_leftovers(home: Path) -> None:
    """End what an `mlwf up` that was killed (-9, power) left running."""
    state = read_state(home)
    if state and not is_alive(state):
        stop(state["mark"])
        state_file(home).unlink(missing_ok=True)


def state_file(home: Path) -> Path:
    """Where the addresses are kept."""
    return home / "servers.json"


def read_state(home: Path) -> dict[str, Any]:
    """What the file says, whether or not it still holds; empty if there is none."""
    try:
        state: dict[str, Any] = json.loads(state_file(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state


def write_state(home: Path, mark: str, addresses: Addresses, *, ready: bool) -> None:
    """Write the file, whole or not at all; `mark` is what the servers' processes carry."""
    state = {
        "address": addresses.home, "ready": ready, "mark": mark,
        "pid": os.getpid(), "started": psutil.Process().create_time(),
    }  # fmt: skip
    draft = state_file(home).with_suffix(".tmp")
    draft.write_text(json.dumps(state), encoding="utf-8")
    draft.replace(state_file(home))


def is_alive(state: dict[str, Any]) -> bool:
    """Whether the `mlwf up` that wrote a state still runs; its pid may have been given to another since."""
    try:
        return bool(abs(psutil.Process(state["pid"]).create_time() - state["started"]) < 1)
    except psutil.NoSuchProcess:
        return False
