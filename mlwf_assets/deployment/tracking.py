"""Trials in MLflow: a parent run per models/FAMILY asset, a child run per trial.

Only records; nothing is read back by the pipeline. A recipe that was logged is not logged again, and one
that was half logged is completed: runs are found by the recipe and the trial's number.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlwf_assets.deployment.candidate import Origin
from mlwf_assets.deployment.pages import run_page
from mlwf_assets.deployment.store import Store

RECIPE = "mlwf.recipe"
_MAX_PER_BATCH = 100
_STATES = {"complete": "FINISHED", "pruned": "KILLED", "fail": "FAILED", "failed": "FAILED", "running": "KILLED"}


@dataclass(frozen=True)
class FamilyRun:
    """What is logged of one asset models/FAMILY.

    Attributes:
        experiment: the workflow's name.
        family: e.g. 'lightgbm'.
        recipe: identifies the content; the same recipe is logged once.
        metric: what was optimized.
        trials: each with `number`, `params`, `state`, and any of `score`/`value`, `scores` (per fold),
            `rounds`, `epochs`: numbers become metrics, lists of numbers a metric with a step per fold.
        metrics: of the refitted model, name -> value.
        params: of the refitted model.
        origin: the Dagster run, asset, partitions, tables.
    """

    experiment: str
    family: str
    recipe: str
    metric: str
    trials: Sequence[Mapping[str, Any]]
    metrics: Mapping[str, float]
    params: Mapping[str, Any]
    origin: Origin = field(default_factory=Origin)


@dataclass(frozen=True)
class Tracked:
    """The parent run in MLflow."""

    run_id: str
    experiment_id: str
    reused: bool

    def link(self) -> str:
        """Its page below the gateway's address."""
        return run_page(self.experiment_id, self.run_id)


def log_family(store: Store, family: FamilyRun) -> Tracked:
    """Log one family's model and all its trials; what is there already stays."""
    experiment_id = store.experiment(family.experiment)
    with store.lock(f"{family.experiment}-{family.family}"):
        parent = _find_parent(store, experiment_id, family.recipe)
        if parent is not None and parent.info.status == "FINISHED":
            return Tracked(parent.info.run_id, experiment_id, reused=True)
        run_id = parent.info.run_id if parent is not None else _create_parent(store, experiment_id, family)
        logged = _logged_trials(store, experiment_id, run_id)
        for trial in family.trials:
            if str(trial["number"]) not in logged:
                _log_trial(store, experiment_id, family, parent_id=run_id, trial=trial)
        _log_values(store, run_id, params=family.params, metrics=[(k, v, 0) for k, v in family.metrics.items()])
        store.client.set_terminated(run_id, "FINISHED")
    return Tracked(run_id, experiment_id, reused=False)


def _find_parent(store: Store, experiment_id: str, recipe: str) -> Any | None:
    query = f"tags.`{RECIPE}` = '{recipe}' and tags.`mlwf.step` = 'family'"
    found = store.client.search_runs([experiment_id], query, max_results=1)
    return found[0] if found else None


def _create_parent(store: Store, experiment_id: str, family: FamilyRun) -> str:
    origin = family.origin
    tags = {
        RECIPE: family.recipe,
        "mlwf.step": "family",
        "mlwf.family": family.family,
        "mlwf.metric": family.metric,
        "mlwf.asset": origin.asset,
        "dagster.run_id": origin.run_id,
        "mlflow.note.content": _note(family),
    }
    run = store.client.create_run(
        experiment_id,
        run_name=f"{family.family} ({len(family.trials)} trials)",
        tags={name: value for name, value in tags.items() if value},
    )
    return str(run.info.run_id)


def _note(family: FamilyRun) -> str:
    origin = family.origin
    lines = [f"Tuning of **{family.family}** by {family.metric}."]
    if origin.run_id:
        lines.append(f"[Dagster run]({origin.run_link()})")
    if origin.asset:
        lines.append(f"[asset {origin.asset}]({origin.asset_link()})")
    return "\n\n".join(lines)


def _logged_trials(store: Store, experiment_id: str, parent_id: str) -> set[str]:
    """Numbers of the trials whose runs are complete; half ones are deleted."""
    numbers: set[str] = set()
    token: str | None = None
    query = f"tags.`mlflow.parentRunId` = '{parent_id}'"
    while True:
        page = store.client.search_runs([experiment_id], query, max_results=1000, page_token=token)
        for run in page:
            if run.info.status == "RUNNING":
                store.client.delete_run(run.info.run_id)
            else:
                numbers.add(run.data.tags["mlwf.trial"])
        token = page.token
        if not token:
            return numbers


def _log_trial(
    store: Store, experiment_id: str, family: FamilyRun, *, parent_id: str, trial: Mapping[str, Any]
) -> None:
    state = str(trial.get("state", "complete")).lower()
    run = store.client.create_run(
        experiment_id,
        run_name=f"{family.family} trial {trial['number']}",
        tags={
            "mlflow.parentRunId": parent_id,
            "mlwf.trial": str(trial["number"]),
            "mlwf.state": state,
            "mlwf.family": family.family,
        },
    )
    _log_values(store, run.info.run_id, params=trial.get("params", {}), metrics=list(_trial_metrics(trial)))
    store.client.set_terminated(run.info.run_id, _STATES.get(state, "FINISHED"))


def _trial_metrics(trial: Mapping[str, Any]) -> Iterator[tuple[str, float, int]]:
    """Every number of a trial, as (name, value, step).

    Example:
        >>> list(_trial_metrics({"number": 3, "score": 0.7, "scores": [0.6, 0.8], "params": {}}))
        [('score', 0.7, 0), ('scores', 0.6, 0), ('scores', 0.8, 1)]
    """
    for name, value in trial.items():
        if name in ("number", "params", "state"):
            continue
        values = value if isinstance(value, list | tuple) else [value]
        for step, item in enumerate(values):
            if isinstance(item, int | float) and not isinstance(item, bool):
                yield name, float(item), step


def _log_values(
    store: Store, run_id: str, *, params: Mapping[str, Any], metrics: Sequence[tuple[str, float, int]]
) -> None:
    from mlflow.entities import Metric, Param

    now_ms = int(time.time() * 1000)
    entities = [Param(name, str(value)) for name, value in params.items()]
    store.client.log_batch(
        run_id,
        metrics=[Metric(name, value, now_ms, step) for name, value, step in metrics],
        params=entities[:_MAX_PER_BATCH],
    )
    for start in range(_MAX_PER_BATCH, len(entities), _MAX_PER_BATCH):
        store.client.log_batch(run_id, params=entities[start : start + _MAX_PER_BATCH])
