"""Sums, means, extremes, medians; the first and the last value."""

from typing import Any

from mlwf_assets.features.relational.engine.aggregates.registry import Gather, aggregate, framed
from mlwf_assets.features.relational.engine.layers import NotServed
from mlwf_assets.features.relational.engine.values import Value


@aggregate("Sum", late=True)
def _sum(primitive: Any, args: list[Value], rows: Gather) -> Value:
    (one,) = args
    total = f"COALESCE({_take_sum(one, rows)}, 0)"
    if one.kind in ("int", "bool"):
        return Value(f"CAST({total} AS BIGINT)", "int", masked=one.masked)
    return Value(total, "float", masked=one.masked)


def _take_sum(value: Value, rows: Gather) -> str:
    whole = value.kind in ("int", "bool") and not value.exact
    return rows.take(f"SUM({f'CAST({value.sql} AS BIGINT)' if whole else value.number})")


@aggregate("Mean", late=True)
def _mean(primitive: Any, args: list[Value], rows: Gather) -> Value:
    (one,) = args
    # A sum and a count that others take, too, instead of an aggregate of its own.
    count = rows.take(f"COUNT({one.sql})")
    mean = f"(CAST({_take_sum(one, rows)} AS DOUBLE) / {count})"
    if primitive.skipna:
        return Value(mean, "float", masked=one.masked)
    complete = f"{count} = {rows.take(f'COUNT({rows.row})')}"
    return Value(f"CASE WHEN {complete} THEN {mean} END", "float", masked=one.masked)


@aggregate("Min", "Max", late=True)
def _extreme(primitive: Any, args: list[Value], rows: Gather) -> Value:
    (one,) = args
    return one.at(rows.take(f"{type(primitive).__name__.upper()}({one.sql})"))


@aggregate("MaxMinDelta", late=True)
def _max_min_delta(primitive: Any, args: list[Value], rows: Gather) -> Value:
    (one,) = args
    span = f"{rows.take(f'MAX({one.sql})')} - {rows.take(f'MIN({one.sql})')}"
    if primitive.skipna:
        return one.at(span)
    complete = f"{rows.take(f'COUNT({one.sql})')} = {rows.take(f'COUNT({rows.row})')}"
    return one.at(f"CASE WHEN {complete} THEN {span} END")


@aggregate("Median", late=True)
def _median(primitive: Any, args: list[Value], rows: Gather) -> Value:
    (one,) = args
    return Value(rows.take(f"MEDIAN({one.number})"), "float", masked=one.masked)


@framed("Median")
def _median_growing(primitive: Any, args: list[Value], rows: Gather) -> Value:
    """Take the medians of the values that are there, and carry them on: with gaps DuckDB takes quadratic time."""
    (one,) = args
    events = rows.growing_events()
    median = events.step(f"MEDIAN({one.number}) OVER (PARTITION BY __g, {one.sql} IS NULL ORDER BY __key)")
    return Value(rows.take(f"LAST_VALUE({median} IGNORE NULLS)"), "float", masked=one.masked)


@aggregate("First", "Last")
def _first_or_last(primitive: Any, args: list[Value], rows: Gather) -> Value:
    (one,) = args
    if one.kind == "latlong":
        raise NotServed("points are not served here")
    which = "ARG_MIN_NULL" if type(primitive).__name__ == "First" else "ARG_MAX_NULL"
    return one.at(rows.take(f"{which}({one.sql}, {rows.row})"))
