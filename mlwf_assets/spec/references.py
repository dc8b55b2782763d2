"""Whether every column that a workflow file names exists, once the columns of the sources are known."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.expressions import LABEL, Use, expressions
from mlwf_assets.spec.extensions import Label
from mlwf_assets.spec.features import find_ignored
from mlwf_assets.spec.history import check_history_columns
from mlwf_assets.spec.lookups import Lookup, parse_lookup
from mlwf_assets.spec.made import check_times, look_at, tables_in_order
from mlwf_assets.spec.mistakes import Mistake, Place, error, suggestion
from mlwf_assets.spec.names import RESERVED_COLUMNS, RESERVED_PREFIXES, TIME_SLICES
from mlwf_assets.spec.own_checks import check_own_columns
from mlwf_assets.spec.query_columns import Made
from mlwf_assets.spec.relationships import parse_relationships
from mlwf_assets.spec.remedies import unknown_column
from mlwf_assets.spec.sql import check_expression, columns_of
from mlwf_assets.spec.tables import Table
from mlwf_assets.spec.workflow import Workflow

RawColumns = Mapping[str, Sequence[str]]


def check(workflow: Workflow, raw_columns: RawColumns) -> None:
    """Hold everything that names a column against the columns that there are.

    Args:
        workflow: as `loader.load` gives it.
        raw_columns: source -> its columns, of every source.
    Raises:
        SpecError: listing every mistake with file, line and remedy.
    """
    if found := list(_mistakes(workflow, raw_columns)):
        raise error(workflow.file, workflow.lines, found)


def table_columns(workflow: Workflow, raw_columns: RawColumns) -> dict[str, list[str]]:
    """Return the columns of each clean table: its contract's, its lookups, then the others as in its sources or SQL."""
    return _find_columns(workflow, raw_columns).columns


class _Found(NamedTuple):
    """The columns of tables.

    Attributes:
        columns: of each clean table.
        made: what the SQL of tables gives, where that can be told.
        mistakes: why it cannot.
    """

    columns: dict[str, list[str]]
    made: dict[str, Made]
    mistakes: list[Mistake]


def _find_columns(workflow: Workflow, raw_columns: RawColumns) -> _Found:
    """Follow the tables in the order in which they are made."""
    found = _Found({}, {}, [])
    for name in tables_in_order(workflow):
        table = workflow.tables[name]
        given = [column for source in table.sources or () for column in raw_columns[source]]
        if table.sql is not None:
            try:
                found.made[name] = look_at(workflow, name, found.columns)
                given = list(found.made[name].columns)
            except SpecError as problem:
                found.mistakes.append(Mistake(("tables", name, "sql"), str(problem)))
        found.columns[name] = list(dict.fromkeys([*table.columns, *table.lookups, *given]))
    return found


def _mistakes(workflow: Workflow, raw_columns: RawColumns) -> Iterator[Mistake]:
    columns, made, broken = _find_columns(workflow, raw_columns)
    for name in workflow.sources:
        yield from _check_source(name, raw_columns[name])
    if broken:
        yield from broken
        return  # whatever names a column of these tables would be told as a mistake, too
    yield from check_times(workflow, made)
    given = {
        name: {column for source in table.sources or () for column in raw_columns[source]}
        | set(made[name].columns if name in made else ())
        for name, table in workflow.tables.items()
    }
    for name, table in workflow.tables.items():
        yield from _check_case(name, columns[name], raw_columns, table)
        yield from _check_made(name, table, given[name], columns)
        yield from _check_named(name, table, columns[name])
    for use in expressions(workflow):
        if use.makes is None:
            known = raw_columns[use.source] if use.source is not None else columns[use.table or ""]
            labels = [one.name for one in workflow.own.of(Label)] if use.place == LABEL else []
            yield from _check_use(use, [*known, *labels])
    yield from check_own_columns(workflow, given, columns)
    yield from _check_relations(workflow, columns)
    yield from _check_rest(workflow, columns)


def _check_source(name: str, columns: Sequence[str]) -> Iterator[Mistake]:
    for column in columns:
        if column in RESERVED_COLUMNS or column.startswith(RESERVED_PREFIXES):
            yield Mistake(("sources", name), f"has a column {column!r}, a name of ours; rename it in the source")
    for one, other in _same_but_case(columns):
        yield Mistake(("sources", name), f"columns must differ in more than case, however: {one!r} and {other!r}")


def _check_case(name: str, columns: Sequence[str], raw_columns: RawColumns, table: Table) -> Iterator[Mistake]:
    for one, other in _same_but_case(columns):
        if not any({one, other} <= set(raw_columns[source]) for source in table.sources or ()):
            place: Place = ("tables", name, "columns", other) if other in table.columns else ("tables", name)
            yield Mistake(place, f"columns must differ in more than case, however: {one!r} and {other!r}")


def _same_but_case(columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """SQL takes them for one."""
    seen: dict[str, str] = {}
    for column in columns:
        if (other := seen.setdefault(column.lower(), column)) != column:
            yield other, column


def _check_made(
    name: str, table: Table, raw: Collection[str], columns: Mapping[str, Sequence[str]]
) -> Iterator[Mistake]:
    """Follow the order in which cleaning makes columns: raw ones, lookups as soon as possible, then SQL."""
    there = {*raw, *(column for column, contract in table.columns.items() if contract.step)}
    whole = "tables." + name + ".sql" if table.sql is not None else ", ".join(table.sources or ())
    pending = {column: parse_lookup(text) for column, text in table.lookups.items()}
    place: Place = ("tables", name)
    for column, lookup in pending.items():
        yield from _check_column(lookup.column, columns[lookup.table], (*place, "lookups", column), lookup.table)
    pending = _look_up(pending, there)
    for column, contract in table.columns.items():
        if contract.sql is not None:
            use = Use((*place, "columns", column, "sql"), contract.sql, name, makes=column)
            yield from _check_above(use, there, columns[name])
            there.add(column)
            pending = _look_up(pending, there)
        elif column not in there and column not in table.lookups:
            yield Mistake(
                (*place, "columns", column),
                f"must be a column of {whole}, or have 'sql:'.{suggestion(column, raw)}",
            )
    for column, lookup in pending.items():
        yield from _check_column(lookup.by, sorted(there), (*place, "lookups", column), name)


def _look_up(pending: Mapping[str, Lookup], there: set[str]) -> dict[str, Lookup]:
    left = {}
    for column, lookup in pending.items():
        if lookup.by in there:
            there.add(column)
        else:
            left[column] = lookup
    return left


def _check_above(use: Use, there: Collection[str], columns: Sequence[str]) -> Iterator[Mistake]:
    for column in sorted(columns_of(use.sql) - set(there)):
        if column == use.makes:
            yield Mistake(use.place, f"must not be made from itself, however: no source has a column {column!r}")
        elif column in columns:
            yield Mistake(use.place, f"{column!r} must be made above; move it up, or this one down")
        else:
            yield Mistake(use.place, unknown_column(column, use.sql, sorted(there)))


def _check_named(name: str, table: Table, columns: Sequence[str]) -> Iterator[Mistake]:
    place: Place = ("tables", name)
    yield from _check_columns(table.key, columns, (*place, "key"), name)
    for position, group in enumerate(table.outcomes):
        yield from _check_columns(group.columns, columns, (*place, "outcomes", position, "columns"), name)
    for position, rule in enumerate(table.rules):
        yield from _check_columns(rule.columns, columns, (*place, "rules", position, "columns"), name)


def _check_use(use: Use, columns: Sequence[str]) -> Iterator[Mistake]:
    try:
        check_expression(use.sql, columns)
    except SpecError as problem:
        yield Mistake(use.place, str(problem))


def _check_relations(workflow: Workflow, columns: Mapping[str, Sequence[str]]) -> Iterator[Mistake]:
    for position, relation in enumerate(parse_relationships(workflow)):
        place: Place = ("relationships", position)
        yield from _check_column(relation.child_column, columns[relation.child_table], place, relation.child_table)


def _check_rest(workflow: Workflow, columns: Mapping[str, Sequence[str]]) -> Iterator[Mistake]:
    table = workflow.examples.table
    own = columns[table]
    if workflow.splits.group is not None:
        yield from _check_column(workflow.splits.group, own, ("splits", "group"), table)
    timed = TIME_SLICES if workflow.has_time(table) or workflow.examples.cutoff is not None else ()
    yield from _check_columns(workflow.evaluation.slices, [*own, *timed], ("evaluation", "slices"), table)
    yield from check_history_columns(workflow, columns)
    for position, text in enumerate(workflow.features.relational.ignore):
        owner, column = find_ignored(text, columns, own=table)
        place: Place = ("features", "relational", "ignore", position)
        if column not in columns[owner] and "." in column:
            unknown = column.partition(".")[0]
            yield Mistake(place, f"there must be a table {unknown!r}.{suggestion(unknown, columns)}")
        else:
            yield from _check_column(column, columns[owner], place, owner)
    for name, series in workflow.features.timeseries.items():
        place = ("features", "timeseries", name)
        ids = series.id if isinstance(series.id, dict) else {series.id: series.id}
        for here, there in ids.items():
            yield from _check_column(here, columns[name], (*place, "id"), name)
            yield from _check_column(there, own, (*place, "id"), table)
        yield from _check_columns(series.columns, columns[name], (*place, "columns"), name)


def _check_columns(names: Sequence[str], columns: Sequence[str], place: Place, table: str) -> Iterator[Mistake]:
    for position, name in enumerate(names):
        yield from _check_column(name, columns, (*place, position), table)


def _check_column(name: str, columns: Sequence[str], place: Place, table: str) -> Iterator[Mistake]:
    if name not in columns:
        yield Mistake(place, f"there must be a column {name!r} in {table}.{suggestion(name, columns)}")
