"""Features of windows that are arrays: rows of a matrix, or series of unequal lengths; in memory or in a file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mlwf_assets.features.timeseries.engine import Spans, compute_spans, make_plan
from mlwf_assets.features.timeseries.foreign import warn_of_foreign
from mlwf_assets.features.timeseries.parameters import Settings
from mlwf_assets.features.timeseries.progress import show_progress

Windows = np.ndarray | Sequence[np.ndarray] | Sequence[Sequence[float]]

# Windows whose features are in memory at once on their way to a file: 100 MiB of efficient ones.
_WRITTEN_AT_ONCE = 16_384


def extract_windows(
    values: Windows,
    parameters: Settings | str = "efficient",
    *,
    kind: str | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> pd.DataFrame:
    """Compute tsfresh's features of windows.

    Args:
        values: (n_windows, length), which may be a strided view of one long series; or n_windows series.
        parameters: minimal, efficient or comprehensive; or calculator -> sets of parameters, as tsfresh takes them.
        kind: what tsfresh would put before the columns' names.
        n_jobs: threads.
        progress: whether to show how far it is.

    Returns:
        A row per window, a float64 column per feature; NaN for a series without readings.

    Raises:
        ValueError: if windows are no arrays of numbers, or the parameters name no calculator.

    Example:
        >>> extract_windows(np.array([[1.0, 3.0], [2.0, 2.0]]), {"mean": None, "c3": [{"lag": 1}]})
           mean  c3__lag_1
        0   2.0        0.0
        1   2.0        0.0
    """
    plan = make_plan(parameters, timed=False)
    warn_of_foreign(plan.foreign)
    with show_progress(len(values), shown=progress) as advance:
        made = compute_spans(plan, _to_spans(values), threads=n_jobs, progress=advance)
    return pd.DataFrame(_with_kind(made, kind), index=pd.RangeIndex(len(values)), copy=False)


def iterate_windows(
    values: Windows,
    parameters: Settings | str = "efficient",
    *,
    kind: str | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> Iterator[pd.DataFrame]:
    """Do as `extract_windows` does, in parts that fit into memory; the arguments are the same.

    Yields:
        Frames of consecutive windows, numbered through.
    """
    plan = make_plan(parameters, timed=False)
    warn_of_foreign(plan.foreign)
    with show_progress(len(values), shown=progress) as advance:
        for start in range(0, len(values), _WRITTEN_AT_ONCE):
            part = values[start : start + _WRITTEN_AT_ONCE]
            made = compute_spans(plan, _to_spans(part), threads=n_jobs, progress=advance)
            index = pd.RangeIndex(start, start + len(part))
            yield pd.DataFrame(_with_kind(made, kind), index=index, copy=False)


def write_windows(
    path: Path,
    values: Windows,
    parameters: Settings | str = "efficient",
    *,
    kind: str | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> Path:
    """Write the features to a Parquet file, a few thousand windows at a time; the arguments are as before.

    Raises:
        ValueError: if there are no windows, of which no column could be told.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not len(values):
        raise ValueError("there must be a window at least, however: none is given")
    writer = None
    try:
        for frame in iterate_windows(values, parameters, kind=kind, n_jobs=n_jobs, progress=progress):
            table = pa.table({name: frame[name].to_numpy() for name in frame})
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
    return path


def _to_spans(values: Windows) -> Spans:
    if isinstance(values, np.ndarray) and values.dtype != object:
        if values.ndim != 2:
            raise ValueError(f"windows must be (n_windows, length), however: {values.shape=}")
        return _Rows.of(values)
    series = [np.asarray(one, dtype=np.float64) for one in values]
    if wrong := [i for i, one in enumerate(series) if one.ndim != 1]:
        raise ValueError(f"each series must have one dimension, however: {series[wrong[0]].shape=} at {wrong[0]}")
    lengths = np.array([len(one) for one in series], dtype=np.intp)
    starts = np.cumsum(lengths) - lengths
    return Spans(np.concatenate(series) if series else np.empty(0), starts, lengths)


class _Rows(Spans):
    """Rows of a matrix, which need not lie one after the other in memory."""

    @classmethod
    def of(cls, matrix: np.ndarray) -> "_Rows":
        rows = len(matrix)
        return cls(matrix, np.arange(rows), np.full(rows, matrix.shape[1], dtype=np.intp))

    def take(self, rows: np.ndarray) -> tuple[np.ndarray, None]:
        return self.values[rows], None


def _with_kind(made: dict[str, np.ndarray], kind: str | None) -> dict[str, np.ndarray]:
    return made if kind is None else {f"{kind}__{name}": column for name, column in made.items()}
