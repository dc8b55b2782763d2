"""Gradient boosted trees by LightGBM, in its deterministic mode, saved in its own text form.

Numbers go in as they are, with NaN for missing; categories as numbers of their sorted names. Trees are added
until the metric on the validation rows stops getting better. Source: Ke and others (2017). The defaults follow
what is published as tuned over many data sets (pytabkit's TD configurations; AutoGluon's portfolio, whose
first entry takes random thresholds), with fewer rounds of patience.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import lightgbm as lgb
import numpy as np
import pandas as pd

from mlwf_assets.models.families.base import Context, Family, Fitted, Params, Problem, Rows, Stopped
from mlwf_assets.models.metrics import Array, Metric

if TYPE_CHECKING:
    import optuna

_MODEL, _CATEGORIES = "model.txt", "columns.json"
_MOST_ROUNDS = 2000
_MANY_ROWS = 50_000
_BINS = 255
# Below so many values (rows times features), threads wait for each other longer than they work.
_VALUES_FOR_THREADS = 2_000_000
_OBJECTIVES = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}
# On many validation rows the metric costs as much as a tree: it is computed after every few.
_ROWS_FOR_PAUSES, _PAUSE = 20_000, 5
# What LightGBM computes itself; other metrics are computed by ours.
_METRICS = {
    ("roc_auc", "binary"): "auc",
    ("log_loss", "binary"): "binary_logloss",
    ("log_loss", "multiclass"): "multi_logloss",
    ("rmse", "regression"): "rmse",
    ("mae", "regression"): "l1",
}


class FittedLightGBM(Fitted):
    """A trained booster and what its categories are called.

    Args:
        booster: the trees.
        columns: feature -> its categories in order, or None for a number; in the order of the features.
        rounds: how many rounds of trees there are.
    """

    def __init__(self, booster: lgb.Booster, columns: Mapping[str, Sequence[str] | None], rounds: int) -> None:
        self._booster = booster
        self._columns = columns
        self.rounds = rounds

    def predict(self, frame: pd.DataFrame) -> Array:
        """Predict rows."""
        if not len(frame):
            outputs = self._booster.num_model_per_iteration()
            return np.empty((0, outputs) if outputs > 1 else 0)
        numbers = _numbers(frame, self._columns)
        return np.asarray(self._booster.predict(numbers, num_threads=_threads(numbers.size)))

    def save(self, folder: Path) -> None:
        """Write the trees as LightGBM's text, and the categories as JSON."""
        (folder / _MODEL).write_text(_without_settings(self._booster.model_to_string()), encoding="utf-8")
        columns = {"rounds": self.rounds, "columns": dict(self._columns)}
        (folder / _CATEGORIES).write_text(json.dumps(columns, ensure_ascii=False, indent=0), encoding="utf-8")

    def contributions(self, frame: pd.DataFrame) -> Array | None:
        """Return SHAP values (Lundberg and others, 2020) in log-odds or the label's unit."""
        if self._booster.num_model_per_iteration() > 1:
            return None
        numbers = _numbers(frame, self._columns)
        return np.asarray(self._booster.predict(numbers, pred_contrib=True, num_threads=_threads(numbers.size)))[:, :-1]


def _threads(values: int) -> int:
    """0: all cores."""
    return 1 if values < _VALUES_FOR_THREADS else 0


def _without_settings(text: str) -> str:
    """Leave out the block of settings: it tells how training was stopped, not what the trees are."""
    begin, end = text.find("\nparameters:"), text.find("end of parameters\n")
    return text if begin < 0 else text[:begin] + "\n" + text[end + len("end of parameters\n") :]


class LightGBM(Family):
    """Gradient boosted trees."""

    name: ClassVar[str] = "lightgbm"
    distributions: ClassVar[tuple[str, ...]] = ("lightgbm", "numpy", "pandas")

    def defaults(self, problem: Problem, *, rows: int) -> Sequence[Params]:
        """Return random thresholds, plain trees, small and strongly held trees; on many rows the last one first."""
        least = max(1, min(40, rows // 50))
        common = {"bagging_fraction": 0.75, "lambda_l2": 1.0, "cat_smooth": 10.0, "learning_rate": _start_rate(rows)}
        drawn = {"extra_trees": True, "num_leaves": 48, "feature_fraction": 0.7, "min_data_in_leaf": least}
        plain = {"extra_trees": False, "num_leaves": 50, "feature_fraction": 0.7, "min_data_in_leaf": least}
        small = {"extra_trees": True, "num_leaves": 16, "feature_fraction": 0.4, "lambda_l2": 10.0,
                 "min_data_in_leaf": max(1, min(500, rows // 25)), "cat_smooth": 50.0}  # fmt: skip
        order = [drawn, plain, small] if rows < _MANY_ROWS else [small, plain, drawn]
        return [{**common, **own} for own in order]

    def suggest(self, trial: "optuna.trial.BaseTrial", problem: Problem, *, rows: int) -> Params:
        """Draw from the space around the defaults."""
        return {
            "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
            "lambda_l2": trial.suggest_float("lambda_l2", 1e-2, 1e2, log=True),
            "cat_smooth": trial.suggest_float("cat_smooth", 1.0, 200.0, log=True),
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.15, log=True),
            "extra_trees": trial.suggest_categorical("extra_trees", [True, False]),
            "num_leaves": trial.suggest_int("num_leaves", 4, 200, log=True),
            "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
            "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 1, max(2, min(1000, rows // 10)), log=True),
        }

    def fit(
        self, params: Params, train: Rows, valid: Rows | None, *, problem: Problem, context: Context, rounds: int | None
    ) -> FittedLightGBM:
        """Add trees, for `rounds` or until the metric on `valid` stops getting better."""
        threads = context.threads if len(train.y) * len(problem.names) >= _VALUES_FOR_THREADS else 1
        columns, data = _dataset(train, problem, threads=threads)
        booster = lgb.Booster(_settings(params, problem, threads=threads, seed=context.seed), data)
        if rounds is not None or valid is None:
            rounds = rounds or _MOST_ROUNDS
            for _ in range(rounds):
                _add_trees(booster, context)
            trees = booster.current_iteration()
        else:
            booster.add_valid(_valid_dataset(valid, train, columns), "valid")
            patience = _patience(float(params["learning_rate"]), len(train.y))
            every = 1 if len(valid.y) < _ROWS_FOR_PAUSES else _PAUSE
            evaluate = _evaluation(problem)
            rounds, trees = _train_until_flat(booster, evaluate, every=every, patience=patience, context=context)
        # Loaded from its text, so that the model is the same object whether it was just trained or not.
        text = _without_settings(booster.model_to_string(num_iteration=trees))
        return FittedLightGBM(lgb.Booster(model_str=text), columns, rounds)

    def load(self, folder: Path) -> FittedLightGBM:
        """Load what `FittedLightGBM.save` wrote."""
        state = json.loads((folder / _CATEGORIES).read_text(encoding="utf-8"))
        booster = lgb.Booster(model_str=(folder / _MODEL).read_text(encoding="utf-8"))
        return FittedLightGBM(booster, state["columns"], state["rounds"])


def _start_rate(rows: int) -> float:
    """Many rows need many trees: faster steps keep their number in hundreds."""
    return 0.05 if rows < _MANY_ROWS else 0.08


def _patience(rate: float, rows: int) -> int:
    """How many rounds without a better value end the training: small steps on few rows are noisy."""
    return int(np.clip(round((6 if rows < 20_000 else 2.5) / rate), 20, 300))


def _settings(params: Params, problem: Problem, *, threads: int, seed: int) -> dict[str, Any]:
    metric = _METRICS.get((problem.metric.name, problem.kind), "None")
    settings = {
        "objective": _OBJECTIVES[problem.kind], "metric": metric, "seed": seed, "verbose": -1,
        "num_threads": threads, "deterministic": True, "force_row_wise": True, "bagging_freq": 1, **params,
    }  # fmt: skip
    return {**settings, "num_class": problem.classes} if problem.kind == "multiclass" else settings


def _dataset(train: Rows, problem: Problem, *, threads: int) -> tuple[dict[str, Sequence[str] | None], lgb.Dataset]:
    """Cut the training rows into bins, once for all trials."""
    if "lightgbm" not in train.memo:
        text = set(problem.categorical)
        columns: dict[str, Sequence[str] | None] = {
            name: sorted(train.frame[name].dropna().unique()) if name in text else None for name in problem.names
        }
        data = lgb.Dataset(
            _numbers(train.frame, columns),
            train.y,
            weight=train.weight,
            # LightGBM takes no JSON signs in names; ours stand beside the model.
            feature_name=[f"f{place}" for place in range(len(columns))],
            categorical_feature=[place for place, names in enumerate(columns.values()) if names],
            params={"max_bin": _BINS, "feature_pre_filter": False, "verbose": -1, "num_threads": threads},
            free_raw_data=True,
        ).construct()
        train.memo["lightgbm"] = columns, data
    found: tuple[dict[str, Sequence[str] | None], lgb.Dataset] = train.memo["lightgbm"]
    return found


def _valid_dataset(valid: Rows, train: Rows, columns: Mapping[str, Sequence[str] | None]) -> lgb.Dataset:
    """Cut the validation rows into the bins of the training rows, once for all trials."""
    reference: lgb.Dataset = train.memo["lightgbm"][1]
    if valid.memo.get("lightgbm_reference") is not reference:
        numbers = _numbers(valid.frame, columns)
        data = lgb.Dataset(
            numbers, valid.y, weight=valid.weight, reference=reference, params=reference.params
        ).construct()
        valid.memo.update({"lightgbm_reference": reference, "lightgbm_valid": data})
    found: lgb.Dataset = valid.memo["lightgbm_valid"]
    return found


def _numbers(frame: pd.DataFrame, columns: Mapping[str, Sequence[str] | None]) -> Array:
    """(n, features) doubles; a category that training did not see counts as missing."""
    numbers = np.empty((len(frame), len(columns)))
    for place, (name, categories) in enumerate(columns.items()):
        if categories is None:
            numbers[:, place] = frame[name].to_numpy(dtype=float)
        else:
            codes = pd.Index(categories, dtype=object).get_indexer(pd.Index(frame[name], dtype=object))
            numbers[:, place] = np.where(codes < 0, np.nan, codes)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _add_trees(booster: lgb.Booster, context: Context) -> None:
    if context.should_stop():
        raise Stopped
    booster.update()


def _train_until_flat(
    booster: lgb.Booster, evaluate: Callable[[lgb.Booster], float], *, every: int, patience: int, context: Context
) -> tuple[int, int]:
    """Add trees; `evaluate` gives values to be made small.

    Returns:
        The number of rounds that was best, and the trees (per class) at that time: a round whose drawn features
        allow no split adds none.
    """
    best, best_round, trees = np.inf, every, 1
    for number in range(1, _MOST_ROUNDS + 1):
        _add_trees(booster, context)
        if number % every:
            continue
        value = evaluate(booster)
        if value < best:
            best, best_round, trees = value, number, booster.current_iteration()
        elif number - best_round >= patience:
            break
        if context.is_enough():
            break
    return best_round, trees


def _evaluation(problem: Problem) -> Callable[[lgb.Booster], float]:
    sign = -1.0 if problem.metric.higher_is_better else 1.0
    if (problem.metric.name, problem.kind) in _METRICS:
        return lambda booster: sign * float(booster.eval_valid()[0][2])
    own = _own_metric(problem.metric)
    return lambda booster: sign * float(booster.eval_valid(own)[0][2])


def _own_metric(metric: Metric) -> Callable[[Array, lgb.Dataset], tuple[str, float, bool]]:
    def value(predicted: Array, data: lgb.Dataset) -> tuple[str, float, bool]:
        y = np.asarray(data.get_label(), dtype=float)
        weight = data.get_weight()
        weights = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
        found = metric.prepare(y, predicted, 0.5)(weights[None])[0]
        return metric.name, float(found), metric.higher_is_better

    return value
