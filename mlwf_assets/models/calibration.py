"""Do probabilities mean what they say? Where they do not, a line on the scale of log-odds brings them there.

Platt's scaling for two classes, a temperature for more; both keep the order of predictions (of rows, or of a
row's classes), so that ROC AUC and the predicted class stay as they are. Whether it is worth it is judged on
folds that it was not fitted on. Sources: Platt (1999); Guo and others (2017).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from mlwf_assets.models.metrics import Array, find_metric
from mlwf_assets.spec.names import Kind

_LEAST = 1e-9
# A calibration that gains less than this share of the log loss is not worth another step.
_LEAST_GAIN = 1e-3


@dataclass(frozen=True)
class Calibration:
    """A line on the scale of log-odds; of several classes the slope is an inverse temperature.

    Example:
        >>> Calibration(2.0, 0.0).apply(np.array([0.5, 0.8]), "binary").round(3).tolist()
        [0.5, 0.941]
    """

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, p: Array, kind: Kind) -> Array:
        """Calibrate predictions; values of a regression stay as they are."""
        if kind == "regression" or (self.slope, self.intercept) == (1.0, 0.0):
            return p
        q = np.clip(p, _LEAST, 1 - _LEAST)
        if kind == "binary":
            return np.asarray(special.expit(self.slope * special.logit(q) + self.intercept))
        powers = q**self.slope
        total = np.zeros(len(powers))
        for k in range(powers.shape[1]):  # column by column: sums must not depend on the number of rows
            total = total + powers[:, k]
        return np.asarray(powers / total[:, None])


Way = Callable[[Array, Array, Kind], Calibration]


def choose_way(p: Array, y: Array, parts: Array, *, kind: Kind) -> Way:
    """Choose the way of calibrating that does best on parts that it was not fitted on.

    Args:
        p: (n,) or (n, classes) out-of-fold predictions.
        y: (n,) 0/1 or class number.
        parts: (n,) the fold of each row.
        kind: of the problem.

    Returns:
        A function that fits a calibration to predictions and labels; the identity where nothing is gained.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> truth = rng.random(3000)
        >>> y, parts = (rng.random(3000) < truth) * 1.0, np.arange(3000) % 3
        >>> choose_way(truth, y, parts, kind="binary")(truth, y, "binary")
        Calibration(slope=1.0, intercept=0.0)
        >>> choose_way(truth**2, y, parts, kind="binary")(truth**2, y, "binary").slope < 0.9
        True
    """
    if kind == "regression":
        return leave_alone
    ways = (fit_temperature, fit_line) if kind == "binary" else (fit_temperature,)
    losses = [_judge(way, p, y, parts, kind) for way in ways]
    best = int(np.argmin(losses))
    return ways[best] if losses[best] < (1 - _LEAST_GAIN) * _loss(p, y, kind) else leave_alone


def leave_alone(p: Array, y: Array, kind: Kind) -> Calibration:
    """Change nothing."""
    return Calibration()


def _judge(way: Way, p: Array, y: Array, parts: Array, kind: Kind) -> float:
    """The log loss where each part is calibrated by what the others say."""
    calibrated = p.copy()
    for part in np.unique(parts):
        here = parts == part
        if len(np.unique(y[~here])) < 2:
            return np.inf
        calibrated[here] = way(p[~here], y[~here], kind).apply(p[here], kind)
    return _loss(calibrated, y, kind)


def _loss(p: Array, y: Array, kind: Kind) -> float:
    return float(find_metric("log_loss", kind).prepare(y, p, 0.5)(np.ones((1, len(y))))[0])


def fit_temperature(p: Array, y: Array, kind: Kind) -> Calibration:
    """Fit the slope alone."""

    def loss(log_slope: float) -> float:
        return _loss(Calibration(float(np.exp(log_slope)), 0.0).apply(p, kind), y, kind)

    found = optimize.minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded", options={"xatol": 1e-4})
    return Calibration(float(np.exp(found.x)), 0.0)


def fit_line(p: Array, y: Array, kind: Kind) -> Calibration:
    """Fit slope and intercept, by maximum likelihood on the log-odds."""
    x = special.logit(np.clip(p, _LEAST, 1 - _LEAST))

    def loss(w: Array) -> tuple[float, Array]:
        outputs = w[0] * x + w[1]
        residual = special.expit(outputs) - y
        value = float(np.mean(np.logaddexp(0, outputs) - y * outputs))
        return value, np.array([np.mean(residual * x), np.mean(residual)])

    found = optimize.minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS", options={"gtol": 1e-7})
    slope, intercept = float(found.x[0]), float(found.x[1])
    # A falling line would turn the order of the rows around.
    return Calibration(slope, intercept) if slope > 0 else Calibration()


def choose_threshold(*, false_positive: float, false_negative: float) -> float:
    """From which probability on an alarm costs less than silence.

    Source: Elkan (2001).

    Example:
        >>> choose_threshold(false_positive=1, false_negative=3)
        0.25
    """
    total = false_positive + false_negative
    return false_positive / total if total > 0 else 0.5
