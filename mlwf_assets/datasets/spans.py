"""Where validation and test begin, told from the examples alone, never from the clock.

Dates stand in the file. Spans and shares count back from the end of the partitions; where that is open, from the
end of the last partition that has examples; without partitions, from the midnight after the last example.
"""

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc

from mlwf_assets.errors import DataError
from mlwf_assets.spec.datasets import Splits
from mlwf_assets.spec.partitions import Partitions
from mlwf_assets.spec.timeline import partition_spans, split_dates

_LONGEST_PARTITION = dt.timedelta(days=32)


def split_moments(
    splits: Splits, partitions: Partitions | None, times: pa.ChunkedArray
) -> tuple[dt.datetime, dt.datetime]:
    """Return when validation and when test begin, in UTC.

    Args:
        splits: by time.
        partitions: how time is cut.
        times: of all examples, without nulls; at least one.
    Raises:
        DataError: if validation does not begin before the test.
    Example:
        >>> days = pa.chunked_array([[dt.datetime(2024, 1, day, tzinfo=dt.UTC) for day in range(1, 31)]])
        >>> [str(at.date()) for at in split_moments(Splits(by="time", validation="5 days", test=0.2), None, days)]
        ['2024-01-20', '2024-01-25']
    """
    span = pc.min_max(times).as_py()
    first, last = span["min"], span["max"]
    if partitions is None:
        days = (_midnight(first), _midnight(last) + dt.timedelta(days=1))
        validation, test = split_dates(splits, None, span=days)
    else:
        now = last if partitions.end is not None else _end_of_partition(partitions, last)
        validation, test = split_dates(splits, partitions, now=now)
    if validation >= test:
        raise DataError(
            f"validation must begin before the test, however: {validation} and {test}; the examples reach from "
            f"{first} to {last}; change 'splits'"
        )
    return validation, test


def _midnight(at: dt.datetime) -> dt.datetime:
    return at.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _end_of_partition(partitions: Partitions, at: dt.datetime) -> dt.datetime:
    """The end of the partition in which a moment lies."""
    ends = (end for _, _, end in partition_spans(partitions, now=at + _LONGEST_PARTITION))
    return next((end for end in ends if end > at), at)
