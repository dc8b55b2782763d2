"""The base rate as a family: what the training labels alone tell, whatever the row; what every other must beat."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from mlwf_assets.models.families.base import Context, Family, Fitted, Params, Problem, Rows, Stopped
from mlwf_assets.models.metrics import Array

_FILE = "base_rate.json"


class FittedBaseRate(Fitted):
    """The share of the second class, the share of each of several, or the mean.

    Args:
        values: one, or one for each class.
    """

    def __init__(self, values: Sequence[float]) -> None:
        self._values = list(values)

    def predict(self, frame: pd.DataFrame) -> Array:
        """Say the same of every row."""
        said = np.tile(np.array(self._values), (len(frame), 1))
        return said[:, 0] if len(self._values) == 1 else said

    def save(self, folder: Path) -> None:
        """Write the values as JSON."""
        (folder / _FILE).write_text(json.dumps(self._values), encoding="utf-8")


class BaseRate(Family):
    """What the training labels alone tell."""

    name: ClassVar[str] = "base_rate"
    distributions: ClassVar[tuple[str, ...]] = ("numpy", "pandas")

    def fit(
        self, params: Params, train: Rows, valid: Rows | None, *, problem: Problem, context: Context, rounds: int | None
    ) -> FittedBaseRate:
        """Count, or take the mean."""
        if context.should_stop():
            raise Stopped
        if problem.kind != "multiclass":
            return FittedBaseRate([float(np.average(train.y, weights=train.weight))])
        counts = np.bincount(train.y.astype(int), weights=train.weight, minlength=problem.classes)
        return FittedBaseRate((counts / counts.sum()).tolist())

    def load(self, folder: Path) -> FittedBaseRate:
        """Load what `FittedBaseRate.save` wrote."""
        return FittedBaseRate(json.loads((folder / _FILE).read_text(encoding="utf-8")))
