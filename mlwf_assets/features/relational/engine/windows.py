"""From when on a cutoff sees rows: the starts of training windows and of `use_previous`, one column per window.

featuretools subtracts its Timedelta from the cutoff; months and years follow the calendar, so that the starts are
computed for each cutoff time and not in SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

TRAINING = "__from"


@dataclass
class Windows:
    """The windows of a plan, each with the name of the column that holds its start."""

    spans: dict[str, Any] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def name(self, span: Any) -> str:
        """Name the column with the start of this span of time (a featuretools Timedelta)."""
        key = repr(sorted(span.times.items()))
        if key not in self._names:
            self._names[key] = f"__start{len(self._names) + 1}"
            self.spans[self._names[key]] = span
        return self._names[key]


def find_starts(times: pd.Series, span: Any) -> np.ndarray:
    """Subtract a span from times.

    Args:
        times: (n,) cutoff times, or numbers.
        span: featuretools' Timedelta.

    Returns:
        (n,) starts: nanoseconds since 1970, or numbers.
    """
    if times.dtype.kind != "M":
        return np.array([one - span for one in times], dtype=float)
    if isinstance(span.delta_obj, pd.Timedelta):
        starts = times - span.delta_obj
    else:
        starts = pd.Series([one - span for one in times], index=times.index, dtype="datetime64[ns]")
    return np.asarray(starts.to_numpy().astype("datetime64[ns]").view(np.int64))


def list_starts(times: pd.Series, spans: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Compute the starts of all windows, by the name of their column."""
    return {name: find_starts(times, span) for name, span in spans.items()}
