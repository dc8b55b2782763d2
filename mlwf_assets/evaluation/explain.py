"""Why did the model say that: a few telling rows, each with what moved its prediction.

A feature's value is replaced by those of other rows, and the mean change of the ensemble's own prediction is
shown, in its own unit; changes of several features do not add up, for they depend on each other. Where a
member splits its predictions into contributions, these say which features are worth asking about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.evaluation.probing import Predict, Probe, ask
from mlwf_assets.models.metrics import Array
from mlwf_assets.models.truth import Truth

SHOWN = 6
_ASKED = 12


@dataclass(frozen=True)
class Contribution:
    """What one feature's value did to one prediction.

    Attributes:
        value: the feature's value in this row.
        amount: the prediction minus what it is on average with the values of other rows.
    """

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
        contributions: the largest first.
    """

    why: str
    row: dict[str, str]
    predicted: float
    said: str
    actual: str
    right: bool | None
    contributions: tuple[Contribution, ...]


def pick_rows(truth: Truth, p: Array, *, threshold: float, at_most: int) -> list[tuple[str, int]]:
    """Pick telling rows, with the reason why each is picked; no row twice.

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


def asked_features(names: Sequence[str], contributions: Array | None, rows: int) -> list[list[str]]:
    """Choose, for each row, the features that are worth asking about.

    Args:
        names: all features.
        contributions: (rows, features) of a member that can tell; None: all are asked about.
        rows: how many rows.
    Example:
        >>> asked_features(["a", "b"], None, 1)
        [['a', 'b']]
    """
    if contributions is None:
        return [list(names)] * rows
    order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :_ASKED]
    return [[names[int(i)] for i in one] for one in order]


def replace_and_compare(
    predict: Predict, frame: pd.DataFrame, background: pd.DataFrame, asked: Sequence[Sequence[str]]
) -> list[dict[str, float]]:
    """Measure how the prediction changes when a feature's value is replaced by those of background rows.

    Args:
        predict: the model.
        frame: (n, features) rows to be explained.
        background: (b, features) other rows.
        asked: for each row, the features to replace, one at a time.

    Returns:
        Per row, feature -> prediction as it is minus the mean with the feature replaced; for several classes,
        of the class that is predicted.
    Example:
        >>> frame, background = pd.DataFrame({"a": [5.0]}), pd.DataFrame({"a": [1.0, 3.0]})
        >>> replace_and_compare(lambda f: f["a"].to_numpy(), frame, background, [["a"]])
        [{'a': 3.0}]
    """
    size = len(background)
    probes = [Probe(np.arange(len(frame)), {})]
    for i, names in enumerate(asked):
        probes += [Probe(np.full(size, i), {name: background[name].to_numpy()}) for name in names]
    as_is, *changed = ask(predict, frame, probes)
    answers = iter(changed)
    amounts = []
    for now, names in zip(as_is, asked, strict=True):
        chosen = int(np.argmax(now))
        means = {name: next(answers).reshape(size, -1)[:, chosen].mean() for name in names}
        amounts.append({name: float(np.max(now) - mean) for name, mean in means.items()})
    return amounts


def show_value(value: Any, kind: str = "numeric") -> str:
    """Show a feature's value to people.

    Example:
        >>> show_value(3.0), show_value(float("nan")), show_value(0.123456), show_value(24512.3)
        ('3', 'missing', '0.123', '24,512')
        >>> show_value("EV", "categorical"), show_value(1.0, "boolean")
        ('EV', 'yes')
    """
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "missing"
    if kind == "boolean":
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        number = float(value)
        text = f"{number:,.0f}" if number.is_integer() or abs(number) >= 1000 else f"{number:.3g}"
        return text.replace("-", "−")
    return str(value)


def largest_contributions(
    features: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any], amounts: Mapping[str, float]
) -> tuple[Contribution, ...]:
    """Show the few largest contributions of one row.

    Args:
        features: name -> words and kind.
        values: the row's values by feature.
        amounts: by feature.
    """
    largest = sorted(amounts, key=lambda name: (-abs(amounts[name]), name))[:SHOWN]
    return tuple(
        Contribution(
            name, features[name].get("words") or name, show_value(values[name], features[name]["kind"]), amounts[name]
        )
        for name in largest
        if amounts[name] != 0
    )


def explain_row(
    why: str,
    row: Mapping[str, str],
    *,
    truth: Truth,
    position: int,
    p: Array,
    threshold: float,
    contributions: tuple[Contribution, ...],
) -> Explanation:
    """Put the explanation of one row together.

    Args:
        why: why it was picked.
        row: what names it.
        truth: the labels.
        position: of the row among truth and p.
        p: all predictions.
        threshold: of a binary decision.
        contributions: of `largest_contributions`.
    """
    label = truth.y[position]
    if truth.kind == "regression":
        return Explanation(why, dict(row), float(p[position]), "", show_value(float(label)), None, contributions)
    if truth.kind == "binary":
        said, predicted = int(p[position] >= threshold), float(p[position])
    else:
        said = int(p[position].argmax())
        predicted = float(p[position][said])
    words = truth.words
    return Explanation(why, dict(row), predicted, words[said], words[int(label)], said == int(label), contributions)
