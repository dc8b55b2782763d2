"""`AutoML`: model selection as a scikit-learn estimator.

Puts the parts together and holds what they found; docs/automl.md says how it is used.
"""

import json
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted, validate_data

from mlwf_assets.errors import DataError, ModelError
from mlwf_assets.models.automl.answers import as_labels, as_probabilities
from mlwf_assets.models.automl.augmented import MORE, Augmented
from mlwf_assets.models.automl.blending import blend, leaderboard
from mlwf_assets.models.automl.folding import Folding, Plan, cut, plan_folds
from mlwf_assets.models.automl.frames import learn_frame
from mlwf_assets.models.automl.inputs import name_task, read_labels, read_list, read_way, read_weight
from mlwf_assets.models.automl.reducing import FewerColumns, Reducing
from mlwf_assets.models.automl.scoring import choose_metric
from mlwf_assets.models.automl.selection import Selection, stopped_by_hand
from mlwf_assets.models.automl.targets import Target, read_target
from mlwf_assets.models.budget import Clock
from mlwf_assets.models.families.base import Context, Family, Problem
from mlwf_assets.models.families.registry import family_names, find_family
from mlwf_assets.models.family import usable_threads
from mlwf_assets.models.metrics import Array
from mlwf_assets.models.task import Task
from mlwf_assets.models.truth import BASE_RATE
from mlwf_assets.spec.names import Way

_TRIALS_FILE = "trials.json"
_LEAST_ROWS = 4
# The share of the budget that is kept for a model of fewer columns, where it is wanted.
_FOR_FEWER_COLUMNS = 0.25
# Families that are tried with more columns as well.
_AUGMENTED = ("lightgbm+",)


def _has_classes(estimator: Any) -> bool:
    """Whether there are probabilities to be asked for."""
    return bool((getattr(estimator, "kind_", None) or estimator.kind) != "regression")


class AutoML(BaseEstimator):  # type: ignore[misc]
    """Find a good model for a table, within a budget.

    Args:
        kind: binary, multiclass or regression; None: told from the labels.
        metric: what is optimized: roc_auc, log_loss, rmse, mae, r2, accuracy, balanced_accuracy, f1,
            average_precision, the name of a scorer of scikit-learn, or a scorer; None: roc_auc, log_loss or rmse.
        budget_seconds: wall time of `fit`.
        budget_trials: instead: so many configurations. The same seed then gives the same model on one machine.
        families: names of model families, or families; None: all that are installed but the base rate. A name with a
            plus, as `lightgbm+`: the family with more columns, made of the table's own.
        random_state: the seed.
        n_jobs: cores; None: all, at most eight.
        progress: whether each trial is told of on standard error.
        folder: where fits are kept while they are made: after a kill, `fit` with the same data goes on there. The
            trials are written to `trials.json` in it.
        replay: the trials of an earlier fit (`trials_`, or the path of its `trials.json`), to be repeated exactly.
        search: how configurations are drawn after the defaults: tpe, halving (as tpe, and two thirds are given up
            early), random or grid.
        select_features: whether a quarter of the budget goes to a model of fewer columns, `reduced_`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> frame = pd.DataFrame({"a": rng.normal(size=60), "town": rng.choice(["Ulm", "Bonn"], 60)})
        >>> model = AutoML(budget_trials=1, families=["linear"], progress=False).fit(frame, frame["a"] > 0)
        >>> model.predict(frame.head(3)).tolist() == (frame["a"] > 0).head(3).tolist()
        True
    """

    def __init__(
        self,
        kind: str | None = None,
        metric: Any = None,
        budget_seconds: float = 60,
        budget_trials: int | None = None,
        families: Sequence[Any] | None = None,
        random_state: int | None = 0,
        n_jobs: int | None = None,
        progress: bool = True,  # noqa: FBT001, FBT002 (scikit-learn's manner)
        folder: Any = None,
        replay: Any = None,
        search: str = "tpe",
        select_features: bool = False,  # noqa: FBT001, FBT002 (scikit-learn's manner)
    ) -> None:
        self.kind = kind
        self.metric = metric
        self.budget_seconds = budget_seconds
        self.budget_trials = budget_trials
        self.families = families
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.progress = progress
        self.folder = folder
        self.replay = replay
        self.search = search
        self.select_features = select_features

    def fit(self, X: Any, y: Any, groups: Any = None, time: Any = None, sample_weight: Any = None) -> "AutoML":
        """Select models.

        Args:
            X: (n, columns) a frame: numbers, text, categories, booleans, dates, gaps; or an array.
            y: (n,) labels of any type, none missing.
            groups: (n,) rows of one group stay on one side of each fold.
            time: (n,) moments; folds go forward in it.
            sample_weight: (n,) how much each row counts.

        Returns:
            Itself. `leaderboard_` has a row per configuration; `trials_` is what was tried; `reader_` says how each
            column is read; `reduced_` is a model of fewer columns that is as good, or None.

        Raises:
            DataError: if the rows do not allow it.
            ValueError: if an argument is not understood.
        """
        way = read_way(self.search)
        in_trials = self.budget_trials is not None or self.replay is not None
        clock = Clock(float("inf") if in_trials else float(self.budget_seconds))
        frame = self._frame(X, reset=True)
        y = read_labels(y)
        check_consistent_length(frame, y)
        weight = read_weight(sample_weight, len(y))
        if weight is not None and not weight.all():
            counts = np.flatnonzero(weight)
            frame, y, weight = frame.iloc[counts].reset_index(drop=True), pd.Series(y).iloc[counts], weight[counts]
            groups, time = (None if each is None else pd.Series(each).iloc[counts] for each in (groups, time))
        if len(frame) < _LEAST_ROWS:
            raise DataError(f"there must be at least {_LEAST_ROWS} rows, however: n_samples = {len(frame)}")
        target = read_target(y, self.kind)
        self.reader_ = learn_frame(frame)
        replayed = None if self.replay is None else read_list(self.replay)
        course = self._plan(target, replayed, None if in_trials else float(self.budget_seconds))
        folding = cut(target.truth, Plan(**course["folds"]), groups=groups, time=time, seed=course["seed"])
        task = self._task(self.reader_.read(frame), target, folding, weight)
        if target.kind != "regression":
            self.classes_ = target.classes
        self.kind_, self.metric_ = target.kind, task.problem.metric.name
        selection = self._select(
            task, clock.part(1 - _FOR_FEWER_COLUMNS) if self.select_features else clock, course, way
        )
        self.predictor_, chosen = blend(selection, task, folding)
        self.leaderboard_ = leaderboard(selection, task, chosen)
        self.score_ = float(np.mean(chosen.scores))
        self.reduced_ = self._reduce(selection, task, folding, clock, course)
        self.trials_ = {**course, "trials": [one.to_json() for one in selection.tried]}
        if self.reduced_ is not None:
            self.trials_["reduced"] = self.reduced_.to_json()
        if self.folder is not None:
            written = json.dumps(self.trials_, indent=1, ensure_ascii=False)
            (Path(self.folder) / _TRIALS_FILE).write_text(written, encoding="utf-8")
        return self

    def _reduce(
        self, selection: Selection, task: Task, folding: Folding, clock: Clock, course: Mapping[str, Any]
    ) -> FewerColumns | None:
        """Look for fewer columns, if that is wanted; of a replay, those that were found."""
        if not self.select_features:
            return None
        reducing = Reducing(
            selection=selection, task=task, folding=folding, reader=self.reader_,
            labels=getattr(self, "classes_", np.empty(0)), clock=clock,
            context=Context(seed=course["seed"], threads=course["threads"]),
            folder=None if self.folder is None else Path(self.folder),
        )  # fmt: skip
        if self.replay is None:
            return reducing.find()
        return reducing.again(course["reduced"]) if "reduced" in course else None

    def _plan(self, target: Target, replayed: Mapping[str, Any] | None, budget_s: float | None) -> dict[str, Any]:
        """All that a result depends on besides data and trials; of a replay, as it was."""
        if replayed is not None:
            return dict(replayed)
        plan = plan_folds(target.truth, features=len(self.reader_.features), budget_s=budget_s)
        return {"seed": self._seed(), "threads": self._threads(), "folds": asdict(plan)}

    def _seed(self) -> int:
        if self.random_state is None:
            return int(np.random.SeedSequence().generate_state(1)[0])
        if isinstance(self.random_state, np.random.RandomState):
            return int(self.random_state.randint(2**31))
        return int(self.random_state)

    def _frame(self, X: Any, *, reset: bool) -> pd.DataFrame:
        """Check what users gave; an array becomes a frame."""
        if not isinstance(X, pd.DataFrame):
            X = check_array(X, dtype=None, ensure_all_finite=False, estimator=self)
            validate_data(self, X, reset=reset, skip_check_array=True)
            if X.dtype.kind == "c":
                raise ValueError("Complex data not supported")
            frame = pd.DataFrame(X)
            return frame.infer_objects()
        if not len(X) or not X.shape[1]:
            raise DataError(
                f"there must be rows and columns, however: {len(X)} and {X.shape[1]}; minimum of 1 is required"
            )
        if X.columns.duplicated().any():
            raise DataError(
                f"columns must have different names, however: {X.columns[X.columns.duplicated()][0]!r} twice"
            )
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X.reset_index(drop=True)

    def _task(self, frame: pd.DataFrame, target: Target, folding: Folding, weight: Array | None) -> Task:
        truth, order = target.truth, folding.order
        metric = choose_metric(self.metric, target.kind, target.classes)
        in_order = replace(truth, y=truth.y[order])
        return Task(
            Problem(target.kind, self.reader_.features, len(truth.classes), metric),
            in_order,
            frame.iloc[order].reset_index(drop=True) if folding.is_forward else frame,
            folding.folds,
            pa.table({}),
            pa.chunked_array([in_order.y]),
            is_forward=folding.is_forward,
            weight=None if weight is None else weight[order],
        )

    def _select(self, task: Task, clock: Clock, course: Mapping[str, Any], way: Way) -> Selection:
        names, find = self._finder()
        selection = Selection(
            task,
            names,
            find=find,
            clock=clock,
            context=Context(seed=course["seed"], threads=course["threads"]),
            folder=None if self.folder is None else Path(self.folder) / name_task(task),
            report=self._report,
            way=way,
        )
        if self.replay is not None:
            selection.run_list(course["trials"])
        elif self.budget_trials is not None:
            stopped_by_hand(lambda: selection.run_trials(int(self.budget_trials or 1)), self._report)
        else:
            stopped_by_hand(selection.run_seconds, self._report)
        return selection

    def _threads(self) -> int:
        return usable_threads() if self.n_jobs is None or self.n_jobs < 1 else int(self.n_jobs)

    def _finder(self) -> tuple[list[str], Callable[[str], Family | None]]:
        """Name the families, and say how one is made; a package that is not installed is warned of."""
        usual = [name for name in (*family_names(), *_AUGMENTED) if name != BASE_RATE]
        wanted: Sequence[Any] = usual if self.families is None else self.families
        own = {one.name: one for one in wanted if isinstance(one, Family)}
        names = [one.name if isinstance(one, Family) else str(one) for one in wanted]
        if unknown := [name for name in names if name not in own and name.removesuffix(MORE) not in family_names()]:
            raise ModelError(
                f"families must be among {', '.join(family_names())}, or be families, however: {unknown[0]!r}"
            )
        if not names:
            raise ModelError("there must be a model family to try, however: none; name one in families")

        def find(name: str) -> Family | None:
            try:
                if name in own:
                    return own[name]
                found = find_family(name.removesuffix(MORE))
                return Augmented(found) if name.endswith(MORE) else found
            except ModelError as error:
                warnings.warn(str(error), UserWarning, stacklevel=2)
                return None

        return names, find

    def _report(self, words: str) -> None:
        if self.progress:
            print(words, file=sys.stderr, flush=True)

    def predict(self, X: Any) -> Array:
        """Predict labels, or amounts."""
        return as_labels(self._predict(X), self.predictor_, getattr(self, "classes_", np.empty(0)))

    @available_if(_has_classes)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:
        """Predict probabilities, (n, classes), in the order of `classes_`."""
        return as_probabilities(self._predict(X))

    def _predict(self, X: Any) -> Array:
        check_is_fitted(self, "predictor_")
        frame = self._frame(X, reset=False)
        return self.predictor_.predict(self.reader_.read(frame))

    def summary(self) -> str:
        """Tell in a few lines what was found."""
        check_is_fitted(self, "predictor_")
        weights = sorted(self.predictor_.weights.items(), key=lambda item: -item[1])
        blended = ", ".join(f"{name} {weight:.0%}" for name, weight in weights)
        left_out = [f"{one.name} ({one.why})" for one in self.reader_.columns if one.kind == "left_out"]
        lines = [
            f"{self.kind_}, {self.metric_} {self.score_:.4f} out of fold, of {len(self.leaderboard_)} configurations",
            f"blend: {blended}",
            *self._fewer(),
            *([f"columns left out: {', '.join(left_out)}"] if left_out else []),
        ]
        return "\n".join(lines)

    def _fewer(self) -> list[str]:
        if self.reduced_ is None:
            return []
        found = self.reduced_
        names = ", ".join(map(str, found.columns))
        return [f"fewer columns: {names} give {found.score:.4f} (of all: {found.score_of_all:.4f}; {found.trial.name})"]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Compute accuracy, or R² of a regression, as scikit-learn's estimators do."""
        from sklearn.metrics import accuracy_score, r2_score

        judge = r2_score if self.kind_ == "regression" else accuracy_score
        return float(judge(y, self.predict(X), sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        """Say what data is taken."""
        from sklearn.utils import ClassifierTags, RegressorTags

        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        kind = getattr(self, "kind_", None) or self.kind
        if kind == "regression":
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        elif kind is not None:
            tags.estimator_type = "classifier"
            tags.classifier_tags = ClassifierTags(multi_class=kind != "binary")
        return tags
