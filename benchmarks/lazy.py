"""What laziness costs: a run, a run with nothing to do, the plan, and what is kept, beside DVC on a chain like it.

DVC (`dvc repro`, in an environment of its own) gets the same files and as many stages as the workflow has steps; each
of its stages copies its input, so that all of its time is its own.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlwf_assets_tests import small

_DVC = "dvc==3.67.1"
_TIMES = 5
_BIN = Path(sys.executable).parent


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="mlwf-bench-") as name:
        base = Path(name)
        folder = small.write(base / "parcels")
        ours = _ours(folder, base / "home")
        return {"ours": ours, "dvc": _dvc(folder, base / "dvc", stages=ours["steps"])}


def _ours(folder: Path, home: Path) -> dict[str, Any]:
    environment = {**os.environ, "MLWF_HOME": str(home)}
    mlwf = str(_BIN / "mlwf")
    first = json.loads(_run([mlwf, "run", str(folder), "--json"], environment))
    results, steps = len(first["computed"]), len({one.partition("@")[0] for one in first["computed"]})
    forced = json.loads(_run([mlwf, "run", str(folder), "--json", "--force"], environment))
    overhead_s = forced["seconds"] * forced["orchestration_share"]
    return {
        "steps": steps,
        "results": results,
        "run_s": round(first["seconds"], 2),
        "orchestration_share": first["orchestration_share"],
        "overhead_per_result_ms": round(1000 * overhead_s / results, 1),
        "no_op_s": _median(lambda: _run([mlwf, "run", str(folder), "--json"], environment)),
        "status_s": _median(lambda: _run([mlwf, "status", str(folder), "--json"], environment)),
        "kept_per_result_kib": {
            "event log": _kib(home / "dagster") / (2 * results),
            "lake's logs and index": _kib(home / "lake", "_delta_log", ".index") / (2 * results),
        },
    }


def _dvc(folder: Path, base: Path, *, stages: int) -> dict[str, Any]:
    base.mkdir()
    venv.create(base / "venv", with_pip=True)
    dvc = str(base / "venv" / "bin" / "dvc")
    _run([str(base / "venv" / "bin" / "pip"), "install", "--quiet", _DVC], os.environ)
    project = base / "project"
    project.mkdir()
    for file in ("parcels.csv", "weather.csv", "depots.jsonl"):
        (project / file).write_bytes((folder / file).read_bytes())
    (project / "dvc.yaml").write_text(_pipeline(stages), encoding="utf-8")
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    _run([dvc, "init", "--no-scm", "--quiet"], environment, project)
    start_s = time.monotonic()
    _run([dvc, "repro", "--quiet"], environment, project)
    seconds = time.monotonic() - start_s
    return {
        "version": _DVC,
        "stages": stages,
        "overhead_per_stage_ms": round(1000 * seconds / stages, 1),
        "no_op_s": _median(lambda: _run([dvc, "repro", "--quiet"], environment, project)),
        "status_s": _median(lambda: _run([dvc, "status", "--quiet"], environment, project)),
        "kept_per_stage_kib": round(_kib(project, "dvc.lock") / stages, 2),
    }


def _pipeline(stages: int) -> str:
    """A chain as long as the workflow has steps, its first three over the files."""
    sources = ["parcels.csv", "weather.csv", "depots.jsonl"]
    lines = ["stages:"]
    for number in range(stages):
        given = sources[number] if number < len(sources) else f"out{number - 1}"
        lines += [
            f"  s{number}:",
            f"    cmd: cp {given} out{number}",
            f"    deps: [{given}]",
            f"    outs: [out{number}]",
        ]
    return "\n".join(lines) + "\n"


def _run(command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None) -> str:
    done = subprocess.run(list(command), env=dict(environment), cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} must succeed, however: {done.stderr[-4000:]}")
    return done.stdout


def _median(work: Callable[[], Any]) -> float:
    seconds = []
    for _ in range(_TIMES):
        start_s = time.monotonic()
        work()
        seconds.append(time.monotonic() - start_s)
    return round(statistics.median(seconds), 2)


def _kib(folder: Path, *within: str) -> float:
    """The size of a folder's files; of those alone that have one of the names on their way."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    chosen = [file for file in files if not within or set(within) & {*file.relative_to(folder).parts}]
    return round(sum(file.stat().st_size for file in chosen) / 1024, 1)
