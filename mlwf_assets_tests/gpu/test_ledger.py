"""What a lease outlives and what ends it; and that no trouble of the machine gives a device two owners."""

import getpass
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mlwf_assets.errors import LedgerError
from mlwf_assets.gpu import client as client_module
from mlwf_assets.gpu import rounds
from mlwf_assets.gpu.client import Client
from mlwf_assets.gpu.entries import find_entry, read_entries, update
from mlwf_assets.gpu.leases import make_request
from mlwf_assets.gpu.processes import Process, find_process, this_process
from mlwf_assets_tests.gpu.homes import devices_of, hold, make_home, state_of


def until(check, seconds=10):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_a_killed_holder_is_gone_at_once_though_nobody_has_reaped_it(client, processes):
    holder, _ = hold(client, processes, "first", gpus=3)
    _, waiting = hold(client, processes, "second", gpus=3)
    assert client.look(waiting).state == "waiting"
    holder.send_signal(signal.SIGKILL)
    until(lambda: find_process_state(holder.pid) == "Z", 5)
    assert client.look(waiting).state == "running"
    with client.ledger.read() as connection:
        assert [row[0] for row in connection.execute("SELECT ended FROM uses")] == ["died"]


def find_process_state(pid):
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


def test_a_stopped_holder_keeps_its_devices_and_is_shown_as_unresponsive(client, processes):
    from mlwf_assets.gpu.figures import figures

    holder, number = hold(client, processes, "first", gpus=3)
    _, waiting = hold(client, processes, "second", gpus=3)
    holder.send_signal(signal.SIGSTOP)
    until(lambda: find_process_state(holder.pid) == "T")
    client.round()
    assert (client.look(number).state, client.look(waiting).state) == ("running", "waiting")
    assert [job["state"] for job in figures(client.view())["jobs"]] == ["unresponsive", "waiting"]


def test_a_stopped_holder_is_killed_when_the_grace_of_its_recall_is_over(tmp_path, processes):
    client = Client(make_home(tmp_path, more="grace_s: 0\n"))
    holder, _ = hold(client, processes, "borrowed", queue="interns", gpus=3)
    holder.send_signal(signal.SIGSTOP)
    _, owner = hold(client, processes, "own", gpus=2)
    assert (state_of(client, "borrowed"), client.look(owner).state) == ("releasing", "promised")
    time.sleep(rounds._ENFORCED_AFTER_S + 0.2)
    client.round()
    assert holder.wait(5) == -signal.SIGKILL
    client.round()
    assert (state_of(client, "borrowed"), client.look(owner).state) == (None, "running")


def test_a_pid_that_was_given_again_is_not_the_holder(client, processes):
    process = processes.start()
    found = find_process(process.pid)
    number = client.ask(
        make_request(queue="research", name="old"), replace(found, started_ticks=found.started_ticks - 1)
    )
    client.round()
    assert client.look(number) is None


def test_a_reboot_leaves_no_ghost(client, processes):
    process = processes.start()
    other = Process(process.pid, find_process(process.pid).started_ticks, "another-boot/pid:[1]")
    client.ask(make_request(queue="research", gpus=3, name="before"), other)
    _, number = hold(client, processes, "after", gpus=3)
    assert client.look(number).state == "running"
    assert state_of(client, "before") is None


def test_work_that_has_lost_its_holder_keeps_the_device_until_it_is_killed(client, processes, monkeypatch):
    holder, number = hold(client, processes, "first", gpus=3)
    work = processes.start()
    client.set_child(number, find_process(work.pid))
    _, waiting = hold(client, processes, "second", gpus=3)
    monkeypatch.setattr(Process, "kill", lambda self, *, group=False: False)  # as if it were another user's
    holder.kill()
    holder.wait()
    client.round()
    assert client.look(waiting).state == "waiting"
    monkeypatch.undo()
    client.round()
    assert work.wait(5) == -signal.SIGKILL
    client.round()
    assert client.look(waiting).state == "running"


FORKS = """
import os, time
pids = []
for own_session in (False, True):
    if (pid := os.fork()) == 0:
        if own_session:
            os.setsid()
        time.sleep(1000)
    while own_session and os.getsid(pid) != pid:
        time.sleep(0.01)
    pids.append(pid)
print(*pids, flush=True)
time.sleep(1000)
"""


def test_workers_whose_leader_was_killed_are_ended_before_the_device_goes_on(client, processes):
    leader = processes.python(FORKS)
    workers = [find_process(int(pid)) for pid in leader.stdout.readline().split()]
    holder, number = hold(client, processes, "first", gpus=3)
    client.set_child(number, find_process(leader.pid))
    _, waiting = hold(client, processes, "second", gpus=3)
    leader.kill()
    leader.wait()
    holder.kill()
    holder.wait()
    assert workers[0].standing() == "alive"
    until(lambda: client.round() or client.look(waiting).state == "running")
    assert workers[0].standing() == "gone"
    workers[1].kill()  # its leader was gone, so that nothing tells whose it is


def test_workers_with_a_session_of_their_own_die_with_the_group(client, processes):
    bystander = processes.start()
    leader = processes.python(FORKS)
    workers = [find_process(int(pid)) for pid in leader.stdout.readline().split()]
    assert find_process(leader.pid).kill(group=True)
    assert leader.wait(5) == -signal.SIGKILL
    until(lambda: all(worker.standing() == "gone" for worker in workers))
    assert bystander.poll() is None


@pytest.mark.parametrize("jump_s", [10 * 86_400, -10 * 86_400])
def test_a_jump_of_the_clock_changes_no_lease(client, processes, monkeypatch, jump_s):
    _, running = hold(client, processes, "first", gpus=3)
    _, waiting = hold(client, processes, "second", gpus=1)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump_s)
    client.round()
    entry = client.look(waiting)
    assert (client.look(running).state, entry.state) == ("running", "waiting")
    assert 0 <= client.view().now - entry.came_s < 30
    client.give_back(running)
    rows = client.uses(3600)
    assert 0 <= sum(row["gpu_seconds"] for row in rows) < 90


def test_a_lock_held_by_another_is_a_clear_error_and_grants_nothing(tmp_path, processes):
    client = Client(make_home(tmp_path), lock_s=0.3)
    client.round()
    other = sqlite3.connect(client.home.ledger_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begin = time.monotonic()
    with pytest.raises(LedgerError, match=r"another process has held its lock for 0\.3 s\. Nothing was granted"):
        client.ask(make_request(queue="research", name="late"))
    assert time.monotonic() - begin < 3
    other.execute("ROLLBACK")
    other.close()
    assert client.view().entries == []
    client.ask(make_request(queue="research", name="late"))
    assert devices_of(client, "late") == ["fake-0"]


def test_who_waits_outlasts_a_lock_that_is_held_for_a_while(tmp_path, processes):
    client = Client(make_home(tmp_path), lock_s=0.2)
    _, first = hold(client, processes, "first", gpus=3)
    code = (
        "import sys; from pathlib import Path; from mlwf_assets.gpu import lease\n"
        "from mlwf_assets.gpu.client import Client; from mlwf_assets.gpu.home import GpuHome\n"
        "with lease(queue='research', gpus=3, client=Client(GpuHome(Path(sys.argv[1])), lock_s=0.2)) as held:\n"
        "    print(held.devices)\n"
    )
    waiting = processes.python(code, tmp_path)
    until(lambda: len(client.view().entries) == 2)
    other = sqlite3.connect(client.home.ledger_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    time.sleep(3)
    assert waiting.poll() is None
    other.execute("ROLLBACK")
    other.close()
    client.give_back(first)
    assert waiting.communicate(timeout=20)[0] == "('fake-0', 'fake-1', 'fake-2')\n"


def test_a_full_disk_is_a_clear_error_and_grants_nothing(tmp_path):
    home = make_home(tmp_path)
    Client(home).ask(make_request(queue="research", name="first"))
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from mlwf_assets.gpu.client import Client; from mlwf_assets.gpu.home import GpuHome\n"
        "from mlwf_assets.gpu.leases import make_request\n"
        "client = Client(GpuHome(Path(sys.argv[1]))); client.view()\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
        "client.ask(make_request(queue='research', name='second'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert "LedgerError" in done.stderr
    assert "must have room to grow" in done.stderr
    assert [entry.request.name for entry in Client(home).view().entries] == ["first"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_read_only_ledger_is_a_clear_error(client, monkeypatch):
    client.round()
    with client.ledger.write() as connection:
        connection.execute("PRAGMA query_only = ON")
    with pytest.raises(LedgerError, match=r"must be a file that this user may write.*mlwf gpu init --group"):
        client.ask(make_request(queue="research", name="first"))


def test_a_folder_that_cannot_be_written_is_a_clear_error():
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(Path(folder))
        home.quota_file.chmod(0o644)
        home.folder.chmod(0o555)
        code = (
            "import os, sys; from pathlib import Path\n"
            "from mlwf_assets.gpu.client import Client; from mlwf_assets.gpu.home import GpuHome\n"
            "os.geteuid() == 0 and os.setresuid(65534, 65534, 65534)\n"
            "Client(GpuHome(Path(sys.argv[1]))).round()\n"
        )
        done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=False)
        home.folder.chmod(0o700)
    assert re.search(r"LedgerError: .*must be a file that this user may write.*MLWF_GPU_HOME", done.stderr)


def test_a_device_never_has_two_owners_whatever_is_decided(client, processes, monkeypatch):
    _, first = hold(client, processes, "first", gpus=3)
    decided = rounds.schedule

    def doubling(state):
        from mlwf_assets.gpu.model import Placement

        return replace(decided(state), starts=(Placement("second", 0, (0,)),))

    monkeypatch.setattr(rounds, "schedule", doubling)
    with pytest.raises(LedgerError, match=r"device fake-0 must have one owner.*first, second would hold 2"):
        hold(client, processes, "second")
    monkeypatch.undo()
    assert [entry.request.name for entry in client.view().entries] == ["first"]
    assert client.look(first).devices == ("fake-0", "fake-1", "fake-2")


def test_gpu_seconds_are_kept_by_queue_workflow_asset_and_user(client, monkeypatch):
    number = client.ask(make_request(queue="research", gpus=2, name="fit", workflow="flights", asset="models/torch"))
    with client.ledger.write() as connection:
        entry = find_entry(connection, number)
        update(connection, entry, replace(entry, began_s=entry.began_s - 100))
    (running,) = client.uses(3600)
    assert (running["gpu_seconds"], running["workflow"]) == (pytest.approx(200, abs=5), "flights")
    client.give_back(number)
    (row,) = client.uses(3600)
    assert {key: row[key] for key in ("queue", "workflow", "asset", "runs")} == {
        "queue": "research", "workflow": "flights", "asset": "models/torch", "runs": 1,
    }  # fmt: skip
    assert row["gpu_seconds"] == pytest.approx(200, abs=5)
    assert client.uses(50)[0]["gpu_seconds"] == pytest.approx(100, abs=5)
    assert row["user"] == getpass.getuser()


def test_two_homes_of_workflows_and_many_clients_see_one_ledger(tmp_path):
    home = make_home(tmp_path)
    number = Client(home).ask(make_request(queue="research", name="fit"), this_process())
    code = (
        "import sys; from mlwf_assets.gpu.client import Client\n"
        "print([entry.request.name for entry in Client().view().entries])\n"
    )
    for mlwf_home in ("one", "other"):
        variables = {**os.environ, "MLWF_GPU_HOME": str(tmp_path), "MLWF_HOME": str(tmp_path / mlwf_home)}
        done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
        assert done.stdout == "['fit']\n"
    Client(home).give_back(number)
    with Client(home).ledger.read() as connection:
        assert read_entries(connection) == []


def test_a_taken_name_is_refused_until_its_job_is_gone(client, processes):
    from mlwf_assets.errors import DataError

    holder, _ = hold(client, processes, "fit")
    with pytest.raises(DataError, match="job fit: must have a name that no other job has now"):
        hold(client, processes, "fit")
    holder.kill()
    holder.wait()
    hold(client, processes, "fit")
    assert state_of(client, "fit") == "running"
    assert client_module.ROUND_EVERY_S <= 2
