"""What the model looks at, and why it said what it said: importance, effects and explained rows, in one pass.

The ensemble is asked on samples only, for its members can be slow; sizes are fixed, so that the same model
on the same rows gives the same answers whatever the machine.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.evaluation.effects import measure_effects
from mlwf_assets.evaluation.explain import (
    Explanation,
    asked_features,
    explain_row,
    largest_contributions,
    pick_rows,
    replace_and_compare,
)
from mlwf_assets.evaluation.importance import (
    choose_candidates,
    permutation_importance,
    single_features,
    tables_of,
)
from mlwf_assets.evaluation.record import Looks
from mlwf_assets.evaluation.shift import sample_rows
from mlwf_assets.models.metrics import Array, Metric
from mlwf_assets.models.predictor import Predictor
from mlwf_assets.models.truth import Truth

_SAMPLE = 2_000
_CONTRIBUTION_ROWS = 500
_EFFECT_ROWS = 150
_EFFECTS = 8
_BACKGROUND = 40


@dataclass(frozen=True)
class Asked:
    """The model and the rows that it is asked about.

    Attributes:
        predictor: the ensemble.
        frame: (n, features) test rows.
        truth: their labels.
        p: what the ensemble said about them.
        features: name, kind, words and columns of each.
        seed: of the samples.
    """

    predictor: Predictor
    frame: pd.DataFrame
    truth: Truth
    p: Array
    features: Sequence[Mapping[str, Any]]
    seed: int = 0

    def contributions(self, frame: pd.DataFrame) -> Array | None:
        """Contributions, (n, features), of the heaviest member that can split its predictions."""
        weights = self.predictor.weights
        for name in sorted(self.predictor.members, key=lambda name: (-weights.get(name, 0.0), name)):
            found = self.predictor.members[name].contributions(frame)
            if found is not None:
                return np.asarray(found)
        return None


def look(asked: Asked, *, metric: Metric, own_table: str) -> Looks:
    """Find out what the model looks at.

    Args:
        asked: the model and rows.
        metric: what gets worse where a feature is shuffled.
        own_table: the examples' table.
    """
    rows = sample_rows(len(asked.frame), at_most=_SAMPLE, seed=asked.seed)
    sample = asked.frame.take(rows)
    truth = Truth(asked.truth.kind, asked.truth.y[rows], asked.truth.classes, asked.truth.words)
    predict = asked.predictor.predict
    contributions = asked.contributions(sample.head(_CONTRIBUTION_ROWS))
    candidates = choose_candidates(asked.features, contributions, predict, sample, seed=asked.seed)
    groups = [*tables_of(asked.features, own=own_table), *single_features(candidates)]
    found = permutation_importance(
        predict,
        sample,
        truth,
        groups=groups,
        metric=metric,
        threshold=asked.predictor.threshold,
        seed=asked.seed,
    )
    single = tuple(one for one in found if one.kind != "table")
    by_name = {feature["name"]: feature for feature in asked.features}
    top = [by_name[one.name] for one in single[:_EFFECTS] if one.drop > 0]
    return Looks(
        features=len(asked.features),
        rows=len(sample),
        single=single,
        tables=tuple(one for one in found if one.kind == "table"),
        effects=measure_effects(predict, sample.head(_EFFECT_ROWS), top),
    )


def explain(asked: Asked, name_row: Callable[[int], Mapping[str, str]], *, at_most: int) -> tuple[Explanation, ...]:
    """Explain a few telling rows.

    Args:
        asked: the model and rows.
        name_row: position of a row -> column -> text that names it.
        at_most: how many rows.
    """
    threshold = asked.predictor.threshold
    picked = pick_rows(asked.truth, asked.p, threshold=threshold, at_most=at_most)
    if not picked:
        return ()
    chosen = asked.frame.take(np.array([position for _, position in picked]))
    background = asked.frame.take(sample_rows(len(asked.frame), at_most=_BACKGROUND, seed=asked.seed + 1))
    wanted = asked_features([f["name"] for f in asked.features], asked.contributions(chosen), len(chosen))
    amounts = replace_and_compare(asked.predictor.predict, chosen, background, wanted)
    by_name = {feature["name"]: feature for feature in asked.features}
    return tuple(
        explain_row(
            why,
            name_row(position),
            truth=asked.truth,
            position=position,
            p=asked.p,
            threshold=threshold,
            contributions=largest_contributions(by_name, chosen.iloc[i].to_dict(), amounts[i]),
        )
        for i, (why, position) in enumerate(picked)
    )
