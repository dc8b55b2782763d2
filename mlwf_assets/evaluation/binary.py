"""All that the report shows of a binary problem alone: curves, calibration, the decision and what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mlwf_assets.evaluation.calibration import ReliabilityBin, reliability
from mlwf_assets.evaluation.curves import (
    Curve,
    Decision,
    Histogram,
    cost_curve,
    decide,
    gain_at,
    gain_curve,
    precision_recall_curve,
    roc_curve,
    score_histogram,
)
from mlwf_assets.models.metrics import Array
from mlwf_assets.models.truth import ENSEMBLE, PROCESS_TODAY, Truth, is_probability
from mlwf_assets.spec.outputs import Costs

_DRAWN = (ENSEMBLE, PROCESS_TODAY)
_MARKS = (0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class GainMark:
    """What one finds by looking at the highest scores first.

    Attributes:
        share: of the rows, those with the highest scores.
        found: share of the positives among them.
        found_today: the same by the scores of the process of today; nan without a rule.
    """

    share: float
    found: float
    found_today: float


@dataclass(frozen=True)
class BinaryView:
    """What is shown of a binary problem.

    Attributes:
        roc, precision_recall, gain: model -> curve; the ensemble, and the process of today where it has a rule.
        marks: points of the gain curve.
        scores: the ensemble's scores on negatives and on positives, over the same bins.
        reliability: predicted against observed frequency.
        mean_predicted, mean_observed: on all rows.
        decision: at the threshold.
        decision_today: of the process of today at the same threshold, where its scores are probabilities.
        cost: threshold against the cost of 1,000 decisions.
    """

    roc: dict[str, Curve]
    precision_recall: dict[str, Curve]
    gain: dict[str, Curve]
    marks: tuple[GainMark, ...]
    scores: tuple[Histogram, Histogram]
    reliability: tuple[ReliabilityBin, ...]
    mean_predicted: float
    mean_observed: float
    decision: Decision
    decision_today: Decision | None
    cost: Curve


def view_binary(truth: Truth, said: Mapping[str, Array], *, threshold: float, costs: Costs) -> BinaryView:
    """Compute what is shown.

    Args:
        truth: the labels of the test rows.
        said: model -> (n,) scores; the ensemble's are probabilities.
        threshold: from which on an alarm is raised.
        costs: of a false alarm and of a miss.
    Example:
        >>> truth = Truth("binary", np.array([0.0, 1.0]))
        >>> view_binary(truth, {"ensemble": np.array([0.2, 0.9])}, threshold=0.5, costs=Costs()).decision.true_positive
        1
    """
    y, p, today = truth.y, said[ENSEMBLE], said.get(PROCESS_TODAY)
    drawn = {name: said[name] for name in _DRAWN if name in said}
    price = {"false_positive": costs.false_positive, "false_negative": costs.false_negative}
    return BinaryView(
        roc={name: roc_curve(y, scores) for name, scores in drawn.items()},
        precision_recall={name: precision_recall_curve(y, scores) for name, scores in drawn.items()},
        gain={name: gain_curve(y, scores) for name, scores in drawn.items()},
        marks=tuple(
            GainMark(share, gain_at(y, p, share), gain_at(y, today, share) if today is not None else float("nan"))
            for share in _MARKS
        ),
        scores=(_histogram(p[y <= 0]), _histogram(p[y > 0])),
        reliability=reliability(y, p),
        mean_predicted=float(np.mean(p)),
        mean_observed=float(np.mean(y)),
        decision=decide(y, p, threshold=threshold, **price),
        decision_today=(
            decide(y, today, threshold=threshold, **price) if today is not None and is_probability(today) else None
        ),
        cost=cost_curve(y, p, **price),
    )


def _histogram(p: Array) -> Histogram:
    return score_histogram(p, low=0, high=1)
