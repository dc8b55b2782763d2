"""Has the world changed between the splits: how differently is each feature distributed in train and test.

Population stability index over the training rows' deciles (categories: the most frequent values), missing
values as a bin of their own; Kolmogorov-Smirnov distance for numbers beside it. Rules of thumb for PSI
(Siddiqi, 2006): below 0.1 stable, from 0.25 on a large shift. Drift after deployment is `monitoring`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlwf_assets.models.metrics import Array

MODERATE, LARGE = 0.1, 0.25
_DECILES = 10
_PICTURE_BINS = 24
_CATEGORIES = 12
_FLOOR = 1e-4
_MOST_ROWS, _FEWEST_ROWS, _CELLS = 20_000, 500, 2_000_000


@dataclass(frozen=True)
class Shift:
    """How one feature moved from train to test; shares of rows per bin of a small picture.

    Attributes:
        columns: the columns that it is made from.
        ks: Kolmogorov-Smirnov distance; nan for categories.
        labels: category names, or the first and last edge of the numbers.
        train, test: shares per bin of the picture, the same bins.
        chance: what the PSI of two samples of these sizes from the same rows seldom (one time in 20) exceeds.
    """

    name: str
    words: str
    kind: str
    columns: tuple[str, ...]
    psi: float
    ks: float
    missing_train: float
    missing_test: float
    labels: tuple[str, ...]
    train: tuple[float, ...]
    test: tuple[float, ...]
    chance: float = 0.0

    @property
    def moved(self) -> str:
        """How far: "no", "by chance" where so few rows differ as much anyhow, "moderately" or "a lot"."""
        if self.psi < MODERATE:
            return "no"
        if self.psi <= self.chance:
            return "by chance"
        return "a lot" if self.psi >= LARGE else "moderately"


def stability_index(expected: Array, actual: Array) -> float:
    """PSI of two arrays of shares over the same bins.

    Example:
        >>> stability_index(np.array([0.5, 0.5]), np.array([0.5, 0.5]))
        0.0
    """
    e, a = np.maximum(expected, _FLOOR), np.maximum(actual, _FLOOR)
    return float(((a - e) * np.log(a / e)).sum())


def chance_index(bins: int, train_rows: int, test_rows: int) -> float:
    """The PSI that two samples of the same distribution exceed one time in 20.

    Source: Yurdakul and Naranjo (2020): PSI over (1/n + 1/m) is chi-squared with bins - 1 degrees of freedom;
    its 95 % point by Wilson and Hilferty (1931).

    Example:
        >>> round(chance_index(10, 230, 50), 2), round(chance_index(10, 100_000, 30_000), 4)
        (0.41, 0.0007)
    """
    free = bins - 1
    if free < 1 or not train_rows or not test_rows:
        return 0.0
    point = free * (1 - 2 / (9 * free) + 1.645 * np.sqrt(2 / (9 * free))) ** 3
    return float(point * (1 / train_rows + 1 / test_rows))


def ks_distance(a: Array, b: Array) -> float:
    """The largest gap between two empirical distribution functions.

    Example:
        >>> ks_distance(np.array([1.0, 2.0]), np.array([3.0]))
        1.0
    """
    if not len(a) or not len(b):
        return float("nan")
    a, b = np.sort(a), np.sort(b)
    points = np.concatenate([a, b])
    gap = np.searchsorted(a, points, side="right") / len(a) - np.searchsorted(b, points, side="right") / len(b)
    return float(np.abs(gap).max())


def _shares(bins: Array, count: int) -> Array:
    return np.bincount(bins, minlength=count) / max(1, len(bins))


def _numeric(train: Array, test: Array) -> tuple[Array, Array, tuple[str, ...], Array, Array]:
    """PSI shares (deciles and missing) of both, picture labels, picture shares of both."""
    present, shown = train[np.isfinite(train)], test[np.isfinite(test)]
    if not len(present):
        present = np.zeros(1)
    cuts = np.unique(np.quantile(present, np.linspace(0, 1, _DECILES + 1)[1:-1]))

    def in_deciles(values: Array) -> Array:
        bins = np.searchsorted(cuts, values, side="left")
        return _shares(np.where(np.isfinite(values), bins, len(cuts) + 1), len(cuts) + 2)

    # The middle 98 % of both, so that one absurd value does not squeeze the picture.
    low, high = np.quantile(np.concatenate([present, shown]), [0.01, 0.99])
    edges = np.linspace(low, high if high > low else low + 1, _PICTURE_BINS + 1)

    def in_picture(values: Array) -> Array:
        return np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)[0] / max(1, len(values))

    labels = (f"{edges[0]:.4g}", f"{edges[-1]:.4g}")
    return in_deciles(train), in_deciles(test), labels, in_picture(present), in_picture(shown)


def _natural(name: str) -> tuple[int, float, str]:
    """Numbers by size, before the rest by name."""
    return (0, float(name), name) if name.isdecimal() else (1, 0.0, name)


def _categorical(train: Sequence[Any], test: Sequence[Any]) -> tuple[Array, Array, tuple[str, ...]]:
    """Shares of the training rows' most frequent values, in natural order, of the others, and of missing ones."""
    counts: dict[str, int] = {}
    for value in train:
        if value is not None:
            counts[str(value)] = counts.get(str(value), 0) + 1
    names = sorted(sorted(counts, key=lambda name: (-counts[name], name))[:_CATEGORIES], key=_natural)
    places = {name: i for i, name in enumerate(names)}
    size = len(names)

    def shares(values: Sequence[Any]) -> Array:
        bins = [size + 1 if v is None else places.get(str(v), size) for v in values]
        return _shares(np.array(bins, dtype=int), size + 2)

    return shares(train), shares(test), (*names, "others", "missing")


def feature_shift(feature: Mapping[str, Any], train: pa.ChunkedArray, test: pa.ChunkedArray) -> Shift:
    """Compare one feature's values.

    Args:
        feature: name, kind (numeric, boolean, categorical) and words.
    Example:
        >>> same = pa.chunked_array([[1.0, 2.0, 3.0]])
        >>> feature_shift({"name": "x", "kind": "numeric", "words": "x"}, same, same).psi
        0.0
    """
    missing = [(pc.sum(pc.is_null(v, nan_is_null=True)).as_py() or 0) / max(1, len(v)) for v in (train, test)]
    if feature["kind"] == "categorical":
        expected, actual, labels = _categorical(train.to_pylist(), test.to_pylist())
        ks, picture_train, picture_test = float("nan"), expected, actual
    else:
        a = np.asarray(train.to_numpy(), dtype=float)
        b = np.asarray(test.to_numpy(), dtype=float)
        expected, actual, labels, picture_train, picture_test = _numeric(a, b)
        ks = ks_distance(a[np.isfinite(a)], b[np.isfinite(b)])
    return Shift(
        name=feature["name"],
        words=feature.get("words") or feature["name"],
        kind=feature["kind"],
        columns=tuple(feature.get("columns", ())),
        psi=round(stability_index(expected, actual), 6),
        ks=round(ks, 6),
        missing_train=missing[0],
        missing_test=missing[1],
        labels=labels,
        train=tuple(np.round(picture_train, 5).tolist()),
        test=tuple(np.round(picture_test, 5).tolist()),
        chance=round(chance_index(int(np.count_nonzero(expected)), len(train), len(test)), 6),
    )


def sample_rows(rows: int, *, at_most: int, seed: int) -> Array:
    """Row numbers, ascending: all of them, or `at_most` without replacement.

    Example:
        >>> sample_rows(3, at_most=10, seed=0).tolist()
        [0, 1, 2]
    """
    if rows <= at_most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, size=at_most, replace=False))


def rows_to_compare(features: int) -> int:
    """How many rows of a split are looked at: fewer where there are very many features."""
    return max(_FEWEST_ROWS, min(_MOST_ROWS, _CELLS // max(1, features)))


def measure_shift(train: pa.Table, test: pa.Table, features: Sequence[Mapping[str, Any]]) -> tuple[Shift, ...]:
    """Compare all features, the most shifted first.

    Args:
        train, test: rows of the matrices, at most `rows_to_compare` of either drawn at random.
        features: name, kind, words and columns of each.
    """
    if not train.num_rows or not test.num_rows:
        return ()
    found = [feature_shift(f, train.column(f["name"]), test.column(f["name"])) for f in features]
    return tuple(sorted(found, key=lambda shift: (-shift.psi, shift.name)))
