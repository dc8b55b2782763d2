"""New columns of a table's own: each kind a transformer that also works on one row at prediction time.

Frequency and target encoding of categories and of their crosses, sums and ratios of pairs of numbers, aggregates
of a number over a category. A cheap filter keeps the few that say most about what plain columns leave unsaid. What
training rows get of target encoding was learned from other rows. After the idea of TabPrep; target encoding:
Micci-Barreca (2001).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from mlwf_assets.models.families.base import Problem, Rows
from mlwf_assets.models.metrics import Array

# A category's mean is drawn towards that of all rows as if so many rows more had that.
_SMOOTHING = 10.0
_PARTS = 5
# Columns that are combined with each other, and columns that are kept.
_MOST_PAIRED, _MOST_KEPT = 8, 12
# The filter looks at so many rows.
_FILTERED_ROWS = 5_000
# A new column must go along with what is left unsaid at least so closely, squared.
_LEAST_SAID = 0.002
_JOINT = "\x1f"


class Transformer(ABC):
    """One new column; JSON values are its state."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def name(self) -> str:
        """The new column's."""

    @abstractmethod
    def make(self, frame: pd.DataFrame) -> Array:
        """(n,) doubles with NaN; each row by itself."""


@dataclass(frozen=True)
class Lookup(Transformer):
    """A number for each value of a category, or of several together: how frequent it is, or the mean of something.

    Attributes:
        what: how often, target, or mean of a column.
        columns: the categories.
        table: value -> number.
        other: for values that training rows did not have.
        minus: a column that the number is taken from: how far a row is from its group; empty: the number itself.
    """

    what: str
    columns: Sequence[str]
    table: Mapping[str, float]
    other: float
    minus: str = ""
    kind: ClassVar[str] = "lookup"

    @property
    def name(self) -> str:
        """What, and of which columns."""
        away = f"{self.minus} minus " if self.minus else ""
        return f"{away}{self.what} by {' and '.join(self.columns)}"

    def make(self, frame: pd.DataFrame) -> Array:
        """Look the values up."""
        found = joined(frame, self.columns).map(self.table)
        numbers = np.asarray(found.fillna(self.other), dtype=float)
        return np.asarray(_number(frame, self.minus) - numbers) if self.minus else numbers


@dataclass(frozen=True)
class Pair(Transformer):
    """A sum, difference, product or ratio of two numbers."""

    sign: str
    left: str
    right: str
    kind: ClassVar[str] = "pair"

    @property
    def name(self) -> str:
        """As it is computed."""
        return f"{self.left} {self.sign} {self.right}"

    def make(self, frame: pd.DataFrame) -> Array:
        """Compute; what cannot be divided is missing."""
        with np.errstate(all="ignore"):
            values = _SIGNS[self.sign](_number(frame, self.left), _number(frame, self.right))
        return np.asarray(np.where(np.isfinite(values), values, np.nan))


_SIGNS: dict[str, Callable[[Array, Array], Array]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}
_KINDS: dict[str, type[Transformer]] = {"lookup": Lookup, "pair": Pair}


@dataclass(frozen=True)
class Transformers:
    """The new columns."""

    each: tuple[Transformer, ...]

    @property
    def features(self) -> list[dict[str, str]]:
        """Name and kind of each new column."""
        return [{"name": one.name, "kind": "numeric"} for one in self.each]

    def add(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Put the new columns beside the others."""
        return pd.concat([frame, pd.DataFrame({one.name: one.make(frame) for one in self.each}, frame.index)], axis=1)

    def to_json(self) -> list[dict[str, Any]]:
        """Write what was learned as JSON values."""
        return [{"kind": one.kind, **asdict(one)} for one in self.each]  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, state: Sequence[Mapping[str, Any]]) -> "Transformers":
        """Read what `to_json` wrote."""
        return cls(tuple(_KINDS[one["kind"]](**{k: v for k, v in one.items() if k != "kind"}) for one in state))


def learn_transformers(train: Rows, problem: Problem, *, seed: int) -> tuple[Transformers, pd.DataFrame]:
    """Choose new columns, and make them for the training rows.

    Args:
        train: the rows to learn from.
        problem: names the features and their kinds.
        seed: of the parts that target encoding is made on.

    Returns:
        The transformers; the training rows with the new columns, those of labels learned from other rows.
    """
    names = {feature["name"] for feature in problem.features}
    texts = [name for name in problem.categorical if 1 < train.frame[name].nunique() < len(train.y) / 2]
    numbers = [str(f["name"]) for f in problem.features if f["kind"] == "numeric" and _varies(train.frame, f["name"])]
    target = _target(train, problem)
    numbers = _most_telling(numbers, train, target)
    proposals = [
        one for one in _propose(train, target, texts[:_MOST_PAIRED], numbers, seed) if one[0].name not in names
    ]
    kept = _filter(proposals, train, target, [*numbers])
    added = pd.DataFrame({one.name: values for one, values in kept}, index=train.frame.index)
    return Transformers(tuple(one for one, _ in kept)), pd.concat([train.frame, added], axis=1)


def joined(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Put categories together as one; a missing one is a value too."""
    texts = [frame[name].astype(object).where(frame[name].notna(), "") for name in columns]
    whole = texts[0].astype(str)
    for one in texts[1:]:
        whole = whole + _JOINT + one.astype(str)
    return whole


def _number(frame: pd.DataFrame, name: str) -> Array:
    values = frame[name].to_numpy(dtype=float)
    return np.where(np.isfinite(values), values, np.nan)


def _varies(frame: pd.DataFrame, name: str) -> bool:
    return len(np.unique(_number(frame, name)[:1000])) > 2


def _target(train: Rows, problem: Problem) -> Array:
    """(n,) what is encoded: the label, or of many classes whether it is the most frequent."""
    if problem.kind == "multiclass":
        return np.asarray(train.y == np.bincount(train.y.astype(int)).argmax(), dtype=float)
    return np.asarray(train.y, dtype=float)


def _propose(
    train: Rows, target: Array, texts: Sequence[str], numbers: Sequence[str], seed: int
) -> Iterator[tuple[Transformer, Array]]:
    """Propose columns, each with its values for the training rows."""
    frame = train.frame
    parts = np.random.default_rng(seed).permutation(np.arange(len(target)) % _PARTS)
    groups = [(name,) for name in texts] + list(combinations(texts, 2))
    for columns in groups:
        values = joined(frame, columns)
        counts = values.value_counts(sort=False)
        often = Lookup("frequency", columns, _table(counts / len(values)), 0.0)
        yield often, often.make(frame)
        yield _encoded(values, target, columns), _out_of_fold(values, target, parts)
    for name in texts:
        for number in numbers[:4]:
            means = pd.Series(_number(frame, number)).groupby(joined(frame, [name]).to_numpy()).mean().dropna()
            centre = float(np.nanmean(_number(frame, number)))
            away = Lookup(f"mean of {number}", (name,), _table(means), centre, minus=number)
            yield away, away.make(frame)
    for left, right in combinations(sorted(numbers), 2):
        for pair in (Pair("+", left, right), Pair("-", left, right), Pair("*", left, right), Pair("/", left, right),
                     Pair("/", right, left)):  # fmt: skip
            yield pair, pair.make(frame)


def _table(series: pd.Series) -> dict[str, float]:
    return {str(value): float(number) for value, number in sorted(series.items())}


def _encoded(values: pd.Series, target: Array, columns: Sequence[str]) -> Lookup:
    table, mean = _means(values.to_numpy(), target)
    return Lookup("target", columns, table, mean)


def _means(values: Array, target: Array) -> tuple[dict[str, float], float]:
    mean = float(target.mean())
    grouped = pd.Series(target).groupby(values).agg(["sum", "count"])
    return _table((grouped["sum"] + _SMOOTHING * mean) / (grouped["count"] + _SMOOTHING)), mean


def _out_of_fold(values: pd.Series, target: Array, parts: Array) -> Array:
    """Encode each part by what the others say."""
    said = np.empty(len(target))
    for part in np.unique(parts):
        here = parts == part
        table, mean = _means(values.to_numpy()[~here], target[~here])
        said[here] = values[here].map(table).fillna(mean)
    return said


def _most_telling(numbers: Sequence[str], train: Rows, target: Array) -> list[str]:
    """The numbers that go along with the target most closely, by rank."""
    ranks = _ranks(target)
    said = {name: _squared(_ranks(_filled(_number(train.frame, name))), ranks) for name in numbers}
    return sorted(numbers, key=lambda name: -said[name])[:_MOST_PAIRED]


def _filter(
    proposals: Sequence[tuple[Transformer, Array]], train: Rows, target: Array, numbers: Sequence[str]
) -> list[tuple[Transformer, Array]]:
    """Keep the columns that say most about what a small tree on the plain columns leaves unsaid."""
    if not proposals:
        return []
    rows = np.linspace(0, len(target) - 1, min(len(target), _FILTERED_ROWS)).astype(int)
    left = _unsaid(train.frame.iloc[rows], target[rows], numbers)
    said = [_squared(_ranks(_filled(values[rows])), left) for _, values in proposals]
    order = [int(place) for place in np.argsort(-np.array(said), kind="stable") if said[place] > _LEAST_SAID]
    return [proposals[place] for place in order[:_MOST_KEPT]]


def _unsaid(frame: pd.DataFrame, target: Array, numbers: Sequence[str]) -> Array:
    """Residuals of a boosted model of few splits, which sees one column at a time."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    if not numbers:
        return np.asarray(target - target.mean())
    plain = frame[list(numbers)].to_numpy(dtype=float)
    plain = np.where(np.isfinite(plain), plain, np.nan)
    model = HistGradientBoostingRegressor(max_iter=60, max_leaf_nodes=3, early_stopping=False, random_state=0)
    with threadpool_limits(1, user_api="openmp"):  # so few values that threads would only wait for each other
        said = np.asarray(model.fit(plain, target).predict(plain), dtype=float)
    return np.asarray(target - said)


def _filled(values: Array) -> Array:
    middle = 0.0 if np.isnan(values).all() else float(np.nanmedian(values))
    return np.asarray(np.where(np.isnan(values), middle, values))


def _ranks(values: Array) -> Array:
    ranks: Array = np.asarray(pd.Series(values).rank(), dtype=float)
    return ranks


def _squared(a: Array, b: Array) -> float:
    """Squared correlation; 0 where one of them does not vary."""
    a, b = a - a.mean(), b - b.mean()
    spread = float((a @ a) * (b @ b))
    return float((a @ b) ** 2 / spread) if spread > 0 else 0.0
