"""Regularized linear models: logistic, multinomial, ridge; trained by L-BFGS on a ridge penalty.

Numbers are brought to one scale, and may be cut into bins whose steps are learned as well, which lets a
linear model bend; categories, gaps and bins are levels, each with a weight of its own. How a frame becomes
columns and levels stands in `linear_columns.py`. Predictions are summed column by column with exactly rounded
operations, so that a row's bits do not depend on its neighbours. Source of the solver: Liu and Nocedal (1989).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from scipy import special

from mlwf_assets.models.families.base import Context, Family, Fitted, Params, Problem, Rows, Stopped
from mlwf_assets.models.families.linear_columns import Columns, Encoded, learn_columns
from mlwf_assets.models.families.links import softmax
from mlwf_assets.models.metrics import Array
from mlwf_assets.spec.names import Kind

if TYPE_CHECKING:
    import optuna

_FILE = "linear.json"
_STEPS = 150
_GRADIENT = 1e-5
# The loss is followed to its minimum where that is cheap; on many rows what is gained late is never seen again.
_PATIENT_ROWS = 20_000
_LEAST_GAIN, _LEAST_GAIN_PATIENT = 1e-6, 1e-9


@dataclass(frozen=True)
class _Weights:
    """What is learned, per output.

    Attributes:
        intercept: (outputs,).
        dense: (dense columns, outputs).
        levels: (levels of all columns, outputs).
    """

    intercept: Array
    dense: Array
    levels: Array


class FittedLinear(Fitted):
    """A trained linear model.

    Args:
        kind: of the problem.
        columns: how a frame becomes columns and levels.
        weights: what was learned.
        centre: (features,) mean contribution of each feature over the training rows; empty for many classes.
    """

    def __init__(self, kind: Kind, columns: Columns, weights: _Weights, centre: Array) -> None:
        self._kind = kind
        self._columns = columns
        self._weights = weights
        self._centre = centre

    def predict(self, frame: pd.DataFrame) -> Array:
        """Predict rows."""
        encoded, weights = self._columns.encode(frame), self._weights
        outputs = [self._score(encoded, weights, k) for k in range(len(weights.intercept))]
        if self._kind == "regression":
            return outputs[0]
        if self._kind == "binary":
            return np.asarray(special.expit(outputs[0]))
        return softmax(outputs)

    def _score(self, encoded: Encoded, weights: _Weights, k: int) -> Array:
        score = np.full(encoded.rows, weights.intercept[k])
        for j, values in enumerate(encoded.dense):
            score += values * weights.dense[j, k]
        for codes in encoded.codes:
            score += weights.levels[codes, k]
        return score

    def save(self, folder: Path) -> None:
        """Write one JSON file."""
        state = {
            "kind": self._kind,
            "columns": self._columns.to_json(),
            "intercept": self._weights.intercept.tolist(),
            "dense": self._weights.dense.tolist(),
            "levels": self._weights.levels.tolist(),
            "centre": self._centre.tolist(),
        }
        (folder / _FILE).write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    def contributions(self, frame: pd.DataFrame) -> Array | None:
        """Split the score into what each feature adds to what it adds on average."""
        if self._kind == "multiclass":
            return None
        return _contributions(self._columns, self._columns.encode(frame), self._weights) - self._centre


def _contributions(columns: Columns, encoded: Encoded, weights: _Weights) -> Array:
    amounts = np.zeros((encoded.rows, columns.features))
    for j, values in enumerate(encoded.dense):
        amounts[:, columns.dense_features[j]] += values * weights.dense[j, 0]
    for j, codes in enumerate(encoded.codes):
        amounts[:, columns.code_features[j]] += weights.levels[codes, 0]
    return amounts


class Linear(Family):
    """Linear models with a ridge penalty."""

    name: ClassVar[str] = "linear"
    distributions: ClassVar[tuple[str, ...]] = ("numpy", "scipy", "pandas")

    def defaults(self, problem: Problem, *, rows: int) -> Sequence[Params]:
        """Return a bent, a straight and a strongly regularized model."""
        bins, penalty = (8 if rows < 2000 else 16), float(np.clip(rows / 500, 1.0, 300.0))
        return [
            {"penalty": penalty, "bins": bins, "scale": "quantile"},
            {"penalty": penalty, "bins": 0, "scale": "robust"},
            {"penalty": 10 * penalty, "bins": bins, "scale": "robust"},
        ]

    def suggest(self, trial: "optuna.trial.BaseTrial", problem: Problem, *, rows: int) -> Params:
        """Draw a penalty, a number of bins and a scale."""
        return {
            "penalty": trial.suggest_float("penalty", 1e-2, 1e4, log=True),
            "bins": trial.suggest_categorical("bins", [0, 8, 16, 32]),
            "scale": trial.suggest_categorical("scale", ["robust", "quantile"]),
        }

    def fit(
        self, params: Params, train: Rows, valid: Rows | None, *, problem: Problem, context: Context, rounds: int | None
    ) -> FittedLinear:
        """Minimize the mean loss plus penalty / (2 n) times the squared weights; there are no rounds."""
        columns, encoded = _encode(params, train, problem)
        target, shift, scale = _target(train.y, problem)
        design = _Design(encoded, columns.levels)
        penalty = float(params["penalty"]) / max(1, len(train.y))
        weights = _minimize(design, target, _shares(train), penalty, problem.kind, context)
        weights = _Weights(weights.intercept * scale + shift, weights.dense * scale, weights.levels * scale)
        centre = np.empty(0)
        if problem.kind != "multiclass":
            centre = _contributions(columns, encoded, weights).mean(axis=0)
        return FittedLinear(problem.kind, columns, weights, centre)

    def load(self, folder: Path) -> FittedLinear:
        """Load what `FittedLinear.save` wrote."""
        state = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        columns = Columns.from_json(state["columns"])
        outputs = len(state["intercept"])
        weights = _Weights(
            np.asarray(state["intercept"], dtype=float),
            np.asarray(state["dense"], dtype=float).reshape(-1, outputs),
            np.asarray(state["levels"], dtype=float).reshape(-1, outputs),
        )
        return FittedLinear(state["kind"], columns, weights, np.asarray(state["centre"], dtype=float))


def _encode(params: Params, train: Rows, problem: Problem) -> tuple[Columns, Encoded]:
    made = ("linear", params["scale"], int(params["bins"]))
    if made not in train.memo:
        columns = learn_columns(train.frame, problem, scale=str(params["scale"]), bins=int(params["bins"]))
        train.memo[made] = columns, columns.encode(train.frame)
    found: tuple[Columns, Encoded] = train.memo[made]
    return found


def _target(y: Array, problem: Problem) -> tuple[Array, float, float]:
    """(n, outputs) what the outputs should be; shift and scale that lead back to the label's unit."""
    if problem.kind == "multiclass":
        return np.eye(problem.classes)[y.astype(int)], 0.0, 1.0
    if problem.kind == "binary":
        return y[:, None].astype(float), 0.0, 1.0
    shift, scale = float(y.mean()), float(y.std()) or 1.0
    return (y[:, None] - shift) / scale, shift, scale


class _Design:
    """The training rows as matrices: a dense one, and a sparse one with a 1 for each level of a row."""

    def __init__(self, encoded: Encoded, levels: int) -> None:
        from scipy import sparse

        self.rows = encoded.rows
        self.dense = np.stack(encoded.dense, axis=1) if encoded.dense else np.zeros((self.rows, 0))
        width = len(encoded.codes)
        indices = np.stack(encoded.codes, axis=1).ravel() if width else np.empty(0, np.int32)
        starts = np.arange(0, self.rows * width + 1, width) if width else np.zeros(self.rows + 1, int)
        self.sparse = sparse.csr_array((np.ones(len(indices)), indices, starts), shape=(self.rows, levels))
        self.across = self.sparse.T
        self.shape = (1 + self.dense.shape[1] + levels,)

    def outputs(self, w: Array) -> Array:
        """(n, k) scores for (p, k) weights."""
        cut = 1 + self.dense.shape[1]
        return np.asarray(w[:1] + self.dense @ w[1:cut] + self.sparse @ w[cut:])

    def gradient(self, residual: Array) -> Array:
        """(p, k) sums of (n, k) residuals over the rows of each column."""
        return np.concatenate([residual.sum(axis=0, keepdims=True), self.dense.T @ residual, self.across @ residual])

    def second_moments(self) -> Array:
        """(p,) mean square of each column: how steep the loss is along it."""
        squares = np.concatenate(
            [[self.rows], (self.dense**2).sum(axis=0), np.asarray(self.sparse.sum(axis=0)).ravel()]
        )
        return np.asarray(squares / self.rows)


def _shares(train: Rows) -> Array:
    """(n, 1) how much each row counts, 1 on average."""
    if train.weight is None:
        return np.ones((len(train.y), 1))
    return np.asarray(train.weight[:, None] / train.weight.mean())


def _minimize(design: _Design, target: Array, shares: Array, penalty: float, kind: Kind, context: Context) -> _Weights:
    from scipy import optimize
    from threadpoolctl import threadpool_limits

    k = target.shape[1]
    held = np.full((*design.shape, 1), penalty)
    held[0] = 0.0
    # Each weight is measured in units in which the loss is about equally steep, else rare levels take for ever.
    unit = 1 / np.sqrt(design.second_moments()[:, None] * (1.0 if kind == "regression" else 0.25) + held + 1e-12)
    loss = _LOSSES[kind]

    def value_and_slope(flat: Array) -> tuple[float, Array]:
        w = flat.reshape(-1, k) * unit
        value, residual = loss(design.outputs(w), target, shares)
        slope = design.gradient(residual) / design.rows + held * w
        return float(value + 0.5 * (held * w * w).sum()), (slope * unit).ravel()

    def look_up(*_: Any) -> None:
        if context.should_stop():
            raise Stopped

    start = np.zeros(design.shape[0] * k)
    gain = _LEAST_GAIN_PATIENT if design.rows <= _PATIENT_ROWS else _LEAST_GAIN
    # One thread: sparse sums have one anyway, and the rest waits for memory; so bits do not depend on cores.
    with threadpool_limits(1, user_api="blas"):
        found = optimize.minimize(
            value_and_slope, start, jac=True, method="L-BFGS-B", callback=look_up,
            options={"maxiter": _STEPS, "gtol": _GRADIENT, "ftol": gain, "maxcor": 20},
        )  # fmt: skip
    w = found.x.reshape(-1, k) * unit
    cut = 1 + design.dense.shape[1]
    return _Weights(w[0], w[1:cut], w[cut:])


def _square(outputs: Array, target: Array, shares: Array) -> tuple[float, Array]:
    residual = outputs - target
    return 0.5 * float((shares * residual**2).sum()) / len(target), shares * residual


def _logistic(outputs: Array, target: Array, shares: Array) -> tuple[float, Array]:
    value = float((shares * (np.logaddexp(0, outputs) - target * outputs)).sum()) / len(target)
    return value, shares * (special.expit(outputs) - target)


def _multinomial(outputs: Array, target: Array, shares: Array) -> tuple[float, Array]:
    logs = outputs - special.logsumexp(outputs, axis=1, keepdims=True)
    return -float((shares * target * logs).sum()) / len(target), shares * (np.exp(logs) - target)


_LOSSES: dict[str, Callable[[Array, Array, Array], tuple[float, Array]]] = {
    "regression": _square,
    "binary": _logistic,
    "multiclass": _multinomial,
}
