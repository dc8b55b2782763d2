"""How a frame becomes what a linear model adds up: dense columns on one scale, and levels.

A number becomes a dense column (its gaps filled with the middle) and, where asked for, a level per bin; a
category becomes a level per frequent value, one for the rare and unseen, one for missing. Features whose gaps
are the same rows share one level for them. All is learned from training rows; nothing here knows labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.models.families.base import Problem
from mlwf_assets.models.metrics import Array

# A category that is rarer than this among the training rows says too little to have a weight of its own.
_LEAST_COUNT = 5
_MOST_LEVELS = 300
_QUANTILES = 101


@dataclass(frozen=True)
class Encoded:
    """Some rows, in the form that is added up.

    Attributes:
        rows: how many.
        dense: (n,) doubles per dense column, without gaps.
        codes: (n,) level numbers per level column; each column has its own range of levels.
    """

    rows: int
    dense: Sequence[Array]
    codes: Sequence[Array]


@dataclass(frozen=True)
class _Number:
    """How one number is scaled and cut: JSON values."""

    name: str
    grid: list[float]
    centre: float
    spread: float
    edges: list[float]
    gaps: bool

    def scale(self, values: Array) -> Array:
        """(n,) about as wide as a normal variable, gaps in the middle, outliers drawn in."""
        if self.grid:
            places = np.linspace(-1.7, 1.7, len(self.grid))
            scaled = np.interp(values, self.grid, places)
        else:
            scaled = (values - self.centre) / self.spread
            # Smooth clipping to (-3, 3), as Holzmüller and others (2024) do for RealMLP.
            scaled = scaled / np.sqrt(1 + (scaled / 3) ** 2)
        return np.where(np.isnan(values), 0.0, scaled)

    def bins(self, values: Array) -> Array:
        """(n,) number of the bin; the last one is for gaps."""
        found = np.searchsorted(self.edges, values, side="right")
        return np.where(np.isnan(values), len(self.edges) + 1, found)


@dataclass(frozen=True)
class _Category:
    """The frequent values of one category: JSON values."""

    name: str
    values: list[str]

    def codes(self, column: pd.Series) -> Array:
        """(n,) number of the value; then one for all others, one for missing."""
        found = pd.Index(self.values, dtype=object).get_indexer(pd.Index(column, dtype=object))
        found = np.where(found < 0, len(self.values), found)
        return np.where(column.isna().to_numpy(), len(self.values) + 1, found)


@dataclass(frozen=True)
class Columns:
    """All columns of a model.

    Attributes:
        features: number of features.
        numbers, categories: how each is treated.
        places: name -> place among the features.
        offsets: where the levels of each level column begin.
        levels: how many there are in all.
        dense_features, code_features: which feature each column belongs to.
    """

    features: int
    numbers: tuple[_Number, ...]
    categories: tuple[_Category, ...]
    places: Mapping[str, int]
    offsets: tuple[int, ...]
    levels: int
    dense_features: tuple[int, ...]
    code_features: tuple[int, ...]

    def encode(self, frame: pd.DataFrame) -> Encoded:
        """Turn rows into columns."""
        dense, codes = [], []
        for number in self.numbers:
            values = _finite(frame[number.name])
            dense.append(number.scale(values))
            if number.edges:
                codes.append(number.bins(values))
            elif number.gaps:
                codes.append(np.isnan(values).astype(int))
        codes += [category.codes(frame[category.name]) for category in self.categories]
        shifted = [(code + offset).astype(np.int32) for code, offset in zip(codes, self.offsets, strict=True)]
        return Encoded(len(frame), dense, shifted)

    def to_json(self) -> dict[str, Any]:
        """Write what was learned as JSON values."""
        return {
            "places": dict(self.places),
            "numbers": [asdict(number) for number in self.numbers],
            "categories": [asdict(category) for category in self.categories],
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> "Columns":
        """Read what `to_json` wrote."""
        numbers = tuple(_Number(**one) for one in state["numbers"])
        categories = tuple(_Category(**one) for one in state["categories"])
        return _arrange(numbers, categories, state["places"])


def learn_columns(frame: pd.DataFrame, problem: Problem, *, scale: str, bins: int) -> Columns:
    """Learn scales, bins and levels from training rows.

    Args:
        frame: (n, features) doubles with NaN, text with None.
        problem: names the features and their kinds.
        scale: 'robust' (median and quartiles) or 'quantile' (ranks).
        bins: into how many bins of equal count numbers are cut besides; 0: none.
    Example:
        >>> from mlwf_assets.models.metrics import find_metric
        >>> problem = Problem("binary", [{"name": "a", "kind": "numeric"}], 2, find_metric("roc_auc"))
        >>> frame = pd.DataFrame({"a": [1.0, 2.0, np.nan, 4.0]})
        >>> encoded = learn_columns(frame, problem, scale="robust", bins=2).encode(frame)
        >>> encoded.codes[0].tolist()
        [0, 1, 2, 1]
    """
    categorical = set(problem.categorical)
    numbers, seen = [], set()
    for name in problem.names:
        if name in categorical:
            continue
        values = _finite(frame[name])
        gaps = np.packbits(np.isnan(values)).tobytes()
        numbers.append(_learn_number(name, values, scale=scale, bins=bins, gaps=gaps not in seen))
        seen.add(gaps)
    categories = tuple(_learn_category(name, frame[name]) for name in problem.names if name in categorical)
    return _arrange(tuple(numbers), categories, {name: place for place, name in enumerate(problem.names)})


def _learn_number(name: str, values: Array, *, scale: str, bins: int, gaps: bool) -> _Number:
    present = values[~np.isnan(values)]
    if not len(present):
        return _Number(name, [], 0.0, 1.0, [], gaps=False)
    low, middle, high = np.quantile(present, [0.25, 0.5, 0.75]).tolist()
    # Where half of the values are the same, quartiles say nothing of the width.
    spread = (high - low) / 1.35 or float(present.std()) or 1.0
    grid = np.quantile(present, np.linspace(0, 1, _QUANTILES)).tolist() if scale == "quantile" else []
    edges: list[float] = []
    if bins:
        cuts = np.unique(np.quantile(present, np.arange(1, bins) / bins, method="nearest"))
        edges = cuts[cuts > present.min()].tolist()
    has_gaps = gaps and 0 < np.isnan(values).sum() < len(values)
    return _Number(name, grid, middle, spread, edges, gaps=bool(has_gaps))


def _learn_category(name: str, column: pd.Series) -> _Category:
    counts = column.value_counts()
    frequent = sorted(counts[counts >= _LEAST_COUNT].index, key=lambda value: (-counts[value], value))
    return _Category(name, sorted(frequent[:_MOST_LEVELS]))


def _arrange(numbers: tuple[_Number, ...], categories: tuple[_Category, ...], places: Mapping[str, int]) -> Columns:
    """Give each level column its range of levels."""
    sizes, owners = [], []
    for number in numbers:
        if number.edges or number.gaps:
            sizes.append(len(number.edges) + 2 if number.edges else 2)
            owners.append(places[number.name])
    sizes += [len(category.values) + 2 for category in categories]
    owners += [places[category.name] for category in categories]
    offsets = np.concatenate([[0], np.cumsum(sizes, dtype=int)]).tolist()
    return Columns(
        features=len(places),
        numbers=numbers,
        categories=categories,
        places=dict(places),
        offsets=tuple(offsets[:-1]),
        levels=int(offsets[-1]),
        dense_features=tuple(places[number.name] for number in numbers),
        code_features=tuple(owners),
    )


def _finite(column: pd.Series) -> Array:
    """(n,) doubles; what is infinite counts as missing."""
    values = np.ascontiguousarray(column.to_numpy(dtype=float))
    return np.where(np.isfinite(values), values, np.nan)
