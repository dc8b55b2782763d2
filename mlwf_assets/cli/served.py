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
    """Where things are served; `home` is the one that people use."""

    home: str
    dagster: str
    mlflow: str

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What is where, for people."""
        return [
            ("Dagster", self.home),
            ("MLflow", f"{self.home}/mlflow"),
            ("Reports", f"{self.home}/reports"),
        ]


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
        "address": addresses.home, "dagster": addresses.dagster, "mlflow": addresses.mlflow, "ready": ready,
        "mark": mark, "pid": os.getpid(), "started": psutil.Process().create_time(),
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
