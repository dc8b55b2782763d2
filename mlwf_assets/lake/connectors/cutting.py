"""Which partition each raw row belongs to: by the time, or the name, that the source's SQL makes of its raw columns.

A row outside the partitions is out of scope, as the file says, and is counted. A row whose time cannot be
read is no such row: it goes where the row before it in its file went, so that cleaning can show it, and
so that a bad row of December makes nothing stale but December.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mlwf_assets.errors import SourceError
from mlwf_assets.lake import duck
from mlwf_assets.spec.partitions import Cutting, NamedPartitions, Partitions
from mlwf_assets.spec.sources import FilesSource
from mlwf_assets.spec.sql import columns_of
from mlwf_assets.spec.timeline import partition_spans


@dataclass(frozen=True)
class Cut:
    """Rows by partition.

    Attributes:
        by_partition: partition -> positions of its rows, in order.
        told: in words, how many rows of the whole source are in no partition, or only near their place.
    """

    by_partition: dict[str, npt.NDArray[np.int64]]
    told: Mapping[str, int]


BEFORE, AFTER = "rows before the first partition", "rows after the last partition"
TIMELESS = "rows without a time, beside their neighbours"
OTHER, NAMELESS = "rows of other partitions than the named ones", "rows without a partition, beside their neighbours"


def cut_source(table: pa.Table, source: FilesSource, cut: Cutting | None) -> Cut | None:
    """Put the rows of a source into its partitions; None where it has none."""
    if isinstance(cut, NamedPartitions):
        return cut_by_name(table, source.part, cut) if source.part is not None else None
    return cut_rows(table, source.time, cut) if cut is not None and source.time is not None else None


def cut_by_name(table: pa.Table, part: str, partitions: NamedPartitions) -> Cut:
    """Put rows into partitions by name.

    Args:
        table: raw rows, with `_file`; rows of a file stand together.
        part: SQL over the raw columns; the name of a row's partition.
        partitions: the names; rows of other names are out of scope.
    Raises:
        SourceError: if the SQL fails for a row, or no row has a name, or none has one of the names.
    """
    found = _evaluate(table, part, "VARCHAR", f"part: {part!r} must give a name for each row or null")
    has_name = found.is_valid().to_numpy(zero_copy_only=False)
    place = pc.fill_null(pc.index_in(found, pa.array(partitions.names, pa.string())), -1).to_numpy().astype(np.int64)
    place[~has_name] = -1
    other = has_name & (place < 0)
    _check_any_name(has_name, other, found, part, partitions)
    # A row without a name goes where the nearest one went that has any: beside one of another name it is out, too,
    # so that a name more in the list moves no row of the partitions that were there before.
    place[other] = len(partitions.names)
    place = np.where(has_name, place, _place_of_neighbour(table["_file"], place))
    told = {OTHER: int(other.sum()), NAMELESS: int((~has_name).sum())}
    return Cut(_by_place(place, partitions.names), told)


def _check_any_name(
    has_name: npt.NDArray[np.bool_],
    other: npt.NDArray[np.bool_],
    found: pa.Array,
    part: str,
    partitions: NamedPartitions,
) -> None:
    if len(found) and not has_name.any():
        raise SourceError(
            f"part: {part!r} must give the name of each row's partition, however it is null for all {len(found):,} rows"
            "; look at the column's text"
        )
    if len(found) and other[has_name].all():
        seen = ", ".join(repr(name) for name in pc.unique(found.drop_null()).to_pylist()[:3])
        raise SourceError(
            f"rows must lie in the partitions {', '.join(partitions.names[:3])} ..., however all {int(other.sum()):,} "
            f"have other names, such as {seen}; change 'partitions', or the source's 'part'"
        )


def _by_place(place: npt.NDArray[np.int64], names: Sequence[str]) -> dict[str, npt.NDArray[np.int64]]:
    order = np.argsort(place, kind="stable")
    edges = np.searchsorted(place[order], np.arange(len(names) + 1))
    return {name: order[edges[i] : edges[i + 1]] for i, name in enumerate(names)}


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
    told = {BEFORE: int(before.sum()), AFTER: int(after.sum()), TIMELESS: int((~has_time).sum())}
    return Cut(_by_place(place, names), told)


def _row_times(table: pa.Table, time: str) -> pa.Array:
    words = f"time: {time!r} must give a time for each row or null"
    return _evaluate(table, time, "TIMESTAMPTZ", words).cast(pa.timestamp("us", "UTC"))


def _evaluate(table: pa.Table, sql: str, kind: str, words: str) -> pa.Array:
    """(n_rows,) what an expression over the raw columns gives."""
    used = {name.lower() for name in columns_of(sql)}
    columns = [name for name in table.column_names if name.lower() in used]
    with duck.connect() as connection:
        connection.register("raw", table.select(columns or table.column_names[:1]))
        try:
            found = connection.sql(f"SELECT CAST(({sql}\n) AS {kind}) AS t FROM raw").to_arrow_table()
        except duckdb.Error as error:
            raise SourceError(
                f"{words}, however: {str(error).splitlines()[0]}; "
                f"TRY_CAST and try_strptime give null for what cannot be read"
            ) from error
    return found["t"].combine_chunks()


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
