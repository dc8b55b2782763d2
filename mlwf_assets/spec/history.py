"""Which rows features look back over, and what they are put together by: told from the workflow file alone.

Two sorts of rows have a history: those of tables that refer to something an example has (its customer's orders), and
earlier rows of the examples' own table, of which the outcomes count, each from the moment when it is known.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mlwf_assets.spec.base import Names
from mlwf_assets.spec.features import ALL, Window, find_ignored
from mlwf_assets.spec.late import late_columns
from mlwf_assets.spec.mistakes import Mistake, Place, suggestion
from mlwf_assets.spec.names import AGGREGATIONS, AGGREGATIONS_ONE_BY_ONE
from mlwf_assets.spec.origins import find_origins, origins
from mlwf_assets.spec.relationships import Relationship, parse_relationships, related_tables
from mlwf_assets.spec.tables import Table
from mlwf_assets.spec.workflow import Workflow

_PLACE: Place = ("features", "relational")


class Moment(NamedTuple):
    """Rows of a table with the columns that become known at one time.

    Attributes:
        table: the table.
        group: the number of the group of outcomes, from 1 on; 0: what is known with the row itself.
        name: what the rows are called in features' names.
    """

    table: str
    group: int
    name: str

    @property
    def known_at(self) -> str:
        """The column of the clean table that says when."""
        return f"_known_at_OUTCOME_{self.group}" if self.group else "_known_at"


def child_links(workflow: Workflow) -> list[Relationship]:
    """List the relationships along which an example, or what it refers to, has rows of other tables below it."""
    root = workflow.examples.table
    parents = {root, *related_tables(workflow)}
    return [
        one for one in parse_relationships(workflow) if one.parent_table in parents and one.child_table != root
    ]  # fmt: skip


def history_tables(workflow: Workflow) -> list[str]:
    """Name the tables whose rows are looked back over; none where no aggregation is asked for."""
    spec = workflow.features.relational
    if not spec.aggregations:
        return []
    own = [workflow.examples.table] if spec.history else []
    return [*own, *dict.fromkeys(one.child_table for one in child_links(workflow))]


def moments(workflow: Workflow, table: str) -> list[Moment]:
    """List what of a table becomes known when: the row itself, then each group of outcomes.

    Of the examples' own table only outcomes count: what a row is, is known before anything happened.
    """
    groups = range(1, len(workflow.tables.get(table, Table()).outcomes) + 1)
    own = table == workflow.examples.table
    numbers = [*groups] if own else [0, *groups]
    several = len(groups) > 1
    return [Moment(table, one, f"{table} ({one})" if one and (several or not own) else table) for one in numbers]


def outcome_columns(workflow: Workflow, table: str) -> dict[str, int]:
    """Say of each outcome in which group it is: as written, or as that from which alone it is made.

    Example:
        >>> from mlwf_assets.spec.project import Project
        >>> table = Table.model_validate({
        ...     "columns": {"late": {"sql": "delay > 15"}}, "outcomes": {"known_at": "arrival", "columns": ["delay"]}
        ... })
        >>> file = {"name": "w", "project": {"question": "?"}, "sources": {"t": "t.csv"}, "tables": {"t": table},
        ...     "examples": {"table": "t", "label": "late"}}
        >>> outcome_columns(Workflow.model_validate(file), "t")
        {'delay': 1, 'late': 1}
    """
    spec = workflow.tables.get(table, Table())
    found = {column: number for number, group in enumerate(spec.outcomes, 1) for column in group.columns}
    made, written = origins(workflow, spec), dict(found)
    for column in sorted(late_columns(workflow, table) - set(found)):
        groups = {written[one] for one in find_origins(made, {column}) if one in written}
        if len(groups) == 1:
            found[column] = groups.pop()
    return found


def interesting_values(workflow: Workflow, table: str) -> dict[str, tuple[bool | float | str, ...]]:
    """Return the values of a table's columns of which aggregations are also made alone."""
    root = workflow.examples.table
    named = {find_ignored(text, workflow.tables, own=root): v for text, v in workflow.features.relational.where.items()}
    return {column: values for (owner, column), values in named.items() if owner == table}


def groupings(workflow: Workflow) -> list[Names]:
    """List what rows of the examples' own table are put together by, each once."""
    return list(dict.fromkeys(names for one in workflow.features.relational.history for names in one.by))


def windows_of(workflow: Workflow, names: Names, aggregation: str) -> list[Window]:
    """List how far back an aggregation of the examples' own table looks, put together by these columns."""
    spec = workflow.features.relational
    blocks = [one for one in spec.history if names in one.by]
    asked = [one.windows or spec.windows for one in blocks if aggregation in (one.aggregations or spec.aggregations)]
    return list(dict.fromkeys(window for windows in asked for window in windows))


def longest_window(workflow: Workflow) -> dt.timedelta | None:
    """Return how far back features look; None: over all history."""
    spec = workflow.features.relational
    written = [one.windows or spec.windows for one in spec.history] + ([spec.windows] if child_links(workflow) else [])
    spans = [one for windows in written for one in windows]
    bounded = [one for one in spans if isinstance(one, dt.timedelta)]
    return max(bounded) if bounded and len(bounded) == len(spans) else None


def check_history(workflow: Workflow) -> Iterator[Mistake]:
    """Find aggregations that there are not, and history of nothing, without times, or by what is not yet known."""
    yield from _check_names(workflow)
    spec, root = workflow.features.relational, workflow.examples.table
    if root not in workflow.tables or any(one.parent_table not in workflow.tables for one in _links(workflow)):
        return
    if not spec.aggregations:
        for field in ("history", "windows", "where"):
            if workflow.is_written((*_PLACE, field)):
                yield Mistake((*_PLACE, field), "is for aggregations; name some: 'aggregations: [mean, count]'")
        return
    tables = history_tables(workflow)
    if not tables:
        yield Mistake(
            (*_PLACE, "aggregations"),
            f"of which rows? No table refers to what an example of {root} has; relate one (relationships), or ask for "
            f"the history of {root} itself: 'history: {{by: [COLUMN, []]}}'",
        )
    if spec.max_depth == 1:
        yield Mistake((*_PLACE, "max_depth"), "must be 2 or more for aggregations: an example has them from elsewhere")
    if workflow.examples.cutoff is None:
        yield Mistake((*_PLACE, "aggregations"), "of rows up to which moment? examples must have a 'cutoff: SQL'")
    yield from _check_own(workflow)
    yield from _check_windows(workflow, tables)
    yield from _check_where(workflow, tables)


def _links(workflow: Workflow) -> list[Relationship]:
    try:
        return list(parse_relationships(workflow))
    except ValueError:
        return []


def _check_names(workflow: Workflow) -> Iterator[Mistake]:
    for position, name in enumerate(workflow.features.relational.aggregations):
        place: Place = (*_PLACE, "aggregations", position)
        if name in AGGREGATIONS_ONE_BY_ONE:
            yield Mistake(
                place,
                f"not yet: {name} looks at the rows of each prediction one by one; take others, such as mean or max",
            )
        elif name not in AGGREGATIONS:
            yield Mistake(place, f"there must be an aggregation {name!r}.{suggestion(name, AGGREGATIONS)}")


def _check_own(workflow: Workflow) -> Iterator[Mistake]:
    spec, root = workflow.features.relational, workflow.examples.table
    if spec.history and not workflow.tables[root].outcomes:
        yield Mistake(
            (*_PLACE, "history"),
            f"is made of what became of earlier rows: tables.{root} must say what is known only later, "
            "'outcomes: {known_at: SQL, columns: [...]}'",
        )
    late = late_columns(workflow, root)
    for place, names in _places(workflow):
        if wrong := sorted(late.intersection(names)):
            yield Mistake(place, f"must go by what is known with the row, however: {wrong[0]} is an outcome of {root}")
    for number, one in enumerate(spec.history):
        for position, name in enumerate(one.aggregations or ()):
            if name not in spec.aggregations:
                place = _block(workflow, number)
                yield Mistake(
                    (*place, "aggregations", position),
                    f"must be one of features.relational.aggregations.{suggestion(name, spec.aggregations)}",
                )


def _block(workflow: Workflow, number: int) -> Place:
    """Name the place of a block of history, which may stand alone."""
    place: Place = (*_PLACE, "history", number)
    return place if workflow.is_written(place) else (*_PLACE, "history")


def _places(workflow: Workflow) -> Iterator[tuple[Place, Names]]:
    for number, one in enumerate(workflow.features.relational.history):
        for position, names in enumerate(one.by):
            yield (*_block(workflow, number), "by", position), names


def _check_windows(workflow: Workflow, tables: list[str]) -> Iterator[Mistake]:
    """Find windows over rows without a time; those of the examples' own table have that of their outcomes."""
    root = workflow.examples.table
    known = [name for name in tables if name in workflow.tables and name != root]
    untimed = [name for name in known if workflow.tables[name].known_at is None]
    for position, window in enumerate(workflow.features.relational.windows):
        if window != ALL and untimed:
            yield Mistake(
                (*_PLACE, "windows", position),
                f"looks back in time: tables.{untimed[0]} must say when a row is known: 'known_at: SQL'",
            )


def _check_where(workflow: Workflow, tables: list[str]) -> Iterator[Mistake]:
    spec, root = workflow.features.relational, workflow.examples.table
    for text in spec.where:
        owner, _ = find_ignored(text, workflow.tables, own=root)
        if owner not in tables:
            yield Mistake(
                (*_PLACE, "where", text),
                f"must be a column of rows that are looked back over ({', '.join(tables) or 'none'}), however: it is "
                f"one of {owner}",
            )


def check_history_columns(workflow: Workflow, columns: Mapping[str, Sequence[str]]) -> Iterator[Mistake]:
    """Find columns that history names and that are not there.

    Args:
        workflow: the workflow.
        columns: those of each clean table.
    """
    spec, root = workflow.features.relational, workflow.examples.table
    for place, names in _places(workflow):
        for name in names:
            if name not in columns[root]:
                yield Mistake(place, f"{root} must have a column {name!r}.{suggestion(name, columns[root])}")
    for text in spec.where:
        owner, name = find_ignored(text, columns, own=root)
        if name not in columns[owner]:
            near = suggestion(name, columns[owner])
            yield Mistake((*_PLACE, "where", text), f"{owner} must have a column {name!r}.{near}")
