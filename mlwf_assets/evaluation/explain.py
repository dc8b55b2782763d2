"""Why did the model say that: a few telling rows, each with what moved its prediction.

Where a member gives contributions (LightGBM's `pred_contrib`, which equal SHAP's TreeExplainer: Lundberg
and others, 2020), they are shown in that member's unit, log-odds for classes. Otherwise each feature is
replaced by those of some training rows and the mean change of the ensemble's own prediction is shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.evaluation.importance import Predict
from mlwf_assets.models.metrics import Array
from mlwf_assets.evaluation.truth import Truth

_SHOWN = 7


@dataclass(frozen=True)
class Contribution:
    """What one feature's value did to one prediction."""

    name: str
    words: str
    value: str
    amount: float


@dataclass(frozen=True)
class Explanation:
    """One explained prediction.

    Attributes:
        why: why this row was picked.
        row: key columns and time, as text.
        predicted: probability of the positive class, of the predicted class, or the value.
        said: the decision or predicted class in words; "" for regression.
        actual: what happened, in words.
        right: whether the decision was right; None for regression.
        rest: what all features that are not listed did together.
    """

    why: str
    row: dict[str, str]
    predicted: float
    said: str
    actual: str
    right: bool | None
    contributions: tuple[Contribution, ...]
    rest: float


def pick_rows(truth: Truth, p: Array, *, threshold: float, at_most: int) -> list[tuple[str, int]]:
    """Telling rows with the reason why each is picked; no row twice.

    Example:
        >>> pick_rows(Truth("regression", np.array([1.0, 2.0])), np.array([1.0, 5.0]), threshold=0, at_most=1)
        [('The highest prediction', 1)]
    """
    if not len(p):
        return []
    wanted = {"binary": _pick_binary, "multiclass": _pick_multiclass, "regression": _pick_regression}
    picked: dict[int, str] = {}
    for why, order in wanted[truth.kind](truth, p, threshold):
        for i in order:
            if int(i) not in picked:
                picked[int(i)] = why
                break
    return [(why, row) for row, why in picked.items()][:at_most]


def _pick_binary(truth: Truth, p: Array, threshold: float) -> list[tuple[str, Array]]:
    up, positive = np.argsort(p, kind="stable"), truth.y > 0
    down = np.argsort(-p, kind="stable")
    return [
        ("The highest score", down),
        ("The lowest score", up),
        ("A borderline case", np.argsort(np.abs(p - threshold), kind="stable")),
        ("The most confident false alarm", down[~positive[down] & (p[down] >= threshold)]),
        ("The most surprising miss", up[positive[up] & (p[up] < threshold)]),
        ("An average case", np.argsort(np.abs(p - np.median(p)), kind="stable")),
    ]


def _pick_multiclass(truth: Truth, p: Array, threshold: float) -> list[tuple[str, Array]]:
    sure = p.max(axis=1)
    right = p.argmax(axis=1) == truth.y
    down, ordered = np.argsort(-sure, kind="stable"), np.sort(p, axis=1)
    margin = ordered[:, -1] - ordered[:, -2] if p.shape[1] > 1 else sure
    return [
        ("The most certain prediction", down),
        ("The most certain mistake", down[~right[down]]),
        ("The least certain prediction", np.argsort(margin, kind="stable")),
        ("An average case", np.argsort(np.abs(sure - np.median(sure)), kind="stable")),
    ]


def _pick_regression(truth: Truth, p: Array, threshold: float) -> list[tuple[str, Array]]:
    error = p - truth.y
    return [
        ("The highest prediction", np.argsort(-p, kind="stable")),
        ("The lowest prediction", np.argsort(p, kind="stable")),
        ("The largest overestimate", np.argsort(-error, kind="stable")),
        ("The largest underestimate", np.argsort(error, kind="stable")),
        ("An average case", np.argsort(np.abs(p - np.median(p)), kind="stable")),
    ]


def replace_and_compare(
    predict: Predict, frame: pd.DataFrame, background: pd.DataFrame, names: Sequence[str]
) -> Array:
    """How the prediction changes when a feature's value is replaced by those of background rows.

    Args:
        frame: (n, features) rows to be explained.
        background: (b, features) training rows.
    Returns:
        (n, features): prediction as it is minus the mean with the feature replaced; for several classes,
        of the class that is predicted.
    Example:
        >>> frame, background = pd.DataFrame({"a": [5.0]}), pd.DataFrame({"a": [1.0, 3.0]})
        >>> replace_and_compare(lambda f: f["a"].to_numpy(), frame, background, ["a"]).tolist()
        [[3.0]]
    """
    as_is = predict(frame)
    amounts = np.zeros((len(frame), len(names)))
    for i in range(len(frame)):
        row = pd.concat([frame.iloc[[i]]] * (len(background) * len(names)), ignore_index=True)
        for j, name in enumerate(names):
            column = row[name].copy()
            here = slice(j * len(background), (j + 1) * len(background))
            column.iloc[here] = background[name].to_numpy()
            row[name] = column
        changed = predict(row).reshape(len(names), len(background), -1)
        k = int(as_is[i].argmax()) if as_is.ndim > 1 else 0
        now = as_is[i][k] if as_is.ndim > 1 else as_is[i]
        amounts[i] = now - changed[:, :, k].mean(axis=1)
    return amounts


def show_value(value: Any) -> str:
    """A feature's value for people.

    Example:
        >>> show_value(3.0), show_value(float("nan")), show_value("EV"), show_value(0.123456)
        ('3', 'missing', 'EV', '0.123')
    """
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "missing"
    if isinstance(value, float | np.floating):
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:.3g}"
    return str(value)


def largest_contributions(
    features: Sequence[Mapping[str, Any]], values: Mapping[str, Any], amounts: Array
) -> tuple[tuple[Contribution, ...], float]:
    """The few largest contributions of one row, and the sum of the others.

    Args:
        features: name and words, in the order of `amounts`.
        values: the row's values by feature.
        amounts: (features,).
    """
    order = np.argsort(-np.abs(amounts), kind="stable")
    shown = [int(i) for i in order[:_SHOWN] if amounts[i] != 0]
    listed = tuple(
        Contribution(
            name=features[i]["name"],
            words=features[i].get("words") or features[i]["name"],
            value=show_value(values[features[i]["name"]]),
            amount=float(amounts[i]),
        )
        for i in shown
    )
    return listed, float(amounts.sum() - sum(c.amount for c in listed))


def explain_row(
    why: str,
    row: Mapping[str, str],
    *,
    truth: Truth,
    position: int,
    p: Array,
    threshold: float,
    listed: tuple[Contribution, ...],
    rest: float,
) -> Explanation:
    """Put the explanation of one row together.

    Args:
        position: of the row among truth and p.
        listed, rest: of `largest_contributions`.
    """
    label = truth.y[position]
    if truth.kind == "regression":
        return Explanation(why, dict(row), float(p[position]), "", f"{label:,.4g}", None, listed, rest)
    if truth.kind == "binary":
        said, predicted = int(p[position] >= threshold), float(p[position])
    else:
        said = int(p[position].argmax())
        predicted = float(p[position][said])
    words = truth.words
    return Explanation(
        why, dict(row), predicted, words[said], words[int(label)], said == int(label), listed, rest
    )
