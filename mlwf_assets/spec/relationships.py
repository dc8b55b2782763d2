"""Relationships between tables, 'CHILD.COLUMN -> PARENT.COLUMN', and whether they fit together.

Columns are not looked at here but in `references.py`, for they are known only when sources are read.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.circles import find_circle
from mlwf_assets.spec.late import late_columns
from mlwf_assets.spec.mistakes import Mistake, suggestion
from mlwf_assets.spec.workflow import Workflow

_ARROW = re.compile(r"\s*([a-z][a-z0-9_]*)\.([^.,>]+?)\s*->\s*([a-z][a-z0-9_]*)\.([^.,>]+?)\s*")
_COMPOSITE = re.compile(r"[(,]")


class Relationship(NamedTuple):
    """Each row of the child has at most one row of the parent: child's column = parent's key."""

    child_table: str
    child_column: str
    parent_table: str
    parent_column: str


def parse_relationship(text: str) -> Relationship:
    """Read one relationship.

    Raises:
        SpecError: if the text has another form.
    Example:
        >>> parse_relationship("flights.carrier -> airlines.carrier").parent_table
        'airlines'
    """
    match = _ARROW.fullmatch(text)
    if match is not None:
        return Relationship(*match.groups())
    if _COMPOSITE.search(text):
        raise SpecError("not yet: keys of several columns; relate by one column")
    raise SpecError(f"must read like 'flights.carrier -> airlines.carrier', however: {text!r}")


def parse_relationships(workflow: Workflow) -> tuple[Relationship, ...]:
    """Read all relationships of a workflow that was loaded, in the order of the file."""
    return tuple(parse_relationship(text) for text in workflow.relationships)


def related_tables(workflow: Workflow) -> list[str]:
    """Name the tables that the examples' table reaches as a child, directly or not."""
    found: list[str] = []
    waiting = [workflow.examples.table]
    while waiting:
        child = waiting.pop()
        parents = {one.parent_table for one in parse_relationships(workflow) if one.child_table == child}
        new = parents - {*found, workflow.examples.table}
        found += new
        waiting += new
    return sorted(found)


def check_relationships(workflow: Workflow) -> Iterator[Mistake]:
    """Find relationships of another form, between unknown tables, not to a key, in a circle or twice."""
    edges: dict[str, dict[str, int]] = {}
    seen: dict[Relationship, int] = {}
    for position, text in enumerate(workflow.relationships):
        place = ("relationships", position)
        try:
            relationship = parse_relationship(text)
        except SpecError as problem:
            yield Mistake(place, str(problem))
            continue
        if relationship in seen:
            yield Mistake(place, f"stands there twice, however: {text!r}; keep one of the two")
            continue
        seen[relationship] = position
        unknown = [t for t in (relationship.child_table, relationship.parent_table) if t not in workflow.tables]
        for name in unknown:
            yield Mistake(place, f"there must be a table {name!r}.{suggestion(name, workflow.tables)}")
        if not unknown:
            edges.setdefault(relationship.child_table, {})[relationship.parent_table] = position
            yield from _check_child(workflow, relationship, place)
            yield from _check_parent(workflow, relationship, position)
    if circle := find_circle(edges):
        last = edges[circle[-2]][circle[-1]]
        yield Mistake(
            ("relationships", last),
            f"relationships must not lead back to where they start, however: {' -> '.join(circle)}; "
            "take one of them out",
        )


def _check_child(workflow: Workflow, relationship: Relationship, place: tuple[str, int]) -> Iterator[Mistake]:
    table, column = relationship.child_table, relationship.child_column
    if column in late_columns(workflow, table):
        yield Mistake(place, f"must go by what is known with the row, however: {column} is an outcome of {table}")


def _check_parent(workflow: Workflow, relationship: Relationship, position: int) -> Iterator[Mistake]:
    key = workflow.tables[relationship.parent_table].key
    if key == (relationship.parent_column,):
        return
    place = ("relationships", position)
    if len(key) > 1:
        yield Mistake(place, f"not yet: keys of several columns ({', '.join(key)}); relate by one column")
        return
    parent, column = relationship.parent_table, relationship.parent_column
    has = f"key [{key[0]}]" if key else "no key"
    yield Mistake(
        place,
        f"must lead to the parent's key, however: {parent} has {has}; write 'key: [{column}]' in tables.{parent}",
    )
