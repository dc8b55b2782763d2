"""Distinct values and how often they come: number, mode, the most common ones, entropy, duplicates.

Ties: the mode is the smallest of the most frequent values (in the order of the categories, where there is one); of
several values that are equally common, the smaller comes first.
"""

from typing import Any

from mlwf_assets.features.relational.engine.aggregates.registry import Gather, aggregate, framed
from mlwf_assets.features.relational.engine.layers import NotServed
from mlwf_assets.features.relational.engine.values import Value, literal


def _count(value: Value, rows: Gather) -> str:
    return rows.take(f"COUNT({value.sql})")


def _distinct(value: Value, rows: Gather) -> str:
    return rows.take(f"COUNT(DISTINCT {value.sql})")


def _gaps(value: Value, rows: Gather) -> str:
    return f"({rows.take(f'COUNT({rows.row})')} - {_count(value, rows)})"


@aggregate("NumUnique", late=True)
def _num_unique(primitive: Any, args: list[Value], rows: Gather) -> Value:
    return Value(_distinct(args[0], rows), "int")


@framed("NumUnique")
def _num_unique_growing(primitive: Any, args: list[Value], rows: Gather) -> Value:
    events = rows.growing_events()
    first = events.step(f"ROW_NUMBER() OVER {events.before(by=[args[0].sql])}")
    return Value(rows.take(f"COUNT(CASE WHEN {first} = 1 THEN {args[0].sql} END)"), "int")


@aggregate("PercentUnique")
def _percent_unique(primitive: Any, args: list[Value], rows: Gather) -> Value:
    distinct = _distinct(args[0], rows)
    if not primitive.skipna:
        distinct = f"({distinct} + CAST({_gaps(args[0], rows)} > 0 AS INTEGER))"
    return Value(f"{distinct} / CAST({rows.take(f'COUNT({rows.row})')} AS DOUBLE)", "float")


@aggregate("IsUnique")
def _is_unique(primitive: Any, args: list[Value], rows: Gather) -> Value:
    alone = f"{_distinct(args[0], rows)} = {_count(args[0], rows)} AND {_gaps(args[0], rows)} <= 1"
    return Value(alone, "bool")


@aggregate("HasNoDuplicates")
def _has_no_duplicates(primitive: Any, args: list[Value], rows: Gather) -> Value:
    alone = f"{_distinct(args[0], rows)} = {_count(args[0], rows)}"
    return Value(alone if primitive.skipna else f"{alone} AND {_gaps(args[0], rows)} <= 1", "bool")


@aggregate("AverageCountPerUnique")
def _average_count(primitive: Any, args: list[Value], rows: Gather) -> Value:
    (one,) = args
    kinds = literal(len(one.categories)) if one.kind == "category" else _distinct(one, rows)
    count = _count(one, rows)
    if not primitive.skipna:
        kinds = f"({kinds} + CAST({_gaps(one, rows)} > 0 AS INTEGER))"
        count = rows.take(f"COUNT({rows.row})")
    return Value(f"CASE WHEN {kinds} > 0 THEN {count} / CAST({kinds} AS DOUBLE) END", "float")


def _need_order(value: Value) -> None:
    if value.kind == "latlong":
        raise NotServed("points have no order")
    if list(value.categories) != sorted(value.categories):
        raise NotServed("its categories stand in another order than their values")


def _entries(value: Value, rows: Gather) -> str:
    """Give the list of (count, value), the most common first."""
    _need_order(value)
    rows.rows()
    found = rows.take(f"MAP_ENTRIES(HISTOGRAM({value.sql}))")
    return f"LIST_SORT(LIST_TRANSFORM({found}, LAMBDA one : {{'n': -one.value, 'v': one.key}}))"


@aggregate("Mode")
def _mode(primitive: Any, args: list[Value], rows: Gather) -> Value:
    return args[0].at(f"{_entries(args[0], rows)}[1].v")


@framed("Mode")
def _mode_growing(primitive: Any, args: list[Value], rows: Gather) -> Value:
    """Take, of all values as they come, the one that is then the most frequent: counts only grow.

    Of values that reach the same count the smallest has the highest place, and wins.
    """
    (one,) = args
    _need_order(one)
    events = rows.growing_events()
    count = events.step(f"ROW_NUMBER() OVER {events.before(by=[one.sql])}")
    everyone = events.all_rows().removesuffix(")")
    place = events.step(f"DENSE_RANK() OVER {everyone} ORDER BY {one.sql} DESC NULLS LAST)")
    score = f"CASE WHEN {one.sql} IS NOT NULL THEN {count} * 4294967296 + {place} END"
    return one.at(rows.take(f"ARG_MAX({one.sql}, {score})"))


@aggregate("NMostCommon")
def _n_most_common(primitive: Any, args: list[Value], rows: Gather) -> list[Value]:
    entries = _entries(args[0], rows)
    return [args[0].at(f"{entries}[{place}].v") for place in range(1, primitive.n + 1)]


@aggregate("NMostCommonFrequency")
def _n_most_common_frequency(primitive: Any, args: list[Value], rows: Gather) -> list[Value]:
    (one,) = args
    rows.rows()
    counts = f"LIST_CONCAT(MAP_VALUES({rows.take(f'HISTOGRAM({one.sql})')}), "
    missing = _gaps(one, rows) if not primitive.skipna else "0"
    counts += f"CASE WHEN {missing} > 0 THEN [{missing}] ELSE [] END)"
    ordered = f"LIST_REVERSE_SORT(LIST_TRANSFORM({counts}, LAMBDA one : CAST(one AS BIGINT)))"
    results = []
    for place in range(1, primitive.n + 1):
        sql = f"{ordered}[{place}]"
        # pandas counts the categories that do not come, too.
        results.append(Value(f"COALESCE({sql}, 0)" if place <= len(one.categories) else sql, "int"))
    return results


def _in_base(sql: str, base: Any) -> str:
    return sql if base is None else f"({sql}) / LN({literal(float(base))})"


@aggregate("Entropy")
def _entropy(primitive: Any, args: list[Value], rows: Gather) -> Value:
    (one,) = args
    rows.rows()
    counts = f"MAP_VALUES({rows.take(f'HISTOGRAM({one.sql})')})"
    if not primitive.dropna:
        counts = f"LIST_APPEND({counts}, {_gaps(one, rows)})"
    counts = f"LIST_FILTER(LIST_TRANSFORM({counts}, LAMBDA n : CAST(n AS DOUBLE)), LAMBDA n : n > 0)"
    total = f"LIST_SUM({counts})"
    parts = f"LIST_SUM(LIST_TRANSFORM({counts}, LAMBDA n : -(n / {total}) * LN(n / {total})))"
    empty = "NULL" if one.kind == "category" else "0e0"
    return Value(_in_base(f"COALESCE({parts}, {empty})", primitive.base), "float")


@framed("Entropy")
def _entropy_growing(primitive: Any, args: list[Value], rows: Gather) -> Value:
    """Add up how much each row changes the sum of n ln n over the values' counts n."""
    (one,) = args
    events = rows.growing_events()
    count = events.step(f"CAST(ROW_NUMBER() OVER {events.before(by=[one.sql])} AS DOUBLE)")
    change = f"{count} * LN({count}) - CASE WHEN {count} > 1 THEN ({count} - 1) * LN({count} - 1) ELSE 0 END"
    if primitive.dropna:
        total = _count(one, rows)
        change = f"CASE WHEN {one.sql} IS NOT NULL THEN {change} END"
        empty = "NULL" if one.kind == "category" else "0e0"
    else:
        total, empty = rows.take(f"COUNT({rows.row})"), "NULL"
        change = f"CASE WHEN {rows.row} IS NOT NULL THEN {change} END"
    summed = rows.take(f"SUM({change})")
    entropy = f"GREATEST(LN(CAST({total} AS DOUBLE)) - {summed} / {total}, 0)"
    return Value(_in_base(f"CASE WHEN {total} > 0 THEN {entropy} ELSE {empty} END", primitive.base), "float")
