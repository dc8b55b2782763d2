"""All that the report shows of a regression alone: predicted against actual, and how large errors are."""

from dataclasses import dataclass

import numpy as np

from mlwf_assets.evaluation.curves import Histogram, score_histogram
from mlwf_assets.models.metrics import Array
from mlwf_assets.models.truth import Truth

_CELLS = 36
_BINS = 10
_SHARES = (0.5, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Density:
    """Rows per cell of a square grid: `counts` by actual (outer) and predicted (inner), over the same edges."""

    edges: tuple[float, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class ErrorQuantile:
    """That share of the predictions is off by at most so much."""

    share: float
    error: float


@dataclass(frozen=True)
class PredictionBin:
    """Rows with similar predictions: mean prediction, mean and middle 80 % of what happened, mean error."""

    predicted: float
    actual: float
    low: float
    high: float
    absolute_error: float
    rows: int


@dataclass(frozen=True)
class RegressionView:
    """What is shown of a regression.

    Attributes:
        density: predicted against actual.
        residuals: predicted minus actual; what lies outside the middle 99 % stands in the outer bins.
        quantiles: how large errors are.
        bins: by prediction, equal counts.
    """

    density: Density
    residuals: Histogram
    quantiles: tuple[ErrorQuantile, ...]
    bins: tuple[PredictionBin, ...]


def view_regression(truth: Truth, p: Array) -> RegressionView:
    """Compute what is shown.

    Args:
        truth: the values of the test rows.
        p: (n,) predictions.
    Example:
        >>> view = view_regression(Truth("regression", np.arange(10.0)), np.arange(10.0) + 1)
        >>> view.quantiles[0]
        ErrorQuantile(share=0.5, error=1.0)
    """
    residuals = p - truth.y
    size = np.abs(residuals)
    reach = max(float(np.quantile(size, 0.99)), 1e-12)
    return RegressionView(
        density=_density(truth.y, p),
        residuals=score_histogram(residuals, low=-reach, high=reach),
        quantiles=tuple(ErrorQuantile(share, float(np.quantile(size, share))) for share in _SHARES),
        bins=_bins(truth.y, p),
    )


def _density(y: Array, p: Array) -> Density:
    # The middle 99 % of both, so that one absurd value does not squeeze the picture.
    low, high = np.quantile(np.concatenate([y, p]), [0.005, 0.995])
    edges = np.linspace(low, high if high > low else low + 1, _CELLS + 1)
    counts, _, _ = np.histogram2d(np.clip(y, edges[0], edges[-1]), np.clip(p, edges[0], edges[-1]), bins=[edges, edges])
    return Density(tuple(edges.tolist()), tuple(tuple(int(v) for v in line) for line in counts))


def _bins(y: Array, p: Array) -> tuple[PredictionBin, ...]:
    cuts = np.unique(np.quantile(p, np.linspace(0, 1, _BINS + 1)[1:-1]))
    where = np.searchsorted(cuts, p, side="left")
    made = []
    for k in np.unique(where):
        actual, predicted = y[where == k], p[where == k]
        low, high = np.quantile(actual, [0.1, 0.9])
        made.append(
            PredictionBin(
                predicted=float(predicted.mean()),
                actual=float(actual.mean()),
                low=float(low),
                high=float(high),
                absolute_error=float(np.abs(predicted - actual).mean()),
                rows=len(actual),
            )
        )
    return tuple(made)
