"""The mean of a few models of one family: what is kept where several trials are good together.

Saved as a folder per model; with a single model nothing is added, so that its folder is the family's own.
Which trials are good together is decided in `together.py`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mlwf_assets.models.families.base import Family, Fitted
from mlwf_assets.models.metrics import Array

_PART = "part"


class FittedMean(Fitted):
    """Models whose predictions are averaged.

    Args:
        parts: the models, at least two.
    """

    def __init__(self, parts: Sequence[Fitted]) -> None:
        self._parts = tuple(parts)
        self.rounds = max(part.rounds for part in self._parts)

    def predict(self, frame: pd.DataFrame) -> Array:
        """Predict rows."""
        return mean_of([part.predict(frame) for part in self._parts])

    def save(self, folder: Path) -> None:
        """Write a folder per model."""
        for number, part in enumerate(self._parts):
            place = folder / f"{_PART}{number}"
            place.mkdir()
            part.save(place)

    def contributions(self, frame: pd.DataFrame) -> Array | None:
        """Return the mean of the models' contributions."""
        found = [part.contributions(frame) for part in self._parts]
        known = [one for one in found if one is not None]
        return mean_of(known) if len(known) == len(found) else None


def mean_of(arrays: Sequence[Array]) -> Array:
    """Average arrays of one shape, one after the other: a row's bits must not depend on its neighbours.

    Example:
        >>> mean_of([np.array([1.0]), np.array([3.0])]).tolist()
        [2.0]
    """
    total = np.zeros(arrays[0].shape)
    for one in arrays:
        total = total + one
    return total / len(arrays)


def join(parts: Sequence[Fitted]) -> Fitted:
    """Make one model of several."""
    return parts[0] if len(parts) == 1 else FittedMean(parts)


def load_fitted(family: Family, folder: Path) -> Fitted:
    """Load a model of a family, or the mean of several."""
    parts = sorted(folder.glob(f"{_PART}[0-9]"))
    return FittedMean([family.load(part) for part in parts]) if parts else family.load(folder)
