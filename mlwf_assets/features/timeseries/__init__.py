"""Features of readings before the cutoff: tsfresh's names and values, computed for whole batches of windows.

`build` is the workflow's way in. `extract_features` takes what tsfresh's function takes, `extract_windows` takes
arrays, `extract_rolling` rolls. Below them: `engine` (plans, chunks), `batch` (what calculators share), `families`
(the calculators), `kernels` (compiled loops), `foreign` (calculators that stay tsfresh's, or are people's own).
tsfresh is imported for those alone; the tests hold its values against ours.
"""

from mlwf_assets.features.timeseries.arrays import extract_windows, iterate_windows, write_windows
from mlwf_assets.features.timeseries.extraction import build
from mlwf_assets.features.timeseries.frames import extract_features
from mlwf_assets.features.timeseries.rolling import extract_rolling

__all__ = ["build", "extract_features", "extract_rolling", "extract_windows", "iterate_windows", "write_windows"]
