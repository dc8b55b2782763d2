"""Fewer columns: which can be left out without the score out of fold getting worse.

Columns are ranked by permutation importance (Breiman, 2001): how much worse the fold models of the best configuration
get on rows that they did not learn from, with that column's values dealt out anew. The same configuration is then
trained without those that say nothing, on the same folds; only where it is not worse the shorter list is offered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.errors import SchemaError
from mlwf_assets.models.automl.answers import as_labels, as_probabilities
from mlwf_assets.models.automl.blending import choose_candidates, out_of_fold, predictor_of
from mlwf_assets.models.automl.folding import Folding
from mlwf_assets.models.automl.frames import FrameReader
from mlwf_assets.models.automl.inputs import name_task
from mlwf_assets.models.automl.selection import Selection, Tried
from mlwf_assets.models.budget import Clock
from mlwf_assets.models.ensemble import choose
from mlwf_assets.models.families.base import Context, Stopped
from mlwf_assets.models.families.mean import join
from mlwf_assets.models.fits import Fits, score
from mlwf_assets.models.metrics import Array
from mlwf_assets.models.predictor import Predictor
from mlwf_assets.models.task import Task
from mlwf_assets.models.trials import Trial

# Importance is told from so many rows, over all folds.
_JUDGED_ROWS = 4_000
# How many standard errors over the folds a column must say more than nothing: what is tried first, and then.
_CLEARLY = (2.0, 1.0, 0.0)


@dataclass(frozen=True)
class FewerColumns:
    """A model that looks at fewer columns, and is as good out of fold.

    Attributes:
        columns: that it looks at, as users call them.
        score: out of fold.
        score_of_all: of the same configuration with all columns.
        trial: the configuration on the folds, to be made again by `replay`.
        reader: how the columns are read.
        predictor: the model.
        labels: of the classes; empty for a regression.
    """

    columns: tuple[Any, ...]
    score: float
    score_of_all: float
    trial: Tried
    reader: FrameReader
    predictor: Predictor
    labels: Array

    def predict(self, X: Any) -> Array:
        """Predict labels, or amounts.

        Args:
            X: (n, columns) a frame with at least these columns, or an array with all.
        """
        return as_labels(self._said(X), self.predictor, self.labels)

    def predict_proba(self, X: Any) -> Array:
        """Predict probabilities, (n, classes), in the order of `labels`."""
        return as_probabilities(self._said(X))

    def to_json(self) -> dict[str, Any]:
        """Write what `replay` needs."""
        return {"columns": [str(name) for name in self.columns], **self.trial.to_json()}

    def _said(self, X: Any) -> Array:
        frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)
        if missing := [name for name in self.columns if name not in frame]:
            raise SchemaError(f"there must be a column {missing[0]!r}, however: {list(frame.columns)[:8]}")
        return self.predictor.predict(self.reader.read(frame))


@dataclass(frozen=True)
class Reducing:
    """What a search for fewer columns needs.

    Attributes:
        selection: what was tried on all columns.
        task: of all columns.
        folding: of its rows.
        reader: of all columns.
        labels: of the classes.
        context: seed and threads.
        clock: of the budget.
        folder: where fits are kept; None: nowhere.
    """

    selection: Selection
    task: Task
    folding: Folding
    reader: FrameReader
    labels: Array
    context: Context
    clock: Clock
    folder: Path | None

    def find(self) -> FewerColumns | None:
        """Find a shorter list of columns; None where none is as good, or no time is left to try."""
        higher = self.task.problem.metric.higher_is_better
        best = choose_candidates(self.selection.usable, higher_is_better=higher)[0]
        seconds = sum(best.trial.seconds)
        gains = self._importance(best)
        if gains is None:
            return None
        error = gains.std(axis=0, ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.zeros(gains.shape[1])
        tried: set[tuple[Any, ...]] = {self._names}
        for times in _CLEARLY:
            says = gains.mean(axis=0) > times * error
            kept = tuple(name for name, is_kept in zip(self._names, says, strict=True) if is_kept)
            if not kept or kept in tried or seconds > self.clock.left_s():
                continue
            tried.add(kept)
            found = self._train(best, kept, None)
            if found is not None and (found.score >= best.trial.score if higher else found.score <= best.trial.score):
                return found
        return None

    def again(self, state: Mapping[str, Any]) -> FewerColumns | None:
        """Make what an earlier fit found."""
        names = {str(name): name for name in self._names}
        listed = Tried(str(state["family"]), Trial.from_json(state))
        return self._train(listed, tuple(names[name] for name in state["columns"]), listed.trial.rounds)

    @property
    def _names(self) -> tuple[Any, ...]:
        return tuple(column.name for column in self.reader.columns if column.kind != "left_out")

    def _importance(self, one: Tried) -> Array | None:
        """(folds, columns) how much a column's values are worth, in the metric; None if there is no time."""
        fits, rng = self.selection.fits(one.family), np.random.default_rng(self.context.seed)
        features = [_features(self.reader, name) for name in self._names]
        gains, folds = [], self.task.folds
        for index, fold in enumerate(folds):
            start_s = self.clock.left_s()
            rows = self.task.rows(np.sort(rng.permutation(fold.valid)[: max(50, _JUDGED_ROWS // len(folds))]))
            model = fits.model(one.trial.params, index, share=one.trial.subsample)

            def worth(frame: pd.DataFrame, rows: Any = rows, model: Any = model) -> float:
                said = np.asarray(model.predict(frame), dtype=float)
                value = score(self.task.problem.metric, rows.y, said, weight=rows.weight)
                return value if self.task.problem.metric.higher_is_better else -value

            whole = worth(rows.frame)
            order = rng.permutation(len(rows.y))
            gains.append([whole - worth(_dealt_out(rows.frame, each, order)) for each in features])
            if 2 * (start_s - self.clock.left_s()) > self.clock.left_s() and index + 1 < len(folds):
                return None
        return np.array(gains)

    def _train(self, one: Tried, columns: Sequence[Any], rounds: Sequence[int] | None) -> FewerColumns | None:
        """Train a configuration on the same folds with some columns alone."""
        reader = FrameReader(tuple(column for column in self.reader.columns if column.name in columns))
        problem = replace(self.task.problem, features=reader.features)
        task = replace(self.task, problem=problem, frame=self.task.frame[problem.names])
        folder = None if self.folder is None else self.folder / name_task(task) / one.family
        fits = Fits(self.selection.fits(one.family).family, task, folder, self.context, keeps_models=True)
        trial = Trial(one.trial.number, one.trial.params, one.trial.subsample, "complete", (), ())
        try:
            for index in range(len(task.folds)):
                made = fits.fold(
                    trial.params, index, share=trial.subsample, rounds=rounds[index] or None if rounds else None,
                    should_stop=lambda: self.clock.left_s() <= 0,
                )  # fmt: skip
                trial = trial.add(made.score, made.rounds, made.seconds)
        except Stopped:
            return None
        return self._offered(Tried(one.family, trial), fits, task, reader)

    def _offered(self, one: Tried, fits: Fits, task: Task, reader: FrameReader) -> FewerColumns:
        trial, folds = one.trial, range(len(task.folds))
        said = np.concatenate([fits.prediction(trial.params, index, share=trial.subsample) for index in folds])
        oof = out_of_fold({one.name: said}, task, self.folding)
        models = [fits.model(trial.params, index, share=trial.subsample) for index in folds]
        member = join(models[-1:] if task.is_forward else models)
        return FewerColumns(
            columns=tuple(column.name for column in reader.columns),
            score=trial.score,
            score_of_all=self._score_of_all(one),
            trial=one,
            reader=reader,
            predictor=predictor_of({one.name: member}, choose(oof), oof, task),
            labels=self.labels,
        )

    def _score_of_all(self, one: Tried) -> float:
        same = [other for other in self.selection.tried if other.name == one.name]
        return same[0].trial.score if same else float("nan")


def _features(reader: FrameReader, name: Any) -> list[str]:
    """What a column of the users' becomes."""
    alone = FrameReader(tuple(column for column in reader.columns if column.name == name))
    return [feature["name"] for feature in alone.features]


def _dealt_out(frame: pd.DataFrame, names: Sequence[str], order: Array) -> pd.DataFrame:
    """The frame with some columns' values in another order, together."""
    return frame.assign(**{name: frame[name].to_numpy()[order] for name in names})
