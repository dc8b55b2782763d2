"""The blend: how much each family says, judged on out-of-fold predictions, never on test rows.

Greedy selection with replacement (Caruana and others, 2004), then evened: chosen weights are fitted to the
rows that they were chosen on, and equal ones often do better on others (Smith and Wallis, 2009), so weights
are moved towards equal ones as far as that is not clearly worse. Calibration and threshold follow. Which files
a predictor consists of stands in `predictor.py`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from mlwf_assets.errors import ModelError
from mlwf_assets.lake.result import Result
from mlwf_assets.models.calibration import Calibration, choose_threshold, choose_way, parts_of
from mlwf_assets.models.families.registry import describe_family
from mlwf_assets.models.family import FAMILY_FILE, MODEL_FOLDER, PREDICTION, TRIALS_FILE
from mlwf_assets.models.fits import score
from mlwf_assets.models.metrics import Array, Metric, default_metric, find_metric
from mlwf_assets.models.predictor import FOLDER, Predictor, describe, weigh
from mlwf_assets.models.trials import merge_trials
from mlwf_assets.models.truth import Truth, read_truth
from mlwf_assets.spec.models import Models
from mlwf_assets.spec.names import Kind
from mlwf_assets.spec.outputs import Costs

Member = tuple[pa.Table, Mapping[str, bytes]]

ENSEMBLE_FILE = "ensemble.json"
_MOST_STEPS = 20
# A member with less than this share of the selection got it by chance as likely as not.
_LEAST_SHARE = 0.1
# How far weights may be moved towards equal ones, the farthest first; what is worse by less than so many
# standard errors of the paired differences is not clearly worse.
_EVENING = (1.0, 0.75, 0.5, 0.25)
_CLEARLY = 2.0


@dataclass(frozen=True)
class OutOfFold:
    """What each member said about the rows that it did not learn from.

    Attributes:
        said: member -> (m,) or (m, classes).
        truth: the labels.
        folds: (m,) the fold of each row.
        metric: by which members are judged.
    """

    said: Mapping[str, Array]
    truth: Truth
    folds: Array
    metric: Metric

    @cached_property
    def parts(self) -> Array:
        """(m,) the part of each row on which choices are judged: half a fold, where halves can be scored."""
        halves = np.zeros(len(self.folds), dtype=int)
        for place, fold in enumerate(np.unique(self.folds)):
            rows = np.flatnonzero(self.folds == fold)
            halves[rows] = 2 * place + (np.arange(len(rows)) >= len(rows) / 2)
        first = next(iter(self.said.values()))
        return halves if np.isfinite(self.scores(first, parts=halves)).all() else parts_of(self.folds)

    def scores(self, prediction: Array, *, parts: Array | None = None, threshold: float = 0.5) -> Array:
        """(parts,) the metric of a prediction on each part, by default on each fold."""
        of = self.folds if parts is None else parts
        return np.array(
            [
                score(self.metric, self.truth.y[of == part], prediction[of == part], threshold=threshold)
                for part in np.unique(of)
            ]
        )


def read_out_of_fold(members: Mapping[str, Member], *, spec: Models, kind: Kind, key: Sequence[str]) -> OutOfFold:
    """Read the out-of-fold predictions of all families.

    Raises:
        ModelError: if they are not about the same rows.
    """
    first, files = next(iter(members.values()))
    classes = json.loads(files[FAMILY_FILE])["classes"]
    names = [f"{PREDICTION}_{name}" for name in classes] or [PREDICTION]
    said = {}
    for name, (table, _) in members.items():
        if not all(table[column].equals(first[column]) for column in (*key, "fold")):
            raise ModelError(
                f"all families must have predicted the same rows, however: {name} and {next(iter(members))} differ; "
                "train them on the same matrix with the same folds"
            )
        columns = np.stack([np.asarray(table[column]) for column in names], axis=1)
        said[name] = columns if kind == "multiclass" else columns[:, 0]
    metric = find_metric(spec.metric or default_metric(kind), kind)
    return OutOfFold(said, read_truth(first, kind=kind, classes=classes), np.asarray(first["fold"]), metric)


@dataclass(frozen=True)
class Chosen:
    """What was chosen.

    Attributes:
        weights: member -> share; they sum to 1.
        calibration: of the blend.
        scores: (folds,) the metric on each fold, of weights and calibration that were chosen on other rows.
    """

    weights: Mapping[str, float]
    calibration: Calibration
    scores: Array


def blend(
    members: Mapping[str, Member], matrix: pa.Table, *, spec: Models, costs: Costs, kind: Kind, key: Sequence[str]
) -> Result:
    """Blend families.

    Args:
        members: family -> its table and files, as `train_family` made them.
        matrix: the rows that they were trained on.
        spec: the metric.
        costs: what errors cost; the threshold follows.
        kind: binary, multiclass or regression.
        key: the columns that name an example.

    Returns:
        A row per family: member, words, weight, score (mean over the folds). Files: predictor/... as
        `predictor.export` writes it, ensemble.json, trials.json of all families (for `models.replay`).

    Raises:
        ModelError: if the families did not predict the same rows.
    """
    oof = read_out_of_fold(members, spec=spec, kind=kind, key=key)
    chosen = choose(oof)
    threshold = choose_threshold(false_positive=costs.false_positive, false_negative=costs.false_negative)
    predictor = _predictor(members, chosen, threshold=threshold if kind == "binary" else 0.5, kind=kind)
    table = pa.table(
        {
            "member": pa.array(list(members), pa.string()),
            "words": pa.array([describe_family(name) for name in members], pa.string()),
            "weight": pa.array([chosen.weights[name] for name in members], pa.float64()),
            "score": pa.array([float(oof.scores(oof.said[name]).mean()) for name in members], pa.float64()),
        }
    )
    files = {
        **_predictor_files(members, predictor),
        ENSEMBLE_FILE: _facts(oof, chosen, threshold=predictor.threshold),
        TRIALS_FILE: merge_trials([files[TRIALS_FILE] for _, files in members.values()]),
    }
    return Result(table, files, _metadata(oof, chosen, predictor), key=("member",))


def choose(oof: OutOfFold) -> Chosen:
    """Choose weights and calibration from out-of-fold predictions."""
    kind: Any = oof.truth.kind
    selection, y, folds = _Selection(oof), oof.truth.y, parts_of(oof.folds)
    weights = selection.weights()
    mixed = weigh(oof.said, weights)
    calibrate = choose_way(mixed, y, folds, kind=kind)
    honest = np.empty_like(mixed)
    for fold in np.unique(folds):
        here = folds == fold
        said = weigh(oof.said, selection.weights(without=here))
        honest[here] = calibrate(said[~here], y[~here], kind).apply(said[here], kind)
    return Chosen(weights, calibrate(mixed, y, kind), oof.scores(honest))


class _Selection:
    """Selections on different parts; a mixture is scored once, whoever asks for it."""

    def __init__(self, oof: OutOfFold) -> None:
        self._oof = oof
        self._names = list(oof.said)
        self._parts = np.unique(oof.parts)
        self._sign = 1.0 if oof.metric.higher_is_better else -1.0
        self._scores: dict[tuple[float, ...], Array] = {}

    def weights(self, *, without: Array | None = None) -> dict[str, float]:
        """Member -> share, chosen on all parts, or on those that have none of some rows."""
        used = np.ones(len(self._parts), dtype=bool)
        if without is not None:
            used = ~np.isin(self._parts, self._oof.parts[without])
        greedy = self._select(used)
        kept = np.where(greedy >= _LEAST_SHARE, 1.0, 0.0) if len(greedy) > 1 else np.ones(1)
        equal = kept / kept.sum() if kept.any() else greedy
        chosen = next((w for w in self._evened(greedy, equal) if not self._is_clearly_worse(w, greedy, used)), greedy)
        return dict(zip(self._names, chosen.tolist(), strict=True))

    def _evened(self, greedy: Array, equal: Array) -> list[Array]:
        return [np.round((1 - share) * greedy + share * equal, 6) for share in _EVENING]

    def _is_clearly_worse(self, one: Array, other: Array, used: Array) -> bool:
        behind = (self._score(other) - self._score(one))[used]
        return not behind.mean() <= _CLEARLY * behind.std(ddof=1) / np.sqrt(len(behind))

    def _select(self, used: Array) -> Array:
        """(members,) shares of the best of all greedy selections of up to so many steps."""
        counts = np.zeros(len(self._names))
        best, shares = -np.inf, np.full(len(self._names), 1 / len(self._names))
        for _ in range(_MOST_STEPS):
            ways = [counts + one for one in np.eye(len(counts))]
            values = [float(np.nan_to_num(self._score(way / way.sum())[used].mean(), nan=-np.inf)) for way in ways]
            counts = ways[int(np.argmax(values))]
            if max(values) > best:
                best, shares = max(values), counts / counts.sum()
        return shares

    def _score(self, shares: Array) -> Array:
        """(parts,) the metric of a mixture on each part, larger is better."""
        key = tuple(np.round(shares, 6).tolist())
        if key not in self._scores:
            mixed = weigh(self._oof.said, dict(zip(self._names, key, strict=True)))
            self._scores[key] = self._sign * self._oof.scores(mixed, parts=self._oof.parts)
        return self._scores[key]


def _predictor(members: Mapping[str, Member], chosen: Chosen, *, threshold: float, kind: Kind) -> Predictor:
    facts = json.loads(next(iter(members.values()))[1][FAMILY_FILE])
    return Predictor(
        kind=kind,
        features=tuple(feature["name"] for feature in facts["features"]),
        classes=(False, True) if kind == "binary" else tuple(facts["classes"]),
        threshold=threshold,
        members={},
        weights=chosen.weights,
        calibration=chosen.calibration,
    )


def _predictor_files(members: Mapping[str, Member], predictor: Predictor) -> dict[str, bytes]:
    """The files that `predictor.export` would write, from those that the families wrote."""
    models = {
        f"{FOLDER}/members/{name}/{file.removeprefix(MODEL_FOLDER)}": content
        for name, (_, files) in members.items()
        for file, content in files.items()
        if file.startswith(MODEL_FOLDER)
    }
    return {f"{FOLDER}/predictor.json": describe(predictor), **models}


def _facts(oof: OutOfFold, chosen: Chosen, *, threshold: float) -> bytes:
    facts = {
        "metric": oof.metric.name,
        "score": float(chosen.scores.mean()),
        "scores": chosen.scores.tolist(),
        "weights": dict(chosen.weights),
        "calibration": vars(chosen.calibration),
        "threshold": threshold,
        "rows": len(oof.folds),
    }
    return json.dumps(facts, indent=1).encode()


def _metadata(oof: OutOfFold, chosen: Chosen, predictor: Predictor) -> dict[str, Any]:
    shown = {
        f"out-of-fold {oof.metric.label}": round(float(chosen.scores.mean()), 4),
        "weights": ", ".join(f"{name} {weight:.0%}" for name, weight in chosen.weights.items() if weight > 0),
        "calibration": _in_words(chosen.calibration, oof.truth.kind),
        "out-of-fold rows": len(oof.folds),
    }
    return {**shown, "threshold": predictor.threshold} if oof.truth.kind == "binary" else shown


def _in_words(calibration: Calibration, kind: str) -> str:
    if calibration == Calibration():
        return "none: it would not help" if kind != "regression" else "none"
    if calibration.intercept == 0:
        return f"log-odds times {calibration.slope:.3f}"
    return f"log-odds times {calibration.slope:.3f} {calibration.intercept:+.3f}"
