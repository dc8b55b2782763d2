"""Any scikit-learn estimator as a model family: what a workflow's own Python files build on.

Gaps are filled with the training median and marked, categories become columns of 0 and 1; the estimator gets
numbers alone. The fitted pipeline is pickled: it comes from the workflow's own code and stays in its own lake and
registry. Families of ours write native files instead.
"""

import pickle
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from mlwf_assets.models.families.base import Context, Family, Fitted, Params, Problem, Rows, Stopped
from mlwf_assets.models.metrics import Array

if TYPE_CHECKING:
    pass

_FILE = "estimator.pickle"
_MOST_CATEGORIES = 50


class FittedEstimator(Fitted):
    """A fitted pipeline.

    Args:
        content: the pickle of scikit-learn's pipeline, of which columns it takes and which of them hold text, and of
            the number of classes (2 for binary, 0 for a regression). It is kept: pickled again it would be the same
            model in other bytes.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._pipeline, self._text, self._classes = pickle.loads(content)  # noqa: S301 (of `EstimatorFamily.fit`)

    def predict(self, frame: pd.DataFrame) -> Array:
        """Predict rows."""
        if not len(frame):
            return np.zeros((0, self._classes) if self._classes > 2 else 0)
        rows = _clean(frame, self._text)
        if not self._classes:
            return np.asarray(self._pipeline.predict(rows), dtype=float)
        said = np.zeros((len(frame), self._classes))  # a class that no training row had keeps its place
        said[:, self._pipeline.classes_.astype(int)] = self._pipeline.predict_proba(rows)
        return said[:, 1] if self._classes == 2 else said

    def save(self, folder: Path) -> None:
        """Write the pipeline as a pickle."""
        (folder / _FILE).write_bytes(self._content)


class EstimatorFamily(Family):
    """A family of scikit-learn estimators; say at least `estimator`.

    Example:
        >>> class Forest(EstimatorFamily):
        ...     def estimator(self, params, problem, context):
        ...         from sklearn.ensemble import RandomForestClassifier
        ...
        ...         return RandomForestClassifier(**params, n_jobs=context.threads, random_state=context.seed)
        ...
        ...     def defaults(self, problem, *, rows):
        ...         return [{"n_estimators": 300, "min_samples_leaf": 5}]
    """

    name: ClassVar[str] = "estimator"
    distributions: ClassVar[tuple[str, ...]] = ("scikit-learn", "numpy", "pandas")

    @abstractmethod
    def estimator(self, params: Params, problem: Problem, context: Context) -> Any:
        """Make an estimator that is not fitted: a classifier with `predict_proba`, or a regressor.

        Args:
            params: a configuration, of `defaults` or `suggest`.
            problem: its kind, features, number of classes.
            context: seed and threads.
        """

    def fit(
        self, params: Params, train: Rows, valid: Rows | None, *, problem: Problem, context: Context, rounds: int | None
    ) -> FittedEstimator:
        """Fit the pipeline; `valid` and `rounds` are not looked at."""
        from sklearn.pipeline import make_pipeline

        if context.should_stop():
            raise Stopped
        text = {name: name in problem.categorical for name in problem.names}
        pipeline = make_pipeline(_encoder(text), self.estimator(params, problem, context))
        pipeline.fit(_clean(train.frame, text), train.y)
        return FittedEstimator(pickle.dumps((pipeline, text, problem.classes), protocol=5))

    def load(self, folder: Path) -> FittedEstimator:
        """Load what `FittedEstimator.save` wrote."""
        return FittedEstimator((folder / _FILE).read_bytes())


def _encoder(text: Mapping[str, bool]) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder

    gaps = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=_MOST_CATEGORIES, sparse_output=False
    )
    return make_column_transformer(
        (gaps, [name for name in text if not text[name]]), (categories, [name for name in text if text[name]])
    )


def _clean(frame: pd.DataFrame, text: Mapping[str, bool]) -> pd.DataFrame:
    """Infinities count as missing, as in the other families; a category without a value is one of its own."""
    columns = {
        name: frame[name].astype(object).where(frame[name].notna(), "")
        if is_text
        else frame[name].astype(float).where(np.isfinite(frame[name].astype(float)))
        for name, is_text in text.items()
    }
    return pd.DataFrame(columns)
