"""What a run records, where its steps have processes of their own: they tell it to the process of the run.

A step's process finds the address in its environment and sends each event over a local socket; the run's takes them
into its recorder, as if the step had worked there. Clocks agree, for the monotonic clock is the machine's.
"""

import contextlib
import os
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from mlwf_assets import errors
from mlwf_assets.assets import stamps
from mlwf_assets.errors import MlwfError

_OPEN, _CLOSE = "open", "close"
_ADDRESS, _KEY = "MLWF_RELAY", "MLWF_RELAY_KEY"


@dataclass(frozen=True)
class Made:
    """A result that a step's process reports: what it is, and whether it was there already."""

    output: str
    partition: str | None
    reused: bool


@contextlib.contextmanager
def listening(recorder: stamps.Recorder, take: Callable[[Made], Any]) -> Iterator[None]:
    """Take what the processes of steps send into a recorder, until the block ends.

    Args:
        recorder: of the run.
        take: makes of a reported result what the recorder keeps.
    """
    with tempfile.TemporaryDirectory(prefix="mlwf-") as folder:
        key = secrets.token_bytes(16)
        address = str(Path(folder) / "relay")
        threads: list[threading.Thread] = []
        with Listener(address, family="AF_UNIX", authkey=key) as listener:
            os.environ[_ADDRESS], os.environ[_KEY] = address, key.hex()
            door = threading.Thread(target=_accept, args=(listener, recorder, take, threads), daemon=True)
            door.start()
            try:
                yield
            finally:
                del os.environ[_ADDRESS], os.environ[_KEY]
                with Client(address, family="AF_UNIX", authkey=key) as bell:
                    bell.send(_CLOSE)
                door.join()
                for thread in threads:
                    thread.join()


def _accept(
    listener: Listener, recorder: stamps.Recorder, take: Callable[[Made], Any], threads: list[threading.Thread]
) -> None:
    while True:
        connection = listener.accept()
        if connection.recv() == _CLOSE:
            return
        thread = threading.Thread(target=_receive, args=(connection, recorder, take), daemon=True)
        thread.start()
        threads.append(thread)


def _receive(connection: Connection, recorder: stamps.Recorder, take: Callable[[Made], Any]) -> None:
    # A process that ends, or is killed, closes its side.
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            kind, value = connection.recv()
            if kind == "stamp":
                recorder.stamps.append(value)
            elif kind == "made":
                recorder.done += [made for one in value if (made := take(one)) is not None]
            elif kind == "failure":
                step, name, text = value
                recorder.failures[step] = _as_error(name, text)
            elif kind == "event":
                recorder.listen(*value)


@contextlib.contextmanager
def recording_step() -> Iterator[stamps.Recorder]:
    """Give the recorder of the run: the one in this process, or one that sends to the process of the run."""
    if _ADDRESS not in os.environ:
        yield stamps.current()
        return
    with Client(os.environ[_ADDRESS], family="AF_UNIX", authkey=bytes.fromhex(os.environ[_KEY])) as connection:
        recorder = stamps.Recorder(listen=lambda *event: connection.send(("event", event)))
        connection.send(_OPEN)
        try:
            yield recorder
        finally:
            _send(connection, recorder)


def _send(connection: Connection, recorder: stamps.Recorder) -> None:
    for stamp in recorder.stamps:
        connection.send(("stamp", stamp))
    connection.send(("made", [Made(one.output, one.partition, one.reused) for one in recorder.done]))
    for step, error in recorder.failures.items():
        connection.send(("failure", (step, type(error).__name__, str(error))))


def _as_error(name: str, text: str) -> MlwfError:
    """Make an error of its class again, where it is one of ours: whose fault it is hangs on that."""
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, MlwfError):
        return kind(text)
    return MlwfError(f"{name}: {text}" if text else name)
