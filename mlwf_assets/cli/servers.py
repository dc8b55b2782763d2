"""Starting, watching and stopping other programs; what `mlwf up` needs and no more.

A server is a command with a log file. Every process that descends from one start carries a mark in its
environment, so that all of them are found and stopped, also those that left their process group or lost
their parent (Dagster's run workers do both). Which servers there are stands in `up.py`.
"""

import os
import socket
import subprocess
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from mlwf_assets.errors import ServerError

MARK = "MLWF_UP"
_STOP_S = 8.0
_TAIL_LINES = 15


@dataclass(frozen=True)
class Server:
    """A program to be started.

    Attributes:
        name: as people call it.
        command: with its arguments.
        log: where its output goes.
        folder: where it runs.
        asks_code: whether it needs the server with the definitions when it starts.
    """

    name: str
    command: Sequence[str]
    log: Path
    folder: Path
    asks_code: bool = False


@dataclass(frozen=True)
class Running:
    """A server that was started."""

    server: Server
    process: "subprocess.Popen[bytes]"


def start(server: Server, *, environment: Mapping[str, str]) -> Running:
    """Start a server in a session of its own: Ctrl-C in the terminal reaches `mlwf up` alone."""
    server.log.parent.mkdir(parents=True, exist_ok=True)
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            list(server.command), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            env=dict(environment), cwd=server.folder, start_new_session=True,
        )  # fmt: skip
    return Running(server, process)


def check_alive(running: Iterable[Running]) -> None:
    """Pass while all servers run.

    Raises:
        ServerError: if one ended, with the end of its log.
    """
    for one in running:
        if (code := one.process.poll()) is not None:
            raise ServerError(
                f"{one.server.name} must keep running, however: it ended with exit code {code}. "
                f"The end of {one.server.log}:\n{tail(one.server.log)}"
            )


def tail(log: Path, *, lines: int = _TAIL_LINES) -> str:
    """The last lines of a log, indented."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"  ({error})"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])


def stop(mark: str, running: Sequence[Running] = (), *, wait_s: float = _STOP_S) -> None:
    """Ask every process of a start to end; kill what is left after `wait_s` seconds."""
    family = marked(mark)
    for process in family:
        _send(process, kill=False)
    _, stubborn = psutil.wait_procs(family, timeout=wait_s)
    # Also those that were born while we waited.
    late = {process.pid: process for process in [*stubborn, *marked(mark)]}
    for process in late.values():
        _send(process, kill=True)
    psutil.wait_procs(list(late.values()), timeout=wait_s)
    for one in running:
        one.process.wait()


def marked(mark: str) -> list[psutil.Process]:
    """Every process, but this one, that carries the mark of a start."""
    return [p for p in psutil.process_iter() if p.pid != os.getpid() and _carries(p, mark)]


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == mark)
    except (psutil.Error, OSError):
        return False  # gone, or another user's


def _send(process: psutil.Process, *, kill: bool) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill() if kill else process.terminate()


def claim_port(port: int, *, besides: Collection[int] = ()) -> int:
    """The port, if nobody listens there; a free one for 0.

    Args:
        port: the one that is wanted.
        besides: ports that are claimed already, though nobody listens there yet.

    Raises:
        ServerError: if it is taken.

    Example:
        >>> claim_port(0) > 0
        True
    """
    if port and port in besides:
        raise ServerError(f"each server must have a port of its own, however: {port} is given twice.")
    with socket.socket() as probe:
        # As servers do: a port whose connections of before still linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ServerError(f"port {port} on 127.0.0.1 must be free, however: {error.strerror}.") from error
        found = int(probe.getsockname()[1])
    return found if found not in besides else claim_port(port, besides=besides)


def wait_until_listening(port: int, running: Sequence[Running], *, deadline: float) -> None:
    """Wait until something accepts connections at a port.

    Raises:
        ServerError: if a server ends, or `deadline` (of `time.monotonic`) passes.
    """
    while True:
        check_alive(running)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > deadline:
            last = running[-1].server
            raise ServerError(f"{last.name} must answer in time, however: it does not. See {last.log}")
        time.sleep(0.1)
