"""For whom is the model worse: the metric within each value of a column, with its interval.

A slice is called worse only where its whole interval lies on the bad side of the value on all rows.
Columns come from the clean example table, or are told from the example's time (month, weekday, hour).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from mlwf_assets.errors import DataError
from mlwf_assets.evaluation.bootstrap import Interval, draw_counts, interval_of
from mlwf_assets.evaluation.story import example_times
from mlwf_assets.models.metrics import Array, Metric, find_metric
from mlwf_assets.models.truth import Truth
from mlwf_assets.spec.names import TIME_SLICES

MISSING = "(missing)"
OTHERS = "(all others)"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHOWN = 14
_LEAST_ROWS = 50


@dataclass(frozen=True)
class Slice:
    """One value of a column.

    Attributes:
        score: the metric on its rows.
        actual, predicted: mean label and mean prediction (binary: of the positive class); nan for multiclass.
        verdict: "worse", "better" or "alike", compared with all rows; "few" below 50 rows.
        gap: how much worse than all rows, in the metric's unit; positive is worse.
    """

    column: str
    value: str
    rows: int
    score: Interval
    actual: float
    predicted: float
    verdict: str
    gap: float


def slice_values(column: str, test: pa.Table, clean: pa.Table, *, timezone: str = "UTC") -> list[str]:
    """Tell the value of a slice column for each row of a matrix, as text.

    Args:
        column: a column of `clean`, else of `test`, else month, weekday or hour of its `time`.
        test: the test matrix.
        clean: the clean rows of the same examples, in the same order.
        timezone: in which months, weekdays and hours begin.

    Raises:
        DataError: if there is no such column.
    Example:
        >>> slice_values("color", pa.table({"id": [2, 1]}), pa.table({"color": ["g", "r"]}))
        ['g', 'r']
    """
    for table in (clean, test):
        if column in table.column_names:
            return _as_words(table.column(column).to_pandas())
    if column in TIME_SLICES and (times := example_times(test)) is not None:
        return _from_time(column, times, timezone)
    raise DataError(
        f"a slice must be a column of the examples' table, or month, weekday or hour of its time, "
        f"however: {column!r}; correct evaluation.slices"
    )


def _as_words(values: pd.Series) -> list[str]:
    present = values.dropna()
    # Integers with gaps arrive as floats: 4.0 is called "4".
    if len(present) and pd.api.types.is_float_dtype(values) and bool((present % 1 == 0).all()):
        return [MISSING if pd.isna(v) else str(int(v)) for v in values]
    if pd.api.types.is_float_dtype(values) and present.nunique() > _SHOWN:
        cut = pd.qcut(values, 5, duplicates="drop")
        return [MISSING if pd.isna(v) else f"{v.left:.4g} to {v.right:.4g}" for v in cut]
    return [MISSING if pd.isna(v) else str(v) for v in values]


def _from_time(column: str, times: pd.Series, timezone: str) -> list[str]:
    aware = times.dt.tz_convert(timezone)
    if column == "month":
        words = aware.dt.strftime("%Y-%m")
    elif column == "weekday":
        words = aware.dt.weekday.map(lambda d: _WEEKDAYS[int(d)], na_action="ignore")
    else:
        words = aware.dt.strftime("%H:00")
    return [MISSING if pd.isna(v) else str(v) for v in words]


def _verdict(score: Interval, overall: float, metric: Metric, rows: int) -> tuple[str, float]:
    gap = (overall - score.value) * (1 if metric.higher_is_better else -1)
    if rows < _LEAST_ROWS or not np.isfinite(score.value + score.low + score.high):
        return "few", gap
    if score.low <= overall <= score.high:
        return "alike", gap
    return ("worse" if gap > 0 else "better"), gap


def _group_small(values: Sequence[str], shown: int) -> Sequence[str]:
    counts = pd.Series(values).value_counts()
    if len(counts) <= shown:
        return values
    kept = set(sorted(counts.index, key=lambda v: (-counts[v], v))[: shown - 1])
    return [v if v in kept else OTHERS for v in values]


def judge_slices(
    columns: Mapping[str, Sequence[str]],
    truth: Truth,
    p: Array,
    *,
    metric: str,
    overall: float,
    n: int = 200,
    seed: int = 0,
    threshold: float = 0.5,
) -> tuple[Slice, ...]:
    """Compute the metric for each value of each column; rare values of long columns are put together.

    Args:
        columns: slice column -> value per row.
        truth: the labels of the rows.
        p: (n,) or (n, classes), predictions for the same rows.
        metric: the metric's name.
        overall: the metric on all rows.
        n: resamples.
        seed: of the resamples.
        threshold: of a binary decision.
    """
    found, judged = find_metric(metric, truth.kind), []
    for column, raw in columns.items():
        values = np.array(_group_small(raw, _SHOWN), dtype=object)
        for value in _in_order(set(values.tolist())):
            rows = values == value
            y, q = truth.y[rows], p[rows]
            counts = draw_counts(len(y), n=n, seed=seed)
            score = interval_of(found, y, q, counts=counts, threshold=threshold)
            verdict, gap = _verdict(score, overall, found, len(y))
            flat = truth.kind == "multiclass"
            actual, predicted = (np.nan, np.nan) if flat else (float(y.mean()), float(q.mean()))
            judged.append(Slice(column, str(value), len(y), score, actual, predicted, verdict, gap))
    return tuple(judged)


def _in_order(values: set[str]) -> list[str]:
    """Weekdays by week, numbers by size, the rest by name, collected values last."""

    def place(value: str) -> tuple[int, float, str]:
        if value in (OTHERS, MISSING):
            return 3, 0.0, value
        if value in _WEEKDAYS:
            return 0, float(_WEEKDAYS.index(value)), value
        first = value.partition(" to ")[0]
        if first.lstrip("-").replace(".", "", 1).isdigit():
            return 1, float(first), value
        return 2, 0.0, value

    return sorted(values, key=place)


def worst_slices(slices: Sequence[Slice], *, at_most: int = 3) -> tuple[Slice, ...]:
    """Name those that are surely worse than all rows, the worst first."""
    worse = [s for s in slices if s.verdict == "worse"]
    return tuple(sorted(worse, key=lambda s: (-s.gap, s.column, s.value))[:at_most])
