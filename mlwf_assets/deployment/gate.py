"""The gate: may this model replace the one that stands?

Two conditions, `project.success` and, where a champion stands, not being worse than it; the answer is in
words, for it is shown to people. No MLflow and no models here: numbers in, a decision out.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mlwf_assets.evaluation.bootstrap import Interval
from mlwf_assets.spec.project import Success


@dataclass(frozen=True)
class Comparison:
    """The new model against the champion on the same test rows.

    Attributes:
        champion: how people call it, e.g. 'flight-on-time version 3'.
        metric: what both were judged by.
        higher_is_better: the metric's direction.
        difference: the metric of the new model minus that of the champion; None if it could not be told.
        obstacle: in words, why it could not be told.
        same: whether the champion is this very model.
    """

    champion: str
    metric: str
    higher_is_better: bool
    difference: Interval | None = None
    obstacle: str = ""
    same: bool = False


@dataclass(frozen=True)
class Decision:
    """Whether a model may be deployed, with a sentence per condition."""

    passed: bool
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.reasons)


def decide(success: Success | None, metrics: Mapping[str, float], comparison: Comparison | None = None) -> Decision:
    """Judge a model.

    Args:
        success: the condition of the workflow file; None: every model is good enough.
        metrics: name -> value, on the rows that `success` names.
        comparison: with the champion; None where none stands. A champion that cannot be scored any more
            (other columns, lost files) does not block: else it could never be replaced.

    Example:
        >>> bound = Success(metric="roc_auc", comparison=">=", bound=0.7)
        >>> decide(bound, {"roc_auc": 0.74}).passed
        True
        >>> print(decide(bound, {"roc_auc": 0.61}))
        roc_auc on test is 0.61, but roc_auc >= 0.7 on test is required. There is no champion yet.
    """
    verdicts = [_judge_success(success, metrics), _judge_comparison(comparison)]
    return Decision(all(passed for passed, _ in verdicts), tuple(words for _, words in verdicts))


def _judge_success(success: Success | None, metrics: Mapping[str, float]) -> tuple[bool, str]:
    if success is None:
        return True, "The workflow states no condition for success."
    value = metrics.get(success.metric)
    if value is None:
        known = ", ".join(sorted(metrics)) or "none"
        return False, f"{success} is required, but {success.metric} was not computed (known: {known})."
    if math.isnan(value):
        return False, f"{success} is required, but {success.metric} is undefined on these rows (nan)."
    is_value = f"{success.metric} on {success.split} is {value:.4g}"
    if success.holds(value):
        return True, f"{is_value}, as required ({success})."
    return False, f"{is_value}, but {success} is required."


def _judge_comparison(comparison: Comparison | None) -> tuple[bool, str]:
    if comparison is None:
        return True, "There is no champion yet."
    if comparison.same:
        return True, f"The champion, {comparison.champion}, is this very model."
    if comparison.difference is None or math.isnan(comparison.difference.value):
        why = comparison.obstacle or "the difference is undefined on these rows"
        return True, f"The champion, {comparison.champion}, could not be compared: {why}. It does not block."
    return _judge_gain(comparison, _gain(comparison.difference, higher_is_better=comparison.higher_is_better))


def _judge_gain(comparison: Comparison, gain: Interval) -> tuple[bool, str]:
    champion = comparison.champion
    by = f"by {abs(gain.value):.4g} {comparison.metric} (95 % interval of the gain: {gain.low:.4g} to {gain.high:.4g})"
    if gain.high < 0:
        return False, f"The champion, {champion}, is better {by} on the same rows."
    if gain.value < 0:
        return True, f"It is behind the champion, {champion}, {by}: within the uncertainty."
    if gain.value == 0:
        return True, f"It is level with the champion, {champion}, on the same rows."
    return True, f"It is ahead of the champion, {champion}, {by}."


def _gain(difference: Interval, *, higher_is_better: bool) -> Interval:
    """The difference turned so that more is better."""
    if higher_is_better:
        return difference
    return Interval(-difference.value, -difference.high, -difference.low)
