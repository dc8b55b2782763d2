"""How long a scheduling round takes: 16 devices, 50 queues, 1,000 jobs, and how that grows to 10,000."""

import statistics
import time
from typing import Any

from mlwf_assets.gpu.model import Job, Queue, State
from mlwf_assets.gpu.scheduler import schedule
from mlwf_assets.gpu.simulation import carry_out, settle

_SIZES = (1000, 1000, 2000, 500, 250, 4000)
_ROUNDS = 21
LIMIT_MS = 20


def measure() -> dict[str, Any]:
    rows = {str(jobs): _row(jobs) for jobs in (1000, 3000, 10000)}
    return {"devices": 16, "queues": 50, "limit_ms_at_1000": LIMIT_MS, "jobs": rows}


def busy_machine(jobs: int) -> State:
    """A full machine: 5 departments of 10 teams, the first jobs run, later ones wait, some of them more important."""
    queues = [Queue(f"department-{n}", deserved=3000, created=n) for n in range(5)]
    queues += [Queue(f"team-{n}", f"department-{n % 5}", deserved=300, created=5 + n) for n in range(45)]
    work = [Job(f"job-{n}", f"team-{n * 7 % 45}", _SIZES[n % 6], priority=50 + n % 3, created=n) for n in range(jobs)]
    return State(16, tuple(queues), tuple(work))


def _row(jobs: int) -> dict[str, Any]:
    first = busy_machine(jobs)
    settled = settle(first)
    half = settled.jobs[::2]
    freed = State(16, settled.queues, half)
    return {"empty": _times(first), "settled": _times(settled), "half_gone": _times(freed)}


def _times(state: State) -> dict[str, Any]:
    schedule(state)
    taken = []
    for _ in range(_ROUNDS):
        begin = time.perf_counter()
        decisions = schedule(state)
        taken.append(1000 * (time.perf_counter() - begin))
    return {
        "median_ms": round(statistics.median(taken), 1),
        "max_ms": round(max(taken), 1),
        "decided": len(decisions.starts) + len(decisions.evictions),
        "runs_after": sum(job.is_running for job in carry_out(state, decisions).jobs),
    }
