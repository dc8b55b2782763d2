"""From outputs to probabilities, column by column: the order of additions must not depend on the number of rows."""

from collections.abc import Sequence

import numpy as np

from mlwf_assets.models.metrics import Array


def softmax(outputs: Sequence[Array]) -> Array:
    """Turn the outputs of each class into probabilities.

    Args:
        outputs: (n,) per class.
    Returns:
        (n, classes); rows sum to 1.
    Example:
        >>> softmax([np.array([0.0]), np.array([0.0])]).tolist()
        [[0.5, 0.5]]
    """
    highest = np.maximum.reduce(outputs)
    raised = [np.exp(output - highest) for output in outputs]
    total = np.zeros(len(highest))
    for one in raised:
        total = total + one
    return np.stack([one / total for one in raised], axis=1)


def in_place(probabilities: Array, present: Sequence[int], classes: int) -> Array:
    """Give each class its column; one that no training row had gets 0.

    Example:
        >>> in_place(np.array([[0.4, 0.6]]), [0, 2], 3).tolist()
        [[0.4, 0.0, 0.6]]
    """
    if len(present) == classes:
        return probabilities
    said = np.zeros((len(probabilities), classes))
    said[:, list(present)] = probabilities
    return said
