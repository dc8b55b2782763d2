"""`AutoML`: model selection as a scikit-learn estimator.

Puts the parts together and holds what they found; docs/automl.md says how it is used.
"""

import json
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted, validate_data

from mlwf_assets.errors import DataError, ModelError
from mlwf_assets.lake.fingerprint import hash_json
from mlwf_assets.models.automl.blending import blend, predict_seconds
from mlwf_assets.models.automl.folding import Folding, cut
from mlwf_assets.models.automl.frames import FrameReader, learn_frame
from mlwf_assets.models.automl.scoring import choose_metric
from mlwf_assets.models.automl.selection import Selection, Tried, stopped_by_hand
from mlwf_assets.models.automl.targets import Target, read_target
from mlwf_assets.models.budget import Clock
from mlwf_assets.models.ensemble import Chosen
from mlwf_assets.models.families.base import Context, Family, Problem
from mlwf_assets.models.families.registry import family_names, find_family
from mlwf_assets.models.family import usable_threads
from mlwf_assets.models.metrics import Array
from mlwf_assets.models.task import Task

_TRIALS_FILE = "trials.json"


class AutoML(BaseEstimator):  # type: ignore[misc]
    """Find a good model for a table, within a budget.

    Args:
        kind: binary, multiclass or regression; None: told from the labels.
        metric: what is optimized: roc_auc, log_loss, rmse, mae, r2, accuracy, balanced_accuracy, f1,
            average_precision, the name of a scorer of scikit-learn, or a scorer; None: roc_auc, log_loss or rmse.
        budget_seconds: wall time of `fit`.
        budget_trials: instead: so many configurations. The same seed then gives the same model on one machine.
        families: names of model families, or families; None: all that are installed.
        random_state: the seed.
        n_jobs: cores; None: all, at most eight.
        progress: whether each trial is told of on standard error.
        folder: where fits are kept while they are made: after a kill, `fit` with the same data goes on there. The
            trials are written to `trials.json` in it.
        replay: the trials of an earlier fit (`trials_`, or the path of its `trials.json`), to be repeated exactly.

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

    def fit(self, X: Any, y: Any, groups: Any = None, time: Any = None, sample_weight: Any = None) -> "AutoML":  # noqa: N803
        """Select models.

        Args:
            X: (n, columns) a frame: numbers, text, categories, booleans, dates, gaps; or an array.
            y: (n,) labels of any type, none missing.
            groups: (n,) rows of one group stay on one side of each fold.
            time: (n,) moments; folds go forward in it.
            sample_weight: (n,) how much each row counts.

        Returns:
            Itself. `leaderboard_` has a row per configuration; `trials_` is what was tried; `reader_` says how each
            column is read.

        Raises:
            DataError: if the rows do not allow it.
            ValueError: if an argument is not understood.
        """
        in_trials = self.budget_trials is not None or self.replay is not None
        clock = Clock(float("inf") if in_trials else float(self.budget_seconds))
        frame = self._frame(X, reset=True)
        if y is None:
            raise ValueError("This AutoML estimator requires y to be passed, but the target y is None")
        y = _column(y)
        check_consistent_length(frame, y)
        target = read_target(y, self.kind)
        self.reader_ = learn_frame(frame)
        order, folding = cut(
            target.truth, features=len(self.reader_.features), groups=groups, time=time,
            budget_s=None if in_trials else self.budget_seconds, seed=self._seed(),
        )  # fmt: skip
        task = self._task(self.reader_.read(frame), target, folding, order, _weight(sample_weight, len(y)))
        if target.kind != "regression":
            self.classes_ = target.classes
        self.kind_, self.metric_ = target.kind, task.problem.metric.name
        selection = self._select(task, clock)
        self.predictor_, _, chosen = blend(selection, task, folding)
        self._note(selection, task, chosen)
        return self

    def _seed(self) -> int:
        if self.random_state is None:
            return int(np.random.SeedSequence().generate_state(1)[0])
        if isinstance(self.random_state, np.random.RandomState):
            return int(self.random_state.randint(2**31))
        return int(self.random_state)

    def _frame(self, X: Any, *, reset: bool) -> pd.DataFrame:  # noqa: N803
        """Check what users gave; an array becomes a frame."""
        if not isinstance(X, pd.DataFrame):
            X = check_array(X, dtype=None, ensure_all_finite=False, estimator=self)  # noqa: N806
            validate_data(self, X, reset=reset, skip_check_array=True)
            if X.dtype.kind == "c":
                raise ValueError("Complex data not supported")
            frame = pd.DataFrame(X)
            return frame.infer_objects()
        if not len(X) or not X.shape[1]:
            raise DataError(f"there must be rows and columns, however: {len(X)} and {X.shape[1]}; minimum of 1 is required")
        if X.columns.duplicated().any():
            raise DataError(f"columns must have different names, however: {X.columns[X.columns.duplicated()][0]!r} twice")
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X.reset_index(drop=True)

    def _task(self, frame: pd.DataFrame, target: Target, folding: Folding, order: Array, weight: Array | None) -> Task:
        truth = target.truth
        problem = Problem(
            target.kind, self.reader_.features, len(truth.classes), choose_metric(self.metric, target.kind, target.classes)
        )
        in_order = type(truth)(truth.kind, truth.y[order], truth.classes)
        is_sorted = bool((order == np.arange(len(order))).all())
        return Task(
            problem,
            in_order,
            frame if is_sorted else frame.iloc[order].reset_index(drop=True),
            folding.folds,
            pa.table({}),
            pa.chunked_array([in_order.y]),
            is_forward=folding.is_forward,
            weight=None if weight is None else weight[order],
        )

    def _select(self, task: Task, clock: Clock) -> Selection:
        folder = None if self.folder is None else Path(self.folder)
        names, find = self._finder()
        selection = Selection(
            task,
            names,
            find=find,
            clock=clock,
            context=Context(seed=self._seed(), threads=self._threads()),
            folder=None if folder is None else folder / _fingerprint(task),
            report=self._report,
        )
        if self.replay is not None:
            selection.run_list(_read_list(self.replay))
        elif self.budget_trials is not None:
            stopped_by_hand(lambda: selection.run_trials(int(self.budget_trials or 1)), self._report)
        else:
            stopped_by_hand(selection.run_seconds, self._report)
        self.trials_ = [one.to_json() for one in selection.tried]
        if folder is not None:
            (folder / _TRIALS_FILE).write_text(json.dumps(self.trials_, indent=1, ensure_ascii=False), encoding="utf-8")
        return selection

    def _threads(self) -> int:
        return usable_threads() if self.n_jobs is None or self.n_jobs < 1 else int(self.n_jobs)

    def _finder(self) -> tuple[list[str], Callable[[str], Family | None]]:
        """Name the families, and say how one is made; a package that is not installed is warned of."""
        wanted: Sequence[Any] = family_names() if self.families is None else self.families
        own = {one.name: one for one in wanted if isinstance(one, Family)}
        names = [one.name if isinstance(one, Family) else str(one) for one in wanted]
        if unknown := [name for name in names if name not in own and name not in family_names()]:
            raise ModelError(
                f"families must be among {', '.join(family_names())}, or be families, however: {unknown[0]!r}"
            )
        if not names:
            raise ModelError("there must be a model family to try, however: none; name one in families")

        def find(name: str) -> Family | None:
            try:
                return own[name] if name in own else find_family(name)
            except ModelError as error:
                warnings.warn(str(error), UserWarning, stacklevel=2)
                return None

        return names, find

    def _report(self, words: str) -> None:
        if self.progress:
            print(words, file=sys.stderr, flush=True)  # noqa: T201 (what `progress` asks for)

    def _note(self, selection: Selection, task: Task, chosen: Chosen) -> None:
        """Keep what was found, in the form that people look at."""
        rows = [_line(one, selection, task, chosen) for one in selection.tried]
        sign = not task.problem.metric.higher_is_better
        board = pd.DataFrame(rows).sort_values("score", ascending=sign, kind="stable")
        # What was given up early was judged on fewer folds: it stands below.
        is_whole = board["state"] == "complete"
        self.leaderboard_ = pd.concat([board[is_whole], board[~is_whole]], ignore_index=True)
        self.score_ = float(np.mean(chosen.scores))

    def predict(self, X: Any) -> Array:  # noqa: N803
        """Predict labels, or amounts."""
        said = self._predict(X)
        if self.kind_ == "regression":
            return said
        places = (said >= self.predictor_.threshold).astype(int) if said.ndim == 1 else said.argmax(axis=1)
        return np.asarray(self.classes_[places])

    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """Predict probabilities, (n, classes), in the order of `classes_`."""
        said = self._predict(X)
        return np.stack([1 - said, said], axis=1) if said.ndim == 1 else said

    def _predict(self, X: Any) -> Array:  # noqa: N803
        check_is_fitted(self, "predictor_")
        frame = self._frame(X, reset=False)
        return self.predictor_.predict(self.reader_.read(frame))

    def summary(self) -> str:
        """Tell in a few lines what was found."""
        check_is_fitted(self, "predictor_")
        weights = {name: weight for name, weight in self.predictor_.weights.items()}
        blended = ", ".join(f"{name} {weight:.0%}" for name, weight in sorted(weights.items(), key=lambda it: -it[1]))
        left_out = [f"{one.name} ({one.why})" for one in self.reader_.columns if one.kind == "left_out"]
        lines = [
            f"{self.kind_}, {self.metric_} {self.score_:.4f} out of fold, of {len(self.trials_)} configurations",
            f"blend: {blended}",
            *([f"columns left out: {', '.join(left_out)}"] if left_out else []),
        ]
        return "\n".join(lines)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
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


def _column(y: Any) -> Any:
    """Labels as a column; of a frame with one column, that one."""
    from sklearn.utils.validation import column_or_1d

    if isinstance(y, pd.Series):
        return y.reset_index(drop=True)
    return column_or_1d(y, warn=True)


def _weight(sample_weight: Any, rows: int) -> Array | None:
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=float)
    if weight.shape != (rows,) or not np.isfinite(weight).all() or (weight < 0).any() or not weight.sum():
        raise DataError(f"sample_weight must be {rows:,} finite numbers of 0 or more, however: shape {weight.shape}")
    if (weight == weight[0]).all():
        return None
    return weight


def _fingerprint(task: Task) -> str:
    """Name the folder of a task: fits of other data must not be taken for its own."""
    rows = pd.util.hash_pandas_object(task.frame, index=False).to_numpy()
    folds = [[fold.train[:1].tolist(), len(fold.train), fold.valid.tolist()[:50]] for fold in task.folds]
    facts = [
        rows.tolist() if len(rows) < 1000 else int(np.bitwise_xor.reduce(rows * np.arange(1, len(rows) + 1, dtype=rows.dtype))),
        pd.util.hash_array(np.asarray(task.truth.y)).sum().item(), list(task.problem.features), task.problem.metric.name,
        None if task.weight is None else task.weight.tolist(), folds,
    ]  # fmt: skip
    return hash_json(facts)[:16]


def _read_list(replay: Any) -> Sequence[Mapping[str, Any]]:
    if isinstance(replay, str | Path):
        listed: Any = json.loads(Path(replay).read_text(encoding="utf-8"))
    else:
        listed = replay
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) and "family" in one for one in listed):
        raise ValueError("replay must be the trials_ of an earlier fit, or the path of its trials.json, however: no such list")
    return listed


def _line(one: Tried, selection: Selection, task: Task, chosen: Chosen) -> dict[str, Any]:
    trial = one.trial
    return {
        "model": one.name,
        "family": one.family,
        "configuration": dict(trial.params),
        "score": trial.score,
        "spread": float(np.std(trial.scores)),
        "seconds_to_fit": float(np.sum(trial.seconds)),
        "seconds_per_1000_rows": predict_seconds(one, selection, task) if trial.is_complete else np.nan,
        "weight": chosen.weights.get(one.name, 0.0),
        "state": trial.state if trial.subsample == 1 else f"{trial.state}, on {trial.subsample:.0%} of the rows",
    }


__all__ = ["AutoML", "FrameReader"]
