"""Gradient boosted trees by scikit-learn (HistGradientBoosting), saved as the arrays that its trees consist of.

Rounds are trained in short stretches: after each, the problem's own metric on the validation rows says which
round was best. The same rounds in the same stretches give the same bits. Defaults near those that pytabkit
publishes for gradient boosted trees.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from scipy import special
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

from mlwf_assets.models.families.base import Context, Family, Fitted, Params, Problem, Rows, Stopped
from mlwf_assets.models.families.links import in_place, softmax
from mlwf_assets.models.families.tree_columns import TreeColumns, encode_training_rows
from mlwf_assets.models.metrics import Array

if TYPE_CHECKING:
    import optuna

_MODEL, _COLUMNS = "trees.npz", "columns.json"
_MOST_ROUNDS, _PATIENCE = 600, 40
# A stretch costs about so many values (rows times columns times trees per round); each bins the rows anew.
_STRETCH_VALUES, _LEAST_STRETCH, _MOST_STRETCH = 20_000_000, 4, 40
# Below so many values, threads wait for each other longer than they work.
_VALUES_FOR_THREADS = 1_000_000


@dataclass(frozen=True)
class _Shape:
    """What the sums of the trees mean.

    Attributes:
        classes: of the problem; 0 for a regression.
        present: numbers of the classes among the training rows.
    """

    classes: int
    present: list[int]

    def predictions(self, raw: Array) -> Array:
        """(n,) or (n, classes) of (n, outputs) sums."""
        if not self.classes:
            return raw[:, 0]
        if raw.shape[1] == 1:
            second = special.expit(raw[:, 0])
            said = np.stack([1 - second, second], axis=1)
        else:
            said = softmax(list(raw.T))
        said = in_place(said, self.present, self.classes)
        return said[:, 1] if self.classes == 2 else said


class FittedHistGradientBoosting(Fitted):
    """Trained trees.

    Args:
        arrays: `baseline` (outputs,); `size` (trees,) nodes of each tree and `splits` (trees,) its categorical
            splits, in the order of rounds and outputs; `nodes` and `left` (splits, 8) of all trees, one after the
            other; `known` (categorical columns, 8): which codes there are.
        columns: how a frame becomes numbers.
        shape: what the sums mean.
    """

    def __init__(self, arrays: Mapping[str, Array], columns: TreeColumns, shape: _Shape) -> None:
        self._arrays, self._columns, self._shape = arrays, columns, shape
        self._trees = _trees(arrays)
        self.rounds = len(self._trees) // len(arrays["baseline"])

    def predict(self, frame: pd.DataFrame) -> Array:
        """Predict rows, adding tree after tree."""
        numbers, baseline = self._columns.encode(frame), self._arrays["baseline"]
        raw = np.tile(baseline, (len(frame), 1))
        for number, tree in enumerate(self._trees):
            raw[:, number % len(baseline)] += _say(tree, numbers, self._arrays["known"])
        return self._shape.predictions(raw)

    def save(self, folder: Path) -> None:
        """Write the trees as arrays, and the columns as JSON."""
        np.savez(folder / _MODEL, allow_pickle=False, **dict(self._arrays))
        state = {"columns": asdict(self._columns), "shape": asdict(self._shape)}
        (folder / _COLUMNS).write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")


def _trees(arrays: Mapping[str, Array]) -> list[TreePredictor]:
    nodes, left = (np.cumsum(arrays[name])[:-1] for name in ("size", "splits"))
    parts = zip(np.split(arrays["nodes"], nodes), np.split(arrays["left"], left), strict=True)
    return [TreePredictor(np.ascontiguousarray(node), np.ascontiguousarray(sets), sets) for node, sets in parts]


def _say(tree: TreePredictor, numbers: Array, known: Array) -> Array:
    places = np.arange(numbers.shape[1], dtype=np.uint32)  # categorical columns come first
    return np.asarray(tree.predict(numbers, known, places, 1))


class HistGradientBoosting(Family):
    """Gradient boosted trees of scikit-learn."""

    name: ClassVar[str] = "hist_gradient_boosting"
    distributions: ClassVar[tuple[str, ...]] = ("scikit-learn", "numpy", "scipy", "pandas", "threadpoolctl")

    def defaults(self, problem: Problem, *, rows: int) -> Sequence[Params]:
        """Return middling trees, and small ones that are strongly held."""
        least = int(np.clip(rows // 50, 1, 20))
        rate = 0.05 if rows < 50_000 else 0.1
        return [
            {"learning_rate": rate, "max_leaf_nodes": 31, "min_samples_leaf": least, "l2_regularization": 1.0,
             "max_features": 0.7},
            {"learning_rate": rate, "max_leaf_nodes": 8, "min_samples_leaf": least, "l2_regularization": 10.0,
             "max_features": 0.4},
        ]  # fmt: skip

    def suggest(self, trial: "optuna.trial.BaseTrial", problem: Problem, *, rows: int) -> Params:
        """Draw from the space around the defaults."""
        return {
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
            "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 4, 128, log=True),
            "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, max(20, min(500, rows // 20)), log=True),
            "l2_regularization": trial.suggest_float("l2_regularization", 1e-2, 1e2, log=True),
            "max_features": trial.suggest_float("max_features", 0.2, 1.0),
        }

    def fit(
        self, params: Params, train: Rows, valid: Rows | None, *, problem: Problem, context: Context, rounds: int | None
    ) -> FittedHistGradientBoosting:
        """Add trees, for `rounds` or until the metric on `valid` stops getting better."""
        from threadpoolctl import threadpool_limits

        columns, numbers = encode_training_rows(train, problem)
        present = [] if problem.kind == "regression" else [int(label) for label in np.unique(train.y)]
        shape = _Shape(problem.classes, present)
        stretch = int(np.clip(_STRETCH_VALUES // max(1, numbers.size * max(1, len(present))), _LEAST_STRETCH,
                              _MOST_STRETCH))  # fmt: skip
        model = _estimator(params, columns, problem, context)
        course = _Course(valid, columns, shape, problem, until=rounds)
        threads = context.threads if numbers.size >= _VALUES_FOR_THREADS else 1
        with threadpool_limits(threads, user_api="openmp"):
            while not course.is_over:
                if context.should_stop():
                    raise Stopped
                model.set_params(max_iter=min(model.max_iter + stretch, course.until))
                model.fit(numbers, train.y, sample_weight=train.weight)
                course.judge(model)
                if rounds is None and context.is_enough():
                    break
        return FittedHistGradientBoosting(_arrays(model, course.best), columns, shape)

    def load(self, folder: Path) -> FittedHistGradientBoosting:
        """Load what `FittedHistGradientBoosting.save` wrote."""
        state = json.loads((folder / _COLUMNS).read_text(encoding="utf-8"))
        with np.load(folder / _MODEL) as kept:
            arrays = {name: kept[name] for name in kept.files}
        return FittedHistGradientBoosting(arrays, TreeColumns(**state["columns"]), _Shape(**state["shape"]))


def _estimator(params: Params, columns: TreeColumns, problem: Problem, context: Context) -> Any:
    maker = HistGradientBoostingRegressor if problem.kind == "regression" else HistGradientBoostingClassifier
    return maker(
        **params,
        max_iter=0,
        categorical_features=[place for place, known in enumerate(columns.categories.values()) if known] or None,
        early_stopping=False,
        warm_start=True,
        random_state=context.seed % 2**32,
    )


class _Course:
    """Which round is the best so far, and whether there is to be another stretch."""

    def __init__(
        self, valid: Rows | None, columns: TreeColumns, shape: _Shape, problem: Problem, *, until: int | None
    ) -> None:
        self.until = until or _MOST_ROUNDS
        self.best, self._value, self._done = 0, -np.inf, 0
        self._valid = valid if until is None else None
        self._shape, self._metric = shape, problem.metric
        self._numbers = columns.encode(self._valid.frame) if self._valid is not None else np.zeros((0, 0))
        self._raw = np.zeros((0, 0))

    @property
    def is_over(self) -> bool:
        is_flat = self._valid is not None and self._done - self.best >= _PATIENCE
        return self._done >= self.until or is_flat

    def judge(self, model: Any) -> None:
        """Look at the rounds that came since."""
        if self._valid is None:
            self.best = self._done = len(model._predictors)  # noqa: SLF001 (there is no public way to the trees)
            return
        if not len(self._raw):
            self._raw = np.tile(model._baseline_prediction, (len(self._numbers), 1))  # noqa: SLF001
        known = model._bin_mapper.make_known_categories_bitsets()[0]  # noqa: SLF001
        ones = self._valid.weight if self._valid.weight is not None else np.ones(len(self._valid.y))
        for trees in model._predictors[self._done :]:  # noqa: SLF001
            for place, tree in enumerate(trees):
                self._raw[:, place] += _say(tree, self._numbers, known)
            self._done += 1
            said = self._shape.predictions(self._raw)
            value = float(self._metric.prepare(self._valid.y, said, 0.5)(ones[None])[0])
            value = value if self._metric.higher_is_better else -value
            if value > self._value or not self.best:
                self.best, self._value = self._done, value


def _arrays(model: Any, rounds: int) -> dict[str, Array]:
    trees = [tree for round_ in model._predictors[:rounds] for tree in round_]  # noqa: SLF001
    return {
        "baseline": np.asarray(model._baseline_prediction, dtype=float).ravel(),  # noqa: SLF001
        "size": np.array([len(tree.nodes) for tree in trees]),
        "splits": np.array([len(tree.raw_left_cat_bitsets) for tree in trees]),
        "nodes": np.concatenate([tree.nodes for tree in trees]),
        "left": np.concatenate([tree.raw_left_cat_bitsets.reshape(-1, 8) for tree in trees]),
        "known": model._bin_mapper.make_known_categories_bitsets()[0],  # noqa: SLF001
    }
