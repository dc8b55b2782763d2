"""The blend: how much each family says, judged on out-of-fold predictions, never on test rows.

Greedy selection with replacement (Caruana and others, 2004). Its length is the guard against overfitting: the
shortest that is within one standard error of the best, so that on few or noisy rows the best single family
remains. Calibration and threshold follow. Which files a predictor consists of stands in
`predictor.py`.
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
from mlwf_assets.models.calibration import Calibration, choose_calibration, choose_threshold, parts_of
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
        """(m,) the part of each row on which choices are judged."""
        return parts_of(self.folds)

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
        steps: how long the selection is.
        scores: (parts,) the metric on each part, of weights and calibration that were chosen on the others.
    """

    weights: Mapping[str, float]
    calibration: Calibration
    steps: int
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
    selection = _Selection(oof)
    steps = selection.length()
    weights = selection.weights(steps)
    kind: Any = oof.truth.kind
    calibration = choose_calibration(weigh(oof.said, weights), oof.truth.y, oof.parts, kind=kind)
    honest = weigh(oof.said, weights).copy()
    for part in np.unique(oof.parts):
        here = oof.parts == part
        said = weigh(oof.said, selection.weights(steps, without=part))
        others = choose_calibration(said[~here], oof.truth.y[~here], parts_of(oof.parts[~here]), kind=kind)
        honest[here] = others.apply(said[here], kind)
    return Chosen(weights, calibration, steps, oof.scores(honest, parts=oof.parts))


class _Selection:
    """Greedy selections on different parts; a mixture is scored once, whoever asks for it."""

    def __init__(self, oof: OutOfFold) -> None:
        self._oof = oof
        self._names = list(oof.said)
        self._parts = np.unique(oof.parts)
        self._sign = 1.0 if oof.metric.higher_is_better else -1.0
        self._scores: dict[tuple[int, ...], Array] = {}
        self._paths: dict[int | None, list[tuple[int, ...]]] = {}

    def length(self) -> int:
        """The shortest selection that is as good as the best one, by the rule of one standard error.

        Source: Breiman and others (1984), section 3.4.3; here of the paired differences on the parts.
        """
        path = [self._score(counts) for counts in self._path(None)]
        best = max(path, key=lambda scores: float(np.nan_to_num(scores.mean(), nan=-np.inf)))
        for step, scores in enumerate(path, start=1):
            behind = best - scores
            if behind.mean() <= behind.std(ddof=1) / np.sqrt(len(behind)):
                return step
        return 1

    def weights(self, steps: int, *, without: int | None = None) -> dict[str, float]:
        """Member -> share, of the selection of that length on all parts, or all but one."""
        counts = self._path(without)[steps - 1]
        return {name: count / steps for name, count in zip(self._names, counts, strict=True)}

    def _singles(self) -> list[tuple[int, ...]]:
        return [tuple(int(i == j) for j in range(len(self._names))) for i in range(len(self._names))]

    def _path(self, without: int | None) -> list[tuple[int, ...]]:
        """How often each member is taken after each step."""
        if without not in self._paths:
            used = np.array([part != without for part in self._parts])
            counts = tuple(0 for _ in self._names)
            path = []
            for _ in range(_MOST_STEPS):
                ways = [tuple(np.add(counts, single).tolist()) for single in self._singles()]
                values = [float(self._score(way)[used].mean()) for way in ways]
                counts = ways[int(np.argmax(np.nan_to_num(values, nan=-np.inf)))]
                path.append(counts)
            self._paths[without] = path
        return self._paths[without]

    def _score(self, counts: tuple[int, ...]) -> Array:
        """(parts,) the metric of a mixture on each part, larger is better."""
        reduced = tuple((np.array(counts) // np.gcd.reduce(counts)).tolist())
        if reduced not in self._scores:
            shares = {name: count / sum(reduced) for name, count in zip(self._names, reduced, strict=True)}
            mixed = weigh(self._oof.said, shares)
            self._scores[reduced] = self._sign * self._oof.scores(mixed, parts=self._oof.parts)
        return self._scores[reduced]


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
        "steps": chosen.steps,
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
