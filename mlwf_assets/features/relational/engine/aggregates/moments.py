"""Spread, shape and slope. Always of values less their group's mean, never of raw power sums.

DuckDB's own variance merges central moments; its skewness and kurtosis add up raw powers, and are not used.
"""

from typing import Any

from mlwf_assets.features.relational.engine.aggregates.registry import Gather, aggregate
from mlwf_assets.features.relational.engine.layers import NotServed
from mlwf_assets.features.relational.engine.values import Value

# pandas takes sums of squares and cubes below this for nought.
_NOUGHT = "1e-14"
# Numbers of this size have squares beyond a double.
_HUGE = "1e150"
# scipy's resolution of a double.
_RESOLUTION = "1e-15"


@aggregate("Std", late=True)
def _std(primitive: Any, args: list[Value], rows: Gather) -> Value:
    return _spread("STDDEV_SAMP", args[0], rows)


@aggregate("Variance", late=True)
def _variance(primitive: Any, args: list[Value], rows: Gather) -> Value:
    return _spread("VAR_SAMP", args[0], rows)


def _spread(function: str, value: Value, rows: Gather) -> Value:
    """Take a spread; where squares exceed a double pandas has infinity, for infinite values a gap; DuckDB fails."""
    if value.exact:
        return _spread_exactly(function, value, rows)
    if value.kind != "float" or value.tame:
        return Value(rows.take(f"{function}({value.number})"), "float", masked=value.masked)
    spread = rows.take(f"{function}(CASE WHEN ABS({value.sql}) < {_HUGE} THEN {value.sql} END)")
    size, n = rows.take(f"MAX(ABS({value.sql}))"), rows.take(f"COUNT({value.sql})")
    infinite = f"CASE WHEN {n} > 1 AND {size} < 'inf'::DOUBLE THEN 'inf'::DOUBLE END"
    return Value(f"CASE WHEN {size} >= {_HUGE} THEN {infinite} ELSE {spread} END", "float", masked=value.masked)


def _spread_exactly(function: str, value: Value, rows: Gather) -> Value:
    """Take a spread of whole numbers: n times the sum of squares less the square of the sum, without any rounding."""
    n = rows.take(f"COUNT({value.sql})")
    total, squares = (rows.take(f"SUM({sql})") for sql in (value.number, f"{value.number} * {value.number}"))
    left = f"CAST({n} AS HUGEINT) * CAST({squares} AS HUGEINT) - CAST({total} AS HUGEINT) * CAST({total} AS HUGEINT)"
    variance = f"CAST({left} AS DOUBLE) / (CAST({n} AS DOUBLE) * ({n} - 1))"
    spread = f"SQRT({variance})" if function == "STDDEV_SAMP" else variance
    return Value(f"CASE WHEN {n} > 1 THEN {spread} END", "float", masked=value.masked)


def _central(value: Value, rows: Gather) -> str:
    """Give each row's distance from the mean of its group."""
    everyone = rows.rows().all_rows()
    mean = rows.step(f"AVG({value.number}) OVER {everyone}")
    rough = rows.step(f"{value.number} - {mean}")
    # The mean was rounded: what is left of it in the distances is taken out.
    left = rows.step(f"AVG({rough}) OVER {everyone}")
    return f"({rough} - {left})"


@aggregate("Skew")
def _skew(primitive: Any, args: list[Value], rows: Gather) -> Value:
    away = _central(args[0], rows)
    n = rows.take(f"CAST(COUNT({args[0].sql}) AS DOUBLE)")
    squares, cubes = (rows.take(f"SUM({away} ** {power})") for power in (2, 3))
    shape = f"({n} * SQRT({n} - 1) / ({n} - 2)) * ({cubes} / {squares} ** 1.5e0)"
    value = f"CASE WHEN ABS({squares}) < {_NOUGHT} THEN 0 WHEN ABS({cubes}) < {_NOUGHT} THEN 0 ELSE {shape} END"
    return Value(f"CASE WHEN {n} >= 3 THEN {value} END", "float", masked=args[0].masked)


@aggregate("Kurtosis")
def _kurtosis(primitive: Any, args: list[Value], rows: Gather) -> Value:
    if primitive.nan_policy == "raise":
        raise NotServed("a gap is to raise an error")
    away = _central(args[0], rows)
    n = rows.take(f"CAST(COUNT({args[0].sql}) AS DOUBLE)")
    second, fourth = (f"({rows.take(f'SUM({away} ** {power})')} / {n})" for power in (2, 4))
    value = f"{fourth} / {second} ** 2"
    if not primitive.bias:
        unbiased = f"1 / ({n} - 2) / ({n} - 3) * (({n} ** 2 - 1) * {value} - 3 * ({n} - 1) ** 2) + 3"
        value = f"CASE WHEN {n} > 3 THEN {unbiased} ELSE {value} END"
    mean = rows.take(f"AVG({args[0].number})")
    shape = f"({value})" + (" - 3" if primitive.fisher else "")
    complete = "TRUE"
    if primitive.nan_policy == "propagate":
        complete = f"{n} = {rows.take(f'COUNT({rows.row})')}"
    flat = f"{second} <= ({_RESOLUTION} * {mean}) ** 2"
    return Value(f"CASE WHEN {complete} AND NOT ({flat}) THEN {shape} END", "float")


@aggregate("Trend")
def _trend(primitive: Any, args: list[Value], rows: Gather) -> Value:
    value, time = args
    everyone = rows.rows().all_rows()
    both = f"{value.sql} IS NOT NULL AND {time.sql} IS NOT NULL"
    start = rows.step(f"MIN(CASE WHEN {both} THEN {time.sql} END) OVER {everyone}")
    seconds = f"({time.sql} - {start}) / 1e9" if time.kind == "time" else f"({time.number} - {start})"
    along = rows.step(f"CASE WHEN {both} THEN {seconds} END")
    level = rows.step(f"CASE WHEN {both} THEN {value.number} - AVG({value.number}) OVER {everyone} END")
    n = rows.take(f"COUNT({along})")
    slope = rows.take(f"REGR_SLOPE({level}, {along})")
    flat = f"{rows.take(f'MAX({along})')} = {rows.take(f'MIN({along})')}"
    if time.kind == "time":
        first = rows.take(f"ARG_MIN({time.sql}, CASE WHEN {both} THEN {rows.row} END)")
        slope = f"{slope} * {_dividend(first)}"
    return Value(f"CASE WHEN {n} > 2 THEN CASE WHEN {flat} THEN 0 ELSE {slope} END END", "float")


def _dividend(first: str) -> str:
    """Give the unit in seconds: the largest of day, hour and minute of which the first time is a multiple."""
    seconds = f"CAST(TRUNC({first} * 1e-9) AS BIGINT)"
    cases = " ".join(f"WHEN {seconds} % {unit} = 0 THEN {unit}" for unit in (86400, 3600, 60))
    return f"CASE {cases} ELSE 1 END"
