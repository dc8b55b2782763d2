"""The ledger under load: 8 processes that acquire and release one device each, and how soon a waiting one runs."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mlwf_assets.gpu.client import Client
from mlwf_assets.gpu.home import GpuHome
from mlwf_assets.gpu.leases import acquire, make_request

PROCESSES = 8
SECONDS = 10.0
LIMIT_PAIRS_PER_S = 100
LIMIT_START_S = 1.0
_HANDOVERS = 15


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(Path(folder), devices=PROCESSES)
        pairs = _race(home)
        noted = _noted(home)
    with tempfile.TemporaryDirectory() as folder:
        starts = _handovers(make_home(Path(folder), devices=1))
    total = sum(pairs)
    return {
        "processes": PROCESSES,
        "pairs_per_s": round(total / SECONDS, 1),
        "limit_pairs_per_s": LIMIT_PAIRS_PER_S,
        "lost_or_doubled": noted - total,
        "release_to_running_s": {"median": round(statistics.median(starts), 3), "max": round(max(starts), 3)},
        "limit_release_to_running_s": LIMIT_START_S,
    }


def make_home(folder: Path, *, devices: int) -> GpuHome:
    listed = "\n".join(f"  - {{name: fake-{n}, memory_mib: 24000}}" for n in range(devices))
    queues = f"  - {{name: research, deserved: {devices}}}"
    (folder / "gpu.yaml").write_text(f"devices:\n{listed}\nqueues:\n{queues}\n", encoding="utf-8")
    return GpuHome(folder)


def _race(home: GpuHome) -> list[int]:
    command = [sys.executable, "-m", "benchmarks.gpu_ledger", str(home.folder), str(SECONDS)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    return [json.loads(one.communicate()[0]) for one in running]


def _work(home: GpuHome, seconds: float) -> int:
    """Acquire and release for a while; every pair also checks that no other process is on its device."""
    client, pairs = Client(home), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        held = acquire(client, make_request(queue="research", name=f"{os.getpid()}-{pairs}"))
        mark = home.folder / f"on-{held.devices[0]}"
        mark.touch(exist_ok=False)
        mark.unlink()
        held.release()
        pairs += 1
    return pairs


def _noted(home: GpuHome) -> int:
    with Client(home).ledger.read() as connection:
        return int(connection.execute("SELECT count(*) FROM uses WHERE ended = 'released'").fetchone()[0])


def _handovers(home: GpuHome) -> list[float]:
    """One holds, another process waits: from the moment of the release to its first line."""
    script = (
        "import sys, time; from pathlib import Path\n"
        "from mlwf_assets.gpu.client import Client; from mlwf_assets.gpu.home import GpuHome\n"
        "from mlwf_assets.gpu.leases import acquire, make_request\n"
        "client = Client(GpuHome(Path(sys.argv[1]))); told = lambda entry: print('waits', flush=True)\n"
        "while sys.stdin.readline():\n"
        "    held = acquire(client, make_request(queue='research'), tell=told)\n"
        "    print(time.monotonic(), flush=True); held.release(); print('done', flush=True)\n"
    )
    command = [sys.executable, "-c", script, str(home.folder)]
    client, times = Client(home), []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as waiting:
        assert waiting.stdin is not None
        assert waiting.stdout is not None
        for _ in range(_HANDOVERS):
            held = acquire(client, make_request(queue="research"))
            waiting.stdin.write("\n")
            waiting.stdin.flush()
            while waiting.stdout.readline() != "waits\n":
                pass
            time.sleep(0.37)
            begin = time.monotonic()
            held.release()
            while (line := waiting.stdout.readline()) == "waits\n":
                pass
            times.append(float(line) - begin)
            waiting.stdout.readline()
        waiting.stdin.close()
    return times


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_work(GpuHome(Path(sys.argv[1])), float(sys.argv[2]))))
