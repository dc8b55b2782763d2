"""All that the report shows of a problem of several classes alone: class by class, and what is mixed up."""

from dataclasses import dataclass

import numpy as np

from mlwf_assets.evaluation.bootstrap import plain_value
from mlwf_assets.evaluation.calibration import ReliabilityBin, reliability
from mlwf_assets.models.metrics import Array, find_metric
from mlwf_assets.models.truth import Truth

_SHOWN = 12
OTHERS = "all others"


@dataclass(frozen=True)
class ClassRow:
    """How well one class is found; nan where it cannot be told.

    Attributes:
        rows: how many rows are of this class.
        predicted: of how many rows the model says so.
        precision: share of these that are right.
        recall: share of its rows that are found.
        roc_auc: how often a row of this class is scored above another one.
    """

    name: str
    rows: int
    predicted: int
    precision: float
    recall: float
    f1: float
    roc_auc: float


@dataclass(frozen=True)
class MixUp:
    """Rows of one class that the model takes for another."""

    actual: str
    predicted: str
    rows: int


@dataclass(frozen=True)
class MulticlassView:
    """What is shown of a problem of several classes.

    Attributes:
        classes: each class, the most frequent first.
        labels: of the confusion matrix; rare classes are put together beyond a dozen.
        confusion: rows by actual (outer) and predicted class (inner), in the labels' order.
        mixups: the most frequent mistakes.
        reliability: probability of the predicted class against how often it was right.
    """

    classes: tuple[ClassRow, ...]
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    mixups: tuple[MixUp, ...]
    reliability: tuple[ReliabilityBin, ...]


def view_multiclass(truth: Truth, p: Array) -> MulticlassView:
    """Compute what is shown.

    Args:
        truth: the labels of the test rows.
        p: (n, classes) probabilities.
    Example:
        >>> truth = Truth("multiclass", np.array([0.0, 1.0, 1.0]), ("a", "b"), ("A", "B"))
        >>> view = view_multiclass(truth, np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]))
        >>> view.labels, view.confusion
        (('B', 'A'), ((1, 1), (0, 1)))
    """
    actual, said = truth.y.astype(int), p.argmax(axis=1)
    size = len(truth.classes)
    counts = np.bincount(actual * size + said, minlength=size * size).reshape(size, size)
    order = np.argsort(-counts.sum(axis=1), kind="stable")
    return MulticlassView(
        classes=tuple(_class_row(truth, p, counts, int(k)) for k in order),
        labels=_labels(truth.words, order),
        confusion=_grouped(counts[np.ix_(order, order)]),
        mixups=_mixups(truth.words, counts),
        reliability=reliability((actual == said).astype(float), p.max(axis=1)),
    )


def _class_row(truth: Truth, p: Array, counts: Array, k: int) -> ClassRow:
    found, rows, predicted = counts[k, k], counts[k].sum(), counts[:, k].sum()
    return ClassRow(
        name=truth.words[k],
        rows=int(rows),
        predicted=int(predicted),
        precision=_share(found, predicted),
        recall=_share(found, rows),
        f1=_share(2 * found, rows + predicted),
        roc_auc=plain_value(find_metric("roc_auc"), (truth.y == k).astype(float), p[:, k]),
    )


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _labels(words: tuple[str, ...], order: Array) -> tuple[str, ...]:
    ordered = tuple(words[int(k)] for k in order)
    return ordered if len(ordered) <= _SHOWN else (*ordered[: _SHOWN - 1], OTHERS)


def _grouped(counts: Array) -> tuple[tuple[int, ...], ...]:
    if len(counts) > _SHOWN:
        starts = np.arange(_SHOWN)
        counts = np.add.reduceat(np.add.reduceat(counts, starts, axis=0), starts, axis=1)
    return tuple(tuple(int(v) for v in line) for line in counts)


def _mixups(words: tuple[str, ...], counts: Array) -> tuple[MixUp, ...]:
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:5]
    pairs = [divmod(int(cell), len(words)) for cell in order]
    return tuple(MixUp(words[i], words[j], int(wrong[i, j])) for i, j in pairs if wrong[i, j])
