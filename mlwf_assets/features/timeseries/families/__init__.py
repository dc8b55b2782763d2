"""tsfresh's calculators by family, each module for a batch of windows at a time.

A family's module ends with `CALCULATORS`. What is shared between calculators stands in `batch`; loops that NumPy
cannot do stand in `kernels`, which alone knows numba. Definitions: Christ et al. (2018), tsfresh, Neurocomputing
307, and tsfresh 0.21.2 as it behaves; where tsfresh raises on a window, the value here is NaN.
"""

from mlwf_assets.features.timeseries.families import (
    changes,
    complexity,
    correlation,
    counts,
    entropy,
    langevin,
    moments,
    order,
    peaks,
    regression,
    spectrum,
    trends,
    unit_root,
    wavelets,
)

ALL = (
    moments,
    order,
    counts,
    changes,
    correlation,
    spectrum,
    wavelets,
    peaks,
    trends,
    regression,
    unit_root,
    langevin,
    entropy,
    complexity,
)

__all__ = ["ALL"]
