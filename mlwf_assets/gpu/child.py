"""A command under a lease: its own process group, signals passed on, ended when the devices are called back.

The group is named in the ledger, so that the devices stay taken for as long as any process of it lives; it dies with
the process that started it.
"""

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from mlwf_assets.errors import LedgerError, SourceError
from mlwf_assets.gpu.leases import POLL_S
from mlwf_assets.gpu.processes import Process, find_process

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_PR_SET_PDEATHSIG = 1
_LOOK_S = 0.05


class Held(Protocol):
    """What a command needs to know of its lease; `Lease` is one.

    Attributes:
        environment: in which it starts, added to ours.
        recall: why it has to leave.
    """

    environment: Mapping[str, str]
    recall: str | None

    @property
    def is_recalled(self) -> bool:
        """Whether it has to leave."""

    def look(self) -> object:
        """Find out whether it has to leave."""

    def name_child(self, group: Process) -> None:
        """Say which process group works under it."""


def run_child(
    lease: Held,
    command: Sequence[str],
    *,
    grace_s: float,
    tell: Callable[[str], None],
    output: Callable[[str], None] | None = None,
    to_leader: bool = False,
) -> int:
    """Run a command on the devices of a lease, to its end.

    Args:
        grace_s: from SIGTERM, after a recall, to SIGKILL.
        tell: is called with what happens to it, in words.
        to_leader: whether a recall's SIGTERM, and what is passed on, goes to the command alone, for it needs its
            workers (those that load data, say) until it has saved; else it goes to all of its process group.
        output: is called with each line that it prints; None lets it print where we do, and read from the terminal.
    Returns:
        Its exit code; 128 and the signal's number, if one ended it.
    Raises:
        SourceError: if there is no such command.
    """
    libc = ctypes.CDLL(None)
    pipes = {} if output is None else {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    try:
        child = subprocess.Popen(
            command,
            env={**os.environ, **lease.environment},
            process_group=0,
            # the child of a holder that was killed must not stay on devices that others get
            preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509 - takes no lock
            **pipes,  # type: ignore[call-overload]
        )
    except OSError as problem:
        raise SourceError(f"the command must be one that can be started, however: {problem}") from None
    group = find_process(child.pid)
    try:
        lease.name_child(group)
        with (
            _relaying(child, output),
            _passing_on(group, to_leader=to_leader),
            _in_foreground(group, wanted=output is None),
        ):
            _watch(lease, child, group, grace_s=grace_s, tell=tell, to_leader=to_leader)
    except BaseException:
        group.kill(group=True)
        child.wait()
        raise
    code = int(child.returncode)
    return code if code >= 0 else 128 - code


@contextmanager
def _relaying(child: "subprocess.Popen[bytes]", output: Callable[[str], None] | None) -> Iterator[None]:
    if output is None or child.stdout is None:
        yield
        return
    stream = child.stdout

    def relay() -> None:
        for line in stream:
            output(line.decode(errors="replace").rstrip("\n"))

    thread = threading.Thread(target=relay, daemon=True)
    thread.start()
    try:
        yield
    finally:
        if child.poll() is None:
            child.kill()
        thread.join()
        stream.close()


def _watch(
    lease: Held,
    child: "subprocess.Popen[bytes]",
    group: Process,
    *,
    grace_s: float,
    tell: Callable[[str], None],
    to_leader: bool,
) -> None:
    asked_s: float | None = None
    looked_s = 0.0
    while child.poll() is None or group.group_lives():
        now = time.monotonic()
        if now - looked_s > POLL_S and asked_s is None:
            looked_s = now
            try:
                lease.look()
            except LedgerError as problem:
                tell(f"the lease stands, but cannot be looked at: {problem}")
            if lease.is_recalled:
                tell(f"called back ({lease.recall}): SIGTERM now, SIGKILL in {grace_s:g} s")
                _send(group, signal.SIGTERM, to_leader=to_leader)
                asked_s = now
        if asked_s is not None and now - asked_s > grace_s:
            tell("the grace is over: SIGKILL")
            group.kill(group=True)
            asked_s = now
        _nap(child)


def _nap(child: "subprocess.Popen[bytes]") -> None:
    try:
        child.wait(_LOOK_S)
    except subprocess.TimeoutExpired:
        return
    time.sleep(_LOOK_S / 10)  # the leader has ended; others of its group may take a moment longer


def _send(group: Process, number: int, *, to_leader: bool) -> None:
    try:
        os.kill(group.pid, number) if to_leader else os.killpg(group.pid, number)
    except ProcessLookupError:
        return


@contextmanager
def _passing_on(group: Process, *, to_leader: bool) -> Iterator[None]:
    def pass_on(number: int, _: FrameType | None) -> None:
        _send(group, number, to_leader=to_leader)

    # signals reach the main thread alone; elsewhere whoever stops us is not asked to pass them on
    here = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, pass_on) for number in (_PASSED_ON if here else ())}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _in_foreground(group: Process, *, wanted: bool) -> Iterator[None]:
    """Give the command the terminal, where there is one, so that it can be typed to and Ctrl-C reaches it."""
    if not wanted or not os.isatty(0):
        yield
        return
    ours = os.getpgrp()
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        with _ignoring_errors():
            os.tcsetpgrp(0, group.pid)
        yield
    finally:
        with _ignoring_errors():
            os.tcsetpgrp(0, ours)
        signal.signal(signal.SIGTTOU, before)


@contextmanager
def _ignoring_errors() -> Iterator[None]:
    try:
        yield
    except OSError:
        return  # the group has ended, or the terminal is not ours
