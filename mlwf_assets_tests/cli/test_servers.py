import os
import socket
import subprocess
import sys
import time

import psutil
import pytest

from mlwf_assets.cli.servers import (
    MARK,
    Server,
    check_alive,
    claim_port,
    marked,
    start,
    stop,
    tail,
    wait_until_listening,
)
from mlwf_assets.errors import ServerError

# A server with a child that left its session and its parent, as Dagster's run workers do; and one that ignores SIGTERM.
_FAMILY = """
import subprocess, sys, time
sleeper = "[sys.executable, '-c', 'import time; time.sleep(600)']"
subprocess.run([sys.executable, "-c", f"import subprocess, sys; subprocess.Popen({sleeper}, start_new_session=True)"])
print("ready", flush=True)
time.sleep(600)
"""
_STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def mark(request):
    return f"test-{os.getpid()}-{request.node.name}"


@pytest.fixture
def starting(tmp_path, mark):
    """Start a script as a server that carries the mark."""
    started = []

    def begin(text, *, ready=True):
        server = Server("one", [sys.executable, "-c", text], tmp_path / "logs" / "one.log", folder=tmp_path)
        running = start(server, environment={**os.environ, MARK: mark})
        started.append(running)
        deadline = time.monotonic() + 60
        while ready and "ready" not in server.log.read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        return running

    yield begin
    stop(mark, started, wait_s=0.1)


def test_stopping_ends_also_processes_that_left_their_session_and_their_parent(starting, mark):
    running = starting(_FAMILY)
    family = marked(mark)
    assert len(family) == 2
    stop(mark, [running])
    assert marked(mark) == []
    assert not [process for process in family if process.is_running()]


def test_what_does_not_end_when_asked_is_killed(starting, mark):
    running = starting(_STUBBORN)
    assert len(marked(mark)) == 1
    stop(mark, [running], wait_s=0.3)
    assert marked(mark) == []


def test_processes_of_another_start_are_left_alone(starting, mark):
    starting(_STUBBORN)
    stop(f"{mark}-other", wait_s=0.1)
    assert len(marked(mark)) == 1


def test_stopping_nothing_is_done_at_once(mark):
    begun = time.monotonic()
    stop(mark)
    assert time.monotonic() - begun < 5


def test_a_server_runs_in_its_folder_without_input_and_writes_its_log(starting, tmp_path):
    running = starting("import os, sys; print(os.getcwd(), repr(sys.stdin.read()), 'ready')")
    running.process.wait(60)
    assert running.server.log.read_text() == f"{tmp_path} '' ready\n"


def test_a_server_that_ends_is_told_with_the_end_of_its_log(starting):
    running = starting("import sys; print('one\\ntwo\\nready', flush=True); sys.exit(3)")
    running.process.wait(60)
    with pytest.raises(ServerError, match=r"one must keep running, however: it ended with exit code 3(.|\n)*  two"):
        check_alive([running])


def test_a_server_that_runs_is_fine(starting):
    check_alive([starting(_STUBBORN)])


def test_the_tail_of_a_log_is_its_last_lines(tmp_path):
    log = tmp_path / "x.log"
    log.write_text("\n".join(map(str, range(100))))
    assert tail(log, lines=2) == "  98\n  99"
    assert "No such file" in tail(tmp_path / "absent.log")


def test_a_taken_port_is_an_error_that_names_it():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ServerError, match=f"port {port} on 127[.]0[.]0[.]1 must be free, however: Address already"):
            claim_port(port)
    assert claim_port(port) == port


def test_any_free_port_is_one_that_is_not_claimed_yet():
    ports = []
    for _ in range(5):
        ports.append(claim_port(0, besides=ports))
    assert len(set(ports)) == 5


def test_one_port_for_two_servers_is_an_error():
    port = claim_port(0)
    with pytest.raises(ServerError, match=f"{port} is given twice"):
        claim_port(port, besides=[port])


def test_waiting_ends_when_something_listens(starting):
    port = claim_port(0)
    running = starting(
        f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(600)", ready=False
    )
    wait_until_listening(port, [running], deadline=time.monotonic() + 60)


def test_waiting_ends_when_the_server_ends_or_takes_too_long(starting):
    ended = starting("import sys; sys.exit(4)", ready=False)
    with pytest.raises(ServerError, match="exit code 4"):
        wait_until_listening(claim_port(0), [ended], deadline=time.monotonic() + 60)
    slow = starting(_STUBBORN)
    with pytest.raises(ServerError, match="one must answer in time, however: it does not"):
        wait_until_listening(claim_port(0), [slow], deadline=time.monotonic())


def test_processes_that_are_gone_or_half_gone_are_no_obstacle(mark):
    zombie = subprocess.Popen([sys.executable, "-c", ""], env={**os.environ, MARK: mark})
    deadline = time.monotonic() + 60
    while psutil.Process(zombie.pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.02)
    assert marked(mark) == []
    zombie.wait()
