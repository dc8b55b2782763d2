"""A family that learns from more columns than there are: those that `transformers.py` makes.

A wrapper around any other family. Transformers are learned from each fold's own training rows, so that out-of-fold
scores tell honestly whether the new columns help; where they do, the wrapped family earns its weight in the blend.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from mlwf_assets.models.automl.transformers import Transformers, learn_transformers
from mlwf_assets.models.families.base import Context, Family, Fitted, Params, Problem, Rows
from mlwf_assets.models.metrics import Array

if TYPE_CHECKING:
    import optuna

_FILE, _INNER = "transformers.json", "inner"
# What stands behind the name of a family that has more columns.
MORE = "+"


class FittedAugmented(Fitted):
    """A trained model of more columns.

    Args:
        transformers: make the columns.
        inner: the model.
    """

    def __init__(self, transformers: Transformers, inner: Fitted) -> None:
        self._transformers, self._inner = transformers, inner
        self.rounds = inner.rounds

    def predict(self, frame: pd.DataFrame) -> Array:
        """Predict rows."""
        return self._inner.predict(self._transformers.add(frame))

    def save(self, folder: Path) -> None:
        """Write the transformers as JSON, and the model into a folder of its own."""
        written = json.dumps(self._transformers.to_json(), ensure_ascii=False)
        (folder / _FILE).write_text(written, encoding="utf-8")
        (folder / _INNER).mkdir()
        self._inner.save(folder / _INNER)


class Augmented(Family):
    """A family with more columns.

    Args:
        inner: which family.
    """

    def __init__(self, inner: Family) -> None:
        self._inner = inner
        self.name = f"{inner.name}{MORE}"  # type: ignore[misc]
        self.distributions = inner.distributions  # type: ignore[misc]

    def defaults(self, problem: Problem, *, rows: int) -> Sequence[Params]:
        """Return the inner family's."""
        return self._inner.defaults(problem, rows=rows)

    def suggest(self, trial: "optuna.trial.BaseTrial", problem: Problem, *, rows: int) -> Params:
        """Draw from the inner family's space."""
        return self._inner.suggest(trial, problem, rows=rows)

    def fit(
        self, params: Params, train: Rows, valid: Rows | None, *, problem: Problem, context: Context, rounds: int | None
    ) -> FittedAugmented:
        """Learn the columns from the training rows, then train on all of them."""
        if "augmented" not in train.memo:
            transformers, frame = learn_transformers(train, problem, seed=context.seed)
            train.memo["augmented"] = transformers, Rows(frame, train.y, train.weight)
        found: tuple[Transformers, Rows] = train.memo["augmented"]
        transformers, more = found
        features: Sequence[Mapping[str, str]] = [*problem.features, *transformers.features]
        judging = None if valid is None else _judging(valid, transformers)
        inner = self._inner.fit(
            params, more, judging, problem=replace(problem, features=features), context=context, rounds=rounds
        )
        return FittedAugmented(transformers, inner)

    def load(self, folder: Path) -> FittedAugmented:
        """Load what `FittedAugmented.save` wrote."""
        state = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        return FittedAugmented(Transformers.from_json(state), self._inner.load(folder / _INNER))


def _judging(valid: Rows, transformers: Transformers) -> Rows:
    if valid.memo.get("augmented_by") is not transformers:
        rows = Rows(transformers.add(valid.frame), valid.y, valid.weight)
        valid.memo.update({"augmented_by": transformers, "augmented_rows": rows})
    found: Rows = valid.memo["augmented_rows"]
    return found
