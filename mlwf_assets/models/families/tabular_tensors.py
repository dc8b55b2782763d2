"""From a frame of features to what a neural network wants: numbers of one scale, and category codes.

Numbers are mapped to normal scores by their quantiles among the training rows (no noise: the same rows give the
same numbers), a gap becomes the middle and, where the training rows have gaps, an indicator beside it. Categories
become codes; what is rare, new or missing has codes of its own. Only numpy and pandas here: no torch, no learning.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from mlwf_assets.models.metrics import Array

# So many intervals between quantiles: fine enough that a score is off by less than 1/256 of the rows.
GRID = 256
# Scores end here; +-3.1 standard deviations.
_TAIL = 1e-3
MOST_CATEGORIES = 256
# A category seen in fewer than one of so many rows has too few to learn from.
_RARE_ROWS = 20_000
# The codes that stand before those of the known categories.
UNKNOWN, MISSING, OWN_CODES = 0, 1, 2


@dataclass(frozen=True)
class Inputs:
    """Encoded rows.

    Attributes:
        numbers: (n, numbers + gaps) float32; scores, then indicators of gaps.
        codes: (n, categories) int64.
    """

    numbers: Array
    codes: Array


@dataclass(frozen=True)
class Encoder:
    """How frames are encoded; learned from the training rows by `fit_encoder`.

    Attributes:
        numbers: columns that vary, in order.
        grid: (numbers, GRID + 1) float64; their quantiles among the training rows.
        gaps: columns whose gaps have an indicator; of columns that are always missing together, the first.
        categories: the known values of each categorical column, the most frequent first; code 2 and up.
    """

    numbers: Sequence[str]
    grid: Array
    gaps: Sequence[str]
    categories: Mapping[str, Sequence[str]]

    @cached_property
    def _knots(self) -> list[tuple[Array, Array]]:
        return [_normal_scores(quantiles) for quantiles in self.grid]

    @cached_property
    def _known(self) -> dict[str, pd.Index]:
        return {name: pd.Index(known, dtype=object) for name, known in self.categories.items()}

    @property
    def cardinalities(self) -> list[int]:
        """How many codes each categorical column has, those for unknown and missing included."""
        return [len(known) + OWN_CODES for known in self.categories.values()]

    def encode(self, frame: pd.DataFrame) -> Inputs:
        """Encode rows, each by itself.

        Args:
            frame: has the columns that the encoder was fitted on.
        """
        numbers = np.zeros((len(frame), len(self.numbers) + len(self.gaps)), dtype=np.float32)
        for column, (values, knots) in enumerate(zip(_floats(frame, self.numbers), self._knots, strict=True)):
            numbers[:, column] = np.where(np.isnan(values), 0.0, np.interp(values, *knots))
        numbers[:, len(self.numbers) :] = np.isnan(_floats(frame, self.gaps)).T
        codes = np.zeros((len(frame), len(self.categories)), dtype=np.int64)
        for column, (name, known) in enumerate(self._known.items()):
            codes[:, column] = _codes(frame[name], known)
        return Inputs(numbers, codes)

    def bin_edges(self, bins: int) -> list[Array]:
        """Edges of at most so many bins per number, at equal shares of the training rows, as scores.

        Returns:
            Per number an ascending float32 array of at least two edges.
        """
        places = np.linspace(0, GRID, bins + 1).round().astype(int)
        scores = [np.interp(quantiles[places], *knots) for quantiles, knots in zip(self.grid, self._knots, strict=True)]
        edges = [np.unique(each.astype(np.float32)) for each in scores]
        # Two values make one bin, which a library warns of; cut in the middle it says the same.
        return [each if len(each) > 2 else np.insert(each, 1, each.mean()) for each in edges]

    def to_json(self) -> dict[str, Any]:
        """What is not an array."""
        return {"numbers": list(self.numbers), "gaps": list(self.gaps), "categories": dict(self.categories)}


def fit_encoder(frame: pd.DataFrame, features: Sequence[Mapping[str, Any]]) -> Encoder:
    """Learn from training rows how frames are encoded.

    Args:
        frame: the training rows.
        features: name and kind of each column.
    Example:
        >>> frame = pd.DataFrame({"hour": [6.0, 12.0, np.nan, 18.0], "carrier": ["AA", "UA", None, "UA"]})
        >>> kinds = [{"name": "hour", "kind": "numeric"}, {"name": "carrier", "kind": "categorical"}]
        >>> inputs = fit_encoder(frame, kinds).encode(frame)
        >>> inputs.numbers.astype(int).tolist()
        [[-3, 0], [0, 0], [0, 1], [3, 0]]
        >>> inputs.codes.tolist()
        [[3], [2], [1], [2]]
    """
    grid: dict[str, Array] = {}
    gaps: dict[bytes, str] = {}
    categorical = [str(feature["name"]) for feature in features if feature["kind"] == "categorical"]
    numeric = [str(feature["name"]) for feature in features if feature["kind"] != "categorical"]
    for name, values in zip(numeric, _floats(frame, numeric), strict=True):
        missing = np.isnan(values)
        if missing.any() and not missing.all():
            gaps.setdefault(missing.tobytes(), name)
        finite = values[np.isfinite(values)]
        if len(finite) and finite.min() < finite.max():
            grid[name] = np.quantile(finite, np.linspace(0, 1, GRID + 1))
    stacked = np.stack(list(grid.values())) if grid else np.empty((0, GRID + 1))
    return Encoder(list(grid), stacked, list(gaps.values()), {name: _frequent(frame[name]) for name in categorical})


def encoder_from_json(written: Mapping[str, Any], grid: Array) -> Encoder:
    """Put together what `Encoder.to_json` wrote, and the grid."""
    return Encoder(written["numbers"], grid, written["gaps"], written["categories"])


def _floats(frame: pd.DataFrame, names: Sequence[str]) -> Array:
    """(names, n)."""
    return np.asarray(frame[list(names)].to_numpy(dtype=np.float64, na_value=np.nan)).T


def _normal_scores(quantiles: Array) -> tuple[Array, Array]:
    """Distinct values and their normal scores; a value of many equal rows stands at the middle of its ranks."""
    values = np.unique(quantiles)
    ranks = np.searchsorted(quantiles, values, "left") + np.searchsorted(quantiles, values, "right") - 1
    return values, ndtri(np.clip(ranks / 2 / GRID, _TAIL, 1 - _TAIL))


def _frequent(column: pd.Series) -> list[str]:
    counts = column[~column.isna()].value_counts(sort=False)
    least = 1 + len(column) // _RARE_ROWS
    ranked = sorted((-count, value) for value, count in counts.items() if count >= least)
    return [str(value) for _, value in ranked[:MOST_CATEGORIES]]


def _codes(column: pd.Series, known: pd.Index) -> Array:
    found = known.get_indexer(column.astype(object))
    return np.where(column.isna(), MISSING, np.where(found < 0, UNKNOWN, found + OWN_CODES))
