"""Times: how long ago, how far apart, on how many days."""

from typing import Any

from mlwf_assets.features.relational.engine.aggregates.registry import Gather, aggregate
from mlwf_assets.features.relational.engine.transforms.calendar import in_units
from mlwf_assets.features.relational.engine.values import Value

_AT = "MAKE_TIMESTAMP({v} // 1000)"
_PARTS = {
    "NUniqueDays": f"CAST({_AT} AS DATE)",
    "NUniqueDaysOfCalendarYear": f"EXTRACT(month FROM {_AT}) * 100 + EXTRACT(day FROM {_AT})",
    "NUniqueDaysOfMonth": f"EXTRACT(day FROM {_AT})",
    "NUniqueMonths": f"DATE_TRUNC('month', {_AT})",
    "NUniqueWeeks": f"DATE_TRUNC('week', {_AT})",
}


def _count_parts(primitive: Any, args: list[Value], rows: Gather) -> Value:
    part = _PARTS[type(primitive).__name__].replace("{v}", args[0].sql)
    return Value(rows.take(f"COUNT(DISTINCT {part})"), "int")


for _name in _PARTS:
    aggregate(_name, late=True)(_count_parts)


@aggregate("TimeSinceFirst", "TimeSinceLast")
def _time_since(primitive: Any, args: list[Value], rows: Gather) -> Value:
    which = "ARG_MIN_NULL" if type(primitive).__name__ == "TimeSinceFirst" else "ARG_MAX_NULL"
    at = rows.take(f"{which}({args[0].sql}, {rows.row})")
    return Value(in_units(f"({rows.now} - {at})", primitive.unit), "float")


@aggregate("TimeSinceLastTrue", "TimeSinceLastFalse")
def _time_since_truth(primitive: Any, args: list[Value], rows: Gather) -> Value:
    time, truth = args
    wanted = truth.sql if type(primitive).__name__ == "TimeSinceLastTrue" else f"NOT {truth.sql}"
    when = f"CASE WHEN {wanted} AND {time.sql} IS NOT NULL THEN {rows.row} END"
    return Value(f"({rows.now} - {rows.take(f'ARG_MAX({time.sql}, {when})')}) / 1e9", "float")


@aggregate("TimeSinceLastMax", "TimeSinceLastMin")
def _time_since_extreme(primitive: Any, args: list[Value], rows: Gather) -> Value:
    time, value = args
    extreme = "MAX" if type(primitive).__name__ == "TimeSinceLastMax" else "MIN"
    known = f"CASE WHEN {time.sql} IS NOT NULL THEN {value.number} END"
    wanted = rows.step(f"{extreme}({known}) OVER {rows.rows().all_rows()}")
    when = f"CASE WHEN {known} = {wanted} THEN {rows.row} END"
    return Value(f"({rows.now} - {rows.take(f'ARG_MIN({time.sql}, {when})')}) / 1e9", "float")


@aggregate("AvgTimeBetween", late=True)
def _avg_time_between(primitive: Any, args: list[Value], rows: Gather) -> Value:
    time = args[0].sql
    n = rows.take(f"COUNT({time})")
    span = f"({rows.take(f'MAX({time})')} - {rows.take(f'MIN({time})')})"
    return Value(f"CASE WHEN {n} >= 2 THEN {in_units(f'({span} / ({n} - 1))', primitive.unit)} END", "float")


@aggregate("FirstLastTimeDelta")
def _first_last(primitive: Any, args: list[Value], rows: Gather) -> Value:
    time = args[0].sql
    when = f"CASE WHEN {time} IS NOT NULL THEN {rows.row} END"
    first, last = (rows.take(f"{name}({time}, {when})") for name in ("ARG_MIN", "ARG_MAX"))
    return Value(f"({last} - {first}) / 1e9", "float")
