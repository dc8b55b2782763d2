"""What the model looks at: how much worse the predictions get when the values of a feature are shuffled.

Permutation importance of the whole ensemble on a sample of test rows (Breiman, 2001), so it works for any
family. Features that say nearly the same stand in for each other, so all features of a table are shuffled
together as well. In which direction a feature pulls is `effects.py`'s, single predictions `explain.py`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.evaluation.bootstrap import distribution, draw_counts, percentile_interval, plain_value
from mlwf_assets.evaluation.probing import Predict, Probe, ask
from mlwf_assets.models.metrics import Array, Metric
from mlwf_assets.models.truth import Truth

CANDIDATES = 20
_LOOK_CELLS = 60_000


@dataclass(frozen=True)
class Importance:
    """How much a feature, or all features of a table, matter.

    Attributes:
        name: of the feature or the table.
        words: what it is.
        kind: numeric, boolean, categorical; or "table".
        features: how many were shuffled together.
        drop: how much worse the metric gets; positive is worse.
        low, high: its 95 % interval, from resamples of the sample's rows.
    """

    name: str
    words: str
    kind: str
    features: int
    drop: float
    low: float
    high: float


@dataclass(frozen=True)
class Group:
    """Features that are shuffled together."""

    name: str
    words: str
    kind: str
    features: tuple[str, ...]


def single_features(features: Sequence[Mapping[str, Any]]) -> list[Group]:
    """Make a group of each feature."""
    return [Group(f["name"], f.get("words") or f["name"], f["kind"], (f["name"],)) for f in features]


def tables_of(features: Sequence[Mapping[str, Any]], *, own: str) -> list[Group]:
    """Group the features by the table that they come from; none where there is only one.

    Args:
        features: name, and columns as TABLE.COLUMN.
        own: the examples' table, which every feature's way begins in.
    Example:
        >>> features = [{"name": "a", "columns": ["flights.hour"]},
        ...             {"name": "b", "columns": ["flights.plane", "planes.year"]}]
        >>> [(group.name, group.features) for group in tables_of(features, own="flights")]
        [('flights', ('a',)), ('planes', ('b',))]
    """
    found: dict[str, list[str]] = {}
    for feature in features:
        tables = {str(column).partition(".")[0] for column in feature.get("columns", ())} - {own}
        found.setdefault(" and ".join(sorted(tables)) or own, []).append(feature["name"])
    groups = [Group(name, name.replace("_", " "), "table", tuple(names)) for name, names in found.items()]
    return groups if len(groups) > 1 else []


def permutation_importance(
    predict: Predict,
    frame: pd.DataFrame,
    truth: Truth,
    *,
    groups: Sequence[Group],
    metric: Metric,
    threshold: float = 0.5,
    n: int = 100,
    seed: int = 0,
) -> tuple[Importance, ...]:
    """Shuffle each group once; the most important first.

    Args:
        predict: the model.
        frame: (n, all features) rows of a sample; other columns than the shuffled ones stay as they are.
        truth: the labels of the same rows.
        groups: what is shuffled together.
        metric: what gets worse.
        threshold: of a binary decision.
        n: resamples behind each interval.
        seed: of the shuffling and of the resamples.
    Example:
        >>> from mlwf_assets.models.metrics import find_metric
        >>> frame = pd.DataFrame({"a": [0.0, 1.0] * 20, "b": [0.0] * 40})
        >>> found = permutation_importance(lambda f: f["a"].to_numpy(), frame,
        ...     Truth("binary", frame["a"].to_numpy()), metric=find_metric("roc_auc"),
        ...     groups=single_features([{"name": n, "kind": "numeric"} for n in "ab"]))
        >>> [(i.name, i.drop > 0) for i in found]
        [('a', True), ('b', False)]
    """
    sign = 1 if metric.higher_is_better else -1
    rows, order = np.arange(len(frame)), np.random.default_rng(seed).permutation(len(frame))
    shuffled = [Probe(rows, {name: frame[name].to_numpy()[order] for name in group.features}) for group in groups]
    as_is, *changed = ask(predict, frame, [Probe(rows, {}), *shuffled])
    counts = draw_counts(len(frame), n=n, seed=seed)

    def judge(p: Array) -> tuple[float, Array]:
        draws = distribution(metric, truth.y, p, counts=counts, threshold=threshold)
        return plain_value(metric, truth.y, p, threshold=threshold), draws

    whole, whole_draws = judge(as_is)
    found = []
    for group, p in zip(groups, changed, strict=True):
        value, draws = judge(p)
        drop = percentile_interval(sign * (whole - value), sign * (whole_draws - draws))
        size = len(group.features)
        found.append(Importance(group.name, group.words, group.kind, size, drop.value, drop.low, drop.high))
    return tuple(sorted(found, key=lambda one: (-one.drop if np.isfinite(one.drop) else np.inf, one.name)))


def choose_candidates(
    features: Sequence[Mapping[str, Any]],
    contributions: Array | None,
    predict: Predict,
    frame: pd.DataFrame,
    *,
    at_most: int = CANDIDATES,
    seed: int = 0,
) -> list[Mapping[str, Any]]:
    """Choose the features worth shuffling often, where there are too many.

    Args:
        features: all of them.
        contributions: (rows, features) of a member that can tell; those with the largest are chosen. None:
            those whose shuffling changes the prediction most, on a few rows.
        predict: the model.
        frame: rows of a sample.
        at_most: how many.
        seed: of the shuffling.
    Example:
        >>> features = [{"name": "a"}, {"name": "b"}]
        >>> choose_candidates(features, np.array([[0.1, -3.0]]), len, pd.DataFrame(), at_most=1)
        [{'name': 'b'}]
    """
    if len(features) <= at_most:
        return list(features)
    if contributions is not None:
        size = np.abs(contributions).mean(axis=0)
    else:
        few = frame.head(max(20, _LOOK_CELLS // len(features)))
        order = np.random.default_rng(seed).permutation(len(few))
        rows = np.arange(len(few))
        probes = [Probe(rows, {f["name"]: few[f["name"]].to_numpy()[order]}) for f in features]
        as_is, *changed = ask(predict, few, [Probe(rows, {}), *probes])
        size = np.array([np.abs(p - as_is).mean() for p in changed])
    return [features[int(i)] for i in np.argsort(-size, kind="stable")[:at_most]]
