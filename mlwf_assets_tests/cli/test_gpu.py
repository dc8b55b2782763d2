"""`mlwf gpu` as people call it: real processes that wait, run, are called back and are told why."""

import asyncio
import grp
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import yaml
from aiohttp.test_utils import TestClient, TestServer

from mlwf_assets.gpu.client import Client
from mlwf_assets.gpu.processes import find_process
from mlwf_assets_tests.gpu.homes import Processes, hold, make_home, state_of

_MLWF = [sys.executable, "-c", "from mlwf_assets.cli import main; main()", "gpu"]


class Machine:
    def __init__(self, folder):
        self.folder, self.client = folder, Client(make_home(folder, more="grace_s: 1\n"))
        self.variables = {**os.environ, "MLWF_GPU_HOME": str(folder)}

    def start(self, *words):
        return subprocess.Popen(
            [*_MLWF, *words], env=self.variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def say(self, *words, code=0):
        running = self.start(*words)
        out, err = running.communicate(timeout=60)
        assert running.returncode == code, err
        return out if code == 0 else err

    def until(self, name, *states):
        end = time.monotonic() + 30
        while (found := state_of(self.client, name)) not in states:
            assert time.monotonic() < end, found
            time.sleep(0.05)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@contextmanager
def holding(machine, *jobs):
    processes = Processes()
    try:
        for name, queue, gpus in jobs:
            hold(machine.client, processes, name, queue=queue, gpus=gpus)
        yield processes
    finally:
        processes.end()


def test_a_command_sees_its_devices_and_its_exit_code_is_the_answer(machine):
    running = machine.start(
        "run", "--queue", "research", "--gpus", "2", "--", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES --json; exit 7"
    )
    assert (running.communicate(timeout=60)[0], running.returncode) == ("0,1 --json\n", 7)
    document = json.loads(machine.say("run", "--json", "--queue", "research", "--name", "n", "--", "true"))
    assert (document["job"], document["exit_code"], document["devices"]) == ("n", 0, ["fake-0"])


def test_a_recalled_command_is_told_saves_waits_and_runs_again(machine):
    loop = "n=0; while [ $n -lt 60 ]; do sleep 0.1; n=$((n+1)); done"
    script = f"trap 'echo saved; exit 0' TERM; echo began; {loop}; echo done"
    running = machine.start(
        "run", "--queue", "interns", "--gpus", "3", "--name", "sweep", "--requeue", "--", "sh", "-c", script
    )
    machine.until("sweep", "running")
    time.sleep(0.5)
    owner = json.loads(machine.say("run", "--json", "--queue", "research", "--gpus", "2", "--", "sleep", "0.3"))
    assert owner["exit_code"] == 0
    out, err = running.communicate(timeout=60)
    assert (out, running.returncode) == ("began\nsaved\nbegan\ndone\n", 0)
    assert re.search(r"called back \(reclaim for sleep-\d+\): SIGTERM now, SIGKILL in 1 s", err)
    assert "sweep: waits again" in err


def test_a_command_that_does_not_leave_is_killed_when_the_grace_is_over(machine):
    script = "trap '' TERM; sleep 1000 & sleep 1000"
    running = machine.start("run", "--queue", "interns", "--gpus", "3", "--name", "deaf", "--", "sh", "-c", script)
    machine.until("deaf", "running")
    time.sleep(0.5)
    assert machine.say("cancel", "deaf") == "deaf: is being ended\n"
    _, err = running.communicate(timeout=30)
    assert running.returncode == 128 + signal.SIGKILL
    assert "the grace is over: SIGKILL" in err


def test_a_killed_runner_takes_its_command_with_it(machine, tmp_path):
    script = f"echo $$ > {tmp_path / 'pid'}; exec sleep 1000"
    running = machine.start("run", "--queue", "research", "--gpus", "3", "--name", "fit", "--", "sh", "-c", script)
    machine.until("fit", "running")
    end = time.monotonic() + 10
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < end
        time.sleep(0.02)
    command = find_process(int((tmp_path / "pid").read_text()))
    running.kill()
    running.communicate()
    with holding(machine, ("next", "research", 3)):
        machine.until("next", "running")
        assert command.standing() == "gone"


def test_who_waits_is_told_place_and_reason_and_leaves_no_trace_when_stopped(machine):
    with holding(machine, ("first", "research", 2), ("other", "interns", 1), ("before", "research", 1)):
        running = machine.start("run", "--queue", "research", "--gpus", "1", "--name", "late", "--", "true")
        machine.until("late", "waiting")
        assert running.stderr.readline() == (
            "late: waits, place 2 in research: needs 1; 0 of 3 free; research holds 2 of its fair share 2; "
            "would run if research gave back 1\n"
        )
        found = json.loads(machine.say("explain", "late", "--json"))
        assert (found["code"], found["place"]) == ("no-room", 2)
        assert machine.say("explain", "late").endswith("[no-room]\n")
        running.terminate()
        running.communicate(timeout=30)
        assert running.returncode == 128 + signal.SIGTERM
        assert state_of(machine.client, "late") is None


def test_status_shows_devices_queues_and_jobs(machine):
    (machine.folder / "devices.yaml").write_text("fake-0: {utilization: 91, used_mib: 1200}\n")
    with holding(machine, ("fit", "interns", 1)):
        found = json.loads(machine.say("status", "--json"))
        assert found["devices"][0] == {
            "name": "fake-0", "memory_mib": 24000, "used_mib": 1200, "utilization": 91, "allocated": 1.0,
            "jobs": ["fit"], "foreign_processes": [], "drained": False,
        }  # fmt: skip
        assert found["queues"][1] == {
            "name": "interns", "parent": None, "deserved": 1.0, "limit": None, "fair_share": 1.0, "allocated": 1.0,
            "waiting": 0,
        }  # fmt: skip
        text = machine.say("status")
    assert re.search(r"fake-0 +1200 / 24000 MiB +91 % +fit", text)
    assert re.search(r"fit +interns +\w+ +running +1 +runs on fake-0 for", text)
    (row,) = json.loads(machine.say("usage", "--json", "--since", "1h"))["usage"]
    assert (row["queue"], row["runs"], row["gpu_seconds"] > 0) == ("interns", 1, True)
    assert "must be a number and a unit" in machine.say("usage", "--since", "soon", code=2)


def test_init_makes_a_folder_for_a_group_and_leaves_a_quota_file_alone(machine, tmp_path):
    machine.variables["MLWF_GPU_HOME"] = str(tmp_path / "machine")
    group = grp.getgrgid(os.getgid()).gr_name
    assert json.loads(machine.say("init", "--group", group, "--json"))["new"] is True
    assert oct((tmp_path / "machine").stat().st_mode & 0o7777) == "0o2770"
    assert oct((tmp_path / "machine" / "ledger.sqlite").stat().st_mode & 0o777) == "0o660"
    assert [row["name"] for row in json.loads(machine.say("status", "--json"))["devices"]] == ["fake-0"]
    assert "stands already" in machine.say("init")
    assert "must be a Unix group" in machine.say("init", "--group", "no-such-group", code=1)


def test_the_queues_are_written_for_a_cluster(machine):
    written = list(yaml.safe_load_all(machine.say("export", "--kai")))
    assert written == json.loads(machine.say("export", "--kai", "--json"))["manifests"]
    assert [one["metadata"]["name"] for one in written] == ["research", "interns"]
    assert {(one["apiVersion"], one["kind"]) for one in written} == {("scheduling.run.ai/v2", "Queue")}
    assert "Missing option '--kai'" in machine.say("export", code=2)


def test_prometheus_reads_the_same_figures(machine, monkeypatch):
    from mlwf_assets.cli.gateway import make_app

    monkeypatch.setenv("MLWF_GPU_HOME", str(machine.folder))

    async def ask():
        app = make_app(dagster="http://127.0.0.1:9", mlflow="http://127.0.0.1:9", reports=machine.folder)
        async with TestClient(TestServer(app)) as client, client.get("/gpu/metrics") as answer:
            return answer.status, answer.headers["Content-Type"], await answer.text()

    with holding(machine, ("fit", "interns", 2), ("late", "research", 2)):
        status, kind, text = asyncio.run(ask())
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert 'mlwf_gpu_device_memory_bytes{device="fake-0"} 2.5165824e+10' in text or "25165824000" in text
    assert 'mlwf_gpu_queue_waiting_jobs{queue="research"} 1' in text
    assert re.search(r'mlwf_gpu_used_gpu_seconds_last_day\{queue="interns",workflow="",asset="",user="\w+"\} ', text)
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) mlwf_gpu_\w+ .+|mlwf_gpu_\w+\{.*\} [-+.e\d]+", line), line
    (machine.folder / "gpu.yaml").unlink()
    monkeypatch.setenv("MLWF_GPU_HOME", str(machine.folder / "none"))
    assert asyncio.run(ask())[0] == 503
