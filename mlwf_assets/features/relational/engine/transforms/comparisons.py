"""Truth values: comparisons, membership, gaps, and what is built from truth values.

Where pandas has no mask, comparing with a gap is False ("not equal": True), and a column of truth values with gaps
holds objects, where Python's own `and`, `or`, `not` decide: a gap counts as true there.
"""

from typing import Any

import pandas as pd

from mlwf_assets.features.relational.engine.layers import NotServed, Scope
from mlwf_assets.features.relational.engine.transforms.registry import transform
from mlwf_assets.features.relational.engine.values import Value, any_masked, literal

_NUMBERS = ("int", "float", "bool")
_ORDERS = {
    "GreaterThan": ">",
    "GreaterThanEqualTo": ">=",
    "LessThan": "<",
    "LessThanEqualTo": "<=",
}


def _decide(sql: str, values: list[Value], *, of_gap: bool = False) -> Value:
    if any_masked(values):
        return Value(f"({sql})", "bool", masked=True)
    return Value(f"COALESCE({sql}, {literal(of_gap)})", "bool")


def _sort(value: Value) -> str:
    if value.kind == "category":
        return "number category" if value.whole else "text"
    return "number" if value.kind in _NUMBERS else value.kind


def _order(primitive: Any, args: list[Value], scope: Scope) -> Value:
    sign = _ORDERS[type(primitive).__name__]
    categories = [one.kind == "category" for one in args]
    if all(categories):
        if args[0].categories != args[1].categories:
            return Value("CAST(NULL AS DOUBLE)", "float")
        if not all(one.ordered for one in args):
            raise NotServed("pandas does not order categories without an order")
        return _decide(f"{_place(args[0])} {sign} {_place(args[1])}", args)
    if any(categories):
        return Value("CAST(NULL AS DOUBLE)", "float")
    if _sort(args[0]) != _sort(args[1]):
        raise NotServed("the two columns are of different kinds")
    return _decide(f"{args[0].sql} {sign} {args[1].sql}", args)


for _name in _ORDERS:
    transform(_name)(_order)


def _place(value: Value) -> str:
    if list(value.categories) == sorted(value.categories):
        return value.sql
    return f"LIST_POSITION([{', '.join(literal(one) for one in value.categories)}], {value.sql})"


@transform("GreaterThanScalar", "GreaterThanEqualToScalar", "LessThanScalar", "LessThanEqualToScalar")
def _order_scalar(primitive: Any, args: list[Value], scope: Scope) -> Value:
    sign = _ORDERS[type(primitive).__name__.removesuffix("Scalar")]
    other = _match(args[0], primitive.value)
    if other is None:
        raise NotServed(f"the value {primitive.value!r} is of another kind than the column")
    return _decide(f"{args[0].sql} {sign} {other}", args)


@transform("Equal", "NotEqual")
def _equal(primitive: Any, args: list[Value], scope: Scope) -> Value:
    if _sort(args[0]) != _sort(args[1]) or "latlong" in (args[0].kind, args[1].kind):
        raise NotServed("the two columns are of different kinds")
    if args[0].ordered or args[1].ordered:
        raise NotServed("pandas compares ordered categories only with their like")
    differ = type(primitive).__name__ == "NotEqual"
    return _decide(f"{args[0].sql} {'<>' if differ else '='} {args[1].sql}", args, of_gap=differ)


@transform("EqualScalar", "NotEqualScalar")
def _equal_scalar(primitive: Any, args: list[Value], scope: Scope) -> Value:
    differ = type(primitive).__name__ == "NotEqualScalar"
    (one,) = args
    if one.kind == "latlong" or pd.isna(primitive.value):
        raise NotServed("pandas has a rule of its own for comparing with nothing")
    other = _match(one, primitive.value)
    sql = f"{one.sql} {'<>' if differ else '='} {other}" if other is not None else _never(one, differ=differ)
    return _decide(sql, args, of_gap=differ)


def _never(value: Value, *, differ: bool) -> str:
    return f"CASE WHEN {value.sql} IS NOT NULL THEN {literal(differ)} END"


def _match(value: Value, other: Any) -> str | None:
    """Write a value as one of the column's kind; None where it can never equal one."""
    if value.kind in _NUMBERS or (value.kind == "category" and value.whole):
        return literal(other) if isinstance(other, int | float) or pd.api.types.is_number(other) else None
    if value.kind in ("text", "category"):
        return literal(other) if isinstance(other, str) else None
    if value.kind == "time":
        return str(pd.Timestamp(other).value)
    if value.kind == "delta":
        return str(pd.Timedelta(other).value)
    return None


@transform("IsIn")
def _is_in(primitive: Any, args: list[Value], scope: Scope) -> Value:
    (one,) = args
    wanted = list(primitive.list_of_outputs or [])
    if one.kind in ("time", "delta", "latlong"):
        raise NotServed("membership is served of numbers, text and categories")
    found = [text for other in wanted if not pd.isna(other) and (text := _match(one, other)) is not None]
    sql = f"{one.sql} IN ({', '.join(found)})" if found else "FALSE"
    gap = any(pd.isna(other) for other in wanted)
    return Value(f"COALESCE({sql}, FALSE)" + (f" OR {one.sql} IS NULL" if gap else ""), "bool")


@transform("IsNull")
def _is_null(primitive: Any, args: list[Value], scope: Scope) -> Value:
    return Value(f"{args[0].sql} IS NULL", "bool")


@transform("Not")
def _not(primitive: Any, args: list[Value], scope: Scope) -> Value:
    (one,) = args
    return Value(f"NOT {one.sql}" if one.masked else f"COALESCE(NOT {one.sql}, FALSE)", "bool", masked=one.masked)


@transform("And")
def _and(primitive: Any, args: list[Value], scope: Scope) -> Value:
    left, right = args
    if any_masked(args):
        both = f"CASE WHEN {left.sql} IS NOT NULL AND {right.sql} IS NOT NULL THEN {left.sql} AND {right.sql} END"
        return Value(both, "bool", masked=True)
    return Value(f"CASE WHEN {left.sql} IS NULL OR {left.sql} THEN {right.sql} ELSE FALSE END", "bool")


@transform("Or")
def _or(primitive: Any, args: list[Value], scope: Scope) -> Value:
    left, right = args
    if any_masked(args):
        both = f"CASE WHEN {left.sql} IS NOT NULL AND {right.sql} IS NOT NULL THEN {left.sql} OR {right.sql} END"
        return Value(both, "bool", masked=True)
    return Value(f"CASE WHEN NOT {left.sql} THEN {right.sql} ELSE {left.sql} END", "bool")


@transform("MultiplyBoolean")
def _multiply(primitive: Any, args: list[Value], scope: Scope) -> Value:
    both = f"{args[0].sql} AND {args[1].sql}"
    if any_masked(args):
        return Value(f"({both})", "bool", masked=True)
    return Value(f"COALESCE({both}, FALSE)", "bool")
