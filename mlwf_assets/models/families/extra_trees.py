"""Extremely randomized trees: every split threshold is drawn, and many trees are averaged.

Scikit-learn grows the trees; saved is what they consist of, as arrays (npz), and read back into its `Tree`, which
walks through them in C. Trees are grown in batches, so that a forest can end early. Source: Geurts and others
(2006); defaults as in AutoGluon's portfolio, with larger leaves on many rows.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.tree._tree import NODE_DTYPE, Tree

from mlwf_assets.models.families.base import Context, Family, Fitted, Params, Problem, Rows, Stopped
from mlwf_assets.models.families.links import in_place
from mlwf_assets.models.families.tree_columns import TreeColumns, encode_training_rows
from mlwf_assets.models.metrics import Array

if TYPE_CHECKING:
    import optuna

_MODEL, _COLUMNS = "trees.npz", "columns.json"
# After so many trees there is little to gain; the models of several folds are averaged besides.
_TREES = 160
# So many are grown before the time is asked for; of many values fewer, for each takes long.
_BATCH = 16
# Below so many values (rows times columns), threads wait for each other longer than they work.
_VALUES_FOR_THREADS = 500_000
_INDICATORS = 12
_FIELDS = ("left_child", "right_child", "feature", "threshold", "missing_go_to_left")
# Trees see single precision; what is larger would be infinite.
_LARGEST = 1e38


class FittedForest(Fitted):
    """A trained forest.

    Args:
        arrays: `size` (trees,) nodes of each tree; `values` (nodes, outputs) what a leaf says; and for each node of
            all trees, one after the other, what scikit-learn's trees call so: left_child, right_child, feature,
            threshold, missing_go_to_left.
        columns: how a frame becomes numbers.
        classes: of the problem; 0 for a regression.
        present: numbers of the classes among the training rows, in the order of the outputs.
    """

    def __init__(
        self, arrays: Mapping[str, Array], columns: TreeColumns, *, classes: int, present: Sequence[int]
    ) -> None:
        self._arrays, self._columns, self._classes, self._present = arrays, columns, classes, present
        self._trees = list(_trees(arrays))
        self.rounds = len(self._trees)

    def predict(self, frame: pd.DataFrame) -> Array:
        """Predict rows, adding tree after tree."""
        outputs = self._arrays["values"].shape[1]
        total = np.zeros((len(frame), outputs))
        numbers = _single(self._columns.encode(frame))
        if len(frame):
            for tree, values in self._trees:
                total = total + values[tree.apply(numbers)]
        said = total / self.rounds
        if not self._classes:
            return said[:, 0]
        said = in_place(said, self._present, self._classes)
        return said[:, 1] if self._classes == 2 else said

    def save(self, folder: Path) -> None:
        """Write the trees as arrays, and the columns as JSON."""
        np.savez(folder / _MODEL, allow_pickle=False, **dict(self._arrays))
        state = {"columns": asdict(self._columns), "classes": self._classes, "present": list(self._present)}
        (folder / _COLUMNS).write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")


def _trees(arrays: Mapping[str, Array]) -> Iterator[tuple[Tree, Array]]:
    """Make each tree, and the table of what its nodes say."""
    width = int(arrays["width"])
    end = np.cumsum(arrays["size"])
    for begin, stop in zip(end - arrays["size"], end, strict=True):
        nodes = np.zeros(stop - begin, dtype=NODE_DTYPE)
        for name in _FIELDS:
            nodes[name] = arrays[name][begin:stop]
        tree = Tree(width, np.ones(1, dtype=np.intp), 1)
        # What trees say is kept beside them: scikit-learn's form of it differs by kind.
        empty = np.zeros((len(nodes), 1, 1))
        tree.__setstate__({"max_depth": 0, "node_count": len(nodes), "nodes": nodes, "values": empty})
        yield tree, arrays["values"][begin:stop]


class ExtraTrees(Family):
    """Extremely randomized trees."""

    name: ClassVar[str] = "extra_trees"
    distributions: ClassVar[tuple[str, ...]] = ("scikit-learn", "numpy", "pandas")

    def defaults(self, problem: Problem, *, rows: int) -> Sequence[Params]:
        """Return one that looks at most columns, one that looks at few."""
        least = max(1 if problem.kind != "regression" else 2, rows // 5000)
        return [
            {"max_features": 0.75, "min_samples_leaf": least},
            {"max_features": 0.3, "min_samples_leaf": least},
        ]

    def suggest(self, trial: "optuna.trial.BaseTrial", problem: Problem, *, rows: int) -> Params:
        """Draw how many columns a split may choose from, and how small leaves may be."""
        least = max(1, rows // 5000)
        return {
            "max_features": trial.suggest_float("max_features", 0.1, 1.0),
            "min_samples_leaf": trial.suggest_int("min_samples_leaf", least, max(20, 10 * least), log=True),
        }

    def fit(
        self, params: Params, train: Rows, valid: Rows | None, *, problem: Problem, context: Context, rounds: int | None
    ) -> FittedForest:
        """Grow trees: `rounds`, or as many as the family has, unless there is no time."""
        columns, encoded = encode_training_rows(train, problem, indicators=_INDICATORS)
        numbers = _single(encoded)
        maker = ExtraTreesRegressor if problem.kind == "regression" else ExtraTreesClassifier
        threads = context.threads if numbers.size >= _VALUES_FOR_THREADS else 1
        forest = maker(0, random_state=context.seed % 2**32, n_jobs=threads, warm_start=True, **params)
        wanted, batch = (
            rounds or _TREES,
            max(threads, min(_BATCH, _BATCH * _VALUES_FOR_THREADS // max(1, numbers.size))),
        )
        while forest.n_estimators < wanted:
            if context.should_stop():
                raise Stopped
            forest.set_params(n_estimators=min(forest.n_estimators + batch, wanted))
            forest.fit(numbers, train.y, sample_weight=train.weight)
            if rounds is None and context.is_enough():
                break
        present = [] if problem.kind == "regression" else [int(name) for name in forest.classes_]
        return FittedForest(_arrays(forest.estimators_), columns, classes=problem.classes, present=present)

    def load(self, folder: Path) -> FittedForest:
        """Load what `FittedForest.save` wrote."""
        state = json.loads((folder / _COLUMNS).read_text(encoding="utf-8"))
        with np.load(folder / _MODEL) as kept:
            arrays = {name: kept[name] for name in kept.files}
        columns = TreeColumns(**state["columns"])
        return FittedForest(arrays, columns, classes=state["classes"], present=state["present"])


def _arrays(grown: Sequence[Any]) -> dict[str, Array]:
    states = [one.tree_.__getstate__() for one in grown]
    return {
        "width": np.array(grown[0].n_features_in_),
        "size": np.array([state["node_count"] for state in states]),
        "values": np.concatenate([state["values"][:, 0, :] for state in states]),
        **{name: np.concatenate([state["nodes"][name] for state in states]) for name in _FIELDS},
    }


def _single(numbers: Array) -> Array:
    return np.ascontiguousarray(np.clip(numbers, -_LARGEST, _LARGEST), dtype=np.float32)
