"""How a frame becomes the numbers that trees split: numbers as they are, categories as codes of the frequent ones.

Learned from training rows, without their labels. What is missing, infinite, rare or unseen is NaN, for which each
tree learns a side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlwf_assets.models.families.base import Problem, Rows
from mlwf_assets.models.metrics import Array

# As many as histogram gradient boosting can tell apart.
MOST_CATEGORIES = 254


@dataclass(frozen=True)
class TreeColumns:
    """What trees are given.

    Attributes:
        categories: column -> its known values, the most frequent first; categorical columns come first.
        numbers: the other columns, as far as they vary.
        gaps: those that are either missing or always the same: only which of both says something.
        indicators: of how many of the most frequent values of each category there is a column of 0 and 1 as well.
    """

    categories: Mapping[str, Sequence[str]]
    numbers: Sequence[str]
    gaps: Sequence[str] = ()
    indicators: int = 0

    def encode(self, frame: pd.DataFrame) -> Array:
        """(n, columns) doubles with NaN: codes, numbers, indicators; each row by itself."""
        codes = [self._codes(frame[name], known) for name, known in self.categories.items()]
        numbers = [_finite(frame[name]) for name in self.numbers]
        flags = [
            (code == place).astype(float)
            for code, known in zip(codes, self.categories.values(), strict=True)
            for place in range(min(self.indicators, len(known)))
        ]
        gaps = [np.isnan(_finite(frame[name])).astype(float) for name in self.gaps]
        return np.stack([*codes, *numbers, *gaps, *flags], axis=1)

    @staticmethod
    def _codes(column: pd.Series, known: Sequence[str]) -> Array:
        found = pd.Index(known, dtype=object).get_indexer(pd.Index(column, dtype=object))
        return np.where(found < 0, np.nan, found.astype(float))


def encode_training_rows(train: Rows, problem: Problem, *, indicators: int = 0) -> tuple[TreeColumns, Array]:
    """Learn the columns from training rows, and encode those; once for all trials.

    Args:
        train: the rows.
        problem: names the features and their kinds.
        indicators: see `TreeColumns`.
    """
    made = ("tree_columns", indicators)
    if made not in train.memo:
        columns = _learn(train.frame, problem, indicators)
        train.memo[made] = columns, columns.encode(train.frame)
    found: tuple[TreeColumns, Array] = train.memo[made]
    return found


def _learn(frame: pd.DataFrame, problem: Problem, indicators: int) -> TreeColumns:
    text = set(problem.categorical)
    categories = {name: _frequent(frame[name]) for name in problem.names if name in text}
    numbers, gaps = [], []
    for name in (name for name in problem.names if name not in text):
        values = _finite(frame[name])
        present = values[~np.isnan(values)]
        if len(present) and present.min() < present.max():
            numbers.append(name)
        elif 0 < len(present) < len(values):
            gaps.append(name)
    known = {name: values for name, values in categories.items() if values}
    if not (known or numbers or gaps):  # nothing varies; trees want a column nevertheless
        gaps = problem.names[:1] if problem.names[0] not in text else []
        known = {} if gaps else {problem.names[0]: []}
    return TreeColumns(known, numbers, gaps, indicators)


def _frequent(column: pd.Series) -> list[str]:
    counts = column.value_counts(sort=False)
    return sorted(counts.index, key=lambda value: (-counts[value], value))[:MOST_CATEGORIES]


def _finite(column: pd.Series) -> Array:
    values = column.to_numpy(dtype=float)
    return np.where(np.isfinite(values), values, np.nan)
