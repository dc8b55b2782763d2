"""Features of windows that roll over series: what tsfresh's `roll_time_series` and `extract_features` give together.

Windows are places in the series, which is never copied as a whole: a year of hours with windows of a week takes
no more memory than the year.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.features.timeseries.containers import Kind, read_container
from mlwf_assets.features.timeseries.engine import Spans
from mlwf_assets.features.timeseries.frames import assemble, extract_kinds, settings_of
from mlwf_assets.features.timeseries.parameters import Settings


def extract_rolling(
    container: pd.DataFrame | Mapping[str, pd.DataFrame],
    parameters: Settings | None = None,
    *,
    column_id: str,
    column_sort: str | None = None,
    column_kind: str | None = None,
    column_value: str | None = None,
    rolling_direction: int = 1,
    max_timeshift: int | None = None,
    min_timeshift: int = 0,
    n_jobs: int = 1,
    progress: bool = False,
) -> pd.DataFrame:
    """Roll windows over each series and compute their features.

    Args:
        container: as for `extract_features`.
        parameters: calculator -> sets of parameters; by default all.
        column_id: names the series.
        column_sort: orders their readings.
        column_kind: names the kind of a reading.
        column_value: holds the readings.
        rolling_direction: by how many readings windows move; negative: windows begin, rather than end, at a reading.
        max_timeshift: how many readings a window has besides the one that names it; by default all.
        min_timeshift: shorter windows are left out.
        n_jobs: threads.
        progress: whether to show how far it is.

    Returns:
        A row per series and window, by id and by the sort value (or the place) of the reading that names it.

    Raises:
        ValueError: if a setting cannot be, or the container is none.

    Example:
        >>> frame = pd.DataFrame({"id": [1, 1, 1], "t": [0, 1, 2], "x": [1.0, 3.0, 2.0]})
        >>> extract_rolling(frame, {"mean": None}, column_id="id", column_sort="t", max_timeshift=1)
             x__mean
        1 0      1.0
          1      2.0
          2      2.5
    """
    if rolling_direction == 0:
        raise ValueError("rolling_direction must not be 0, for windows have to move")
    if (max_timeshift is not None and max_timeshift <= 0) or min_timeshift < 0:
        raise ValueError(
            f"max_timeshift must be positive and min_timeshift not negative, however: {max_timeshift}, {min_timeshift}"
        )
    kinds = read_container(container, column_id, column_sort, column_kind, column_value)
    frames = container if isinstance(container, Mapping) else {}
    rolled = []
    for kind in kinds:
        labels = _labels(frames.get(kind.name, container), kind, column_sort, column_kind)
        rolled.append(_roll(kind, labels, rolling_direction, max_timeshift, min_timeshift))
    made = extract_kinds(rolled, settings_of(parameters), n_jobs, shown=progress)
    return assemble(rolled, made, by_id=not frames)


def _labels(frame: Any, kind: Kind, column_sort: str | None, column_kind: str | None) -> np.ndarray | None:
    """(n,) sort values in the order of the kind's readings; None: places count."""
    if column_sort is None:
        return None
    rows = frame if column_kind is None else frame[frame[column_kind].astype(str) == kind.name]
    labels = rows[column_sort].to_numpy()[kind.order]
    if labels.dtype != object:
        steps = [np.diff(labels[s : s + n]) for s, n in zip(kind.spans.starts, kind.spans.lengths, strict=True)]
        if len(np.unique(np.concatenate(steps))) > 1:
            warnings.warn(
                f"readings of {kind.name!r} are not equally far apart, so that windows span unequal times",
                UserWarning,
                stacklevel=3,
            )
    return np.asarray(labels)


def _roll(kind: Kind, labels: np.ndarray | None, direction: int, widest: int | None, narrowest: int) -> Kind:
    """Replace each series by its windows, named by (id, label)."""
    lengths = kind.spans.lengths
    longest = int(lengths.max())
    reach = (widest or longest) + 1
    step = abs(direction)
    # Counted from the end of the longest series going forward, from the beginning going back.
    places = np.arange((longest - 1) % step, longest, step) if direction > 0 else np.arange(0, longest, step)
    starts, sizes, owners, named = [], [], [], []
    for owner, (start, length) in enumerate(zip(kind.spans.starts, lengths, strict=True)):
        mine = places[places < length]
        first = np.maximum(mine + 1 - reach, 0) if direction > 0 else mine
        size = mine + 1 - first if direction > 0 else np.minimum(length - mine, reach)
        wide = size > narrowest
        starts.append(start + first[wide])
        sizes.append(size[wide])
        owners.append(np.full(int(wide.sum()), owner))
        named.append(mine[wide] if labels is None else labels[start + mine[wide]])
    ids = pd.MultiIndex.from_arrays([kind.ids[np.concatenate(owners)], np.concatenate(named)])
    spans = Spans(kind.spans.values, np.concatenate(starts), np.concatenate(sizes), kind.spans.times)
    return Kind(kind.name, ids, spans, kind.order)
