"""Gradient boosted oblivious trees by CatBoost, which learns by itself what categories say; saved in its own form.

An optional package. Trees are added until the metric on the validation rows stops getting better. Source:
Prokhorenkova and others (2018). Defaults: pytabkit's tuned ones and the first CatBoost entries of AutoGluon's
portfolio, with larger steps on many rows.
"""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import catboost as cb
import numpy as np
import pandas as pd
from scipy import special

from mlwf_assets.models.families.base import Context, Family, Fitted, Params, Problem, Rows, Stopped
from mlwf_assets.models.families.links import in_place, softmax
from mlwf_assets.models.metrics import Array

if TYPE_CHECKING:
    import optuna

_MODEL, _COLUMNS = "model.cbm", "columns.json"
_MOST_ROUNDS = 1000
_MANY_ROWS = 20_000
# Below so many values (rows times features), threads wait for each other longer than they work.
_VALUES_FOR_THREADS = 500_000
# Looking for a split costs the same for any number of rows, so few rows get few borders to choose from.
_ROWS_PER_BORDER, _LEAST_BORDERS, _MOST_BORDERS = 8, 32, 254
_MISSING = "\x00missing"
_LOSSES = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}
_METRICS = {
    ("roc_auc", "binary"): "AUC",
    ("log_loss", "binary"): "Logloss",
    ("log_loss", "multiclass"): "MultiClass",
    ("rmse", "regression"): "RMSE",
    ("mae", "regression"): "MAE",
}


class FittedCatBoost(Fitted):
    """Trained trees.

    Args:
        model: CatBoost's.
        text: feature -> whether it holds text, in order.
        classes: of the problem; 0 for a regression.
        present: numbers of the classes among the training rows.
        rounds: of trees.
    """

    def __init__(self, model: cb.CatBoost, text: dict[str, bool], classes: int, present: Sequence[int]) -> None:
        self._model, self._text, self._classes, self._present = model, text, classes, present
        self.rounds = model.tree_count_

    def predict(self, frame: pd.DataFrame) -> Array:
        """Predict rows."""
        if not len(frame):
            return np.zeros((0, self._classes) if self._classes > 2 else 0)
        pool = _pool(frame, self._text)
        raw = np.asarray(self._model.predict(pool, prediction_type="RawFormulaVal", thread_count=1), dtype=float)
        if not self._classes:
            return raw
        if self._classes == 2:
            return np.asarray(special.expit(raw))
        return in_place(softmax(list(raw.T)), self._present, self._classes)

    def save(self, folder: Path) -> None:
        """Write CatBoost's own file, and the columns as JSON."""
        self._model.save_model(str(folder / _MODEL))
        state = {"text": self._text, "classes": self._classes, "present": list(self._present)}
        (folder / _COLUMNS).write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    def contributions(self, frame: pd.DataFrame) -> Array | None:
        """Return SHAP values in log-odds or the label's unit."""
        if self._classes > 2:
            return None
        pool = _pool(frame, self._text)
        return np.asarray(self._model.get_feature_importance(pool, type="ShapValues", thread_count=1))[:, :-1]


class CatBoost(Family):
    """Gradient boosted oblivious trees."""

    name: ClassVar[str] = "catboost"
    distributions: ClassVar[tuple[str, ...]] = ("catboost", "numpy", "scipy", "pandas")

    def defaults(self, problem: Problem, *, rows: int) -> Sequence[Params]:
        """Return trees of depth 6, then deeper and shallower ones."""
        rate = 0.06 if rows < _MANY_ROWS else 0.12
        common = {"bootstrap_type": "Bernoulli", "subsample": 0.9, "learning_rate": rate, "one_hot_max_size": 10}
        return [
            {**common, "depth": 6, "l2_leaf_reg": 2.0, "random_strength": 1.0, "max_ctr_complexity": 2},
            {**common, "depth": 8, "l2_leaf_reg": 3.0, "random_strength": 0.8, "max_ctr_complexity": 1},
            {**common, "depth": 4, "l2_leaf_reg": 5.0, "random_strength": 2.0, "max_ctr_complexity": 2},
        ]

    def suggest(self, trial: "optuna.trial.BaseTrial", problem: Problem, *, rows: int) -> Params:
        """Draw from the space around the defaults."""
        return {
            "bootstrap_type": "Bernoulli",
            "subsample": trial.suggest_float("subsample", 0.6, 1.0),
            "learning_rate": trial.suggest_float("learning_rate", 0.03, 0.2, log=True),
            "one_hot_max_size": trial.suggest_int("one_hot_max_size", 2, 30, log=True),
            "depth": trial.suggest_int("depth", 3, 8),
            "l2_leaf_reg": trial.suggest_float("l2_leaf_reg", 0.1, 30.0, log=True),
            "random_strength": trial.suggest_float("random_strength", 0.1, 5.0, log=True),
            "max_ctr_complexity": trial.suggest_int("max_ctr_complexity", 1, 3),
        }

    def fit(
        self, params: Params, train: Rows, valid: Rows | None, *, problem: Problem, context: Context, rounds: int | None
    ) -> FittedCatBoost:
        """Add trees, for `rounds` or until the metric on `valid` stops getting better."""
        if context.should_stop():
            raise Stopped
        text = {name: name in problem.categorical for name in problem.names}
        present = [] if problem.kind == "regression" else [int(label) for label in np.unique(train.y)]
        wanted = None if rounds is not None or valid is None else valid
        patience = None if wanted is None else _patience(float(params["learning_rate"]))
        watch = _Watch(context, problem, patience=patience)
        model = cb.CatBoost(_settings(params, problem, context, rows=len(train.y), rounds=rounds))
        judged = None if wanted is None else _labelled(wanted, text, present)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Can't optimze method", UserWarning)  # our metrics are not compiled
            model.fit(_labelled(train, text, present), eval_set=judged, callbacks=[watch])
        if watch.was_stopped:
            raise Stopped
        if wanted is not None:
            model.shrink(watch.best)
        return FittedCatBoost(_plain(model), text, problem.classes, present)

    def load(self, folder: Path) -> FittedCatBoost:
        """Load what `FittedCatBoost.save` wrote."""
        state = json.loads((folder / _COLUMNS).read_text(encoding="utf-8"))
        model = cb.CatBoost()
        model.load_model(str(folder / _MODEL))
        return FittedCatBoost(_plain(model), state["text"], state["classes"], state["present"])


def _patience(rate: float) -> int:
    """How many rounds without a better value end the training."""
    return int(np.clip(round(3 / rate), 20, 100))


def _settings(params: Params, problem: Problem, context: Context, *, rows: int, rounds: int | None) -> dict[str, Any]:
    is_large = rows * len(problem.names) >= _VALUES_FOR_THREADS
    return {
        **params,
        "loss_function": _LOSSES[problem.kind],
        "eval_metric": _METRICS.get((problem.metric.name, problem.kind)) or _OwnMetric(problem),
        "iterations": rounds or _MOST_ROUNDS,
        "boosting_type": "Plain",
        "border_count": int(np.clip(rows // _ROWS_PER_BORDER, _LEAST_BORDERS, _MOST_BORDERS)),
        "leaf_estimation_iterations": 1,
        "random_seed": context.seed % 2**31,
        "thread_count": context.threads if is_large else 1,
        "allow_const_label": True,
        "allow_writing_files": False,
        "use_best_model": False,
        "verbose": False,
    }


def _pool(frame: pd.DataFrame, text: dict[str, bool], label: Array | None = None, weight: Array | None = None) -> Any:
    columns = {
        # A number as name: CatBoost takes no two columns whose names differ in signs that it leaves out.
        str(place): frame[name].astype(object).where(frame[name].notna(), _MISSING) if is_text else _finite(frame[name])
        for place, (name, is_text) in enumerate(text.items())
    }
    categories = [place for place, is_text in enumerate(text.values()) if is_text]
    return cb.Pool(pd.DataFrame(columns, index=frame.index), label, cat_features=categories, weight=weight)


def _labelled(rows: Rows, text: dict[str, bool], present: Sequence[int]) -> Any:
    """Rows with labels; classes count from 0 without gaps, and rows of others are left out."""
    if not present:
        return _pool(rows.frame, text, rows.y, rows.weight)
    known = np.isin(rows.y, present)
    weight = None if rows.weight is None else rows.weight[known]
    return _pool(rows.frame[known], text, np.searchsorted(present, rows.y[known]), weight)


def _finite(column: pd.Series) -> Array:
    values = column.to_numpy(dtype=float)
    return np.where(np.isfinite(values), values, np.nan)


class _Watch:
    """Ends a training: when it is told to, when the metric stays flat, when there is no time.

    Attributes:
        best: the round that was best.
        was_stopped: whether it was told to stop.
    """

    def __init__(self, context: Context, problem: Problem, *, patience: int | None) -> None:
        self._context, self._patience = context, patience
        self._sign = 1.0 if problem.metric.higher_is_better else -1.0
        self._name = _METRICS.get((problem.metric.name, problem.kind), _OwnMetric.__name__)
        self._value = -np.inf
        self.best, self.was_stopped = 1, False

    def after_iteration(self, info: Any) -> bool:
        """Say whether to go on."""
        self.was_stopped = self._context.should_stop()
        if self._patience is None or self.was_stopped:
            return not self.was_stopped
        values = info.metrics["validation"][self._name]
        value = self._sign * values[-1]
        if value > self._value:
            self.best, self._value = len(values), value
        return len(values) - self.best < self._patience and not self._context.is_enough()


class _OwnMetric:
    """One of our metrics, as CatBoost asks for it."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def is_max_optimal(self) -> bool:
        return self._problem.metric.higher_is_better

    def get_final_error(self, error: float, weight: float) -> float:
        return error

    def evaluate(self, approxes: Any, target: Any, weight: Any) -> tuple[float, float]:
        raw, y, kind = np.asarray(approxes, dtype=float), np.asarray(target, dtype=float), self._problem.kind
        said = raw[0] if kind == "regression" else special.expit(raw[0])
        said = softmax(list(raw)) if kind == "multiclass" else said
        weights = np.ones(len(y)) if weight is None or not len(weight) else np.asarray(weight, dtype=float)
        return float(self._problem.metric.prepare(y, said, 0.5)(weights[None])[0]), 1.0


def _plain(model: cb.CatBoost) -> cb.CatBoost:
    """Take out what differs between two trainings of the same: a number that is drawn, dates, settings."""
    metadata = model.get_metadata()
    for name in list(metadata.keys()):
        if name != "class_params":
            del metadata[name]
    metadata["params"] = '{"flat_params": {}}'  # without any, it is complained of when the model is read back
    return model
