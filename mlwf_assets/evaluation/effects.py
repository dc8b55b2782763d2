"""In which direction a feature pulls: the mean prediction if every row had this value, for several values.

Partial dependence (Friedman, 2001) of the whole ensemble on a sample of rows; other features stay as they
are. How much a feature matters is `importance.py`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.evaluation.probing import Predict, Probe, ask
from mlwf_assets.models.metrics import Array

_QUANTILES = (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.98)
_CATEGORIES = 8
_MONOTONE = 0.9


@dataclass(frozen=True)
class Effect:
    """The mean prediction for several values of one feature.

    Attributes:
        values: the values in words, ascending; categories by mean prediction, the highest first.
        positions: the values of a number; empty for categories and yes or no.
        means: per class (one for binary and regression), the mean prediction at each value.
        strongest: the class whose mean varies most.
        direction: of that class: "up", "down", or "" where it is neither; always "" for categories.
    """

    name: str
    words: str
    kind: str
    values: tuple[str, ...]
    positions: tuple[float, ...]
    means: tuple[tuple[float, ...], ...]
    strongest: int
    direction: str


def measure_effects(predict: Predict, frame: pd.DataFrame, features: Sequence[Mapping[str, Any]]) -> tuple[Effect, ...]:
    """Measure how the prediction goes with each feature; a feature with a single value is left out.

    Args:
        predict: the model.
        frame: (n, all features) rows of a sample.
        features: name, words and kind of those to measure.
    Example:
        >>> frame = pd.DataFrame({"a": np.linspace(0, 1, 50)})
        >>> effect = measure_effects(lambda f: 2 * f["a"].to_numpy(), frame, [{"name": "a", "kind": "numeric"}])[0]
        >>> effect.direction, [round(v, 2) for v in effect.means[0]][:2]
        ('up', [0.04, 0.2])
    """
    grids = [(feature, grid) for feature in features if len(grid := _grid(frame[feature["name"]], feature["kind"])) > 1]
    rows = np.arange(len(frame))
    probes = [
        Probe(rows, {feature["name"]: np.full(len(rows), value, dtype=grid.dtype)})
        for feature, grid in grids
        for value in grid
    ]
    said = iter(ask(predict, frame, probes))
    return tuple(_effect(feature, grid, np.stack([next(said).mean(axis=0) for _ in grid])) for feature, grid in grids)


def _grid(column: pd.Series, kind: str) -> Array:
    """The values at which to look: quantiles of numbers, the most frequent categories."""
    present = column.dropna()
    if kind != "categorical":
        if not len(present):
            return np.array([])
        grid = np.unique(np.quantile(present, _QUANTILES, method="nearest"))
        # Where nearly all rows have one value, the rare ones are what there is to see.
        return grid if len(grid) > 1 else np.unique([present.min(), *grid, present.max()])
    counts = present.value_counts()
    frequent = sorted(counts.index, key=lambda value: (-counts[value], str(value)))[:_CATEGORIES]
    return np.array(frequent, dtype=object)


def _effect(feature: Mapping[str, Any], grid: Array, means: Array) -> Effect:
    kind = feature["kind"]
    means = means.reshape(len(grid), -1)
    strongest = int(np.ptp(means, axis=0).argmax())
    if kind == "categorical":
        order = np.argsort(-means[:, strongest], kind="stable")
        grid, means = grid[order], means[order]
    return Effect(
        name=feature["name"],
        words=feature.get("words") or feature["name"],
        kind=kind,
        values=tuple(_in_words(value, kind) for value in grid),
        positions=tuple(grid.astype(float).tolist()) if kind == "numeric" else (),
        means=tuple(tuple(line.tolist()) for line in means.T),
        strongest=strongest,
        direction=_direction(means[:, strongest]) if kind == "numeric" else "",
    )


def _in_words(value: Any, kind: str) -> str:
    if kind == "boolean":
        return "yes" if value else "no"
    return f"{value:,.4g}".replace("-", "−") if kind == "numeric" else str(value)


def _direction(means: Array) -> str:
    if np.ptp(means) == 0:
        return ""
    agreement = np.corrcoef(np.arange(len(means)), pd.Series(means).rank())[0, 1]
    return "up" if agreement >= _MONOTONE else "down" if agreement <= -_MONOTONE else ""
