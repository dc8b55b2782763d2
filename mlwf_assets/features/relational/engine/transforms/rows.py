"""Values that depend on other rows: running totals, differences, lags, ranks. Rows count in the order of their table.

`Scope.before` serves what looks back alone, and so holds whatever comes later; `Scope.around` what depends on the very
rows that a calculation asks for.
"""

from typing import Any

from mlwf_assets.features.relational.engine.layers import NotServed, Scope
from mlwf_assets.features.relational.engine.transforms.calendar import in_units
from mlwf_assets.features.relational.engine.transforms.registry import transform
from mlwf_assets.features.relational.engine.values import Value, without_nan

_SO_FAR = "ROWS UNBOUNDED PRECEDING"


@transform("CumCount")
def _cum_count(primitive: Any, args: list[Value], scope: Scope) -> Value:
    return Value(f"ROW_NUMBER() OVER {scope.before()}", "int")


@transform("CumSum", "CumMin", "CumMax")
def _cumulate(primitive: Any, args: list[Value], scope: Scope) -> Value:
    (one,) = args
    name = type(primitive).__name__.removeprefix("Cum").upper()
    running = f"CAST({name}({one.sql}) OVER {scope.before(_SO_FAR)} AS {one.type})"
    return one.at(f"CASE WHEN {one.sql} IS NOT NULL THEN {running} END")


@transform("CumMean")
def _cum_mean(primitive: Any, args: list[Value], scope: Scope) -> Value:
    (one,) = args
    running = f"SUM({one.number}) OVER {scope.before(_SO_FAR)} / ROW_NUMBER() OVER {scope.before()}"
    return Value(f"CASE WHEN {one.sql} IS NOT NULL THEN {running} END", "float", masked=one.masked)


def shift(value: Value, periods: int, scope: Scope, *, window: str = "") -> str:
    """Give the value so many rows before (or after, where negative)."""
    if periods == 0:
        return value.sql
    if periods > 0:
        return f"LAG({value.sql}, {periods}) OVER {window or scope.before()}"
    scope.needs_all()
    return f"LEAD({value.sql}, {-periods}) OVER {window or scope.before()}"


@transform("Diff", "DiffDatetime")
def _diff(primitive: Any, args: list[Value], scope: Scope) -> Value:
    (one,) = args
    if one.kind == "bool":
        raise NotServed("pandas has a rule of its own for differences of truth values")
    sql = f"{shift(one, primitive.periods, scope)} - {shift(one, primitive.periods + 1, scope)}"
    if one.kind == "time":
        return Value(sql, "delta")
    return one.at(f"({sql})") if one.kind == "int" else one.at(without_nan(f"({sql})"))


@transform("Lag")
def _lag(primitive: Any, args: list[Value], scope: Scope) -> Value:
    return args[0].at(shift(args[0], primitive.periods, scope))


@transform("NumericLag")
def _numeric_lag(primitive: Any, args: list[Value], scope: Scope) -> Value:
    if primitive.fill_value is not None:
        raise NotServed("a value to fill with is Python's")
    return args[1].at(shift(args[1], primitive.periods, scope))


@transform("RateOfChange")
def _rate_of_change(primitive: Any, args: list[Value], scope: Scope) -> Value:
    value, time = args
    change = f"({value.number} - LAG({value.number}) OVER {scope.before()})"
    seconds = f"(({time.sql} - LAG({time.sql}) OVER {scope.before()}) / 1e9)"
    return Value(without_nan(f"{change} / {seconds}"), "float", masked=value.masked)


@transform("Percentile")
def _percentile(primitive: Any, args: list[Value], scope: Scope) -> Value:
    (one,) = args
    if one.masked:
        raise NotServed("pandas ranks the gaps of a column with a mask by what lies beneath the mask")
    everyone = scope.all_rows()
    ranked = everyone.removesuffix(")") + f" ORDER BY {one.sql})"
    alike = scope.all_rows(by=[one.sql])
    rank = f"RANK() OVER {ranked} + (COUNT(*) OVER {alike} - 1) / 2e0"
    sql = f"CASE WHEN {one.sql} IS NOT NULL THEN ({rank}) / COUNT({one.sql}) OVER {everyone} END"
    return Value(sql, "float", masked=one.masked)


def _fill(value: Value, method: str, limit: int | None, scope: Scope) -> Value:
    """Fill gaps with the value before or after."""
    if limit is not None:
        raise NotServed("a limit to filling is pandas' own")
    if method in ("ffill", "pad"):
        return value.at(scope.step(f"LAST_VALUE({value.sql} IGNORE NULLS) OVER {scope.around(_SO_FAR)}"))
    ahead = scope.around("ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING")
    return value.at(scope.step(f"FIRST_VALUE({value.sql} IGNORE NULLS) OVER {ahead}"))


@transform("AbsoluteDiff")
def _absolute_diff(primitive: Any, args: list[Value], scope: Scope) -> Value:
    filled = _fill(args[0], primitive.method, primitive.limit, scope)
    return args[0].at(f"ABS({filled.sql} - LAG({filled.sql}) OVER {scope.around()})")


@transform("PercentChange")
def _percent_change(primitive: Any, args: list[Value], scope: Scope) -> Value:
    if primitive.freq is not None:
        raise NotServed("a frequency is pandas' own")
    filled = _fill(args[0], primitive.fill_method, primitive.limit, scope)
    before = shift(filled.at(filled.number), primitive.periods, scope, window=scope.around())
    return Value(without_nan(f"({filled.number} / {before} - 1)"), "float", masked=args[0].masked)


@transform("SameAsPrevious")
def _same_as_previous(primitive: Any, args: list[Value], scope: Scope) -> Value:
    filled = _fill(args[0], primitive.fill_method, primitive.limit, scope)
    same = f"{filled.sql} = LAG({filled.sql}) OVER {scope.around()}"
    first = f"ROW_NUMBER() OVER {scope.around()} = 1"
    if args[0].masked:
        return Value(f"CASE WHEN {first} THEN FALSE ELSE {same} END", "bool", masked=True)
    return Value(f"COALESCE({same}, FALSE)", "bool")


@transform("TimeSincePrevious")
def _time_since_previous(primitive: Any, args: list[Value], scope: Scope) -> Value:
    gap = f"({args[0].sql} - LAG({args[0].sql}) OVER {scope.around()})"
    return Value(in_units(gap, primitive.unit), "float")


@transform("CumulativeTimeSinceLastTrue", "CumulativeTimeSinceLastFalse")
def _since_last(primitive: Any, args: list[Value], scope: Scope) -> Value:
    time, truth = args
    wanted = truth.sql if type(primitive).__name__.endswith("True") else f"NOT {truth.sql}"
    last = f"LAST_VALUE(CASE WHEN {wanted} THEN {time.sql} END IGNORE NULLS) OVER {scope.around(_SO_FAR)}"
    return Value(f"({time.sql} - {last}) / 1e9", "float")
