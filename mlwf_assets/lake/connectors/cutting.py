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
from mlwf_assets.spec.timeline import partition_spans


@dataclass(frozen=True)
class Cut:
    """Rows by partition.

    Attributes:
        by_partition: partition -> positions of its rows, in order.
        before: how many rows are earlier than the first partition.
        after: how many rows are later than the last one.
        timeless: how many rows have no time that can be read.
    """

    by_partition: dict[str, npt.NDArray[np.int64]]
    before: int
    after: int
    timeless: int

    def counts(self) -> dict[str, int]:
        """Say in words how many rows of the whole source are in no partition, or only near their place."""
        return {
            "rows before the first partition": self.before,
            "rows after the last partition": self.after,
            "rows without a time, beside their neighbours": self.timeless,
        }


def cut_rows(table: pa.Table, time: str, partitions: Partitions) -> Cut:
    """Put rows into partitions.

    Args:
        table: raw rows, with `_file`; rows of a file stand together.
        time: SQL over the raw columns.
        partitions: how time is cut; an open end is the clock's.
    Raises:
        SourceError: if the SQL fails for a row, or no row has a time, or none lies in a partition.
    """
    spans = partition_spans(partitions)
    names = [name for name, _, _ in spans]
    starts = np.array([_micros(start) for _, start, _ in spans], dtype=np.int64)
    end = _micros(spans[-1][2]) if spans else 0
    times = _row_times(table, time)
    has_time = times.is_valid().to_numpy(zero_copy_only=False)
    micros = times.cast(pa.int64()).fill_null(0).to_numpy()
    place = np.searchsorted(starts, micros, side="right") - 1
    before, after = has_time & (place < 0), has_time & (micros >= end)
    place[after | before | ~has_time] = -1
    _check_any(has_time, place, times, time, names)
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


def _micros(at: dt.datetime) -> int:
    return (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def _check_any(
    has_time: npt.NDArray[np.bool_], place: npt.NDArray[np.int64], times: pa.Array, time: str, names: Sequence[str]
) -> None:
    """Refuse a source that has rows, but not one in the partitions: the workflow file is mistaken."""
    rows = len(place)
    if rows and not has_time.any():
        raise SourceError(
            f"time: {time!r} must give each row's time, however it is null for all {rows:,} rows; look at the "
            f"column's text, and name its form with try_strptime(COLUMN, '%d.%m.%Y')"
        )
    if rows and (place < 0).all():
        span = pc.min_max(times).as_py()
        partitions = f"{names[0]} .. {names[-1]}" if names else "(there is none yet)"
        raise SourceError(
            f"rows must lie in the partitions {partitions}, however all {rows:,} lie outside, in {span['min']} .. "
            f"{span['max']}; change 'partitions', or the source's 'time'"
        )


def _place_of_neighbour(files: pa.ChunkedArray, place: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(n_rows,) where the nearest row before it in its file lies that has a place, else the next, else 0."""
    count = len(place)
    if count == 0:
        return place
    file = files.combine_chunks().dictionary_encode().indices.to_numpy()
    rows = np.arange(count)
    before = np.maximum.accumulate(np.where(place >= 0, rows, -1))
    after = np.minimum.accumulate(np.where(place >= 0, rows, count)[::-1])[::-1]
    in_file = (before >= 0) & (file[before] == file)
    nearest = np.where(in_file, before, np.minimum(after, count - 1))
    found = (place[nearest] >= 0) & (file[nearest] == file)
    return np.where(found, place[nearest], 0)
