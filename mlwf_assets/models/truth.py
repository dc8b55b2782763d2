"""What was to be predicted, as plain arrays, and the two models that need no training.

The only place that turns label and process_today columns into numbers; tuning, metrics, curves and slices
take what it makes. The base rate and the process of today stand here, to be put beside the trained models.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.models.metrics import Array

ENSEMBLE, BASE_RATE, PROCESS_TODAY = "ensemble", "base_rate", "process_today"


@dataclass(frozen=True)
class Truth:
    """The labels of some rows.

    Attributes:
        kind: binary, multiclass or regression.
        y: (n,) 0/1, class number, or value.
        classes: what the numbers mean, in order; empty for regression.
        words: how the classes are called.
    """

    kind: str
    y: Array
    classes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def _class_words(classes: Sequence[str], named: Mapping[str, str], defaults: Mapping[str, str]) -> tuple[str, ...]:
    lowered = {str(key).lower(): words for key, words in named.items()}
    return tuple(lowered.get(c.lower(), defaults.get(c, c)) for c in classes)


def read_truth(
    table: pa.Table, *, kind: str, classes: Sequence[str] = (), class_words: Mapping[str, str] | None = None
) -> Truth:
    """Read the labels of a matrix as numbers.

    Args:
        table: a matrix with the column `label`.
        kind: binary, multiclass or regression.
        classes: of a multiclass problem, in the order of the predictions' columns.
        class_words: how classes are called, as in `examples.classes`.

    Raises:
        SchemaError: if there is no label column.
        DataError: if a label is missing or names no class.
    Example:
        >>> read_truth(pa.table({"label": [True, False]}), kind="binary", class_words={"true": "late"}).words
        ('negative', 'late')
    """
    if "label" not in table.column_names:
        raise SchemaError(f"the matrix must have a column 'label', however: {table.column_names[:8]} ...")
    labels = table.column("label")
    if labels.null_count:
        raise DataError(f"every row must have a label, however: {labels.null_count} have none")
    if kind == "regression":
        return Truth(kind, np.asarray(labels.to_numpy(), dtype=float))
    if kind == "binary":
        words = _class_words(("false", "true"), class_words or {}, {"false": "negative", "true": "positive"})
        return Truth(kind, np.asarray(labels.to_numpy(), dtype=float), ("false", "true"), words)
    numbers = pd.Index(list(classes)).get_indexer(pd.Index(labels.to_pylist()))
    if (numbers < 0).any():
        lost = sorted({str(v) for v, i in zip(labels.to_pylist(), numbers, strict=True) if i < 0})[:5]
        raise DataError(f"labels must be among the classes {list(classes)}, however: {lost}; train again")
    return Truth(kind, numbers.astype(float), tuple(classes), _class_words(classes, class_words or {}, {}))


def base_rate(train: Truth, rows: int) -> Array:
    """Predict what the training labels alone tell: their share, shares or mean.

    Example:
        >>> base_rate(Truth("binary", np.array([0.0, 1.0])), 3).tolist()
        [0.5, 0.5, 0.5]
    """
    if train.kind != "multiclass":
        return np.full(rows, train.y.mean() if len(train.y) else np.nan)
    shares = np.bincount(train.y.astype(int), minlength=len(train.classes)) / max(1, len(train.y))
    return np.tile(shares, (rows, 1))


def process_today(table: pa.Table, truth: Truth) -> Array | None:
    """Read what the process of today says about the rows; None where the workflow has no rule.

    Missing values of a rule mean that it has no opinion: the lowest score, the mean value, no class.
    """
    if PROCESS_TODAY not in table.column_names:
        return None
    column = table.column(PROCESS_TODAY)
    if truth.kind == "multiclass":
        numbers = pd.Index(list(truth.classes)).get_indexer(pd.Index(column.to_pylist()))
        certain = np.eye(len(truth.classes) + 1)[numbers][:, :-1]
        return np.asarray(certain * (1 - 1e-9) + 1e-9 / len(truth.classes))
    values = np.asarray(column.to_numpy(), dtype=float)
    filler = 0.0 if truth.kind == "binary" else float(np.nanmean(truth.y))
    return np.where(np.isfinite(values), values, filler)


def is_probability(p: Array) -> bool:
    """Whether scores can be read as probabilities: in [0, 1], and not merely yes and no.

    Example:
        >>> is_probability(np.array([0.0, 1.0])), is_probability(np.array([0.2, 0.7]))
        (False, True)
    """
    inside = bool(((p >= 0) & (p <= 1)).all())
    return inside and bool(((p > 1e-6) & (p < 1 - 1e-6)).any())
