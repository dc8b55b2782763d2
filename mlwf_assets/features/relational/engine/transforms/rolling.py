"""Windows of so many rows: rolling and expanding statistics. Windows of a span of time stay with featuretools."""

from typing import Any

from mlwf_assets.features.relational.engine.layers import NotServed, Scope
from mlwf_assets.features.relational.engine.transforms.registry import transform
from mlwf_assets.features.relational.engine.values import Value

_STATISTICS = {"Mean": "AVG", "Max": "MAX", "Min": "MIN", "STD": "STDDEV_SAMP"}


@transform("RollingMean", "RollingMax", "RollingMin", "RollingSTD")
def _roll(primitive: Any, args: list[Value], scope: Scope) -> Value:
    window = scope.before(_frame(primitive))
    return _summarise(primitive, type(primitive).__name__.removeprefix("Rolling"), args[1], window)


@transform("ExpandingMean", "ExpandingMax", "ExpandingMin", "ExpandingSTD")
def _expand(primitive: Any, args: list[Value], scope: Scope) -> Value:
    if primitive.gap < 0:
        raise NotServed("a negative gap looks ahead")
    end = f"{primitive.gap} PRECEDING" if primitive.gap else "CURRENT ROW"
    window = scope.before(f"ROWS BETWEEN UNBOUNDED PRECEDING AND {end}")
    return _summarise(primitive, type(primitive).__name__.removeprefix("Expanding"), args[1], window)


def _summarise(primitive: Any, statistic: str, value: Value, window: str) -> Value:
    enough = f"COUNT({value.sql}) OVER {window} >= {int(primitive.min_periods or 0)}"
    return Value(f"CASE WHEN {enough} THEN {_STATISTICS[statistic]}({value.number}) OVER {window} END", "float")


@transform("RollingCount")
def _rolling_count(primitive: Any, args: list[Value], scope: Scope) -> Value:
    window = scope.before(_frame(primitive))
    least = int(primitive.min_periods or 0)
    skipped = primitive.gap if not least else least - 1 + primitive.gap
    count = f"COUNT(*) OVER {window}"
    late = f"ROW_NUMBER() OVER {scope.before()} > {skipped}"
    return Value(f"CASE WHEN {late} AND {count} >= {least} THEN CAST({count} AS DOUBLE) END", "float")


def _frame(primitive: Any) -> str:
    length, gap = primitive.window_length, primitive.gap
    if not isinstance(length, int) or not isinstance(gap, int) or length <= 0 or gap < 0:
        raise NotServed("windows of a span of time are pandas' own")
    end = f"{gap} PRECEDING" if gap else "CURRENT ROW"
    start = f"{length - 1 + gap} PRECEDING" if length - 1 + gap else "CURRENT ROW"
    return f"ROWS BETWEEN {start} AND {end}"
