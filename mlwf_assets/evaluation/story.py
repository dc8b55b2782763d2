"""The data's story in numbers: what became of each table's rows, how large the splits are, how the label went.

Counts of cleaning come in as plain mappings; nothing is cleaned or split here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlwf_assets.models.truth import Truth

_SUMS = ("rows_in", "rows_out", "quarantined", "duplicates", "contradictions")
_TALLIES = ("dropped", "nulled", "noted", "reasons")


@dataclass(frozen=True)
class TableStory:
    """What became of one table's rows.

    Attributes:
        contradictions: those of the duplicates that say something else than the row that was kept.
        dropped, nulled, noted: rows by the name of the rule.
        reasons: quarantined rows by reason, the most frequent first.
        partitioned: whether there are several parts, by time.
    """

    table: str
    partitioned: bool
    rows_in: int
    rows_out: int
    quarantined: int
    duplicates: int
    contradictions: int
    dropped: dict[str, int]
    nulled: dict[str, int]
    noted: dict[str, int]
    reasons: dict[str, int]


@dataclass(frozen=True)
class OddRow:
    """One odd row: its key, how odd it is (0.5 to 1), and which of its values are rare."""

    row: str
    score: float
    why: str


@dataclass(frozen=True)
class OddRows:
    """The odd rows of one table, found and seen among training rows only.

    Attributes:
        among: which rows were looked at, in words.
        looked_at: how many these are.
        listed: how many of them are listed as odd.
        because: why none could be told; "" where it could.
        oddest: the first few.
    """

    table: str
    among: str
    looked_at: int
    listed: int
    because: str
    oddest: tuple[OddRow, ...]


@dataclass(frozen=True)
class SplitSummary:
    """One split: rows, first and last day, and the label: mean, or share of each class."""

    name: str
    rows: int
    first: str
    last: str
    mean: float
    shares: dict[str, float]


@dataclass(frozen=True)
class Period:
    """The label in one week or month of a split: mean label (binary: share of positives)."""

    start: str
    split: str
    rows: int
    mean: float


def add_up(counts: Iterable[Mapping[str, Any]]) -> tuple[TableStory, ...]:
    """Sum counts over the partitions of each table; tables stay in the order of their first appearance.

    Args:
        counts: mappings with `table` and any of rows_in, rows_out, quarantined, duplicates, contradictions
            (numbers) and dropped, nulled, noted, reasons (mappings from rule or reason to rows).

    Example:
        >>> month = {"table": "flights", "rows_in": 3, "rows_out": 2, "quarantined": 1, "reasons": {"odd": 1}}
        >>> story = add_up([month, month])[0]
        >>> story.rows_in, story.reasons
        (6, {'odd': 2})
    """
    by_table: dict[str, list[Mapping[str, Any]]] = {}
    for part in counts:
        by_table.setdefault(str(part["table"]), []).append(part)
    return tuple(_sum_parts(table, parts) for table, parts in by_table.items())


def _sum_parts(table: str, parts: list[Mapping[str, Any]]) -> TableStory:
    tallies: dict[str, Any] = {name: sum(int(part.get(name) or 0) for part in parts) for name in _SUMS}
    for name in _TALLIES:
        tally: dict[str, int] = {}
        for part in parts:
            for reason, rows in (part.get(name) or {}).items():
                tally[str(reason)] = tally.get(str(reason), 0) + int(rows)
        tallies[name] = dict(sorted(tally.items(), key=lambda pair: (-pair[1], pair[0])))
    partitioned = any(part.get("partition") is not None for part in parts)
    return TableStory(table=table, partitioned=partitioned, **tallies)


def tell_odd_rows(summaries: Iterable[Mapping[str, Any]]) -> tuple[OddRows, ...]:
    """Read the summaries that stand beside the tables of odd rows.

    Example:
        >>> one = {"table": "trips", "among": "all rows", "looked_at": 9, "listed": 0, "because": "too few"}
        >>> tell_odd_rows([{**one, "oddest": []}])[0].because
        'too few'
    """
    return tuple(OddRows(**{**one, "oddest": tuple(OddRow(**row) for row in one["oddest"])}) for one in summaries)


def example_times(table: pa.Table) -> pd.Series | None:
    """The time of each row, UTC: `time`, else `cutoff`; None where neither holds anything."""
    for name in ("time", "cutoff"):
        if name in table.column_names and table.column(name).null_count < table.num_rows:
            return pd.to_datetime(table.column(name).to_pandas(), utc=True)
    return None


def summarize_split(name: str, table: pa.Table, truth: Truth, *, timezone: str = "UTC") -> SplitSummary:
    """Rows, days and label of one split.

    Example:
        >>> summarize_split("test", pa.table({"id": [1]}), Truth("binary", np.array([1.0]))).mean
        1.0
    """
    times = example_times(table)
    days = ["", ""]
    if times is not None and len(times):
        days = [t.tz_convert(timezone).strftime("%Y-%m-%d") for t in (times.min(), times.max())]
    shares = {}
    if truth.classes and len(truth.y):
        counted = np.bincount(truth.y.astype(int), minlength=len(truth.classes)) / len(truth.y)
        shares = dict(zip(truth.words, counted.tolist(), strict=True))
    mean = float(truth.y.mean()) if truth.kind != "multiclass" and len(truth.y) else float("nan")
    return SplitSummary(name, table.num_rows, days[0], days[1], mean, shares)


def label_over_time(splits: Mapping[str, tuple[pa.Table, Truth]], *, timezone: str = "UTC") -> tuple[Period, ...]:
    """The mean label per week (per month beyond 18 months, per day within 6 weeks); none without time."""
    times = {name: example_times(table) for name, (table, _) in splits.items()}
    known = [series for series in times.values() if series is not None and len(series)]
    if not known or any(truth.kind == "multiclass" for _, truth in splits.values()):
        return ()
    days = (max(s.max() for s in known) - min(s.min() for s in known)).days
    unit = "M" if days > 548 else ("W-SUN" if days > 42 else "D")
    periods = []
    for name, (_, truth) in splits.items():
        series = times[name]
        if series is None or not len(series):
            continue
        starts = series.dt.tz_convert(timezone).dt.tz_localize(None).dt.to_period(unit)
        grouped = pd.Series(truth.y, index=series.index).groupby(starts).agg(["size", "mean"]).sort_index()
        periods += [
            Period(start.start_time.strftime("%Y-%m-%d"), name, int(rows), float(mean))
            for start, rows, mean in zip(grouped.index, grouped["size"], grouped["mean"], strict=True)
        ]
    return tuple(periods)
