"""Features through the relationships between tables: featuretools' definitions, one row per example.

`build` is the workflow's way in: it computes the row-wise part (transforms, direct features), and with a `History` what
aggregations see. `calculate_feature_matrix` and `dfs` are featuretools' own functions, calculated in SQL over history,
every row at its own cutoff time (`engine`); a `Server` calculates one row at a time in the same way.
"""

from mlwf_assets.features.relational.engine import (
    Server,
    SlowFeatureWarning,
    calculate_feature_matrix,
    dfs,
    explain,
    supported_primitives,
)
from mlwf_assets.features.relational.history import History
from mlwf_assets.features.relational.rowwise import build

__all__ = [
    "History",
    "Server",
    "SlowFeatureWarning",
    "build",
    "calculate_feature_matrix",
    "dfs",
    "explain",
    "supported_primitives",
]
