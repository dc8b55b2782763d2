"""Folds: which rows a configuration is trained on and judged on while it is tuned.

Where the validation split lies after the training split, folds go forward in time: the last one judges on
the validation split, earlier ones on earlier blocks of the training split, each trained on all that lies
before. Else train and validation are one pool, cut by groups or evenly by label. Test rows never come here.
Source of the forward chain: Hyndman and Athanasopoulos, "Forecasting", section on time series cross-validation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mlwf_assets.errors import DataError
from mlwf_assets.models.metrics import Array

# The first fold of a chain learns from at least this share of the training rows.
_LEAST_FIRST = 0.25


@dataclass(frozen=True)
class Fold:
    """Positions of rows.

    Attributes:
        train: (n,) those that are learned from, ascending.
        valid: (m,) those that are predicted, ascending.
    """

    train: Array
    valid: Array


def make_folds(
    splits: Array, times: Array | None, groups: Array | None, y: Array, *, classes: int, n: int, seed: int
) -> tuple[Fold, ...]:
    """Cut the rows of train and validation into folds.

    Args:
        splits: (rows,) 'train' or 'validation'.
        times: (rows,) comparable moments, none missing; None: there is no time.
        groups: (rows,) integers, rows of a number stay together; None: there are no groups.
        y: (rows,) 0/1, class number, or value.
        classes: number of classes; 0 for regression.
        n: how many folds are wanted; there are fewer where the rows do not give more.
        seed: of the folds that are drawn.

    Raises:
        DataError: if no fold has what a model needs: rows, and two classes, on both sides.

    Example:
        >>> folds = make_folds(np.array(["train"] * 4 + ["validation"] * 2), np.arange(6), None,
        ...                    np.array([0, 1, 0, 1, 0, 1]), classes=2, n=2, seed=0)
        >>> [(fold.train.tolist(), fold.valid.tolist()) for fold in folds]
        [([0, 1], [2, 3]), ([0, 1, 2, 3], [4, 5])]
    """
    valid = splits == "validation"
    if groups is not None:
        ways = [_cut(_place_groups(groups, n, seed))]
    elif times is not None and is_chain(times, valid):
        ways = [_chain(times, valid, starts) for starts in _block_starts(times[~valid], times[valid], n)]
    else:
        ways = [_cut(_place_evenly(y, n, seed))]
    usable = max((tuple(fold for fold in folds if _is_usable(fold, y, classes)) for folds in ways), key=len)
    if not usable:
        raise DataError(
            "train and validation must hold rows to learn from and rows to be judged on, with two classes in "
            f"each of both, however: {int((~valid).sum())} and {int(valid.sum())} rows; correct splits.validation"
        )
    return usable


def is_chain(times: Array, valid: Array) -> bool:
    """Say whether all validation rows lie after all training rows.

    Example:
        >>> is_chain(np.array([1, 2, 3]), np.array([False, False, True]))
        True
    """
    return bool(valid.any() and (~valid).any() and times[~valid].max() < times[valid].min())


def _chain(times: Array, valid: Array, starts: Sequence[Array]) -> list[Fold]:
    """Judge on each block what was learned from all that lies before; the last block is the validation split."""
    train = np.flatnonzero(~valid)
    folds = [
        Fold(train[times[train] < begin], train[(times[train] >= begin) & (times[train] < end)])
        for begin, end in pairwise(starts)
    ]
    return [*folds, Fold(train, np.flatnonzero(valid))]


def _block_starts(train: Array, valid: Array, n: int) -> list[Sequence[Array]]:
    """Where the judged blocks may begin, the validation split last; the better way first.

    Either blocks span as much time as the validation split, where enough rows are left before the first of
    them; or the training rows are cut into equal parts, the first of which is only learned from.
    """
    begin = valid.min()
    span = valid.max() - begin
    spans = [begin - span * k for k in range(n - 1, -1, -1)]
    ordered = np.sort(train)
    cuts = np.unique([ordered[len(ordered) * k // n] for k in range(1, n)])
    parts = [*cuts[cuts > ordered[0]], begin]
    return [spans, parts] if (train < spans[0]).sum() >= _LEAST_FIRST * len(train) else [parts]


def _place_evenly(y: Array, n: int, seed: int) -> Array:
    """Deal rows out in the order of their label, so that each fold gets its share of every label."""
    rng = np.random.default_rng(seed)
    count = max(2, min(n, len(y) // 2))
    order = np.lexsort((rng.random(len(y)), y))
    rounds = -(-len(y) // count)
    dealt = np.concatenate([rng.permutation(count) for _ in range(rounds)])[: len(y)]
    places = np.empty(len(y), dtype=int)
    places[order] = dealt
    return places


def _place_groups(groups: Array, n: int, seed: int) -> Array:
    """Give each group, the largest first, to the fold with the fewest rows."""
    names, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    count = max(2, min(n, len(names)))
    rng = np.random.default_rng(seed)
    filled = np.zeros(count, dtype=int)
    home = np.empty(len(names), dtype=int)
    for group in np.lexsort((rng.random(len(names)), -sizes)):
        home[group] = int(filled.argmin())
        filled[home[group]] += sizes[group]
    return home[members]


def _cut(places: Array) -> list[Fold]:
    return [Fold(np.flatnonzero(places != k), np.flatnonzero(places == k)) for k in np.unique(places)]


def _is_usable(fold: Fold, y: Array, classes: int) -> bool:
    if classes == 0:
        return len(fold.train) > 1 and len(fold.valid) > 0
    return all(len(np.unique(y[rows])) > 1 for rows in (fold.train, fold.valid))


def draw_rows(rows: Array, share: float, *, seed: int) -> Array:
    """Keep a share of some rows, at random, in their order; of two shares the smaller is part of the larger.

    Example:
        >>> small, large = (draw_rows(np.arange(100), share, seed=0) for share in (0.1, 0.5))
        >>> len(small), len(large), bool(np.isin(small, large).all())
        (10, 50, True)
    """
    if share >= 1:
        return rows
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows[np.sort(order[: max(2, round(share * len(rows)))])]
