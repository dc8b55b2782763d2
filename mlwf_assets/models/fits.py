"""Fits, each made once: what was trained before the process died is read back instead of trained again.

A fit is known by what it depends on (configuration, fold, share of the rows, rounds, seed, threads), so going
over the same search again costs nothing up to the point where it was interrupted. The folder belongs to one
family on one matrix; whoever stores the result removes it.
"""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mlwf_assets.lake.fingerprint import hash_json
from mlwf_assets.models.families.base import Context, Family, Fitted, Params, Rows, never
from mlwf_assets.models.families.mean import load_fitted
from mlwf_assets.models.folds import draw_rows
from mlwf_assets.models.metrics import Array, Metric
from mlwf_assets.models.task import Task

_LEAST_JUDGING_ROWS = 5_000


@dataclass(frozen=True)
class FoldFit:
    """A model trained on a fold, as far as tuning needs it.

    Attributes:
        prediction: (m,) or (m, classes), of the fold's validation rows.
        score: the metric on them.
        rounds: for how long it was trained; 0 where there are no rounds.
        seconds: what that took when it was done.
        recalled: whether it was read back.
    """

    prediction: Array
    score: float
    rounds: int
    seconds: float
    recalled: bool = False


def score(metric: Metric, y: Array, prediction: Array, *, threshold: float = 0.5, weight: Array | None = None) -> float:
    """Compute the metric on some rows.

    Example:
        >>> from mlwf_assets.models.metrics import find_metric
        >>> score(find_metric("mae", "regression"), np.array([1.0, 2.0]), np.array([1.0, 4.0]))
        1.0
    """
    weights = np.ones((1, len(y))) if weight is None else weight[None]
    return float(metric.prepare(y, prediction, threshold)(weights)[0])


class Fits:
    """Trains models of one family and remembers what came out.

    Args:
        family: whose models.
        task: what is learned, from which rows.
        folder: where fits are kept; None: nowhere.
        context: seed, threads, device.
        now: the time in seconds.
        keeps_models: whether the models of all folds are kept, to be used together; else the last fold's alone.
    """

    def __init__(
        self,
        family: Family,
        task: Task,
        folder: Path | None,
        context: Context,
        now: Callable[[], float] = time.monotonic,
        *,
        keeps_models: bool = False,
    ) -> None:
        self.family = family
        self.task = task
        self._folder = folder
        self._context = context
        self._now = now
        self._keeps_models = keeps_models
        self._kept: dict[str, Fitted] = {}
        self._models: dict[tuple[float, str], Fitted] = {}
        self._train: dict[tuple[int, float], Rows] = {}
        self._judging: dict[tuple[int, float], Rows] = {}
        self._predictions: dict[str, Array] = {}
        self._file_of: dict[str, str] = {}
        self._valid = {index: task.rows(fold.valid) for index, fold in enumerate(task.folds)}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def fold(
        self,
        params: Params,
        index: int,
        *,
        share: float,
        rounds: int | None,
        should_stop: Callable[[], bool],
        is_enough: Callable[[], bool] = never,
    ) -> FoldFit:
        """Train on a fold and predict its validation rows.

        Args:
            params: a configuration.
            index: of the fold.
            share: of the fold's training rows.
            rounds: exactly so many; None: until the validation rows say enough.
            should_stop: whether to leave with `Stopped`.
            is_enough: whether to be content with the rounds until now, though validation rows do not say so yet.
        """
        name = self._name(["fold", index, share, rounds], params)
        context = replace(self._context_of(name, should_stop), is_enough=is_enough)
        made = self._recall(name) or self._make(name, params, index, share, rounds, context)
        self._predictions[self._name(["fold", index, share], params)] = made.prediction
        if self._keeps_models:
            self._file_of[self._name(["fold", index, share], params)] = name
        return made

    def model(self, params: Params, index: int, *, share: float) -> Fitted:
        """Return the model that was trained on a fold, if models are kept."""
        name = self._file_of[self._name(["fold", index, share], params)]
        if name not in self._kept:
            self._kept[name] = load_fitted(self.family, self._model_folder(name))
        return self._kept[name]

    def prediction(self, params: Params, index: int, *, share: float) -> Array:
        """Return what a model that was trained here said of its fold's validation rows."""
        return self._predictions[self._name(["fold", index, share], params)]

    def _make(
        self, name: str, params: Params, index: int, share: float, rounds: int | None, context: Context
    ) -> FoldFit:
        start = self._now()
        train, valid = self._train_rows(index, share), self._valid[index]
        judging = None if rounds else self._judging_rows(index, share)
        fitted = self.family.fit(params, train, judging, problem=self.task.problem, context=context, rounds=rounds)
        prediction = np.asarray(fitted.predict(valid.frame), dtype=float)
        value = score(self.task.problem.metric, valid.y, prediction, weight=valid.weight)
        if index == len(self.task.folds) - 1:
            self._models[share, self._name([], params)] = fitted
        if self._keeps_models:
            self._keep(name, fitted)
        made = FoldFit(prediction, value, fitted.rounds, self._now() - start)
        self._remember(name, made)
        return made

    def whole(self, params: Params, *, share: float, rounds: int | None, should_stop: Callable[[], bool]) -> Fitted:
        """Train the final model.

        Where folds go forward in time it is the last fold's: it learned from the training split and stopped by
        the validation split, so that what was validated is what is used, with the threshold and the calibration
        that were chosen for it. Else it learns from a share of all rows, for `rounds`.
        """
        problem, last = self.task.problem, len(self.task.folds) - 1
        if self.task.is_forward and (known := self._models.get((share, self._name([], params)))) is not None:
            return known
        context = self._context_of(self._name(["whole", share, rounds], params), should_stop)
        if self.task.is_forward:
            train, judging = self._train_rows(last, share), self._judging_rows(last, share)
            return self.family.fit(params, train, judging, problem=problem, context=context, rounds=None)
        self._forget_rows()
        drawn = self.task.rows(draw_rows(np.arange(len(self.task.frame)), share, seed=self._context.seed))
        return self.family.fit(params, drawn, None, problem=problem, context=context, rounds=rounds)

    def _name(self, what: list[Any], params: Params) -> str:
        context = self._context
        return hash_json([self.family.name, *what, dict(params), context.seed, context.threads, context.device])

    def _train_rows(self, index: int, share: float) -> Rows:
        if (index, share) not in self._train:
            self._forget_rows(but=share)
            drawn = draw_rows(self.task.folds[index].train, share, seed=self._context.seed)
            self._train[index, share] = self.task.rows(drawn)
        return self._train[index, share]

    def _judging_rows(self, index: int, share: float) -> Rows:
        """The validation rows that say when to stop: no more than are learned from, else judging costs the most."""
        wanted = max(_LEAST_JUDGING_ROWS, len(self._train_rows(index, share).y))
        valid = self.task.folds[index].valid
        if wanted >= len(valid):
            return self._valid[index]
        if (index, share) not in self._judging:
            drawn = draw_rows(valid, wanted / len(valid), seed=self._context.seed)
            self._judging[index, share] = self.task.rows(drawn)
        return self._judging[index, share]

    def _forget_rows(self, *, but: float | None = None) -> None:
        """Let go of what was made of other shares (bins, codes, models): it is large and not needed any more."""
        self._train = {known: rows for known, rows in self._train.items() if known[1] == but}
        self._judging = {known: rows for known, rows in self._judging.items() if known[1] == but}
        self._models = {known: model for known, model in self._models.items() if known[0] == but}

    def _context_of(self, name: str, should_stop: Callable[[], bool]) -> Context:
        folder = None if self._folder is None else self._folder / "checkpoints" / name
        return replace(self._context, checkpoint_dir=folder, should_stop=should_stop)

    def _keep(self, name: str, fitted: Fitted) -> None:
        self._kept[name] = fitted
        if self._folder is not None:
            folder = self._model_folder(name)
            shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
            folder.mkdir(parents=True)
            fitted.save(folder)

    def _model_folder(self, name: str) -> Path:
        if self._folder is None:
            raise KeyError(name)
        return self._folder / "models" / name

    def _recall(self, name: str) -> FoldFit | None:
        if self._folder is None or not (file := self._folder / f"{name}.npz").exists():
            return None
        with np.load(file) as kept:
            value, rounds, seconds = kept["figures"].tolist()
            return FoldFit(kept["prediction"], value, int(rounds), seconds, recalled=True)

    def _remember(self, name: str, made: FoldFit) -> None:
        if self._folder is None:
            return
        unfinished = self._folder / f"{name}.{os.getpid()}.unfinished"
        with unfinished.open("wb") as file:
            np.savez(file, prediction=made.prediction, figures=np.array([made.score, made.rounds, made.seconds]))
        unfinished.replace(self._folder / f"{name}.npz")
        shutil.rmtree(self._folder / "checkpoints" / name, ignore_errors=True)
