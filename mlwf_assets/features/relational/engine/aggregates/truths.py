"""Truth values: all, any, how many, how large a share."""

from typing import Any

from mlwf_assets.features.relational.engine.aggregates.registry import Gather, aggregate
from mlwf_assets.features.relational.engine.values import Value


@aggregate("All")
def _all(primitive: Any, args: list[Value], rows: Gather) -> Value:
    return Value(f"COALESCE({rows.take(f'BOOL_AND({args[0].sql})')}, TRUE)", "bool")


@aggregate("Any")
def _any(primitive: Any, args: list[Value], rows: Gather) -> Value:
    return Value(f"COALESCE({rows.take(f'BOOL_OR({args[0].sql})')}, FALSE)", "bool")


@aggregate("NumTrue", late=True)
def _num_true(primitive: Any, args: list[Value], rows: Gather) -> Value:
    return Value(rows.take(f"COUNT(CASE WHEN {args[0].sql} THEN 1 END)"), "int")


@aggregate("PercentTrue")
def _percent_true(primitive: Any, args: list[Value], rows: Gather) -> Value:
    true = rows.take(f"COUNT(CASE WHEN {args[0].sql} THEN 1 END)")
    return Value(f"{true} / CAST({rows.take(f'COUNT({rows.row})')} AS DOUBLE)", "float")
