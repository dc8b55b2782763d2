"""Champion against challenger: the difference of a metric on the same test rows, with its interval.

Both models are weighed on the same resamples, so that what is hard for both cancels out; the gate of
`deployment` and the report's verdict are built on it.
"""

import numpy as np

from mlwf_assets.errors import DataError
from mlwf_assets.evaluation.bootstrap import (
    Interval,
    distribution,
    draw_counts,
    percentile_interval,
    plain_value,
)
from mlwf_assets.models.metrics import Array, find_metric


def paired_difference(
    metric: str,
    y: Array,
    p_new: Array,
    p_old: Array,
    *,
    n: int = 200,
    seed: int = 0,
    kind: str = "binary",
    threshold: float = 0.5,
    threshold_old: float | None = None,
) -> Interval:
    """Metric of the new model minus metric of the old one, whatever direction is better.

    Args:
        metric: a name of `metrics.metrics_of(kind)`; its `higher_is_better` tells the direction.
        y: (rows,) truth: 0/1, class number, or value.
        p_new, p_old: (rows,) or (rows, classes), for the same rows in the same order.
        n: resamples.
        threshold: of the new model; of the old one too unless `threshold_old` is given.
    Raises:
        DataError: if lengths differ or there are no rows.
        ValueError: if the kind has no such metric.
    Example:
        >>> y = np.array([0, 0, 1, 1])
        >>> paired_difference("accuracy", y, y, 1 - y, n=20)
        Interval(value=1.0, low=1.0, high=1.0)
    """
    if not len(y) == len(p_new) == len(p_old) or len(y) == 0:
        raise DataError(
            "truth and both predictions must have the same rows, at least one, "
            f"however: {len(y)=}, {len(p_new)=}, {len(p_old)=}"
        )
    found, counts = find_metric(metric, kind), draw_counts(len(y), n=n, seed=seed)
    old_threshold = threshold if threshold_old is None else threshold_old
    new = distribution(found, y, p_new, counts=counts, threshold=threshold)
    old = distribution(found, y, p_old, counts=counts, threshold=old_threshold)
    value = plain_value(found, y, p_new, threshold=threshold) - plain_value(found, y, p_old, threshold=old_threshold)
    return percentile_interval(value, np.asarray(new - old))
