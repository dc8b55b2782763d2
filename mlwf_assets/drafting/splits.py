"""How examples are best divided: by time where rows happen at a time, by group where some belong together.

By time, the model is judged on what came later, as it will be used; a group (a patient, a customer) that stood in
train and in test would make it look better than it is. Else classes are divided evenly, and numbers at random.
"""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mlwf_assets.cleaning.casting import quote
from mlwf_assets.drafting.tables import Column, Database, Table
from mlwf_assets.drafting.target import Target
from mlwf_assets.drafting.words import words_of
from mlwf_assets.spec.names import words

# Days that say what is, not when the row came to be.
_NO_EVENT = re.compile(r"birth|born|dob|geburt|expir|until|valid|due|deadline|ablauf|death|gültig|hired|built")
_MOSTLY = 0.99  # of the rows must have the time
_USUALLY = 0.95  # of the rows in which one time is not later than another
_TRAIN, _TEST = 0.70, 0.85  # where validation and test begin, as shares of the rows
_SMALLEST = 0.05  # share of the rows that a split must have
_FEWEST_GROUPS = 20
_WHO = frozenset(
    words("""
    patient subject person customer client user member player student employee pupil driver device machine sensor
    vehicle household family animal participant respondent kunde
""")
)


@dataclass(frozen=True)
class Split:
    """How examples are divided.

    Attributes:
        by: how.
        why: in words.
        validation, test: the first days of each, by time.
        group: the column whose values stay together.
    """

    by: Literal["time", "group", "stratified", "random"]
    why: str
    validation: dt.date | None = None
    test: dt.date | None = None
    group: str | None = None


def find_event_time(database: Database, table: Table) -> str | None:
    """Find the column that says when a row happened: of several, the one that comes first on most rows."""
    times = [column for column in table.columns.values() if _may_be_event(column, table)]
    first = [
        one for one in times if all(_is_before(database, table, one, other) for other in times if other is not one)
    ]
    return next((column.name for column in first or times[:1]), None)


def find_later_times(database: Database, table: Table, event: str) -> list[tuple[str, float]]:
    """Find times that lie after the event: known only later, they must not be learned from.

    Returns:
        Column, and the share of its values that are later.
    """
    found = []
    for column in table.columns.values():
        if not column.is_time or column.name == event or column.missing == table.rows:
            continue
        a, b = quote(event), quote(column.name)
        later, both = database.row(
            f"SELECT count(*) FILTER (WHERE {b} > {a}), count(*) FROM {quote(table.name)} "
            f"WHERE {a} IS NOT NULL AND {b} IS NOT NULL"
        )
        if both and later >= 0.5 * both:
            found.append((column.name, later / both))
    return found


def choose_split(database: Database, table: Table, target: Target, *, event: str | None, key: Sequence[str]) -> Split:
    """Choose how examples are divided.

    Args:
        event: the column that says when rows happened.
        key: what names a row; its value alone is no group.
    """
    why_not = "no column says when a row happened"
    if event is not None:
        split = _by_time(database, table, target, event)
        if isinstance(split, Split):
            return split
        why_not = split
    if (group := next(_groups(table, target, key), None)) is not None:
        each = table.rows / group.distinct
        return Split(
            "group", f"{group.distinct:,} values, {each:.1f} rows each: no one stands in two splits", group=group.name
        )
    if target.kind == "regression":
        return Split("random", why_not)
    return Split("stratified", f"{why_not}; classes are divided evenly")


def _may_be_event(column: Column, table: Table) -> bool:
    if not column.is_time or column.missing > (1 - _MOSTLY) * table.rows or column.distinct < 3:
        return False
    return not _NO_EVENT.search("_".join(words_of(column.name)))


def _is_before(database: Database, table: Table, one: Column, other: Column) -> bool:
    a, b = quote(one.name), quote(other.name)
    before, both = database.row(
        f"SELECT count(*) FILTER (WHERE {a} <= {b}), count(*) FROM {quote(table.name)} "
        f"WHERE {a} IS NOT NULL AND {b} IS NOT NULL"
    )
    return bool(before >= _USUALLY * both)


def _by_time(database: Database, table: Table, target: Target, event: str) -> Split | str:
    """Days between which about 70, 15 and 15 % of the rows lie; or in words why that does not do."""
    day, name = f"CAST({quote(event)} AS DATE)", quote(table.name)
    validation, test = database.row(f"SELECT quantile_disc({day}, [{_TRAIN}, {_TEST}]) FROM {name}")[0]
    place = f"CASE WHEN {day} < DATE '{validation}' THEN 0 WHEN {day} < DATE '{test}' THEN 1 ELSE 2 END"
    label = quote(target.column)
    counted = database.connection.execute(
        f"SELECT {place}, count(*), list(DISTINCT CAST({label} AS VARCHAR)) FROM {name} "
        f"WHERE {quote(event)} IS NOT NULL AND {label} IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    rows = [count for _, count, _ in counted]
    if len(rows) < 3 or min(rows) < _SMALLEST * sum(rows) or rows[0] < sum(rows) / 2:
        return f"too few different days in {event} to divide by time"
    if target.kind != "regression" and not _all_learnable([set(values) for _, _, values in counted], target):
        return f"not all values of {target.column} stand before and after each day of {event}"
    shares = ", ".join(f"{100 * count / sum(rows):.0f}" for count in rows)
    return Split("time", f"{shares} % of the rows, by {event}", validation=validation, test=test)


def _all_learnable(values: Sequence[set[str]], target: Target) -> bool:
    train, *others = ({v for v in found if v not in map(str, target.rare)} for found in values)
    return all(found <= train for found in others) and (
        target.kind != "binary" or all(len(found) == 2 for found in (train, *others))
    )


def _groups(table: Table, target: Target, key: Sequence[str]) -> Iterator[Column]:
    for column in table.columns.values():
        is_who = bool(_WHO & set(words_of(column.name))) and column.reading.type in ("string", "integer")
        if is_who and column.name != target.column and (column.name,) != tuple(key):
            is_repeated = 2 * column.distinct <= table.rows - column.missing
            if is_repeated and column.distinct >= _FEWEST_GROUPS and column.missing <= (1 - _MOSTLY) * table.rows:
                yield column
