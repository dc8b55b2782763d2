"""Deep Feature Synthesis over history in SQL: featuretools' definitions, every row at its own cutoff time."""

from mlwf_assets.features.relational.engine.api import (
    SlowFeatureWarning,
    calculate_feature_matrix,
    dfs,
    explain,
    supported_primitives,
)
from mlwf_assets.features.relational.engine.serving import Server

__all__ = ["Server", "SlowFeatureWarning", "calculate_feature_matrix", "dfs", "explain", "supported_primitives"]
