"""Every model side by side before the test: families, blend, base rate, the process of today.

All are judged on the same out-of-fold rows by the same metric, as the mean over folds with the worst and the
best fold beside it. The blend is judged honestly: on rows that its weights were not chosen on.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from mlwf_assets.lake.result import Result
from mlwf_assets.models.ensemble import ENSEMBLE_FILE
from mlwf_assets.models.family import FAMILY_FILE
from mlwf_assets.models.metrics import Array
from mlwf_assets.models.out_of_fold import Member, OutOfFold, read_out_of_fold
from mlwf_assets.models.task import draw_affordable, read_folds
from mlwf_assets.models.truth import BASE_RATE, ENSEMBLE, PROCESS_TODAY, Truth, base_rate, is_probability, process_today
from mlwf_assets.spec.models import Models
from mlwf_assets.spec.names import Kind


class _Entrant(NamedTuple):
    model: str
    words: str
    scores: Array
    weight: float | None = None
    trials: int | None = None
    rounds: int | None = None


def leaderboard(
    members: Mapping[str, Member],
    ensemble: Member,
    matrix: pa.Table,
    *,
    spec: Models,
    kind: Kind,
    key: Sequence[str],
) -> Result:
    """Put all models side by side, the best first.

    Args:
        members: family -> its table and files.
        ensemble: table and files of the blend.
        matrix: the rows that all were trained on, with process_today where there is such a rule.
        spec: metric and folds.
        kind: binary, multiclass or regression.
        key: the columns that name an example.

    Returns:
        A row per model: place, model, words; score, spread (standard deviation over folds), worst_fold, best_fold
        (null where the metric makes no sense); weight in the blend, trials, rounds.

    Raises:
        ModelError: if the families did not predict the same rows.
    """
    oof = read_out_of_fold(members, spec=spec, kind=kind, key=key)
    facts = json.loads(ensemble[1][ENSEMBLE_FILE])
    entrants = [
        _Entrant(ENSEMBLE, "the blend, as it will be used", np.array(facts["scores"]), weight=1.0),
        *(_family(name, member[1], oof, facts) for name, member in members.items()),
        *_untrained(oof, matrix, spec=spec, kind=kind),
    ]
    sign = -1 if oof.metric.higher_is_better else 1
    ranked = sorted(entrants, key=lambda one: (_place(one, sign), one.model))
    best = ranked[0]
    return Result(
        _table(ranked, higher_is_better=oof.metric.higher_is_better),
        metadata={
            "metric": f"{oof.metric.label}: {oof.metric.words}",
            "best": f"{best.model}, {float(best.scores.mean()):.4f}",
            "rows": len(oof.folds),
            "folds": len(np.unique(oof.folds)),
        },
        key=("model",),
    )


def _place(one: _Entrant, sign: int) -> float:
    mean = float(one.scores.mean()) if len(one.scores) else np.nan
    return sign * mean if np.isfinite(mean) else np.inf


def _family(name: str, files: Mapping[str, bytes], oof: OutOfFold, facts: Mapping[str, Any]) -> _Entrant:
    own = json.loads(files[FAMILY_FILE])
    scores = oof.scores(oof.said[name], threshold=facts["threshold"])
    return _Entrant(name, own["words"], scores, facts["weights"][name], own["trials"], own["rounds"] or None)


def _untrained(oof: OutOfFold, matrix: pa.Table, *, spec: Models, kind: Kind) -> list[_Entrant]:
    """The base rate of what each fold learned from, and today's rule, on the out-of-fold rows."""
    matrix = draw_affordable(matrix, spec)
    truth, folds = read_folds(matrix, spec=spec, kind=kind)
    rows = np.sort(np.concatenate([fold.valid for fold in folds]))
    shape = (len(matrix), len(truth.classes)) if kind == "multiclass" else (len(matrix),)
    constant = np.zeros(shape)
    for fold in folds:
        known = Truth(truth.kind, truth.y[fold.train], truth.classes)
        constant[fold.valid] = base_rate(known, len(fold.valid))
    is_family = BASE_RATE in oof.said
    found = [] if is_family else [_Entrant(BASE_RATE, "always the same answer", oof.scores(constant[rows]))]
    today = process_today(matrix, truth)
    if today is None:
        return found
    makes_sense = not oof.metric.probability or (kind == "binary" and is_probability(today[rows]))
    scores = oof.scores(today[rows]) if makes_sense else np.empty(0)
    return [*found, _Entrant(PROCESS_TODAY, "what is done today", scores)]


def _table(ranked: Sequence[_Entrant], *, higher_is_better: bool) -> pa.Table:
    def numbers(values: Sequence[float | None]) -> pa.Array:
        return pa.array([None if value is None or not np.isfinite(value) else float(value) for value in values])

    worst, best = (np.min, np.max) if higher_is_better else (np.max, np.min)
    scored = [one.scores if len(one.scores) else np.array([np.nan]) for one in ranked]
    return pa.table(
        {
            "place": pa.array(range(1, len(ranked) + 1), pa.int32()),
            "model": pa.array([one.model for one in ranked], pa.string()),
            "words": pa.array([one.words for one in ranked], pa.string()),
            "score": numbers([float(scores.mean()) for scores in scored]).cast(pa.float64()),
            "spread": numbers([float(scores.std()) for scores in scored]).cast(pa.float64()),
            "worst_fold": numbers([float(worst(scores)) for scores in scored]).cast(pa.float64()),
            "best_fold": numbers([float(best(scores)) for scores in scored]).cast(pa.float64()),
            "weight": numbers([one.weight for one in ranked]).cast(pa.float64()),
            "trials": pa.array([one.trials for one in ranked], pa.int32()),
            "rounds": pa.array([one.rounds for one in ranked], pa.int32()),
        }
    )
