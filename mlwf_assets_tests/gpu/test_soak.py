"""Holders and arbiters killed and stopped at random: no device is owned twice or lost, everyone is served in order."""

import os
import random
import signal
import sys
import time

import pytest

from mlwf_assets.gpu.client import Client
from mlwf_assets_tests.gpu.homes import hold, make_home, state_of

_WORKERS = 6


@pytest.mark.soak
def test_processes_killed_and_stopped_at_random_never_share_or_lose_a_device(request, tmp_path, processes):
    """Every process is holder and arbiter in one: it runs the rounds inside its own transactions."""
    seconds = 60 if request.config.getoption("--full") else 3
    client, draw = Client(make_home(tmp_path, devices=4)), random.Random(7)
    client.round()
    workers = [_start(processes, tmp_path, number) for number in range(_WORKERS)]
    end, hits, number = time.monotonic() + seconds, {signal.SIGKILL: 0, signal.SIGSTOP: 0}, _WORKERS
    while time.monotonic() < end:
        time.sleep(draw.uniform(0.05, 0.2))
        place = draw.randrange(_WORKERS)
        kind = draw.choice((signal.SIGKILL, signal.SIGSTOP))
        os.kill(workers[place].pid, kind)
        hits[kind] += 1
        if kind == signal.SIGSTOP:
            time.sleep(draw.uniform(0, 0.3))
            os.kill(workers[place].pid, signal.SIGCONT)
        else:
            assert workers[place].communicate()[1] == ""
            workers[place] = _start(processes, tmp_path, number)
            number += 1
    for worker in workers:
        worker.kill()
        assert worker.communicate()[1] == ""
    assert list(tmp_path.glob("doubled-*")) == []
    assert client.view().entries == []
    hold(client, processes, "all", gpus=4)
    assert state_of(client, "all") == "running"
    served = (tmp_path / "served").read_text().split()
    assert len(served) == len(set(served)) > 2 * seconds
    assert all(hits.values())


def _start(processes, folder, number):
    queue = ("research", "interns")[number % 2]
    return processes.start(sys.executable, "-m", "mlwf_assets_tests.gpu.worker", str(folder), queue, str(number))


@pytest.mark.soak
def test_everyone_is_served_in_the_order_of_the_rules_though_arbiters_die(request, tmp_path, processes):
    """One device, many who wait: by priority, then by age, whoever is killed in between."""
    count = 60 if request.config.getoption("--full") else 12
    client, draw = (
        Client(make_home(tmp_path, devices=1, queues="  - {name: research, deserved: 1}\n")),
        random.Random(3),
    )
    first, _ = hold(client, processes, "first")
    jobs = []
    for number in range(count):
        priority = draw.choice((50, 60, 70))
        process, _ = hold(client, processes, f"job-{number}", priority=priority, preemptible=False)
        jobs.append((-priority, number, process))
    first.kill()
    first.wait()
    lost = set(draw.sample(range(1, count), count // 4))
    for _, number, process in jobs:
        if number in lost:
            process.kill()
            process.wait()
    served = []
    for _ in range(count - len(lost)):
        arbiter = processes.python(
            "import sys; from pathlib import Path; from mlwf_assets.gpu.client import Client\n"
            "from mlwf_assets.gpu.home import GpuHome\n"
            "client = Client(GpuHome(Path(sys.argv[1])))\n"
            "while True: client.round()\n",
            tmp_path,
        ) if draw.random() < 0.2 else None  # fmt: skip
        (running,) = [entry for entry in client.view().entries if entry.state == "running"]
        served.append(int(running.request.name.removeprefix("job-")))
        jobs_by_number = {number: process for _, number, process in jobs}
        jobs_by_number[served[-1]].kill()
        jobs_by_number[served[-1]].wait()
        if arbiter is not None:
            arbiter.kill()
            assert arbiter.communicate()[1] == ""
    assert served == [number for _, number, _ in sorted(jobs, key=lambda job: job[:2]) if number not in lost]
