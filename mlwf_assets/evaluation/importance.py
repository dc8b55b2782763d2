"""What the model looks at: how much worse the predictions get when one feature's values are shuffled.

Permutation importance of the whole ensemble on a sample of test rows (Breiman, 2001; as scikit-learn's),
so it works for any family. Where a member can split its predictions into contributions, these choose the
candidates and tell the direction. Single predictions are explained in `explain.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.evaluation.bootstrap import plain_value
from mlwf_assets.models.metrics import Array, Metric
from mlwf_assets.evaluation.truth import Truth

Predict = Callable[[pd.DataFrame], Array]


@dataclass(frozen=True)
class Importance:
    """How much one feature matters.

    Attributes:
        drop: how much worse the metric gets without the feature's order, mean over repeats.
        low, high: the smallest and largest drop of the repeats.
        direction: "up" where higher values raise the prediction, "down", or "" where it is neither.
    """

    name: str
    words: str
    kind: str
    drop: float
    low: float
    high: float
    direction: str = ""


def permutation_importance(
    predict: Predict,
    frame: pd.DataFrame,
    truth: Truth,
    *,
    features: Sequence[Mapping[str, Any]],
    metric: Metric,
    threshold: float = 0.5,
    repeats: int = 3,
    seed: int = 0,
) -> tuple[Importance, ...]:
    """Shuffle each feature in turn; the most important first.

    Args:
        frame: (n, all features) rows of a sample; other columns than the shuffled one stay as they are.
        truth: the labels of the same rows.
        features: those to be shuffled: name, words, kind.
    Example:
        >>> frame = pd.DataFrame({"a": [0.0, 1.0] * 20, "b": [0.0] * 40})
        >>> from mlwf_assets.models.metrics import find_metric
        >>> found = permutation_importance(lambda f: f["a"].to_numpy(), frame,
        ...     Truth("binary", frame["a"].to_numpy()), metric=find_metric("roc_auc"),
        ...     features=[{"name": n, "words": n, "kind": "numeric"} for n in "ab"])
        >>> [(i.name, i.drop > 0) for i in found]
        [('a', True), ('b', False)]
    """
    sign = 1 if metric.higher_is_better else -1
    whole = plain_value(metric, truth.y, predict(frame), threshold=threshold)
    rng = np.random.default_rng(seed)
    found = []
    for feature in features:
        stacked = pd.concat([frame] * repeats, ignore_index=True)
        orders = [rng.permutation(len(frame)) for _ in range(repeats)]
        shuffled = pd.concat([frame[feature["name"]].take(order) for order in orders], ignore_index=True)
        stacked[feature["name"]] = shuffled
        said = np.split(predict(stacked), repeats)
        drops = [sign * (whole - plain_value(metric, truth.y, p, threshold=threshold)) for p in said]
        found.append(
            Importance(
                name=feature["name"],
                words=feature.get("words") or feature["name"],
                kind=feature["kind"],
                drop=float(np.mean(drops)),
                low=float(np.min(drops)),
                high=float(np.max(drops)),
            )
        )
    return tuple(sorted(found, key=lambda i: (-i.drop, i.name)))


def choose_candidates(
    features: Sequence[Mapping[str, Any]], contributions: Array | None, *, at_most: int = 30
) -> list[Mapping[str, Any]]:
    """The features worth shuffling: those with the largest mean absolute contribution, else all.

    Args:
        contributions: (rows, features), in the features' order; None where no member can tell.
    Example:
        >>> choose_candidates([{"name": "a"}, {"name": "b"}], np.array([[0.1, -3.0]]), at_most=1)
        [{'name': 'b'}]
    """
    if contributions is None or len(features) <= at_most:
        return list(features)
    size = np.abs(contributions).mean(axis=0)
    order = np.argsort(-size, kind="stable")[:at_most]
    return [features[int(i)] for i in order]


def direction_of(values: Array, contributions: Array) -> str:
    """Whether high values of a feature push the prediction up or down; "" where neither is clear.

    Example:
        >>> direction_of(np.arange(30.0), np.arange(30.0) ** 2)
        'up'
    """
    usable = np.isfinite(values)
    if usable.sum() < 20 or len(np.unique(values[usable])) < 2 or np.ptp(contributions[usable]) == 0:
        return ""
    ranks = pd.Series(values[usable]).rank().to_numpy(), pd.Series(contributions[usable]).rank().to_numpy()
    agreement = float(np.corrcoef(*ranks)[0, 1])
    if abs(agreement) < 0.5:
        return ""
    return "up" if agreement > 0 else "down"
