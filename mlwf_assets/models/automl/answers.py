"""What users are told of what a predictor said: labels as they came, probabilities of every class."""

import numpy as np

from mlwf_assets.models.metrics import Array
from mlwf_assets.models.predictor import Predictor


def as_labels(said: Array, predictor: Predictor, classes: Array) -> Array:
    """Turn predictions into labels; amounts stay as they are.

    Args:
        said: (n,) or (n, classes), by the predictor.
        predictor: knows the kind and the threshold.
        classes: (classes,) the labels as they came.
    """
    if predictor.kind == "regression":
        return said
    places = (said >= predictor.threshold).astype(int) if said.ndim == 1 else said.argmax(axis=1)
    return np.asarray(classes[places])


def as_probabilities(said: Array) -> Array:
    """Turn predictions into (n, classes), also of two classes.

    Example:
        >>> as_probabilities(np.array([0.25])).tolist()
        [[0.75, 0.25]]
    """
    return np.stack([1 - said, said], axis=1) if said.ndim == 1 else said
