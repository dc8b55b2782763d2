"""Features of readings before the cutoff: tsfresh's names and values, computed for whole batches of windows.

`build` is the way in; `windows` finds the readings of each example, `calculators` turns batches of windows
into numbers. tsfresh itself is not imported: the tests hold its values against ours.
"""

from mlwf_assets.features.timeseries.extraction import build

__all__ = ["build"]
