"""tsfresh's features: ours against tsfresh's own, and against tsfel and pycatch22, in CPU seconds of one thread.

Each measurement is a process of its own, after a first call that loads and compiles. The two peers live in a
virtual environment that this benchmark makes; their features are other ones, so that features per second count.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

LENGTHS = (24, 100, 1000)
# Windows measured: ours, tsfresh's, and the peers'.
OURS = {24: 4000, 100: 2000, 1000: 200}
THEIRS = {24: 20, 100: 20, 1000: 4}
PEERS = {"tsfel": "tsfel", "pycatch22": "pycatch22"}
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def measure() -> dict[str, Any]:
    made: dict[str, Any] = {"settings": {}, "by_calculator": {}, "peers": {}}
    for setting in ("efficient", "comprehensive"):
        for length in LENGTHS:
            ours = _run(sys.executable, "ours", setting, length, OURS[length])
            theirs = _run(sys.executable, "tsfresh", setting, length, THEIRS[length])
            two = _run(sys.executable, "ours in two threads", setting, length, OURS[length])
            both = _run(sys.executable, "tsfresh in two processes", setting, length, THEIRS[length] * 4)
            made["settings"][f"{setting}, {length} points"] = {
                "ours: windows per CPU s": round(1 / ours["cpu_s"], 1),
                "tsfresh: windows per CPU s": round(1 / theirs["cpu_s"], 1),
                "ratio": round(theirs["cpu_s"] / ours["cpu_s"], 1),
                "two at once, ours: windows per s": round(1 / two["wall_s"], 1),
                "two at once, tsfresh: windows per s": round(1 / both["wall_s"], 1),
                "features per CPU s": round(ours["features"] / ours["cpu_s"]),
            }
            if setting == "comprehensive":
                made["by_calculator"][f"{length} points"] = {
                    name: {"ours_us": round(cost * 1e6, 2), "ratio": round(theirs["by"][name] / cost, 1)}
                    for name, cost in ours["by"].items()
                    if cost and name in theirs["by"]
                }
    with tempfile.TemporaryDirectory(prefix="mlwf-peers-") as folder:
        python = _make_peers(Path(folder))
        for peer in PEERS:
            for length in LENGTHS:
                found = _run(python, peer, "efficient", length, THEIRS[length])
                made["peers"][f"{peer}, {length} points"] = {
                    "windows per CPU s": round(1 / found["cpu_s"], 1),
                    "features": found["features"],
                    "features per CPU s": round(found["features"] / found["cpu_s"]),
                }
    return made


def _make_peers(folder: Path) -> str:
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "setuptools<81", "pandas<3", *PEERS.values()], check=True
    )
    return python


def _run(python: str, who: str, setting: str, length: int, windows: int) -> dict[str, Any]:
    """CPU and wall seconds per window, number of features, CPU seconds by calculator."""
    script = Path(__file__).with_name("timeseries_worker.py")
    command = [python, "-W", "ignore", str(script), who, setting, str(length), str(windows)]
    environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))
