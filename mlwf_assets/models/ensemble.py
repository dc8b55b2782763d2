"""The blend: how much each family says, judged on out-of-fold predictions, never on test rows.

Greedy selection with replacement (Caruana and others, 2004), then evened: chosen weights are fitted to the
rows that they were chosen on, and equal ones often do better on others (Smith and Wallis, 2009), so weights
are moved towards equal ones as far as that is not clearly worse. Where folds go forward in time, weights are
judged on the last fold: it is nearest to what comes, and there the models spoke that will be used. Calibration
and threshold follow. Which files a predictor consists of stands in `predictor.py`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from mlwf_assets.lake.result import Result
from mlwf_assets.models.calibration import Calibration, choose_threshold, choose_way
from mlwf_assets.models.family import FAMILY_FILE, MODEL_FOLDER, TRIALS_FILE
from mlwf_assets.models.metrics import Array
from mlwf_assets.models.out_of_fold import NOT_JUDGED, Member, OutOfFold, read_out_of_fold
from mlwf_assets.models.predictor import FOLDER, OWN_FILE, Predictor, describe, weigh
from mlwf_assets.models.trials import merge_trials
from mlwf_assets.models.truth import base_rate
from mlwf_assets.spec.models import Models
from mlwf_assets.spec.names import Kind
from mlwf_assets.spec.outputs import Costs

ENSEMBLE_FILE = "ensemble.json"
_MOST_STEPS = 20
# A member with less than this share of the selection got it by chance as likely as not.
_LEAST_SHARE = 0.1
# How far weights may be moved towards equal ones, the farthest first. What is worse by so many standard errors of
# the paired differences is clearly worse; so is what gives up such a share of all that is gained over the base rate.
_EVENING = (1.0, 0.75, 0.5, 0.25)
_CLEARLY, _MOST_GIVEN_UP = 2.0, 0.05


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
            "words": pa.array([_words(files) for _, files in members.values()], pa.string()),
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


def choose(oof: OutOfFold, *, evens: bool = True) -> Chosen:
    """Choose weights and calibration from out-of-fold predictions.

    Args:
        oof: what members said.
        evens: whether weights are moved towards equal ones as far as that is not clearly worse.
    """
    kind: Any = oof.truth.kind
    selection, y = _Selection(oof, evens=evens), oof.truth.y
    weights = selection.weights()
    mixed = weigh(oof.said, weights)
    calibrate = choose_way(mixed, y, oof.blocks, kind=kind)
    honest = np.empty_like(mixed)
    for block in np.unique(oof.blocks):
        here = oof.blocks == block
        said = weigh(oof.said, selection.weights(without=here))
        honest[here] = calibrate(said[~here], y[~here], kind).apply(said[here], kind)
    return Chosen(weights, calibrate(mixed, y, kind), oof.scores(honest))


class _Selection:
    """Selections on different parts; a mixture is scored once, whoever asks for it."""

    def __init__(self, oof: OutOfFold, *, evens: bool) -> None:
        self._oof, self._evens = oof, evens
        self._names = list(oof.said)
        self._parts = np.unique(oof.parts[oof.parts != NOT_JUDGED])
        self._sign = 1.0 if oof.metric.higher_is_better else -1.0
        self._base = self._sign * oof.scores(base_rate(oof.truth, len(oof.folds)), parts=oof.parts)
        self._scores: dict[tuple[float, ...], Array] = {}

    def weights(self, *, without: Array | None = None) -> dict[str, float]:
        """Member -> share, chosen on all parts, or on those that have none of some rows."""
        used = np.ones(len(self._parts), dtype=bool)
        if without is not None:
            used = ~np.isin(self._parts, self._oof.parts[without])
        if not used.any():
            return dict.fromkeys(self._names, 1 / len(self._names))
        greedy = self._select(used)
        if not self._evens:
            return dict(zip(self._names, greedy.tolist(), strict=True))
        chosen = next((w for w in self._evened(greedy) if not self._is_clearly_worse(w, greedy, used)), greedy)
        return dict(zip(self._names, chosen.tolist(), strict=True))

    def _evened(self, greedy: Array) -> list[Array]:
        """Weights that are more equal than the greedy ones: of all members, or of those that have a share."""
        everyone = np.full(len(greedy), 1 / len(greedy))
        kept = np.where(greedy >= _LEAST_SHARE, 1.0, 0.0)
        equal = kept / kept.sum() if kept.any() else greedy
        return [everyone, *(np.round((1 - share) * greedy + share * equal, 6) for share in _EVENING)]

    def _is_clearly_worse(self, one: Array, other: Array, used: Array) -> bool:
        if used.sum() < 2:  # nobody can say what is chance
            return True
        behind = (self._score(other) - self._score(one))[used]
        gain = (self._score(other) - self._base)[used].mean()
        error = behind.std(ddof=1) / np.sqrt(len(behind))
        return not behind.mean() <= min(_CLEARLY * error, _MOST_GIVEN_UP * gain)

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
    own = {f"{FOLDER}/{OWN_FILE}": files[OWN_FILE] for _, files in members.values() if OWN_FILE in files}
    return {f"{FOLDER}/predictor.json": describe(predictor), **models, **own}


def _words(files: Mapping[str, bytes]) -> str:
    words: str = json.loads(files[FAMILY_FILE])["words"]
    return words


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
