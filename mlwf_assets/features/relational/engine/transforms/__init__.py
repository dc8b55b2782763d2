"""What featuretools' transform primitives mean, in SQL; one module per sort. `TRANSFORMS` is the table of all."""

from mlwf_assets.features.relational.engine.transforms import (  # noqa: F401 - they register themselves
    arithmetic,
    calendar,
    comparisons,
    names,
    places,
    rolling,
    rows,
    text,
)
from mlwf_assets.features.relational.engine.transforms.registry import STRICT, TRANSFORMS

__all__ = ["STRICT", "TRANSFORMS"]
