"""Whether anything of one split stands in another: looks at the tables that were made, not at how.

The same key in two splits, a group in two, a time of an earlier split that is not before the later one's, a
row that is in none: each is a leak or a loss. What features may see is the business of their own room.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlwf_assets.datasets.examples import GROUP
from mlwf_assets.errors import DataError


def check_leaks(tables: Mapping[str, pa.Table], *, key: Sequence[str], by: str, rows: int) -> dict[str, Any]:
    """Inspect made splits.

    Args:
        tables: the splits' examples, in the order of time.
        key: what names an example.
        by: how they were divided: time, random, stratified or group.
        rows: how many examples there were.
    Returns:
        `passed`, `description` for people, and `metadata` with what was found.
    Example:
        >>> one = pa.table({"id": [1, 2]})
        >>> check_leaks({"train": one, "test": one}, key=["id"], by="random", rows=2)["description"]
        '2 examples are in two splits; 2 more examples than there were'
    """
    found: dict[str, Any] = {"examples in two splits": _shared(tables, key)}
    found["examples lost or added"] = sum(table.num_rows for table in tables.values()) - rows
    problems = []
    if found["examples in two splits"]:
        problems.append(f"{found['examples in two splits']:,} examples are in two splits")
    if difference := found["examples lost or added"]:
        problems.append(f"{abs(difference):,} {'more' if difference > 0 else 'fewer'} examples than there were")
    if by == "time":
        found["spans"] = {name: _span(table) for name, table in tables.items()}
        problems += _overlaps(tables)
    if by == "group":
        found["groups in two splits"] = _shared(tables, [GROUP])
        if found["groups in two splits"]:
            problems.append(f"{found['groups in two splits']:,} groups are in two splits")
    fine = {
        "time": "each example is in one split, and each split ends before the next one begins",
        "group": "each example is in one split, and so is each group",
    }.get(by, "each example is in one split")
    return {"passed": not problems, "description": "; ".join(problems) or fine, "metadata": found}


def example_times(examples: pa.Table) -> pa.ChunkedArray:
    """Return each example's time: the row's own, else the cutoff.

    Raises:
        DataError: if one has neither.
    Example:
        >>> example_times(pa.table({"id": [1]}))
        Traceback (most recent call last):
        mlwf_assets.errors.DataError: a split by time needs a time for each example, however 1 of 1 have none...
    """
    empty = pa.nulls(examples.num_rows, pa.timestamp("us", "UTC"))
    given = [examples[name] for name in ("time", "cutoff") if name in examples.column_names]
    times = pc.coalesce(*given, empty)
    if times.null_count:
        raise DataError(
            f"a split by time needs a time for each example, however {times.null_count:,} of {examples.num_rows:,} "
            f"have none; give examples a cutoff, or make the column of their time 'required: true', so that such rows "
            f"go to quarantine"
        )
    return times if isinstance(times, pa.ChunkedArray) else pa.chunked_array([times])


def _shared(tables: Mapping[str, pa.Table], columns: Sequence[str]) -> int:
    """Count the values of some columns that stand in more than one table; a null equals a null."""
    names = list(columns)
    distinct = [table.select(names).group_by(names).aggregate([]) for table in tables.values()]
    counted = pa.concat_tables(distinct).group_by(names).aggregate([([], "count_all")])
    return int(pc.sum(pc.greater(counted["count_all"], 1)).as_py() or 0)


def _span(table: pa.Table) -> list[str]:
    span = pc.min_max(example_times(table)).as_py()
    return [str(span["min"]), str(span["max"])]


def _overlaps(tables: Mapping[str, pa.Table]) -> list[str]:
    spans = {name: pc.min_max(example_times(table)).as_py() for name, table in tables.items()}
    return [
        f"{earlier} reaches to {spans[earlier]['max']}, though {later} begins at {spans[later]['min']}"
        for earlier, later in combinations(spans, 2)
        if spans[earlier]["max"] is not None
        and spans[later]["min"] is not None
        and spans[earlier]["max"] >= spans[later]["min"]
    ]
