"""Reads tsfresh's containers of series: wide and long frames, dictionaries of frames.

Each becomes kinds of series, sorted by id and by time, laid end to end. What tsfresh refuses is refused here.
Where the sort column has ties, readings keep the order of the rows (tsfresh leaves it to an unstable sort).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.features.timeseries.engine import Spans


@dataclass(frozen=True)
class Kind:
    """All series of one kind.

    Attributes:
        name: of the kind, which begins its columns.
        ids: (n_series,) ascending, as the frame's column has them.
        spans: where each series is.
        order: (n,) rows of the frame in the order of the spans' values.
    """

    name: str
    ids: pd.Index
    spans: Spans
    order: np.ndarray


def read_container(
    container: pd.DataFrame | Mapping[str, pd.DataFrame],
    column_id: str | None,
    column_sort: str | None,
    column_kind: str | None,
    column_value: str | None,
) -> list[Kind]:
    """Read a container.

    Args:
        container: a frame with a row per id and time (wide), or per id, time and kind (long); or kind -> frame.
        column_id: names the series.
        column_sort: orders their readings.
        column_kind: names the kind of a reading; makes a frame a long one.
        column_value: holds the readings; in a wide frame all other columns do where it is not given.

    Returns:
        The kinds: of a long frame sorted, else as they come.

    Raises:
        ValueError: if a column is missing, holds a missing value or has a name that cannot be taken apart again.
    """
    if isinstance(container, pd.DataFrame):
        if column_id is None:
            raise ValueError("column_id must be given: it names the series; however: it is None")
        if column_kind is not None:
            return _read_long(container, column_id, column_sort, column_kind, column_value)
        return _read_wide(container, column_id, column_sort, column_value)
    if not isinstance(container, Mapping):
        found = type(container).__name__
        raise ValueError(f"series must stand in a DataFrame, or a dict of them, however: {found}")  # noqa: TRY004 - as tsfresh
    _refuse_names(list(container))
    for frame in container.values():
        _refuse_missing(frame, [column_id, column_value, *([] if column_sort is None else [column_sort])])
    return [
        _read_kind(str(name), frame, str(column_id), column_sort, str(column_value))
        for name, frame in container.items()
    ]


def _read_wide(frame: pd.DataFrame, column_id: str, column_sort: str | None, column_value: str | None) -> list[Kind]:
    _refuse_missing(frame, [column_id])
    columns = [column_value] if column_value is not None else _other_columns(frame, column_id, column_sort)
    _refuse_missing(frame, [*columns, *([] if column_sort is None else [column_sort])])
    _refuse_names(columns)
    first = _read_kind(str(columns[0]), frame, column_id, column_sort, columns[0])
    spans = first.spans
    kinds = [first]
    for column in columns[1:]:
        values = _numbers(frame[column])[first.order]
        kinds.append(Kind(str(column), first.ids, Spans(values, spans.starts, spans.lengths, spans.times), first.order))
    return kinds


def _read_long(
    frame: pd.DataFrame, column_id: str, column_sort: str | None, column_kind: str, column_value: str | None
) -> list[Kind]:
    if column_value is None:
        others = _other_columns(frame, column_id, column_sort, column_kind)
        if len(others) != 1:
            raise ValueError(f"column_value must be given where several columns could be it, however: {others}")
        column_value = others[0]
    _refuse_missing(frame, [column_id, column_kind, column_value, *([] if column_sort is None else [column_sort])])
    return [
        _read_kind(str(name), rows, column_id, column_sort, column_value)
        for name, rows in frame.groupby(column_kind, sort=True)
    ]


def _read_kind(name: str, frame: pd.DataFrame, column_id: str, column_sort: str | None, column_value: Any) -> Kind:
    codes, ids = pd.factorize(frame[column_id], sort=True)
    order = np.arange(len(frame))
    if column_sort is not None:
        order = np.argsort(frame[column_sort].to_numpy(), kind="stable")
    order = order[np.argsort(codes[order], kind="stable")]
    lengths = np.bincount(codes, minlength=len(ids))
    times = frame.index.to_numpy()[order] if _tells_time(frame.index) else None
    spans = Spans(_numbers(frame[column_value])[order], np.cumsum(lengths) - lengths, lengths, times)
    return Kind(name, pd.Index(ids), spans, order)


def _tells_time(index: pd.Index) -> bool:
    return isinstance(index, pd.DatetimeIndex)


def _numbers(column: pd.Series) -> np.ndarray:
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _other_columns(frame: pd.DataFrame, *taken: str | None) -> list[Any]:
    others = [column for column in frame.columns if column not in taken]
    if not others:
        raise ValueError(f"a column must hold the readings, however: {list(frame.columns)} are all taken")
    return others


def _refuse_missing(frame: pd.DataFrame, columns: Sequence[Any]) -> None:
    for column in columns:
        if column not in frame.columns:
            raise ValueError(f"the frame must have the column {column!r}, however: {list(frame.columns)}")
        if gaps := int(frame[column].isna().sum()):
            raise ValueError(f"no value of column {column!r} may be missing, however: {gaps} are; drop or fill them")


def _refuse_names(names: Sequence[Any]) -> None:
    for name in map(str, names):
        if name.endswith("_") or "__" in name:
            raise ValueError(
                f"the name of a kind must not end with '_' nor contain '__', which part a column's name, however: "
                f"{name!r}"
            )
