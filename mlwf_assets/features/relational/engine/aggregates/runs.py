"""Values as they follow each other: runs, peaks, crossings, whether they only rise."""

from typing import Any

from mlwf_assets.features.relational.engine.aggregates.registry import Gather, aggregate
from mlwf_assets.features.relational.engine.layers import NotServed
from mlwf_assets.features.relational.engine.values import Value


@aggregate("IsMonotonicallyIncreasing", "IsMonotonicallyDecreasing")
def _is_monotonic(primitive: Any, args: list[Value], rows: Gather) -> Value:
    (one,) = args
    before = rows.step(f"LAG({one.sql} IGNORE NULLS) OVER {rows.rows().before()}")
    sign = ">=" if type(primitive).__name__ == "IsMonotonicallyIncreasing" else "<="
    return Value(f"COALESCE({rows.take(f'BOOL_AND({one.sql} {sign} {before})')}, TRUE)", "bool")


def _longest_run(condition: str, present: str, rows: Gather) -> str:
    """Give the length of the longest run of rows that meet the condition, among those that are present."""
    scope = rows.rows()
    met = rows.step(f"CASE WHEN {present} THEN {condition} END")
    here = rows.step(f"{present}")
    place = f"ROW_NUMBER() OVER {scope.before(by=[here])}"
    run = rows.step(f"{place} - ROW_NUMBER() OVER {scope.before(by=[here, met])}")
    length = rows.step(f"COUNT(*) OVER {scope.all_rows(by=[here, met, run])}")
    return rows.take(f"MAX(CASE WHEN {met} THEN {length} ELSE 0 END)")


_SIGNS = {"Negatives": "< 0", "Positives": "> 0", "Zeros": "= 0"}


@aggregate(*(f"MaxConsecutive{name}" for name in _SIGNS))
def _max_consecutive(primitive: Any, args: list[Value], rows: Gather) -> Value:
    sign = _SIGNS[type(primitive).__name__.removeprefix("MaxConsecutive")]
    (one,) = args
    present = f"{one.sql} IS NOT NULL" if primitive.skipna else "TRUE"
    some = rows.take(f"COUNT({one.sql})")
    run = _longest_run(f"COALESCE({one.sql} {sign}, FALSE)", present, rows)
    return Value(f"CASE WHEN {some} > 0 THEN {run} END", "int")


@aggregate("MaxConsecutiveTrue", "MaxConsecutiveFalse")
def _max_consecutive_truth(primitive: Any, args: list[Value], rows: Gather) -> Value:
    wanted = args[0].sql if type(primitive).__name__ == "MaxConsecutiveTrue" else f"NOT {args[0].sql}"
    run = _longest_run(f"COALESCE({wanted}, FALSE)", "TRUE", rows)
    return Value(f"CASE WHEN {rows.take(f'COUNT({args[0].sql})')} > 0 THEN {run} END", "int")


@aggregate("NumConsecutiveGreaterMean", "NumConsecutiveLessMean")
def _consecutive_by_mean(primitive: Any, args: list[Value], rows: Gather) -> Value:
    (one,) = args
    mean = rows.step(f"AVG({one.number}) OVER {rows.rows().all_rows()}")
    sign = ">" if type(primitive).__name__ == "NumConsecutiveGreaterMean" else "<"
    run = _longest_run(f"{one.sql} {sign} {mean}", f"{one.sql} IS NOT NULL", rows)
    some = f"{rows.take(f'COUNT({one.sql})')} > 0"
    if not primitive.skipna:
        some = f"{some} AND {rows.take(f'COUNT({one.sql})')} = {rows.take(f'COUNT({rows.row})')}"
    return Value(f"CASE WHEN {some} THEN {run} END", "int")


@aggregate("NumTrueSinceLastFalse", "NumFalseSinceLastTrue")
def _since_last(primitive: Any, args: list[Value], rows: Gather) -> Value:
    truth = args[0].sql
    ended, counted = (f"NOT {truth}", truth)
    if type(primitive).__name__ == "NumFalseSinceLastTrue":
        ended, counted = counted, ended
    last = rows.step(f"MAX(CASE WHEN {ended} THEN {rows.row} END) OVER {rows.rows().all_rows()}")
    count = rows.take(f"COUNT(CASE WHEN {rows.row} > {last} AND {counted} THEN 1 END)")
    return Value(f"CASE WHEN {rows.take(f'COUNT({last})')} > 0 THEN {count} END", "int")


@aggregate("NumZeroCrossings")
def _num_zero_crossings(primitive: Any, args: list[Value], rows: Gather) -> Value:
    sign = rows.step(f"NULLIF(SIGN({args[0].number}), 0)")
    before = rows.step(f"LAG({sign} IGNORE NULLS) OVER {rows.rows().before()}")
    return Value(rows.take(f"COUNT(CASE WHEN {sign} <> {before} THEN 1 END)"), "int")


@aggregate("NumPeaks")
def _num_peaks(primitive: Any, args: list[Value], rows: Gather) -> Value:
    """Count the runs of equal values that are higher than what is beside them on both sides."""
    (one,) = args
    if one.kind == "bool":
        raise NotServed("truth values have no peaks")
    scope = rows.rows()
    before = rows.step(f"LAG({one.sql}) OVER {scope.before()}")
    starts = rows.step(f"{one.sql} IS DISTINCT FROM {before} OR {one.sql} IS NULL")
    after = rows.step(f"LEAD({one.sql}) OVER {scope.before(by=[starts])}")
    return Value(
        rows.take(f"COUNT(CASE WHEN {starts} AND {before} < {one.sql} AND {after} < {one.sql} THEN 1 END)"), "int"
    )
