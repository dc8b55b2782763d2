"""From trials to the model: which configurations are blended, with which weights, calibrated how.

Weights and calibration are chosen as for the assets `models/ensemble` (see `models/ensemble.py`), over the best
configurations of all families; a guard asks on folds that were not chosen from whether the blend is really better
than its best member. A member is the mean of the models that its folds trained.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.errors import ModelError
from mlwf_assets.models.automl.folding import Folding
from mlwf_assets.models.automl.selection import Selection, Tried, said
from mlwf_assets.models.ensemble import Chosen, choose
from mlwf_assets.models.families.base import Fitted
from mlwf_assets.models.families.mean import join
from mlwf_assets.models.folds import draw_rows
from mlwf_assets.models.metrics import Array
from mlwf_assets.models.out_of_fold import OutOfFold
from mlwf_assets.models.predictor import Predictor, weigh
from mlwf_assets.models.task import Task
from mlwf_assets.models.truth import Truth
from mlwf_assets.spec.names import Kind

# Configurations that may have a weight: the best, and the best of each family.
_MOST_CANDIDATES = 12
# Weights are chosen on so many out-of-fold rows at most.
_MOST_ROWS = 20_000
# Metrics of decisions: here the threshold is chosen as well.
_OF_DECISIONS = ("f1", "balanced_accuracy", "accuracy")
_THRESHOLDS = np.round(np.arange(0.05, 0.951, 0.01), 2)


def blend(selection: Selection, task: Task, folding: Folding) -> tuple[Predictor, Chosen]:
    """Blend the configurations that were tried.

    Returns:
        The model; weights, calibration, honest scores.

    Raises:
        ModelError: if no configuration could be scored.
    """
    candidates = choose_candidates(selection.usable, higher_is_better=task.problem.metric.higher_is_better)
    if not candidates:
        raise ModelError(
            f"at least one configuration must be scored on all folds, however: none of {len(selection.tried)} was; "
            "give a larger budget"
        )
    oof = out_of_fold({one.name: said(one, selection) for one in candidates}, task, folding)
    chosen = _guarded(choose(oof, evens=oof.is_forward), oof)
    members = {one.name: bag(one, selection, task) for one in candidates if chosen.weights[one.name] > 0}
    return predictor_of(members, chosen, oof, task), chosen


def predictor_of(members: Mapping[str, Fitted], chosen: Chosen, oof: OutOfFold, task: Task) -> Predictor:
    """Put together what predicts."""
    kind: Kind = task.problem.kind
    return Predictor(
        kind=kind,
        features=tuple(task.problem.names),
        classes=tuple(task.truth.classes),
        threshold=_threshold(oof, chosen),
        members=members,
        weights={name: weight for name, weight in chosen.weights.items() if weight > 0},
        calibration=chosen.calibration,
    )


def choose_candidates(usable: Sequence[Tried], *, higher_is_better: bool) -> list[Tried]:
    """Choose the configurations that may have a weight, the best first."""
    sign = -1.0 if higher_is_better else 1.0
    ranked = sorted(usable, key=lambda one: sign * one.trial.score)
    firsts = [one for place, one in enumerate(ranked) if one.family not in {other.family for other in ranked[:place]}]
    kept = {one.name for one in [*firsts, *ranked][: max(_MOST_CANDIDATES, len(firsts))]}
    return [one for one in ranked if one.name in kept]


def bag(one: Tried, selection: Selection, task: Task) -> Fitted:
    """Make one model of those of the folds; where folds go forward in time, it is the last fold's."""
    fits, trial = selection.fits(one.family), one.trial
    folds = range(len(trial.scores))[-1:] if task.is_forward else range(len(trial.scores))
    return join([fits.model(trial.params, index, share=trial.subsample) for index in folds])


def out_of_fold(said: Mapping[str, Array], task: Task, folding: Folding) -> OutOfFold:
    """Say what weights and calibration are chosen from; of many rows a sample.

    Args:
        said: configuration -> its predictions of the folds' validation rows, one after the other.
        task: of those rows.
        folding: of them.
    """
    rows = np.concatenate([fold.valid for fold in task.folds])
    numbers = np.concatenate(
        [np.full(len(fold.valid), number) for fold, number in zip(task.folds, folding.numbers, strict=True)]
    )
    drawn = draw_rows(np.arange(len(rows)), _MOST_ROWS / len(rows), seed=0)
    return OutOfFold(
        {name: each[drawn] for name, each in said.items()},
        Truth(task.problem.kind, task.truth.y[rows[drawn]], task.truth.classes),
        numbers[drawn],
        task.problem.metric,
        is_forward=task.is_forward,
        weight=None if task.weight is None else task.weight[rows[drawn]],
    )


def _guarded(chosen: Chosen, oof: OutOfFold) -> Chosen:
    """Take the best member alone where the blend, judged on other rows than it was chosen on, is worse."""
    sign = 1.0 if oof.metric.higher_is_better else -1.0
    best = next(iter(oof.said))
    alone = oof.scores(oof.said[best])
    if sign * float(np.mean(chosen.scores)) >= sign * float(np.mean(alone)) or oof.metric.probability:
        return chosen
    return replace(chosen, weights={name: float(name == best) for name in oof.said}, scores=alone)


def _threshold(oof: OutOfFold, chosen: Chosen) -> float:
    if oof.truth.kind != "binary" or oof.metric.name not in _OF_DECISIONS:
        return 0.5
    p = chosen.calibration.apply(weigh(oof.said, chosen.weights), "binary")
    values = [_value(oof, p, threshold) for threshold in _THRESHOLDS]
    best = float(np.max(values))
    # The middle of those that are as good, for the edges are chance.
    return float(np.median([t for t, value in zip(_THRESHOLDS, values, strict=True) if value >= best - 1e-12]))


def _value(oof: OutOfFold, p: Array, threshold: float) -> float:
    weights = np.ones(len(p)) if oof.weight is None else oof.weight
    return float(oof.metric.prepare(oof.truth.y, p, threshold)(weights[None])[0])


def predict_seconds(one: Tried, selection: Selection, task: Task, *, rows: int = 200) -> float:
    """Seconds that a configuration's models take for 1,000 rows, told from the last of them."""
    fits, trial, frame = selection.fits(one.family), one.trial, task.frame.iloc[:rows]
    model = fits.model(trial.params, len(trial.scores) - 1, share=trial.subsample)
    start = time.perf_counter()
    model.predict(frame)
    models = 1 if task.is_forward else len(trial.scores)
    return models * (time.perf_counter() - start) * 1000 / len(frame)


def leaderboard(selection: Selection, task: Task, chosen: Chosen) -> pd.DataFrame:
    """Put all configurations side by side, the best first; what was given up early stands below.

    Returns:
        A row per trial: model, family, configuration, score (mean over folds), spread (standard deviation), seconds
        to fit, seconds per 1,000 rows to predict, weight in the blend, state.
    """
    board = pd.DataFrame([_line(one, selection, task, chosen) for one in selection.tried])
    higher = task.problem.metric.higher_is_better
    board = board.sort_values("score", ascending=not higher, kind="stable")
    is_whole = board["state"] == "complete"
    return pd.concat([board[is_whole], board[~is_whole]], ignore_index=True)


def _line(one: Tried, selection: Selection, task: Task, chosen: Chosen) -> dict[str, Any]:
    trial = one.trial
    return {
        "model": one.name,
        "family": one.family,
        "configuration": dict(trial.params),
        "score": trial.score,
        "spread": float(np.std(trial.scores)),
        "seconds_to_fit": float(np.sum(trial.seconds)),
        "seconds_per_1000_rows": predict_seconds(one, selection, task) if trial.is_complete else np.nan,
        "weight": chosen.weights.get(one.name, 0.0),
        "state": trial.state if trial.subsample == 1 else f"{trial.state}, on {trial.subsample:.0%} of the rows",
    }
