"""What featuretools' aggregation primitives mean, in SQL; one module per sort. `AGGREGATES` is the table of all."""

from mlwf_assets.features.relational.engine.aggregates import (  # noqa: F401 - they register themselves
    counts,
    distinct,
    moments,
    numbers,
    runs,
    times,
    truths,
)
from mlwf_assets.features.relational.engine.aggregates.registry import AGGREGATES, FRAMED, LATE, Gather

__all__ = ["AGGREGATES", "FRAMED", "LATE", "Gather"]
