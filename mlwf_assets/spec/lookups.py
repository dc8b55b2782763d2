"""Lookups, 'TABLE.COLUMN by OWN_COLUMN': a column fetched from another table by that table's key."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.circles import find_circle
from mlwf_assets.spec.mistakes import Mistake, suggestion
from mlwf_assets.spec.tables import Table
from mlwf_assets.spec.workflow import Workflow

_LOOKUP = re.compile(r"\s*([a-z][a-z0-9_]*)\.(\S(?:.*\S)?)\s+by\s+(\S(?:.*\S)?)\s*")


class Lookup(NamedTuple):
    """The table and its column that is fetched, and the own column that holds that table's key."""

    table: str
    column: str
    by: str


def parse_lookup(text: str) -> Lookup:
    """Read one lookup.

    Raises:
        SpecError: if the text has another form.
    Example:
        >>> parse_lookup("airports.tz by dest")
        Lookup(table='airports', column='tz', by='dest')
    """
    if (match := _LOOKUP.fullmatch(text)) is None:
        raise SpecError(f"must read like 'airports.tz by dest', however: {text!r}")
    return Lookup(*match.groups())


def looked_up(table: Table) -> list[str]:
    """Name the tables that a table fetches columns from.

    Example:
        >>> looked_up(Table(lookups={"tz": "airports.tz by dest", "maker": "planes.maker by tailnum"}))
        ['airports', 'planes']
    """
    return sorted({parse_lookup(text).table for text in table.lookups.values()})


def check_lookups(workflow: Workflow) -> Iterator[Mistake]:
    """Find lookups of another form, in unknown tables, in tables without a fitting key, or in a circle."""
    edges: dict[str, dict[str, int]] = {}
    for name, table in workflow.tables.items():
        for position, (column, text) in enumerate(table.lookups.items()):
            place = ("tables", name, "lookups", column)
            try:
                lookup = parse_lookup(text)
            except SpecError as problem:
                yield Mistake(place, str(problem))
                continue
            if lookup.table not in workflow.tables:
                known = suggestion(lookup.table, workflow.tables)
                yield Mistake(place, f"there must be a table {lookup.table!r}.{known}")
                continue
            edges.setdefault(name, {})[lookup.table] = position
            yield from _check_target(workflow, lookup, place)
    if circle := find_circle(edges):
        yield Mistake(
            ("tables", circle[-2], "lookups"),
            f"lookups must not lead back to where they start, however: {' -> '.join(circle)}; take one out",
        )


def _check_target(workflow: Workflow, lookup: Lookup, place: tuple[str, ...]) -> Iterator[Mistake]:
    if workflow.is_partitioned(lookup.table):
        yield Mistake(place, f"not yet: lookups in a table with partitions; {lookup.table} has a source that is cut")
        return
    target = workflow.tables[lookup.table]
    if len(target.key) != 1:
        has = f"key [{', '.join(target.key)}]" if target.key else "no key"
        yield Mistake(place, f"{lookup.table} must have a key of one column, however: it has {has}")
    if target.sql is not None and target.known_at is not None:
        yield Mistake(
            place, f"must be known always, for a lookup does not look at times, however: {lookup.table} is made by SQL "
            "and says when its rows are known; relate to it instead (relationships)",
        )  # fmt: skip
    late = {column for group in target.outcomes for column in group.columns}
    if lookup.column in late:
        yield Mistake(place, f"must be known with its row, however: {lookup.column} is an outcome of {lookup.table}")
