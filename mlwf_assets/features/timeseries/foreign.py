"""Calculators that are not translated, and people's own: run window by window, as tsfresh runs them.

The warning that names them stands here too. This module alone may import tsfresh.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from mlwf_assets.features.timeseries.registry import Parameters, name_parameters


@dataclass(frozen=True)
class Foreign:
    """A calculator that sees one window at a time.

    Attributes:
        function: takes a window, and parameters as tsfresh would hand them over.
        sets: its sets of parameters.
    """

    function: Callable[..., Any]
    sets: Sequence[Parameters] | None

    @property
    def name(self) -> str:
        """What its columns begin with."""
        return str(self.function.__name__)


def find_foreign(name: str) -> Callable[..., Any]:
    """Take a calculator from tsfresh.

    Raises:
        ValueError: if tsfresh has none of that name.
    """
    from tsfresh.feature_extraction import feature_calculators

    found = getattr(feature_calculators, name, None)
    if found is None or not hasattr(found, "fctype"):
        raise ValueError(f"a calculator must be one of tsfresh's, or a function, however: {name!r}")
    return cast("Callable[..., Any]", found)


def warn_of_foreign(names: Sequence[str]) -> None:
    """Say which calculators are as slow as in tsfresh."""
    if names:
        warnings.warn(
            f"these calculators run window by window, as in tsfresh, for they are not translated: "
            f"{', '.join(sorted(set(names)))}",
            UserWarning,
            stacklevel=3,
        )


def calculate_foreign(foreign: Foreign, windows: np.ndarray, times: np.ndarray | None) -> dict[str, np.ndarray]:
    """Compute a calculator window by window.

    Args:
        foreign: the calculator.
        windows: (n_windows, length).
        times: (n_windows, length) of the readings, which become the index of what a calculator of series sees.

    Returns:
        Column -> (n_windows,); none for a calculator that needs times where there are none.
    """
    made: dict[str, np.ndarray] = {}
    for row, window in enumerate(windows):
        for name, value in _calculate_one(foreign, window, None if times is None else times[row]):
            made.setdefault(name, np.full(len(windows), np.nan))[row] = value
    return made


def _calculate_one(foreign: Foreign, window: np.ndarray, times: np.ndarray | None) -> Iterator[tuple[str, Any]]:
    function, x = foreign.function, window
    if getattr(function, "input", None) == "pd.Series":
        x = pd.Series(window, index=None if times is None else pd.DatetimeIndex(times))
        if not isinstance(x.index, getattr(function, "index_type", pd.Index)):
            return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if getattr(function, "fctype", None) == "combiner":
            found = list(function(x, param=foreign.sets))
        elif foreign.sets:
            found = [(name_parameters(one), function(x, **one)) for one in foreign.sets]
        else:
            found = [("", function(x))]
    for key, value in found:
        yield f"{foreign.name}__{key}" if key else foreign.name, value
