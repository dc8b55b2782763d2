"""Whether the process of a run still lives, for Dagster's run monitoring.

Dagster's own launcher cannot tell: a run whose machine lost power stays 'started' for ever and keeps its place
in the queue and its slots in pools. It learns it here, for runs of `mlwf run`, `mlwf up` and `dagster dev`.
Named in dagster.yaml; loaded by Dagster's servers, so nothing heavy is imported.
"""

import json
import socket

import dagster as dg
import psutil
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus  # a custom launcher needs both

PROCESS_TAG = "mlwf/process"
# Where Dagster writes, on each run that it launches, the address of the code server that runs it.
_SERVER_TAG = ".dagster/grpc_info"
_CONNECT_S = 5.0


class RunLauncher(dg.DefaultRunLauncher):
    """Dagster's default launcher, which also tells dead runs from live ones."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes: run monitoring then asks about each run that has started."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Say whether what runs a run is there."""
        if is_running(run):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "its process is gone; what it had finished is kept")


def is_running(run: dg.DagsterRun) -> bool:
    """Whether the process of a started run is there, or at least the code server that watches over it.

    A worker that dies alone is reported by its server; here it is the server that may be gone. A run that
    names neither a process nor a server is not known to be dead.
    """
    if PROCESS_TAG in run.tags:
        return _is_alive(run.tags[PROCESS_TAG])
    if _SERVER_TAG in run.tags:
        return _is_listening(json.loads(run.tags[_SERVER_TAG]))
    return True


def process_name(pid: int | None = None) -> str:
    """Name a process, by default this one, so that no other ever has the name: pid and start time.

    Example:
        >>> import os
        >>> process_name() == process_name(os.getpid())
        True
    """
    process = psutil.Process(pid)
    return f"{process.pid}@{process.create_time():.2f}"


def _is_alive(name: str) -> bool:
    try:
        return process_name(int(name.partition("@")[0])) == name
    except psutil.NoSuchProcess:
        return False


def _is_listening(server: dict[str, str]) -> bool:
    """Whether something accepts connections; a server that is only slow counts as there."""
    is_local = "socket" in server
    with socket.socket(socket.AF_UNIX if is_local else socket.AF_INET) as probe:
        probe.settimeout(_CONNECT_S)
        try:
            probe.connect(server["socket"] if is_local else (server["host"], int(server["port"])))
        except TimeoutError:
            return True
        except OSError:
            return False
    return True
