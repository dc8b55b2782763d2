"""Which partition each raw row belongs to: by the time that the source's SQL makes of its raw columns.

A row outside the partitions is out of scope, as the file says, and is counted. A row whose time cannot be
read is no such row: it goes where the row before it in its file went, so that cleaning can show it, and
so that a bad row of December makes nothing stale but December.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mlwf_assets.errors import SourceError
from mlwf_assets.lake import duck
from mlwf_assets.spec.partitions import Partitions
from mlwf_assets.spec.sql import columns_of
from mlwf_assets.spec.timeline import partition_bounds, partition_names


@dataclass(frozen=True)
class Cut:
    """Rows by partition.

    Attributes:
        rows: partition -> positions of its rows, in order.
        before: how many rows are earlier than the first partition.
        after: how many rows are later than the last one.
        timeless: how many rows have no time that can be read.
    """

    rows: dict[str, npt.NDArray[np.int64]]
    before: int
    after: int
    timeless: int


def cut_rows(table: pa.Table, time: str, partitions: Partitions) -> Cut:
    """Put rows into partitions.

    Args:
        table: raw rows, with `_file`; rows of a file stand together.
        time: SQL over the raw columns.
        partitions: how time is cut; an open end is the clock's.
    Raises:
        SourceError: if the SQL fails for a row, or no row has a time, or none lies in a partition.
    """
    names = partition_names(partitions)
    times = _row_times(table, time)
    has_time = times.is_valid().to_numpy(zero_copy_only=False)
    starts, end = _bounds(partitions, names)
    micros = times.cast(pa.int64()).fill_null(0).to_numpy()
    place = np.searchsorted(starts, micros, side="right") - 1
    after = has_time & (micros >= end)
    before = has_time & (place < 0)
    place[after | before | ~has_time] = -1
    _check_any(table.num_rows, has_time, place, times, time, names)
    place = np.where(has_time, place, _place_of_neighbour(table["_file"], place))
    order = np.argsort(place, kind="stable")
    edges = np.searchsorted(place[order], np.arange(len(names) + 1))
    rows = {name: order[edges[i] : edges[i + 1]] for i, name in enumerate(names)}
    return Cut(rows, int(before.sum()), int(after.sum()), int((~has_time).sum()))


def _row_times(table: pa.Table, time: str) -> pa.Array:
    used = {name.lower() for name in columns_of(time)}
    columns = [name for name in table.column_names if name.lower() in used]
    with duck.connect() as connection:
        connection.register("raw", table.select(columns or table.column_names[:1]))
        try:
            found = connection.sql(f"SELECT CAST(({time}\n) AS TIMESTAMPTZ) AS t FROM raw").to_arrow_table()
        except duckdb.Error as error:
            raise SourceError(
                f"time: {time!r} must give a time for each row or null, however: {str(error).splitlines()[0]}; "
                f"TRY_CAST and try_strptime give null for what cannot be read"
            ) from error
    return found["t"].cast(pa.timestamp("us", "UTC")).combine_chunks()


def _bounds(partitions: Partitions, names: Sequence[str]) -> tuple[npt.NDArray[np.int64], int]:
    bounds = [partition_bounds(partitions, name) for name in names]
    return np.array([_micros(start) for start, _ in bounds], dtype=np.int64), _micros(bounds[-1][1]) if bounds else 0


def _micros(at: dt.datetime) -> int:
    return (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def _check_any(
    rows: int,
    has_time: npt.NDArray[np.bool_],
    place: npt.NDArray[np.int64],
    times: pa.Array,
    time: str,
    names: Sequence[str],
) -> None:
    """A whole source without one row in the partitions is a mistake in the workflow file."""
    if rows and not has_time.any():
        raise SourceError(f"time: {time!r} must give a time, however it is null for all {rows:,} rows; see their text")
    if rows and (place < 0).all():
        span = pc.min_max(times).as_py()
        raise SourceError(
            f"rows must lie in the partitions {names[:1]} .. {names[-1:]}, however all {rows:,} lie outside: "
            f"{span['min']} .. {span['max']}; change 'partitions' or 'time'"
        )


def _place_of_neighbour(files: pa.ChunkedArray, place: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(n_rows,) the partition of the nearest row before it in its file that has one, else of the next, else the first."""
    if len(place) == 0:
        return place
    codes = files.combine_chunks().dictionary_encode().indices.to_numpy()
    rows = np.arange(len(place))
    first = np.concatenate([[True], codes[1:] != codes[:-1]])
    begin = np.maximum.accumulate(np.where(first, rows, 0))
    known = place >= 0
    before = np.maximum.accumulate(np.where(known, rows, -1))
    after = np.minimum.accumulate(np.where(known, rows, len(rows))[::-1])[::-1]
    nearest = np.where(before >= begin, before, after)
    same_file = (nearest < len(rows)) & (codes[np.minimum(nearest, len(rows) - 1)] == codes)
    return np.where(same_file, place[np.minimum(nearest, len(rows) - 1)], 0)
