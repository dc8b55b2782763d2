"""Into how many folds rows are cut: more where rows are few, one where they are many, and several times on tiny data.

How rows are dealt out stands in `models/folds.py`: in the order of their label, by groups, or forward in time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.errors import DataError
from mlwf_assets.models.folds import Fold, draw_rows, make_folds
from mlwf_assets.models.metrics import Array
from mlwf_assets.models.truth import Truth

# Folds by the number of values (rows times features, times half the classes) for each second of the budget; beyond
# the last, a holdout.
_FOLDS = ((2_000.0, 8), (14_000.0, 5))
_HOLDOUT_FOLDS, _FORWARD_FOLDS = 5, 4
# Below so many rows a second dealing out is worth more than other configurations.
_TINY_ROWS, _REPEATS = 400, 2
_ROWS_PER_FOLD = 5
# A budget in trials is as if there were so many seconds.
_USUAL_BUDGET_S = 60.0
# So many rows of a fold tell how good a model is.
_MOST_JUDGED = 50_000


@dataclass(frozen=True)
class Plan:
    """How rows are cut.

    Attributes:
        n: folds; of a holdout, its share is one of so many.
        repeats: how often rows are dealt out.
        is_holdout: whether one fold alone is used.
    """

    n: int
    repeats: int = 1
    is_holdout: bool = False


@dataclass(frozen=True)
class Folding:
    """Folds of rows that were brought into an order.

    Attributes:
        order: (n,) the rows, in the order that the folds speak of.
        folds: positions of rows.
        numbers: (folds,) the number of each fold; repeats of the dealing out have the same.
        is_forward: whether each judges on rows after those that it learns from.
    """

    order: Array
    folds: tuple[Fold, ...]
    numbers: tuple[int, ...]
    is_forward: bool


def plan_folds(truth: Truth, *, features: int, budget_s: float | None) -> Plan:
    """Choose how rows are cut.

    Args:
        truth: the labels.
        features: how many there are.
        budget_s: seconds; None: the budget is in trials.

    Example:
        >>> plan_folds(Truth("regression", np.arange(300.0)), features=5, budget_s=60)
        Plan(n=8, repeats=2, is_holdout=False)
    """
    rows = len(truth.y)
    outputs = max(1.0, len(truth.classes) / 2)  # trees are grown for each of several classes
    wanted = _how_many(rows * features * outputs / (budget_s or _USUAL_BUDGET_S))
    if wanted == 1:
        return Plan(max(2, min(_HOLDOUT_FOLDS, _most(truth))), is_holdout=True)
    return Plan(max(2, min(wanted, _most(truth))), _REPEATS if rows < _TINY_ROWS else 1)


def cut(truth: Truth, plan: Plan, *, groups: Any, time: Any, seed: int) -> Folding:
    """Cut rows into folds.

    Args:
        truth: the labels.
        plan: how.
        groups: (n,) rows of a group stay in one fold; None: there are none.
        time: (n,) numbers or dates; folds go forward in it, whatever the plan says. None: rows have no order.
        seed: of what is drawn.

    Raises:
        DataError: if there are too few rows, or groups and time do not fit.
    """
    rows = len(truth.y)
    if time is not None:
        moments = _moments(time, rows)
        order = np.argsort(moments, kind="stable")
        return _forward(truth, moments[order], order, seed)
    numbers = None if groups is None else _groups(groups, rows)
    folds: list[Fold] = []
    places: list[int] = []
    for repeat in range(plan.repeats):
        made = make_folds(
            np.full(rows, "train"), None, numbers, truth.y, classes=len(truth.classes), n=plan.n, seed=seed + repeat
        )[: 1 if plan.is_holdout else None]
        folds += [_with_fewer_judged(fold, seed) for fold in made]
        places += list(range(len(made)))
    return Folding(np.arange(rows), tuple(folds), tuple(places), is_forward=False)


def _how_many(values_per_s: float) -> int:
    return next((folds for most, folds in _FOLDS if values_per_s <= most), 1)


def _most(truth: Truth) -> int:
    """So many folds that each has a row of every class, and rows to tell a score from."""
    rarest = int(np.unique(truth.y, return_counts=True)[1].min()) if truth.classes else len(truth.y)
    frequent = sorted(np.unique(truth.y, return_counts=True)[1])[-2:] if truth.classes else [len(truth.y)]
    # Of a class with one row nothing can be told; it does not rule the others.
    return max(2, min(len(truth.y) // _ROWS_PER_FOLD, rarest if rarest > 2 else int(frequent[0])))


def _with_fewer_judged(fold: Fold, seed: int) -> Fold:
    return Fold(fold.train, draw_rows(fold.valid, _MOST_JUDGED / len(fold.valid), seed=seed))


def _forward(truth: Truth, moments: Array, order: Array, seed: int) -> Folding:
    begin = moments[len(moments) * _FORWARD_FOLDS // (_FORWARD_FOLDS + 1)]
    splits = np.where(moments >= begin, "validation", "train")
    folds = make_folds(splits, moments, None, truth.y[order], classes=len(truth.classes), n=_FORWARD_FOLDS, seed=seed)
    return Folding(order, folds, tuple(range(len(folds))), is_forward=True)


def _moments(time: Any, rows: int) -> Array:
    column = pd.Series(time).reset_index(drop=True)
    if len(column) != rows or column.isna().any():
        raise DataError(
            f"time must say a moment for each of {rows:,} rows, however: {len(column):,} values, "
            f"{int(column.isna().sum())} of them missing"
        )
    if not pd.api.types.is_numeric_dtype(column):
        column = pd.to_datetime(column, utc=True).astype("int64")
    return np.asarray(column)


def _groups(groups: Any, rows: int) -> Array:
    numbers = np.asarray(pd.factorize(pd.Series(groups), use_na_sentinel=False)[0])
    if len(numbers) != rows or len(np.unique(numbers)) < 2:
        raise DataError(
            f"groups must name a group for each of {rows:,} rows, and at least two, however: {len(numbers):,} values, "
            f"{len(np.unique(numbers))} groups"
        )
    return numbers
