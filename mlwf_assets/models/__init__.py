"""Model selection: families tuned on forward-chained folds, blended, calibrated, compared.

Arrow matrices in, native model files and tables out; nothing here reads the test split, knows the lake's
layout, Dagster or MLflow. `AutoML` does the same for a pandas frame.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlwf_assets.models.automl.estimator import AutoML as AutoML

__all__ = ["AutoML"]


def __getattr__(name: str) -> Any:
    """Import the estimator when it is asked for: assets need not load it, nor depend on its code."""
    if name == "AutoML":
        from importlib import import_module

        return import_module("mlwf_assets.models.automl.estimator").AutoML
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
