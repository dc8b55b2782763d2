"""What families said about rows that they did not learn from, and which of it weights are judged on.

Where folds go forward in time, that is the last fold: it is nearest to what comes, and there the models spoke
that will be used. How weights are chosen stands in `ensemble.py`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from mlwf_assets.errors import ModelError
from mlwf_assets.models.family import FAMILY_FILE, PREDICTION
from mlwf_assets.models.fits import score
from mlwf_assets.models.metrics import Array, Metric, default_metric, find_metric
from mlwf_assets.models.truth import Truth, read_truth
from mlwf_assets.spec.models import Models
from mlwf_assets.spec.names import Kind

Member = tuple[pa.Table, Mapping[str, bytes]]

NOT_JUDGED = -1
# Into how many parts the rows of a fold are cut, in their order.
_PARTS_OF_FOLDS, _PARTS_OF_LAST = 2, 4
# So many folds are parts enough.
_MANY_FOLDS = 5


@dataclass(frozen=True)
class OutOfFold:
    """What each member said about the rows that it did not learn from.

    Attributes:
        said: member -> (m,) or (m, classes).
        truth: the labels.
        folds: (m,) the fold of each row.
        metric: by which members are judged.
        is_forward: whether the last fold lies after all others in time, and its models are the final ones.
        weight: (m,) how much each row counts; None: all the same.
    """

    said: Mapping[str, Array]
    truth: Truth
    folds: Array
    metric: Metric
    is_forward: bool = False
    weight: Array | None = None

    @cached_property
    def parts(self) -> Array:
        """(m,) the part of each row on which weights are judged, -1 where it is not for judging them.

        Stretches of folds, or whole ones where stretches cannot be scored.
        """
        first = next(iter(self.said.values()))
        of_folds = 1 if len(np.unique(self.folds)) >= _MANY_FOLDS else _PARTS_OF_FOLDS
        for pieces in (_PARTS_OF_LAST, _PARTS_OF_FOLDS) if self.is_forward else (of_folds,):
            parts = self._cut(pieces)
            if np.isfinite(self.scores(first, parts=parts)).all():
                return parts
        return self._cut(1)

    @cached_property
    def blocks(self) -> Array:
        """(m,) what is left out together where a choice is tried on rows that it was not made from.

        The folds; of a fold that alone was chosen from, each half.
        """
        is_alone = self.is_forward or len(np.unique(self.folds)) == 1
        halves = self._cut(2)
        return np.where(halves >= 0, halves, self.folds) if is_alone else self.folds

    def _cut(self, pieces: int) -> Array:
        """Cut the folds that count into so many stretches each, numbered after all folds' numbers."""
        parts = np.full(len(self.folds), NOT_JUDGED)
        folds = np.unique(self.folds)
        number = int(folds[-1]) + 1
        for fold in folds[-1:] if self.is_forward else folds:
            for rows in np.array_split(np.flatnonzero(self.folds == fold), pieces):
                parts[rows] = number
                number += 1
        return parts

    def scores(self, prediction: Array, *, parts: Array | None = None, threshold: float = 0.5) -> Array:
        """(parts,) the metric of a prediction on each part, by default on each fold."""
        of = self.folds if parts is None else parts
        return np.array(
            [
                score(
                    self.metric,
                    self.truth.y[of == part],
                    prediction[of == part],
                    threshold=threshold,
                    weight=None if self.weight is None else self.weight[of == part],
                )
                for part in np.unique(of[of != NOT_JUDGED])
            ]
        )


def read_out_of_fold(members: Mapping[str, Member], *, spec: Models, kind: Kind, key: Sequence[str]) -> OutOfFold:
    """Read the out-of-fold predictions of all families.

    Raises:
        ModelError: if they are not about the same rows.
    """
    first, files = next(iter(members.values()))
    facts = json.loads(files[FAMILY_FILE])
    classes = facts["classes"]
    names = [f"{PREDICTION}_{name}" for name in classes] or [PREDICTION]
    said = {}
    for name, (table, _) in members.items():
        if not all(table[column].equals(first[column]) for column in (*key, "fold")):
            raise ModelError(
                f"all families must have predicted the same rows, however: {name} and {next(iter(members))} differ; "
                "train them on the same matrix with the same folds"
            )
        columns = np.stack([np.asarray(table[column]) for column in names], axis=1)
        said[name] = columns if kind == "multiclass" else columns[:, 0]
    metric = find_metric(spec.metric or default_metric(kind), kind)
    truth = read_truth(first, kind=kind, classes=classes)
    return OutOfFold(said, truth, np.asarray(first["fold"]), metric, is_forward=facts["is_forward"])
