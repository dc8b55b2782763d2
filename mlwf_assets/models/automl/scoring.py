"""What is optimized: our metrics by name, scikit-learn's scorers by name, or a scorer."""

from typing import Any

import numpy as np

from mlwf_assets.models.metrics import Applied, Array, Metric, default_metric, find_metric, metrics_of
from mlwf_assets.spec.names import Kind

# Those of scikit-learn's scorers that are metrics of ours.
_SAME = {
    "neg_log_loss": "log_loss", "neg_brier_score": "brier", "neg_root_mean_squared_error": "rmse",
    "neg_mean_absolute_error": "mae", "roc_auc_ovr": "roc_auc", "f1_macro": "f1",
}  # fmt: skip


def choose_metric(wanted: Any, kind: Kind, classes: Array) -> Metric:
    """Find what is optimized.

    Args:
        wanted: a name, a scorer, or None: what is usual for the kind.
        kind: of the problem.
        classes: (classes,) the labels, as a scorer expects them.

    Raises:
        ValueError: if there is no such metric.
    Example:
        >>> choose_metric("neg_log_loss", "binary", np.array([0, 1])).name
        'log_loss'
    """
    from sklearn.metrics import get_scorer, get_scorer_names

    if wanted is None:
        return find_metric(default_metric(kind), kind)
    if callable(wanted):
        return _of_scorer(wanted, getattr(wanted, "__name__", "scorer"), kind, classes)
    ours = [metric.name for metric in metrics_of(kind)]
    name = _SAME.get(wanted, wanted)
    if name in ours and (wanted != "f1_macro" or kind == "multiclass"):
        return find_metric(name, kind)
    if wanted in get_scorer_names():
        return _of_scorer(get_scorer(wanted), wanted, kind, classes)
    raise ValueError(
        f"metric must be one of {', '.join(ours)} for a {kind} problem, the name of a scorer of scikit-learn "
        f"(sklearn.metrics.get_scorer_names()), or a scorer, however: {wanted!r}"
    )


def _of_scorer(scorer: Any, name: str, kind: Kind, classes: Array) -> Metric:
    """Make a metric of a scorer; larger is better, as always with scorers."""

    def prepare(truth: Array, prediction: Array, threshold: float) -> Applied:
        labels = truth if kind == "regression" else classes[truth.astype(int)]
        answers = _answers(prediction, kind, classes, threshold)
        rows = np.zeros((len(truth), 1))

        def apply(weights: Array) -> Array:
            values = []
            for weight in weights:
                more = {} if (weight == weight[0]).all() else {"sample_weight": weight}
                values.append(float(scorer(answers, rows, labels, **more)))
            return np.array(values)

        return apply

    return Metric(name, name, higher_is_better=True, prepare=prepare, words=f"scikit-learn's scorer {name}")


def _answers(prediction: Array, kind: Kind, classes: Array, threshold: float) -> Any:
    """Make an estimator that has been asked already."""
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    if kind == "regression":

        class Values(RegressorMixin, BaseEstimator):  # type: ignore[misc]
            def predict(self, X: Any) -> Array:
                return prediction

            def __sklearn_is_fitted__(self) -> bool:
                return True

        return Values()
    probabilities = prediction if prediction.ndim == 2 else np.stack([1 - prediction, prediction], axis=1)

    class Classes(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        classes_ = classes

        def predict(self, X: Any) -> Array:
            if len(classes) == 2:
                return np.asarray(classes[(probabilities[:, 1] >= threshold).astype(int)])
            return np.asarray(classes[probabilities.argmax(axis=1)])

        def predict_proba(self, X: Any) -> Array:
            return probabilities

        def __sklearn_is_fitted__(self) -> bool:
            return True

    return Classes()
