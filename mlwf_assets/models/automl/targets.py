"""What is to be predicted: the kind of problem, and labels of any type as the numbers that families take."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.errors import DataError
from mlwf_assets.models.metrics import Array
from mlwf_assets.models.truth import Truth
from mlwf_assets.spec.names import KINDS, Kind

# Whole numbers with more different values than this are amounts, not classes.
_MOST_CLASSES = 30
# And so are those with fewer rows per value than this.
_LEAST_PER_CLASS = 5


@dataclass(frozen=True)
class Target:
    """What is to be predicted.

    Attributes:
        truth: the labels as numbers.
        classes: (classes,) the labels that the numbers stand for; empty for a regression.
    """

    truth: Truth
    classes: Array

    @property
    def kind(self) -> Kind:
        """Binary, multiclass or regression."""
        kind: Kind = self.truth.kind  # type: ignore[assignment]
        return kind


def read_target(y: Any, kind: str | None) -> Target:
    """Read labels.

    Args:
        y: (n,) numbers, text, booleans, categories.
        kind: binary, multiclass or regression; None: told from the labels. Two classes are binary in any case.

    Raises:
        DataError: if a label is missing, there is one class alone, or a regression's labels are no numbers.
        ValueError: if the kind is none of the three.

    Example:
        >>> target = read_target(["no", "yes", "no"], None)
        >>> target.kind, target.truth.y.tolist(), target.classes.tolist()
        ('binary', [0.0, 1.0, 0.0], ['no', 'yes'])
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, or None, however: {kind!r}")
    labels = pd.Series(y).reset_index(drop=True)
    if labels.isna().any():
        raise DataError(f"every row must have a label, however: {int(labels.isna().sum())} have none (NaN)")
    if (kind or tell_kind(labels)) == "regression":
        return Target(Truth("regression", _amounts(labels)), np.empty(0))
    values = np.asarray(labels.astype(object) if isinstance(labels.dtype, pd.CategoricalDtype) else labels)
    if values.dtype.kind == "f" and (values != np.round(values)).any():
        raise DataError(
            "Unknown label type: labels of classes must be whole numbers or text, however: fractions; "
            "take kind='regression' for amounts"
        )
    classes, numbers = np.unique(values, return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"there must be at least two classes to learn from, however: one class, {classes[0]!r}")
    if kind == "binary" and len(classes) > 2:
        raise DataError(
            f"a binary problem has two classes. Only binary classification is supported with kind='binary', however: "
            f"The type of the target is multiclass, {len(classes)} classes"
        )
    name = "binary" if len(classes) == 2 else "multiclass"
    return Target(Truth(name, numbers.astype(float), tuple(str(one) for one in classes)), classes)


def tell_kind(labels: pd.Series) -> Kind:
    """Tell the kind of problem from its labels."""
    is_number = pd.api.types.is_numeric_dtype(labels) and not pd.api.types.is_bool_dtype(labels)
    values = labels.nunique()
    if is_number and (
        (labels.to_numpy(dtype=float) % 1 != 0).any()
        or values > _MOST_CLASSES
        or len(labels) < _LEAST_PER_CLASS * values
    ):
        return "regression"
    return "binary" if values <= 2 else "multiclass"


def _amounts(labels: pd.Series) -> Array:
    try:
        values = labels.to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(f"labels of a regression must be numbers, however: {error}") from error
    if not np.isfinite(values).all():
        raise DataError("labels must be finite, however: Input y contains infinity or NaN")
    return np.asarray(values)
