"""Features through the relationships between tables: featuretools' definitions, one row per example.

`build` is the way in. Today it computes the row-wise part (transforms, direct features); aggregations over
history are an engine of their own and will stand beside `rowwise`.
"""

from mlwf_assets.features.relational.rowwise import build

__all__ = ["build"]
