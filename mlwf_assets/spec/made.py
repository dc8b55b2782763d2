"""Tables that are made from others by SQL: what they are made from, in which order, and whether that can be.

What can be told from the file alone is checked when it is loaded; what needs the sources' columns, `references.py`
asks for. Time is a matter of its own here: a query may gather what one example could not know yet, and only the
author can say when a row of the result is known.
"""

from collections.abc import Iterator, Mapping, Sequence

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.circles import find_circle
from mlwf_assets.spec.late import late_columns
from mlwf_assets.spec.lookups import looked_up
from mlwf_assets.spec.mistakes import Mistake, listed, suggestion
from mlwf_assets.spec.names import RESERVED_COLUMNS, RESERVED_PREFIXES
from mlwf_assets.spec.origins import find_origins, label_columns, origins
from mlwf_assets.spec.query import tables_of
from mlwf_assets.spec.query_columns import Made, Origin, made_columns
from mlwf_assets.spec.tables import Table
from mlwf_assets.spec.workflow import Workflow


def made_from(table: Table) -> list[str]:
    """Name the tables that a table is made from by SQL; none where it has sources.

    Example:
        >>> made_from(Table(sql="SELECT depot, count(*) AS n FROM parcels GROUP BY depot"))
        ['parcels']
    """
    return [] if table.sql is None else tables_of(table.sql)


def tables_in_order(workflow: Workflow) -> list[str]:
    """Name all tables, each after those that it is made from or looks up in."""
    ordered: list[str] = []

    def add(name: str) -> None:
        if name not in ordered:
            for other in (*looked_up(workflow.tables[name]), *made_from(workflow.tables[name])):
                add(other)
            ordered.append(name)

    for name in workflow.tables:
        add(name)
    return ordered


def is_ours(column: str) -> bool:
    """Say whether a column is one that cleaning puts beside a table's own; SQL does not see those.

    Example:
        >>> is_ours("_known_at"), is_ours("_id")
        (True, False)
    """
    return column in RESERVED_COLUMNS or column.startswith(RESERVED_PREFIXES)


def check_made(workflow: Workflow) -> Iterator[Mistake]:
    """Find queries of another form, over unknown tables, in a circle, or without the time that they need."""
    edges: dict[str, dict[str, int]] = {}
    sound = True
    for name, table in workflow.tables.items():
        if table.sql is None:
            continue
        mistakes = list(_check_query(workflow, name, table.sql))
        yield from mistakes
        if mistakes:
            sound = False
            continue
        edges[name] = dict.fromkeys(made_from(table), 0)
        yield from _check_known_at(workflow, name, table)
    if sound:
        yield from _check_circle(workflow, edges)


def _check_query(workflow: Workflow, name: str, sql: str) -> Iterator[Mistake]:
    place = ("tables", name, "sql")
    if workflow.is_written(("tables", name, "sources")):
        yield Mistake(place, "a table has either 'sources' or 'sql'; leave one of them out")
    try:
        others = tables_of(sql)
    except SpecError as problem:
        yield Mistake(place, str(problem))
        return
    if not others:
        yield Mistake(place, f"must be made from other tables.{suggestion('', workflow.tables)}")
    for other in others:
        if other == name:
            yield Mistake(
                place, f"must not be made from itself, however: {name!r} is the table; name its source's table"
            )
        elif other not in workflow.tables:
            yield Mistake(place, f"there must be a table {other!r}.{suggestion(other, workflow.tables)}")


def _check_circle(workflow: Workflow, edges: Mapping[str, Mapping[str, int]]) -> Iterator[Mistake]:
    both: dict[str, dict[str, int]] = {name: dict(others) for name, others in edges.items()}
    for name, table in workflow.tables.items():
        try:
            both.setdefault(name, {}).update(dict.fromkeys(looked_up(table), 0))
        except SpecError:
            continue  # told where lookups are checked
    circle = find_circle(both)
    made = [name for name in circle if name in edges]
    if made:
        yield Mistake(
            ("tables", made[0], "sql"),
            f"tables must not lead back to where they start, however: {' -> '.join(circle)}; take one out",
        )


def _check_known_at(workflow: Workflow, name: str, table: Table) -> Iterator[Mistake]:
    """A table whose rows are known from some time on must not become one that was known always."""
    if table.known_at is not None:
        return
    timed = [other for other in made_from(table) if _has_times(workflow, other)]
    if timed:
        yield Mistake(
            ("tables", name),
            f"must say when its rows are known, 'known_at: SQL', for those of {listed(timed, joint='and')}, which it "
            "is made from, are not known always; without it, features would use what was not known yet",
        )


def _has_times(workflow: Workflow, name: str) -> bool:
    """Whether rows of a table are known from some time on: it says so, or each is predicted at a time of its own."""
    table, examples = workflow.tables[name], workflow.examples
    return (
        table.known_at is not None or bool(table.outcomes) or (name == examples.table and examples.cutoff is not None)
    )


def look_at(workflow: Workflow, name: str, columns: Mapping[str, Sequence[str]]) -> Made:
    """Say what the SQL of a table gives.

    Args:
        workflow: the workflow.
        name: a table with SQL.
        columns: table -> its columns, of those that it is made from.
    Raises:
        SpecError: if it names a column that is not there, or gives one that must not be.
    """
    made = made_columns(workflow.tables[name].sql or "", {other: columns[other] for other in columns})
    for column in made.columns:
        if is_ours(column):
            raise SpecError(f"gives a column {column!r}, a name of ours; name it otherwise: AS NAME")
    return made


def check_times(workflow: Workflow, made: Mapping[str, Made]) -> Iterator[Mistake]:
    """Find made tables that carry what is known later, or the label itself, to where it looks as if known before.

    Args:
        workflow: the workflow.
        made: table -> what its SQL gives, of all tables with SQL.
    """
    root = workflow.examples.table
    if root in made:
        yield from _check_root(workflow, root, made[root])
    if workflow.examples.cutoff is not None:
        return
    telling = _telling(workflow)
    for name in [name for name in made if name != root]:
        if told := sorted(_spread(made[name].used, made) & telling):
            yield Mistake(
                ("tables", name, "sql"),
                f"uses {told[0].table}.{told[0].column}, which tells the label, of test rows, too; give 'examples' a "
                "'cutoff: SQL', so that only earlier rows are seen, or leave it out",
            )


def _check_root(workflow: Workflow, root: str, made: Made) -> Iterator[Mistake]:
    own = late_columns(workflow, root)
    for column, found in made.columns.items():
        late = [one for one in sorted(found) if one.column in late_columns(workflow, one.table)]
        if late and column not in own:
            yield Mistake(
                ("tables", root, "sql"),
                f"{column!r} must stand among the outcomes of {root}, for it is made from {late[0].table}."
                f"{late[0].column}, which is known later than its row: "
                f"'outcomes: {{known_at: SQL, columns: [{column}]}}'",
            )


def _telling(workflow: Workflow) -> set[Origin]:
    """The columns of the examples' table that the label is made from, and its outcomes."""
    root = workflow.examples.table
    table = workflow.tables[root]
    found = late_columns(workflow, root) | find_origins(origins(workflow, table), label_columns(workflow))
    return {Origin(root, name) for name in found}


def _spread(origins: frozenset[Origin], made: Mapping[str, Made]) -> set[Origin]:
    """Columns, and all that those of made tables are made from."""
    found: set[Origin] = set()
    waiting = list(origins)
    while waiting:
        if (one := waiting.pop()) not in found:
            found.add(one)
            waiting += made[one.table].used if one.table in made else ()
    return found
