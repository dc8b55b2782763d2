"""How many different pieces a window is made of, and how often a given piece comes."""

from collections.abc import Sequence

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch
from mlwf_assets.features.timeseries.registry import Calculator, Parameters, each


def _lempel_ziv_complexity(batch: Batch, bins: int) -> np.ndarray:
    """Different pieces of Lempel and Ziv's parse (1978) over equal bins, by reading."""
    from mlwf_assets.features.timeseries import kernels

    start, stop = batch.minimum[:, None], batch.maximum[:, None]
    step = (stop - start) / bins
    places = np.arange(1.0, bins + 1)
    # NumPy's linspace, whose rounding decides where a reading on a bound goes.
    bounds = np.where(step == 0, places / bins * (stop - start), places * step) + start
    bounds[:, -1:] = stop
    return np.asarray(kernels.count_pieces(kernels.find_bins(bounds, batch.x), bins) / batch.length)


def _query_similarity_count(batch: Batch, sets: Sequence[Parameters]) -> list[np.ndarray]:
    """Without a query there is nothing to count."""
    return [batch.fill(np.nan) for _ in sets]


CALCULATORS: tuple[Calculator, ...] = (
    each("lempel_ziv_complexity", _lempel_ziv_complexity),
    Calculator("query_similarity_count", _query_similarity_count, serves=lambda one: one.get("query") is None),
)
