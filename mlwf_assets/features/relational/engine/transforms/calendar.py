"""Times in: parts of the calendar and the clock, holidays, ages. A time is nanoseconds since 1970, without a zone."""

import datetime as dt
from typing import Any

from mlwf_assets.features.relational.engine.layers import NotServed, Scope
from mlwf_assets.features.relational.engine.transforms.registry import simple, transform
from mlwf_assets.features.relational.engine.values import Value, literal

DAY_NS = 86_400_000_000_000
# featuretools' own: a year is 365 days and an hour, a month a twelfth of 365 days.
UNITS_S = {
    "years": 31_540_000,
    "months": 2_628_000,
    "days": 86_400,
    "hours": 3_600,
    "minutes": 60,
    "seconds": 1,
    "milliseconds": 0.001,
    "nanoseconds": 0.000000001,
}
_AT = "MAKE_TIMESTAMP({v} // 1000)"
_DAY = f"CAST(FLOOR({{v}} / {DAY_NS}e0) AS BIGINT)"
_FIRST_WEEKDAY = f"ISODOW(DATE_TRUNC('month', {_AT})) - 1"
_IN_WEEKS = f"(EXTRACT(day FROM {_AT}) + CASE WHEN {_FIRST_WEEKDAY} = 6 THEN 0 ELSE {_FIRST_WEEKDAY} + 1 END)"

simple(
    {
        "Year": f"EXTRACT(year FROM {_AT})",
        "Month": f"EXTRACT(month FROM {_AT})",
        "Day": f"EXTRACT(day FROM {_AT})",
        "Hour": f"EXTRACT(hour FROM {_AT})",
        "Minute": f"EXTRACT(minute FROM {_AT})",
        "Second": f"EXTRACT(second FROM {_AT})",
        "Weekday": f"ISODOW({_AT}) - 1",
        "Quarter": f"EXTRACT(quarter FROM {_AT})",
        "DayOfYear": f"EXTRACT(doy FROM {_AT})",
        "DaysInMonth": f"EXTRACT(day FROM LAST_DAY({_AT}))",
    },
    kind="int",
    masked=False,
)
simple({"Week": f"WEEKOFYEAR({_AT})"}, kind="int", masked=True)
simple({"NthWeekOfMonth": f"CEIL({_IN_WEEKS} / 7e0)"}, masked=False)
simple({"DateToTimeZone": "CAST(NULL AS VARCHAR)"}, kind="text", masked=False)
simple({"IsFirstWeekOfMonth": f"CEIL({_IN_WEEKS} / 7e0) = 1"}, kind="bool", masked=False)

_WITHOUT_GAPS = {
    "IsWeekend": f"ISODOW({_AT}) > 5",
    "IsLeapYear": f"EXTRACT(day FROM LAST_DAY(MAKE_TIMESTAMP(EXTRACT(year FROM {_AT}), 2, 1, 0, 0, 0e0))) = 29",
    "IsMonthStart": f"EXTRACT(day FROM {_AT}) = 1",
    "IsMonthEnd": f"CAST({_AT} AS DATE) = LAST_DAY({_AT})",
    "IsQuarterStart": f"EXTRACT(day FROM {_AT}) = 1 AND EXTRACT(month FROM {_AT}) IN (1, 4, 7, 10)",
    "IsQuarterEnd": f"CAST({_AT} AS DATE) = LAST_DAY({_AT}) AND EXTRACT(month FROM {_AT}) IN (3, 6, 9, 12)",
    "IsYearStart": f"EXTRACT(doy FROM {_AT}) = 1",
    "IsYearEnd": f"EXTRACT(day FROM {_AT}) = 31 AND EXTRACT(month FROM {_AT}) = 12",
}


def _without_gaps(primitive: Any, args: list[Value], scope: Scope) -> Value:
    sql = _WITHOUT_GAPS[type(primitive).__name__].replace("{v}", args[0].sql)
    return Value(f"COALESCE({sql}, FALSE)", "bool")


for _name in _WITHOUT_GAPS:
    transform(_name)(_without_gaps)


@transform("IsLunchTime")
def _is_lunch_time(primitive: Any, args: list[Value], scope: Scope) -> Value:
    return Value(f"COALESCE({_hour(args[0])} = {literal(primitive.lunch_hour)}, FALSE)", "bool")


@transform("IsWorkingHours")
def _is_working_hours(primitive: Any, args: list[Value], scope: Scope) -> Value:
    start, end = literal(primitive.start_hour), literal(primitive.end_hour)
    return Value(f"COALESCE({_hour(args[0])} BETWEEN {start} AND {end}, FALSE)", "bool")


def _hour(value: Value) -> str:
    return f"EXTRACT(hour FROM {_AT.replace('{v}', value.sql)})"


_PARTS = {
    "dawn": (4, 5),
    "early morning": (6, 7),
    "late morning": (8, 9, 10),
    "noon": (11, 12, 13),
    "afternoon": (14, 15, 16),
    "evening": (17, 18, 19),
    "night": (20, 21, 22),
    "midnight": (23, 0, 1, 2, 3),
}


@transform("PartOfDay", strict=True)
def _part_of_day(primitive: Any, args: list[Value], scope: Scope) -> Value:
    hour = _hour(args[0])
    cases = " ".join(f"WHEN {hour} IN ({', '.join(map(str, hours))}) THEN '{part}'" for part, hours in _PARTS.items())
    return Value(f"CASE {cases} END", "text")


@transform("Season", strict=True)
def _season(primitive: Any, args: list[Value], scope: Scope) -> Value:
    at = _AT.replace("{v}", args[0].sql)
    day = f"(EXTRACT(month FROM {at}) * 100 + EXTRACT(day FROM {at}))"
    cases = f"WHEN {day} < 321 OR {day} > 1220 THEN 'winter' WHEN {day} < 621 THEN 'spring' "
    return Value(f"CASE {cases} WHEN {day} < 923 THEN 'summer' WHEN {day} <= 1220 THEN 'fall' END", "text", masked=True)


@transform("Age", strict=True)
def _age(primitive: Any, args: list[Value], scope: Scope) -> Value:
    return Value(f"FLOOR(({scope.now()} - {args[0].sql}) / {DAY_NS}e0) / 365e0", "float")


@transform("TimeSince", strict=True)
def _time_since(primitive: Any, args: list[Value], scope: Scope) -> Value:
    return Value(in_units(f"({scope.now()} - {args[0].sql})", primitive.unit), "float")


def in_units(sql: str, unit: str) -> str:
    """Give nanoseconds in featuretools' units.

    Raises:
        NotServed: if the unit is unknown; featuretools then says so.
    """
    if unit not in UNITS_S:
        raise NotServed(f"the unit {unit!r} is unknown")
    return f"{sql} / 1e9 / {literal(float(UNITS_S[unit]))}"


@transform("IsFederalHoliday", strict=True)
def _is_federal_holiday(primitive: Any, args: list[Value], scope: Scope) -> Value:
    days = ", ".join(str(day) for day, _ in _list_holidays(primitive))
    return Value(f"{_DAY.replace('{v}', args[0].sql)} IN ({days})", "bool")


@transform("DateToHoliday", strict=True)
def _date_to_holiday(primitive: Any, args: list[Value], scope: Scope) -> Value:
    days: dict[str, list[str]] = {}
    for day, name in _list_holidays(primitive):
        days.setdefault(name, []).append(str(day))
    at = _DAY.replace("{v}", args[0].sql)
    cases = " ".join(f"WHEN {at} IN ({', '.join(some)}) THEN {literal(name)}" for name, some in days.items())
    return Value(f"CASE {cases} END", "text")


@transform("DistanceToHoliday", strict=True)
def _distance_to_holiday(primitive: Any, args: list[Value], scope: Scope) -> Value:
    days = ", ".join(str(day) for day, name in _list_holidays(primitive) if name == primitive.holiday)
    at = _DAY.replace("{v}", args[0].sql)
    away = f"LIST_SORT(LIST_TRANSFORM([{days}], LAMBDA day : {{'away': ABS(day - {at}), 'day': day}}))[1]"
    return Value(f"CASE WHEN {away}.away <= 365 THEN CAST({away}.day - {at} AS DOUBLE) END", "float")


def _list_holidays(primitive: Any) -> list[tuple[int, str]]:
    """List the days (counted from 1970) with their names."""
    start = dt.date(1970, 1, 1)
    return [((day - start).days, name) for day, name in sorted(primitive.holidayUtil.federal_holidays.items())]
