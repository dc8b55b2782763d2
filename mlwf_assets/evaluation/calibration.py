"""Do probabilities mean what they say: predicted against observed frequency, in bins of equal count.

Of a multiclass problem the probability of the chosen class is judged against how often it was right.
The calibration error itself is a metric (`metrics.py`, ece). Source: Niculescu-Mizil and Caruana (2005);
intervals of a frequency: Wilson (1927).
"""

from dataclasses import dataclass

import numpy as np

from mlwf_assets.models.metrics import Array


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin: mean prediction, observed frequency with its interval, rows."""

    predicted: float
    observed: float
    low: float
    high: float
    rows: int


def wilson_interval(hits: float, rows: int) -> tuple[float, float]:
    """The 95 % interval of a frequency.

    Example:
        >>> [round(v, 3) for v in wilson_interval(0, 10)]
        [0.0, 0.278]
    """
    if rows == 0:
        return 0.0, 1.0
    z2, share = 1.96**2, hits / rows
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = 1.96 * np.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2)) / (1 + z2 / rows)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def reliability(hits: Array, p: Array, *, bins: int = 12) -> tuple[ReliabilityBin, ...]:
    """Bins of equal count by predicted probability; equal predictions are never split.

    Args:
        hits: (n,) 0/1, whether it happened.
        p: (n,) the probability given to it.
    Example:
        >>> [(b.predicted, b.observed) for b in reliability(np.array([0, 0, 1, 1.0]), np.array([.1, .1, .8, .8]))]
        [(0.1, 0.0), (0.8, 1.0)]
    """
    if len(p) == 0:
        return ()
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    where = np.searchsorted(edges, p, side="left")
    made = []
    for k in np.unique(where):
        rows = where == k
        count, happened = int(rows.sum()), float(hits[rows].sum())
        low, high = wilson_interval(happened, count)
        made.append(ReliabilityBin(round(float(p[rows].mean()), 6), happened / count, low, high, count))
    return tuple(made)
