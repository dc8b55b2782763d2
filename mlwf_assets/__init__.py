"""A data and machine-learning platform of Dagster assets: a YAML file in, a registered model out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlwf_assets.assets.component import MLWorkflow as MLWorkflow

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the Dagster component only where it is asked for: `import mlwf_assets` stays light."""
    if name == "MLWorkflow":
        from mlwf_assets.assets.component import MLWorkflow

        return MLWorkflow
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
