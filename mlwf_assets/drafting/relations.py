"""Which column of a table leads to the key of another: by its values, its type and its name.

Values decide (how many of the child's are among the parent's, counted on all rows), names support. Without a name
that fits, whole numbers prove nothing (1 to 12 are among everything), and text does only if all of it is there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlwf_assets.cleaning.casting import quote
from mlwf_assets.drafting.keys import Key
from mlwf_assets.drafting.tables import Column, Database, Table
from mlwf_assets.drafting.words import one_of, words_of
from mlwf_assets.spec.circles import find_circle

_ENOUGH_BY_NAME = 0.8
_FEWEST_TEXTS = 2  # distinct values of a text column that is related by its values alone
_SIGNS = frozenset(".,>")  # the form of relationships has no room for them


@dataclass(frozen=True)
class Relation:
    """Each row of the child has at most one row of the parent.

    Attributes:
        values: rows of the child that have a value.
        among: how many of these values are among the parent's keys.
    """

    child: str
    column: str
    parent: str
    parent_column: str
    values: int
    among: int

    def __str__(self) -> str:
        return f"{self.child}.{self.column} -> {self.parent}.{self.parent_column}"


def find_relations(
    database: Database, keys: Mapping[str, Key], *, root: str, target: str | None = None
) -> list[Relation]:
    """Find how tables belong together.

    Args:
        keys: of each table.
        root: the table whose rows are predicted; relations lead away from it where they could lead both ways.
        target: its column that is predicted, which leads nowhere.
    Returns:
        Relations without circles; tables that nothing relates to the root's are in none of them.
    """
    order = [root, *(name for name in database.tables if name != root)]
    found: list[Relation] = []
    edges: dict[str, dict[str, int]] = {}
    for child in order:
        for column in database.tables[child].columns.values():
            if (child, column.name) == (root, target):
                continue
            best = max(_parents(database, keys, database.tables[child], column), key=lambda one: one[0], default=None)
            if best is None:
                continue
            tried = {**edges, child: {**edges.get(child, {}), best[1].parent: 0}}
            if not find_circle(tried):
                edges = tried
                found.append(best[1])
    return [relation for relation in found if relation.child in _reached(found, root)]


def _parents(
    database: Database, keys: Mapping[str, Key], child: Table, column: Column
) -> Iterator[tuple[tuple[int, float], Relation]]:
    """Parents to which a column may lead, each with how well it fits."""
    if column.reading.type not in ("string", "integer") or _SIGNS & set(column.name) or not column.distinct:
        return
    for parent in database.tables.values():
        key = keys[parent.name].columns
        if parent.name == child.name or len(key) != 1 or _SIGNS & set(key[0]):
            continue
        if parent.columns[key[0]].reading.type != column.reading.type:
            continue
        fit = _fit_of_names(column.name, key[0], parent.name)
        if not fit and (
            column.reading.type == "integer" or column.distinct < _FEWEST_TEXTS or _is_own(keys, child, column)
        ):
            continue
        values = child.rows - column.missing
        among = _count_among(database, child, column, parent, key[0])
        if among == values or (fit and among >= _ENOUGH_BY_NAME * values):
            yield (fit, among / values), Relation(child.name, column.name, parent.name, key[0], values, among)


def _is_own(keys: Mapping[str, Key], child: Table, column: Column) -> bool:
    return keys[child.name].columns == (column.name,)


def _fit_of_names(column: str, key: str, parent: str) -> int:
    """How well a column's name fits the parent and its key; 0: not at all."""
    own, theirs = words_of(column), words_of(key)
    table = {parent, *words_of(parent), one_of(parent)} - {""}
    joined = "_".join(own)
    if own == theirs:
        return (
            3 if len(theirs) > 1 or theirs[0] not in ("id", "key", "code", "no", "nr", "name", "index", "number") else 0
        )
    if any(
        joined in {name, f"{name}_{'_'.join(theirs)}"} or "".join(own) == f"{name}{''.join(theirs)}" for name in table
    ):
        return 3
    return 2 if table & set(own) or (own[-len(theirs) :] == theirs and len(theirs) > 1) else 0


def _count_among(database: Database, child: Table, column: Column, parent: Table, key: str) -> int:
    return int(
        database.row(
            f"SELECT count(*) FROM {quote(child.name)} WHERE {quote(column.name)} IN "
            f"(SELECT {quote(key)} FROM {quote(parent.name)} WHERE {quote(key)} IS NOT NULL)"
        )[0]
    )


def _reached(relations: list[Relation], root: str) -> set[str]:
    """Tables that are related to the root's, however far and in which direction."""
    reached = {root}
    while more := {n for r in relations for n in (r.child, r.parent) if reached & {r.child, r.parent}} - reached:
        reached |= more
    return reached
