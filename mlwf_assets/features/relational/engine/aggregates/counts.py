"""How many rows there are, and how many have a value of some sort."""

from typing import Any

from mlwf_assets.features.relational.engine.aggregates.registry import Gather, aggregate
from mlwf_assets.features.relational.engine.values import Value, literal


@aggregate("Count", late=True)
def _count(primitive: Any, args: list[Value], rows: Gather) -> Value:
    return Value(rows.take(f"COUNT({args[0].sql})"), "int")


def _count_where(rows: Gather, condition: str) -> str:
    return rows.take(f"COUNT(CASE WHEN {condition} THEN 1 END)")


@aggregate("CountGreaterThan", "CountLessThan", late=True)
def _count_beyond(primitive: Any, args: list[Value], rows: Gather) -> Value:
    sign = ">" if type(primitive).__name__ == "CountGreaterThan" else "<"
    return Value(_count_where(rows, f"{args[0].sql} {sign} {literal(primitive.threshold)}"), "int")


@aggregate("CountInsideRange", "CountOutsideRange")
def _count_range(primitive: Any, args: list[Value], rows: Gather) -> Value:
    lower, upper = literal(primitive.lower), literal(primitive.upper)
    inside = f"{args[0].sql} BETWEEN {lower} AND {upper}"
    if type(primitive).__name__ == "CountOutsideRange":
        inside = f"{args[0].sql} < {lower} OR {args[0].sql} > {upper}"
    return _unless_gaps(Value(_count_where(rows, inside), "int"), primitive, args[0], rows)


def _unless_gaps(result: Value, primitive: Any, value: Value, rows: Gather) -> Value:
    """Give no value where there are gaps and the primitive does not skip them."""
    if primitive.skipna:
        return result
    complete = f"{rows.take(f'COUNT({value.sql})')} = {rows.take(f'COUNT({rows.row})')}"
    return result.at(f"CASE WHEN {complete} THEN {result.sql} END")


def _of_group(rows: Gather, function: str, value: Value) -> str:
    """Compute a summary of the group beside each of its rows."""
    return rows.step(f"{function}({value.number}) OVER {rows.rows().all_rows()}")


@aggregate("CountAboveMean", "CountBelowMean")
def _count_by_mean(primitive: Any, args: list[Value], rows: Gather) -> Value:
    mean = _of_group(rows, "AVG", args[0])
    sign = ">" if type(primitive).__name__ == "CountAboveMean" else "<"
    count = _count_where(rows, f"{args[0].sql} {sign} {mean}")
    some = f"CASE WHEN {rows.take(f'COUNT({args[0].sql})')} > 0 THEN {count} END"
    return _unless_gaps(Value(some, "int"), primitive, args[0], rows)


@aggregate("CountInsideNthSTD", "CountOutsideNthSTD")
def _count_by_deviation(primitive: Any, args: list[Value], rows: Gather) -> Value:
    # As numpy has it: of two values both lie exactly one deviation from the mean, to the bit.
    away = rows.step(f"ABS({args[0].number} - {_of_group(rows, 'AVG', args[0])})")
    variance = rows.step(f"AVG({away} * {away}) OVER {rows.rows().all_rows()}")
    limit = f"SQRT({variance}) * {literal(primitive.n)}"
    sign = "<=" if type(primitive).__name__ == "CountInsideNthSTD" else ">"
    return Value(_count_where(rows, f"{away} {sign} {limit}"), "int")


@aggregate("MinCount", "MaxCount", "MedianCount")
def _count_of(primitive: Any, args: list[Value], rows: Gather) -> Value:
    which = type(primitive).__name__.removesuffix("Count").upper()
    wanted = _of_group(rows, which, args[0])
    some = (
        f"CASE WHEN {rows.take(f'COUNT({args[0].sql})')} > 0 THEN {_count_where(rows, f'{args[0].sql} = {wanted}')} END"
    )
    return _unless_gaps(Value(some, "int"), primitive, args[0], rows)
