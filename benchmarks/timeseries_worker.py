"""One measurement of `timeseries`: who, setting, length, windows; prints seconds per window as JSON.

Runs under another interpreter for the peers, and so imports nothing at the top that they may lack.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np


def main(who: str, setting: str, length: str, count: str) -> None:
    warnings.simplefilter("ignore")
    windows = np.cumsum(np.random.default_rng(0).normal(size=(int(count), int(length))), axis=1)
    extract = {"tsfel": _tsfel, "pycatch22": _pycatch22}.get(who) or _extractor(who, setting)
    extract(windows[:2])
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    features = extract(windows)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    by = {"ours": _by_calculator, "tsfresh": _by_tsfresh_s}.get(who, lambda *_: {})(windows, setting)
    n = len(windows)
    print(json.dumps({"cpu_s": cpu_s / n, "wall_s": wall_s / n, "features": features, "by": by}))


def _extractor(who: str, setting: str) -> Callable[[np.ndarray], int]:
    if who.startswith("ours"):
        from mlwf_assets.features.timeseries import extract_windows

        threads = 2 if "two" in who else 1
        return lambda windows: extract_windows(windows, setting, n_jobs=threads).shape[1]
    return lambda windows: _tsfresh(windows, setting, 2 if "two" in who else 0)


def _tsfresh(windows: np.ndarray, setting: str, jobs: int) -> int:
    import pandas as pd
    from tsfresh import extract_features
    from tsfresh.feature_extraction import ComprehensiveFCParameters, EfficientFCParameters

    chosen = {"efficient": EfficientFCParameters, "comprehensive": ComprehensiveFCParameters}[setting]()
    ids = np.repeat(np.arange(len(windows)), windows.shape[1])
    frame = pd.DataFrame({"id": ids, "x": windows.ravel()})
    return int(extract_features(frame, chosen, column_id="id", n_jobs=jobs, disable_progressbar=True).shape[1])


def _by_calculator(windows: np.ndarray, setting: str) -> dict[str, float]:
    from mlwf_assets.features.timeseries.engine import compute, make_plan
    from mlwf_assets.features.timeseries.parameters import SETTINGS

    by = {}
    for name, sets in SETTINGS[setting]().items():
        plan = make_plan({name: sets}, timed=False)
        start = time.process_time()
        compute(plan, windows)
        by[name] = (time.process_time() - start) / len(windows)
    return by


def _by_tsfresh_s(windows: np.ndarray, setting: str) -> dict[str, float]:
    import pandas as pd
    from tsfresh.feature_extraction import feature_calculators

    from mlwf_assets.features.timeseries.parameters import SETTINGS

    by: dict[str, float] = {}
    for name, sets in SETTINGS[setting]().items():
        function: Any = getattr(feature_calculators, name)
        if hasattr(function, "index_type"):
            continue
        start = time.process_time()
        for window in windows:
            x = pd.Series(window) if hasattr(function, "input") else window
            if function.fctype == "combiner":
                list(function(x, param=sets))
            else:
                for one in sets or [{}]:
                    function(x, **one)
        by[name] = (time.process_time() - start) / len(windows)
    return by


def _tsfel(windows: np.ndarray) -> int:
    import tsfel

    settings = tsfel.get_features_by_domain()
    # At one reading a second tsfel gives several of its columns one name, and fails on them.
    return max(tsfel.time_series_features_extractor(settings, one, fs=100, verbose=0).shape[1] for one in windows)


def _pycatch22(windows: np.ndarray) -> int:
    import pycatch22

    return max(len(pycatch22.catch22_all(list(one))["values"]) for one in windows)


if __name__ == "__main__":
    main(*sys.argv[1:])
