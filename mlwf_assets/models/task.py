"""What is tuned, in the form that all families share: a frame of features, labels as numbers, folds.

Reads the matrix of train and validation once; the only place of this room that knows its columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.models.families.base import Problem, Rows
from mlwf_assets.models.folds import Fold, draw_rows, make_folds
from mlwf_assets.models.metrics import Array, default_metric, find_metric
from mlwf_assets.models.truth import Truth, read_truth
from mlwf_assets.spec.models import Models
from mlwf_assets.spec.names import Kind

_SEEN = {"train", "validation"}
_GROUP = "_group"
# So many rows of a fold tell how good a model is to a thousandth; more would cost the time of more trials.
_MOST_JUDGED = 200_000
# From more rows than these nothing can be learned in a second, for reading and dealing them out takes it already.
_ROWS_PER_SECOND, _ALWAYS_READ = 20_000, 1_000_000


@dataclass(frozen=True)
class Task:
    """What is to be learned, and from which rows.

    Attributes:
        problem: kind, features, metric.
        truth: the label of each row, as numbers.
        frame: (n, features) doubles with NaN, text with None, in the matrix's order.
        folds: positions in the frame; of a large fold, those of a sample of its rows are judged.
        keys: (n, key) the columns that name an example.
        labels: (n,) the labels as they came.
        is_forward: whether the last fold judges on rows that all lie after those it learns from: the validation split.
        weight: (n,) how much each row counts; None: all the same.
    """

    problem: Problem
    truth: Truth
    frame: pd.DataFrame
    folds: tuple[Fold, ...]
    keys: pa.Table
    labels: pa.ChunkedArray
    is_forward: bool
    weight: Array | None = None

    @property
    def judged(self) -> tuple[Array, Array]:
        """The rows that are predicted out of fold, ascending, and the fold in which each of them is."""
        numbers = np.concatenate([np.full(len(fold.valid), k) for k, fold in enumerate(self.folds)])
        rows = np.concatenate([fold.valid for fold in self.folds])
        order = np.argsort(rows, kind="stable")
        return rows[order], numbers[order]

    def rows(self, positions: Array) -> Rows:
        """Take some rows; without a copy where they are a stretch of the frame."""
        if len(positions) and positions[-1] - positions[0] + 1 == len(positions):
            stretch = slice(int(positions[0]), int(positions[-1]) + 1)
            return Rows(self.frame.iloc[stretch], self.truth.y[stretch], self._weight(stretch))
        return Rows(self.frame.iloc[positions], self.truth.y[positions], self._weight(positions))

    def _weight(self, positions: Array | slice) -> Array | None:
        return None if self.weight is None else np.asarray(self.weight[positions])


def read_task(
    matrix: pa.Table, features: Sequence[Mapping[str, Any]], *, spec: Models, kind: Kind, key: Sequence[str]
) -> Task:
    """Read the rows of train and validation.

    Args:
        matrix: key, split, label, time and _group where there are any, features.
        features: name and kind of each feature's column.
        spec: says the metric, the number of folds, the seed.
        kind: binary, multiclass or regression.
        key: the columns that name an example.

    Raises:
        SchemaError: if a column is missing.
        DataError: if there are rows of another split, or too few to learn from.
        ValueError: if the kind has no such metric.
    """
    names = [str(feature["name"]) for feature in features]
    if absent := [name for name in ("split", "label", *key, *names) if name not in matrix.column_names]:
        raise SchemaError(f"the matrix must hold split, label, key and features, however: {absent} missing")
    if not names:
        raise DataError("there must be a feature to learn from, however: features/selection kept none")
    truth, folds = _read_whole_folds(matrix, spec=spec, kind=kind)
    problem = Problem(
        kind=kind,
        features=tuple({"name": str(one["name"]), "kind": str(one["kind"])} for one in features),
        classes=len(truth.classes),
        metric=find_metric(spec.metric or default_metric(kind), kind),
    )
    return Task(
        problem,
        truth,
        _frame(matrix, problem),
        _with_fewer_judged(folds, spec.seed),
        matrix.select(list(key)),
        matrix["label"],
        is_forward=_goes_forward(folds[-1], len(matrix)),
    )


def draw_affordable(matrix: pa.Table, spec: Models) -> pa.Table:
    """Draw as many rows as a budget in seconds can begin to learn from: all, unless there are millions.

    The same for all families, so that they are judged on the same rows.

    Args:
        matrix: rows of train and validation.
        spec: says the budget and the seed.
    """
    seconds = spec.budget.seconds
    if seconds is None:
        return matrix
    most = max(_ALWAYS_READ, int(_ROWS_PER_SECOND * seconds.total_seconds()))
    if matrix.num_rows <= most:
        return matrix
    return matrix.take(pa.array(draw_rows(np.arange(matrix.num_rows), most / matrix.num_rows, seed=spec.seed)))


def read_folds(matrix: pa.Table, *, spec: Models, kind: Kind) -> tuple[Truth, tuple[Fold, ...]]:
    """Read the labels, and cut the rows into the folds that all families share.

    Raises:
        DataError: if there are rows of another split, or too few to learn from.
    """
    truth, folds = _read_whole_folds(matrix, spec=spec, kind=kind)
    return truth, _with_fewer_judged(folds, spec.seed)


def _read_whole_folds(matrix: pa.Table, *, spec: Models, kind: Kind) -> tuple[Truth, tuple[Fold, ...]]:
    if others := set(matrix["split"].unique().to_pylist()) - _SEEN:
        raise DataError(f"models must see rows of train and validation only, however: {sorted(map(str, others))}")
    truth = read_truth(matrix, kind=kind, classes=_classes(matrix["label"], kind))
    folds = make_folds(
        _texts(matrix["split"]),
        _times(matrix),
        _groups(matrix),
        truth.y,
        classes=len(truth.classes),
        n=spec.folds,
        seed=spec.seed,
    )
    return truth, folds


def _with_fewer_judged(folds: Sequence[Fold], seed: int) -> tuple[Fold, ...]:
    return tuple(
        replace(fold, valid=draw_rows(fold.valid, _MOST_JUDGED / len(fold.valid), seed=seed)) for fold in folds
    )


def _goes_forward(last: Fold, rows: int) -> bool:
    return len(last.train) + len(last.valid) == rows and bool(last.train.max() < last.valid.min())


def _classes(labels: pa.ChunkedArray, kind: Kind) -> list[str]:
    return sorted(str(name) for name in pc.unique(labels).to_pylist()) if kind == "multiclass" else []


def _times(matrix: pa.Table) -> Array | None:
    """The time of each row, where all have one."""
    for name in ("time", "cutoff"):
        if name in matrix.column_names and matrix[name].null_count == 0 and pa.types.is_timestamp(matrix[name].type):
            return np.asarray(matrix[name].cast(pa.int64()))
    return None


def _groups(matrix: pa.Table) -> Array | None:
    if _GROUP not in matrix.column_names:
        return None
    return np.asarray(pd.factorize(matrix[_GROUP].to_pandas(), use_na_sentinel=False)[0])


def _frame(matrix: pa.Table, problem: Problem) -> pd.DataFrame:
    text = set(problem.categorical)
    columns = {name: _texts(matrix[name]) if name in text else _numbers(matrix[name]) for name in problem.names}
    return pd.DataFrame(columns, copy=False)


def _texts(column: pa.ChunkedArray) -> Array:
    """(n,) text or None; each text stands in memory once."""
    coded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    texts = np.array([*coded.dictionary.to_pylist(), None], dtype=object)
    return np.asarray(texts[coded.indices.fill_null(len(texts) - 1).to_numpy()])


def _numbers(column: pa.ChunkedArray) -> Array:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return np.asarray(column.cast(pa.float64()).fill_null(np.nan))
