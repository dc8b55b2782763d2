"""One family, from the matrix to what the lake keeps: out-of-fold predictions, trials, the final model.

The one call behind each asset models/FAMILY. Seconds are metadata; all else is content and the same for the
same trials.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mlwf_assets.errors import ModelError
from mlwf_assets.models.budget import Clock
from mlwf_assets.models.families.base import Context, Family, Fitted, never
from mlwf_assets.models.families.mean import join
from mlwf_assets.models.families.registry import describe_family, find_family
from mlwf_assets.models.fits import Fits
from mlwf_assets.models.metrics import Array
from mlwf_assets.models.predictor import OWN_FILE
from mlwf_assets.models.search import Course
from mlwf_assets.models.task import Task, draw_affordable, read_task
from mlwf_assets.models.together import predict_together, score_together
from mlwf_assets.models.trials import Tried, read_trials, write_trials
from mlwf_assets.models.tuning import replay as replay_trials
from mlwf_assets.models.tuning import tune_seconds, tune_trials
from mlwf_assets.spec import extensions
from mlwf_assets.spec.extensions import NO_CODE, OwnCode
from mlwf_assets.spec.models import Models
from mlwf_assets.spec.names import Kind
from mlwf_assets.spec.own_code import pack

FAMILY_FILE, TRIALS_FILE, MODEL_FOLDER, PREDICTION = "family.json", "trials.json", "model/", "prediction"
PREDICT_SECONDS = "seconds per 1,000 rows to predict"
# So many rows are predicted to tell how long it takes; it is tried so often, and the best counts.
_TIMED_ROWS, _TIMES = 1_000, 2
# More threads than this gain little and make results depend on the machine all the more.
_MOST_THREADS = 8


@dataclass(frozen=True)
class FamilyResult:
    """What is kept of one family.

    Attributes:
        table: (m, ...) out-of-fold predictions of the chosen trials' mean: key, fold, label, and `prediction` or a
            `prediction_CLASS` for each class.
        files: model/..., trials.json, family.json; own.json where the workflow's own files are the family.
        trials: as in trials.json.
        metric: what was optimized.
        metrics: of the out-of-fold rows: the score, and the best trial's alone on each fold.
        params: of the best trial, and how the final model was trained.
        metadata: for people, seconds among it.
        key: the columns that name a row.
    """

    table: pa.Table
    files: Mapping[str, bytes]
    trials: Sequence[Mapping[str, Any]]
    metric: str
    metrics: Mapping[str, float]
    params: Mapping[str, Any]
    metadata: Mapping[str, Any]
    key: tuple[str, ...]


def train_family(
    name: str,
    matrix: pa.Table,
    features: Sequence[Mapping[str, Any]],
    *,
    spec: Models,
    kind: Kind,
    key: Sequence[str],
    budget_s: float | None,
    checkpoint_dir: Path | None,
    report: Callable[[str], None],
    device: str = "cpu",
    should_stop: Callable[[], bool] | None = None,
    replay: Any = None,
    own: OwnCode = NO_CODE,
) -> FamilyResult:
    """Tune a family and train its final model on train and validation.

    Args:
        name: of the family.
        matrix: key, split, label, features; rows of train and validation.
        features: name and kind of each feature.
        spec: metric, folds, seed, and the number of trials where the budget is one.
        kind: binary, multiclass or regression.
        key: the columns that name an example.
        budget_s: seconds for all of it; None: the budget is in trials.
        checkpoint_dir: where an interrupted search is taken up again; of this matrix and these settings alone.
        report: called with a few words after each trial.
        device: 'cpu' or 'cuda'.
        should_stop: whether to leave at once; the next call goes on there.
        replay: the parsed trials file of an earlier run, to be repeated exactly.
        own: the workflow's Python files, which may add the family.

    Raises:
        Stopped: if `should_stop` said so.
        ModelError: if the family is unknown, lacks a package, or could not be scored.
        DataError: if the rows do not allow it.
    """
    clock = Clock(budget_s if budget_s is not None else float("inf"))
    family, start = find_family(name, own), time.monotonic()
    rows = matrix.num_rows
    task = read_task(draw_affordable(matrix, spec), features, spec=spec, kind=kind, key=key)
    context = Context(seed=spec.seed, threads=usable_threads(), device=device)
    fits = Fits(family, task, checkpoint_dir, context)
    course = Course(report, should_stop or never)
    tried = _tune(fits, clock, spec=spec, course=course, replay=replay)
    numbers = " and ".join(str(one.number) for one in tried.chosen)
    score = score_together(tried.chosen, fits)
    report(f"{name}, final model from trial {numbers} ({task.problem.metric.name} {score:.4f})")
    fitted, tried = _final_model(fits, tried, course)
    seconds = time.monotonic() - start
    return FamilyResult(
        table=_table(task, predict_together(tried.chosen, fits)),
        files={
            **_model_files(fitted),
            TRIALS_FILE: write_trials({name: tried}),
            FAMILY_FILE: _facts(task, family, tried, score, words=describe_family(name, own)),
            **({OWN_FILE: pack(own)} if own.find(extensions.Family, name) else {}),
        },
        trials=[trial.to_json() for trial in tried.trials],
        metric=task.problem.metric.name,
        metrics=_metrics(task, tried, score),
        params={**tried.chosen[0].params, "rounds": fitted.rounds, "subsample": tried.final.subsample},
        metadata={
            **_metadata(task, tried, score, rows=rows, seconds=seconds, budget_s=budget_s),
            PREDICT_SECONDS: round(_predict_seconds(fitted, task), 5),
        },
        key=tuple(key),
    )


def usable_threads() -> int:
    """How many cores this process may use, at most eight."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(_MOST_THREADS, usable or 1)


def _tune(fits: Fits, clock: Clock, *, spec: Models, course: Course, replay: Any) -> Tried:
    if replay is not None:
        return replay_trials(read_trials(replay, fits.family.name), fits, course=course)
    if spec.budget.trials is not None:
        return tune_trials(fits, trials=spec.budget.trials, seed=spec.seed, course=course, way=spec.search)
    if not np.isfinite(clock.budget_s):
        raise ModelError("a family needs a budget in trials or in seconds, however: neither; set models.budget")
    return tune_seconds(fits, clock, seed=spec.seed, course=course, way=spec.search)


def _final_model(fits: Fits, tried: Tried, course: Course) -> tuple[Fitted, Tried]:
    """Train the final model; say for how long each of its parts was trained."""
    parts = [
        fits.whole(one.params, share=tried.final.subsample, rounds=rounds or None, should_stop=course.should_stop)
        for one, rounds in zip(tried.chosen, tried.final.rounds, strict=True)
    ]
    final = replace(tried.final, rounds=tuple(part.rounds for part in parts))
    return join(parts), replace(tried, final=final)


def _predict_seconds(fitted: Fitted, task: Task) -> float:
    frame = task.frame.iloc[:_TIMED_ROWS]
    taken = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        fitted.predict(frame)
        taken.append(time.perf_counter() - start)
    return min(taken) * 1_000 / len(frame)


def _table(task: Task, said: Sequence[Array]) -> pa.Table:
    """Put predictions, given by fold, into the order of the rows."""
    rows, folds = task.judged
    order = np.argsort(np.concatenate([fold.valid for fold in task.folds]), kind="stable")
    predictions = np.concatenate(said)[order]
    columns = {name: task.keys[name].take(pa.array(rows)) for name in task.keys.column_names}
    columns["fold"] = pa.array(folds, pa.int32())
    columns["label"] = task.labels.take(pa.array(rows))
    if task.problem.kind != "multiclass":
        return pa.table({**columns, PREDICTION: pa.array(predictions)})
    named = {f"{PREDICTION}_{name}": pa.array(predictions[:, k]) for k, name in enumerate(task.truth.classes)}
    return pa.table({**columns, **named})


def _model_files(fitted: Fitted) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory(prefix="mlwf-family-") as name:
        folder = Path(name)
        fitted.save(folder)
        found = sorted(path for path in folder.rglob("*") if path.is_file())
        return {MODEL_FOLDER + path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def _facts(task: Task, family: Family, tried: Tried, score: float, *, words: str) -> bytes:
    facts = {
        "family": family.name,
        "words": words,
        "kind": task.problem.kind,
        "metric": task.problem.metric.name,
        "classes": list(task.truth.classes) if task.problem.kind == "multiclass" else [],
        "features": [dict(feature) for feature in task.problem.features],
        "trials": len(tried.trials),
        "score": score,
        "is_forward": task.is_forward,
        "models": [
            {"trial": one.number, "rounds": rounds, "params": dict(one.params)}
            for one, rounds in zip(tried.chosen, tried.final.rounds, strict=True)
        ],
        "rounds": max(tried.final.rounds),
        "subsample": tried.final.subsample,
    }
    return json.dumps(facts, ensure_ascii=False, indent=1).encode()


def _metrics(task: Task, tried: Tried, score: float) -> dict[str, float]:
    name, best = task.problem.metric.name, tried.chosen[0]
    alone = {f"best_trial_{name}_fold_{k}": value for k, value in enumerate(best.scores)}
    return {f"oof_{name}": score, f"best_trial_{name}": best.score, **alone}


def _metadata(
    task: Task, tried: Tried, score: float, *, rows: int, seconds: float, budget_s: float | None
) -> dict[str, Any]:
    states = [trial.state for trial in tried.trials]
    shown = {
        f"out-of-fold {task.problem.metric.label}": round(score, 4),
        "trials": len(states),
        "pruned": states.count("pruned"),
        "averaged trials": ", ".join(str(number) for number in tried.final.trials),
        "rounds": ", ".join(str(rounds) for rounds in tried.final.rounds),
        "share of the rows (search)": min(trial.subsample for trial in tried.trials),
        "share of the rows (final model)": tried.final.subsample,
        "folds": "; ".join(f"{len(fold.train):,} -> {len(fold.valid):,} rows" for fold in task.folds),
        "training seconds": round(seconds, 1),
    }
    if len(task.frame) < rows:
        shown["rows drawn, for all would not be read in time"] = f"{len(task.frame):,} of {rows:,}"
    return shown if budget_s is None else {**shown, "budget in seconds": round(budget_s, 1)}
