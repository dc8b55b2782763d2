"""Columns that must not be learned from, each with the reason: ids, what never differs, what gives the answer away.

A key of one column and the label's own column are no features anyway. What is left out here is a proposal that
stands in the workflow file, to be taken back by whoever knows better.
"""

from collections.abc import Collection, Iterator

from mlwf_assets.cleaning.casting import quote
from mlwf_assets.drafting.splits import find_later_times
from mlwf_assets.drafting.tables import Column, Database, Table
from mlwf_assets.drafting.target import Target
from mlwf_assets.drafting.words import is_id

_MOSTLY = 0.9  # of a text's values are different: it names rows
_HALF = 0.5


def find_left_out(
    database: Database, table: Table, target: Target, *, event: str | None, kept: Collection[str]
) -> dict[str, str]:
    """Find what must not be learned from in the examples' table.

    Args:
        event: the column that says when rows happened.
        kept: columns that are no features by themselves, or lead to other tables.
    Returns:
        Column -> why, in words.
    """
    found: dict[str, str] = {}
    later = dict(find_later_times(database, table, event)) if event is not None else {}
    for name, column in table.columns.items():
        if name in kept or name in (target.column, event):
            continue
        why = _never_differs(column, table) or next(_gives_away(database, table, target, column), None)
        if name in later:
            why = f"later than {event} in {100 * later[name]:.3g} % of the rows: not known by then"
        if why := why or _names_rows(column, table):
            found[name] = why
    return found


def _never_differs(column: Column, table: Table) -> str | None:
    if column.missing == table.rows:
        return "no values"
    if column.distinct == 1 and not column.missing:
        return f"always {column.low}"
    return None


def _names_rows(column: Column, table: Table) -> str | None:
    present = table.rows - column.missing
    if column.reading.type == "string" and column.distinct > _MOSTLY * present:
        return f"an id or free text: {column.distinct:,} different values in {present:,} rows"
    if column.reading.type == "integer" and is_id(column.name) and column.distinct > _HALF * present:
        return f"an id: {column.distinct:,} different values in {present:,} rows"
    return None


def _gives_away(database: Database, table: Table, target: Target, column: Column) -> Iterator[str]:
    """Another form of the target: each value of one goes with one value of the other."""
    own = table.columns[target.column]
    if column.distinct != own.distinct or 2 * own.distinct > table.rows - own.missing:
        return
    a, b = quote(column.name), quote(target.column)
    both = f"FROM {quote(table.name)} WHERE {a} IS NOT NULL AND {b} IS NOT NULL"
    if database.row(f"SELECT count(*) FROM (SELECT DISTINCT {a}, {b} {both})")[0] == own.distinct:
        yield f"says the same as {target.column}: each of its values goes with one of it"
