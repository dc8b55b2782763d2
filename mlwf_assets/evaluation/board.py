"""Every model on the same test rows: the metrics of the ensemble, and all models side by side.

All intervals come from the same resamples, so that they can be compared, and the gain over the process of
today is paired.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa

from mlwf_assets.evaluation.bootstrap import Interval, distribution, interval_of, percentile_interval, plain_value
from mlwf_assets.evaluation.record import Before, Entrant, TestMetric
from mlwf_assets.models.metrics import Array, Metric, find_metric, metrics_of
from mlwf_assets.models.predictor import Predictor
from mlwf_assets.models.truth import ENSEMBLE, PROCESS_TODAY, Truth, is_probability

_UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


def measure(truth: Truth, p: Array, *, counts: Array, threshold: float) -> tuple[TestMetric, ...]:
    """Compute all metrics of one model.

    Args:
        truth: the labels.
        p: (n,) or (n, classes).
        counts: (resamples, n) of `draw_counts`.
        threshold: of a binary decision.
    """
    found = []
    for metric in metrics_of(truth.kind):
        one = interval_of(metric, truth.y, p, counts=counts, threshold=threshold)
        found.append(
            TestMetric(metric.name, metric.label, one.value, one.low, one.high, metric.higher_is_better, metric.words)
        )
    return tuple(found)


def rank(
    truth: Truth,
    said: Mapping[str, Array],
    *,
    metric: str,
    counts: Array,
    threshold: float,
    before: Mapping[str, Before],
    weights: Mapping[str, float],
) -> tuple[tuple[Entrant, ...], Interval | None]:
    """Put the models side by side, the ensemble first, the others by their test metric.

    Args:
        truth: the labels.
        said: model -> predictions.
        metric: that is shown.
        counts: (resamples, n).
        threshold: of the ensemble; others are held against it too.
        before: model -> what is known of it before the test.
        weights: member -> share in the ensemble.

    Returns:
        The models, and the gain of the ensemble over the process of today, if that has a rule.
    """
    found = find_metric(metric, truth.kind)
    values = {name: _all_values(truth, name, p, threshold) for name, p in said.items()}
    draws = {
        name: distribution(found, truth.y, p, counts=counts, threshold=threshold)
        for name, p in said.items()
        if _makes_sense(found, truth, name, p)
    }
    entrants = [
        Entrant(
            name,
            before=before.get(name, Before()),
            weight=weights.get(name, float("nan")),
            test=percentile_interval(values[name][metric], draws[name]) if name in draws else _UNKNOWN,
            values=values[name],
        )
        for name in said
    ]
    gain = None
    if PROCESS_TODAY in draws:
        difference = draws[ENSEMBLE] - draws[PROCESS_TODAY]
        gain = percentile_interval(values[ENSEMBLE][metric] - values[PROCESS_TODAY][metric], difference)
    sign = -1 if found.higher_is_better else 1

    def place(one: Entrant) -> tuple[bool, float, str]:
        value = one.test.value
        return one.name != ENSEMBLE, sign * value if np.isfinite(value) else np.inf, one.name

    return tuple(sorted(entrants, key=place)), gain


def _all_values(truth: Truth, name: str, p: Array, threshold: float) -> dict[str, float]:
    return {
        one.name: plain_value(one, truth.y, p, threshold=threshold)
        if _makes_sense(one, truth, name, p)
        else float("nan")
        for one in metrics_of(truth.kind)
    }


def _makes_sense(metric: Metric, truth: Truth, name: str, p: Array) -> bool:
    """Whether the metric can be held against this model: a rule's scores need not be probabilities."""
    if name != PROCESS_TODAY or not metric.probability:
        return True
    return truth.kind == "binary" and is_probability(p)


def validation_scores(leaderboard: pa.Table) -> dict[str, float]:
    """Read model -> score of a leaderboard of before the test: `model`, `score`."""
    models, scores = leaderboard.column("model").to_pylist(), leaderboard.column("score").to_pylist()
    return {str(m): float(s) for m, s in zip(models, scores, strict=True) if s is not None}


def read_before(leaderboard: pa.Table) -> dict[str, Before]:
    """Read a leaderboard of before the test: `model`, `words`, `score`, `spread`, `trials`."""
    unknown = float("nan")
    return {
        row["model"]: Before(
            row["words"],
            unknown if row["score"] is None else row["score"],
            unknown if row["spread"] is None else row["spread"],
            row["trials"],
        )
        for row in leaderboard.to_pylist()
    }


def predict_all(predictor: Predictor, frame: pd.DataFrame) -> dict[str, Array]:
    """Predict with each member, and with the ensemble from what they said: each is asked once."""
    said = {name: np.asarray(member.predict(frame), dtype=float) for name, member in predictor.members.items()}
    return {ENSEMBLE: predictor.blend(said), **said}
