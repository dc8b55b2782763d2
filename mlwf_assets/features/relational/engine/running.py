"""Running states without frames: counts, exact sums and extremes of whole numbers, in one pass over the sorted events.

DuckDB computes a window that has neither partition nor order while rows stream by, some ten times as fast as a frame;
rows of an ordered subquery come in their order, on one thread. Such a state runs on through all groups: what adds up
exactly is a difference then, an extreme carries its group's place. What is not exact is left to frames.
"""

import re
from collections.abc import Mapping

from mlwf_assets.features.relational.engine.values import quote

# Whole numbers below half of this, behind the place of a group, stand in one BIGINT.
SHIFT = 2**32
_AGGREGATE = re.compile(r"(COUNT|SUM|MIN|MAX)\((?!DISTINCT)(.*)\)", re.DOTALL)


def can_run(aggregate: str, exact: Mapping[str, str]) -> bool:
    """Tell whether an aggregate can run on through all groups.

    Args:
        aggregate: SQL.
        exact: expressions whose sums are exact, each with the column that it is made of.

    Example:
        >>> can_run('SUM("x")', {'"x"': '"x"'}), can_run('SUM("y")', {'"x"': '"x"'}), can_run('COUNT("y")', {})
        (True, False, True)
    """
    match = _AGGREGATE.fullmatch(aggregate)
    return match is not None and (match[1] == "COUNT" or match[2] in exact)


def write_running(events: str, parts: Mapping[str, str], exact: Mapping[str, str]) -> str:
    """Write the running states of some aggregates.

    Args:
        events: the statement that gives group (`__g`), time (`__key`) and values.
        parts: quoted name -> aggregate.
        exact: as in `can_run`.

    Returns:
        The beginning of a statement, a WITH that ends with the relation `running`: all columns of the events, the
        aggregates, and whether a row is the last one of its group and time (`__last`). The aggregates count there.
    """
    split = {name: _split(aggregate) for name, aggregate in parts.items()}
    counts = {inner: f"COUNT({exact.get(inner, inner)})" for _, inner in split.values()}
    totals = dict.fromkeys(counts.values())
    totals |= {f"SUM({inner})": None for kind, inner in split.values() if kind == "SUM"}
    names = {sql: quote(f"total{place}") for place, sql in enumerate(totals)}
    runs = dict(names)
    for kind, inner in split.values():
        if kind in ("MIN", "MAX"):
            sign = "+" if kind == "MAX" else "-"
            place = f"__o * {SHIFT} {sign} CAST({inner} AS BIGINT)"
            runs[f"{kind}({inner})"] = quote(f"total{len(runs)}")
            totals[f"ARG_MAX({inner}, {place})"] = None
    summed = ", ".join(f"{sql} AS {name}" for sql, name in names.items())
    before = ", ".join(
        f"CAST(COALESCE(SUM({name}) OVER before, 0) AS {'BIGINT' if sql.startswith('COUNT') else 'DOUBLE'}) AS {name}"
        for sql, name in names.items()
    )
    so_far = ", ".join(f"{sql} OVER so_far AS {name}" for sql, name in zip(totals, runs.values(), strict=True))
    made = ", ".join(f"{_finish(*split[name], counts, runs)} AS {name}" for name in parts)
    return (
        f"WITH events AS MATERIALIZED ({events}), "
        f"totals AS (SELECT __g, {summed} FROM events GROUP BY __g), "
        f"bases AS MATERIALIZED (SELECT __g, ROW_NUMBER() OVER (ORDER BY __g) AS __o, {before} FROM totals "
        f"WINDOW before AS (ORDER BY __g ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)), "
        f"ordered AS (SELECT e.*, b.__o FROM events AS e JOIN bases AS b ON e.__g = b.__g ORDER BY b.__o, e.__key), "
        f"streamed AS (SELECT *, LEAD(__key) OVER () AS __next, LEAD(__o) OVER () AS __other, {so_far} FROM ordered "
        f"WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)), "
        f"running AS (SELECT s.*, {made}, s.__next IS DISTINCT FROM s.__key OR s.__other IS DISTINCT FROM s.__o "
        f"AS __last FROM streamed AS s JOIN bases AS b ON s.__o = b.__o)"
    )


def _split(aggregate: str) -> tuple[str, str]:
    match = _AGGREGATE.fullmatch(aggregate)
    if match is None:
        raise ValueError(f"an aggregate that runs must be a count, a sum or an extreme, however: {aggregate}")
    return match[1], match[2]


def _finish(kind: str, inner: str, counts: Mapping[str, str], runs: Mapping[str, str]) -> str:
    run = runs[counts[inner]]
    count = f"(s.{run} - b.{run})"
    if kind == "COUNT":
        return count
    run = runs[f"{kind}({inner})"]
    value = f"s.{run} - b.{run}" if kind == "SUM" else f"s.{run}"
    return f"CASE WHEN {count} > 0 THEN {value} END"
