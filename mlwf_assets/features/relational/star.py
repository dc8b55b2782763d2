"""The tables of history as the engine takes them: events around the things that examples and events have in common.

Each event is a row with the moment from which it counts; outcomes that become known at several times are events of
several tables. Between events and examples stand their common things: a carrier, a route, all rows, the row of a
parent. Numbers name them, so that nothing is read twice. Aggregations, and what they mean, stand in `history.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlwf_assets.errors import SchemaError
from mlwf_assets.features.relational.columns import Meaning, find_meaning
from mlwf_assets.features.relational.keys import Keys, as_links
from mlwf_assets.features.times import ALWAYS_KNOWN, END_OF_TIME, read_times
from mlwf_assets.spec.history import Moment, child_links, groupings, interesting_values, moments, outcome_columns
from mlwf_assets.spec.named import ignored_columns
from mlwf_assets.spec.relationships import Relationship, parse_relationships
from mlwf_assets.spec.tables import Table
from mlwf_assets.spec.workflow import Workflow

EVENT, TIME = "_event", "_at"
LINK = "__of"
# Before all times of the calendar that the engine takes: since then, what is always known.
_SINCE_EVER_NS = -3_900_000_000_000_000_000
_US = 1_000

# Columns of an example that name its thing; -1 or null: it has none.
Find = Callable[["Own"], np.ndarray]


@dataclass(frozen=True)
class Own:
    """The rows of examples, as history looks at them.

    Attributes:
        rows: (n,) of the examples' table.
        hidden: (n,) whether a row is not yet known at its cutoff: it shows nothing but its key.
        seen: way -> (n,) the keys of the parent to which it leads, null where none is to be seen.
    """

    rows: pa.Table
    hidden: np.ndarray
    seen: Mapping[str, pa.ChunkedArray]


@dataclass(frozen=True)
class Thing:
    """What examples and events have in common.

    Attributes:
        name: how features call it.
        size: how many of it there are.
        ways: way -> how an example finds its own: (n,) numbers, -1 where there is none.
        columns: way -> the columns that lead to it, TABLE.COLUMN.
        grouping: the columns of the examples' own table that put rows together; None: it is the row of a parent.
    """

    name: str
    size: int
    ways: Mapping[str, Find]
    columns: Mapping[str, tuple[str, ...]]
    grouping: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Events:
    """Rows that count from their moment on.

    Attributes:
        moment: the table and what becomes known.
        rows: `_event`, `_at` (nanoseconds, in their order), links and columns.
        meanings: column -> what it is.
        only_conditions: columns by whose values rows are chosen, and no more.
        links: column -> the thing that it refers to.
        timed: whether the rows have a time.
    """

    moment: Moment
    rows: pa.Table
    meanings: Mapping[str, Meaning]
    only_conditions: frozenset[str]
    links: Mapping[str, str]
    timed: bool


@dataclass(frozen=True)
class Star:
    """Events and things, by name."""

    things: Mapping[str, Thing]
    events: Mapping[str, Events]


def build_star(workflow: Workflow, tables: Mapping[str, pa.Table]) -> Star:
    """Make the tables of history.

    Args:
        workflow: says what is looked back over, and by what.
        tables: clean rows that are looked back over, by table; of the examples' own table the earlier ones.
    Raises:
        SchemaError: if a column is missing.
    """
    things: dict[str, Thing] = {}
    links: dict[str, dict[str, tuple[str, np.ndarray]]] = {name: {} for name in tables}
    root = workflow.examples.table
    for names in groupings(workflow) if root in tables else ():
        thing, codes = _group(workflow, tables[root], names)
        things[thing.name] = thing
        links[root][thing.name] = thing.name, codes
    for parent in sorted({one.parent_table for one in child_links(workflow)}):
        below = [one for one in child_links(workflow) if one.parent_table == parent]
        thing, found = _parent(workflow, parent, below, tables)
        things[thing.name] = thing
        for link, codes in zip(below, found, strict=True):
            links[link.child_table][link.child_column] = thing.name, codes
    events = {
        moment.name: _make_events(workflow, moment, tables[name], links[name])
        for name in tables
        for moment in moments(workflow, name)
    }
    return Star(things, {name: one for name, one in events.items() if one is not None})


def _group(workflow: Workflow, rows: pa.Table, names: Sequence[str]) -> tuple[Thing, np.ndarray]:
    """Put earlier rows of the examples' table together by columns."""
    root = workflow.examples.table
    keys = Keys.of([_column(rows, name, root) for name in names], rows.num_rows)
    name = " & ".join(names) or "all"
    name = f"{root} by {name}" if name in workflow.tables else name

    def find(own: Own) -> np.ndarray:
        found = keys.find([_column(own.rows, one, root) for one in names], own.rows.num_rows)
        return np.where(own.hidden, -1, found)

    columns = {name: tuple(f"{root}.{one}" for one in names)}
    return Thing(name, len(keys.combined), {name: find}, columns, tuple(names)), keys.codes


def _parent(
    workflow: Workflow, parent: str, links: Sequence[Relationship], tables: Mapping[str, pa.Table]
) -> tuple[Thing, list[np.ndarray]]:
    """Put rows of other tables together by the row of a table that examples refer to, or are."""
    columns = [_column(tables[one.child_table], one.child_column, one.child_table).cast(pa.string()) for one in links]
    keys = Keys.of(
        [pa.chunked_array([part for one in columns for part in one.chunks], pa.string())], sum(map(len, columns))
    )
    ends = np.cumsum([len(one) for one in columns])
    found = np.split(keys.codes, ends[:-1])

    def follow(way: str) -> Find:
        return lambda own: keys.find([own.seen[way]], own.rows.num_rows)

    passed = {
        way: tuple(f"{one.child_table}.{one.child_column}" for one in path)
        for way, path in ways_to(workflow, parent).items()
    }
    own_key = (f"{parent}.{links[0].parent_column}",)
    return Thing(
        parent, len(keys.combined), {way: follow(way) for way in passed}, {w: c or own_key for w, c in passed.items()}
    ), found


def ways_to(workflow: Workflow, parent: str) -> dict[str, tuple[Relationship, ...]]:
    """List the ways from the examples' table to a parent, by name; to itself there is one, without a step."""
    root, links = workflow.examples.table, parse_relationships(workflow)
    found: dict[str, tuple[Relationship, ...]] = {}
    waiting: list[tuple[str, tuple[Relationship, ...]]] = [(root, ())]
    while waiting:
        table, path = waiting.pop()
        if table == parent:
            found[" > ".join(one.child_column for one in path) or root] = path
        waiting += [(one.parent_table, (*path, one)) for one in links if one.child_table == table]
    return dict(sorted(found.items()))


def _make_events(
    workflow: Workflow, moment: Moment, rows: pa.Table, links: Mapping[str, tuple[str, np.ndarray]]
) -> Events | None:
    """Make the events of one moment of a table; None where nothing becomes known then."""
    meanings, only_conditions = _choose(workflow, moment, rows)
    if moment.group and not meanings.keys() - only_conditions:
        return None
    known_ns, timed = _known_ns(moment, rows)
    order = np.argsort(known_ns, kind="stable")
    order = order[known_ns[order] < END_OF_TIME]
    taken = rows.select(list(meanings)).take(pa.array(order))
    columns = {
        EVENT: pa.array(np.arange(len(order))),
        TIME: pa.array(known_ns[order]).cast(pa.timestamp("ns")),
        **{name + LINK: as_links(codes[order]) for name, (_, codes) in links.items()},
        **{name: _to_engine(taken[name], meaning) for name, meaning in meanings.items()},
    }
    return Events(
        moment,
        pa.table(columns),
        meanings,
        frozenset(only_conditions),
        {n + LINK: thing for n, (thing, _) in links.items()},
        timed,
    )


def _choose(workflow: Workflow, moment: Moment, rows: pa.Table) -> tuple[dict[str, Meaning], set[str]]:
    """Choose the columns that become known then, and those that are conditions only."""
    table = moment.table
    spec, groups = workflow.tables.get(table, Table()), outcome_columns(workflow, table)
    out = ignored_columns(workflow, table) | set(spec.key)
    out |= {one.child_column for one in parse_relationships(workflow) if one.child_table == table}
    conditions = {name for name in interesting_values(workflow, table) if groups.get(name, 0) in (0, moment.group)}
    chosen: dict[str, Meaning] = {}
    for column in rows.schema:
        declared = spec.columns[column.name].type if column.name in spec.columns else None
        meaning = find_meaning(column.type, declared)
        counts = (
            groups.get(column.name, 0) == moment.group
            and column.name not in out
            and meaning in ("number", "boolean", "category")
        )
        if column.name in conditions or (counts and not column.name.startswith("_")):
            chosen[column.name] = meaning if meaning in ("number", "boolean") else "category"
    only = {name for name in chosen if groups.get(name, 0) != moment.group or name in out}
    return chosen, only


def _known_ns(moment: Moment, rows: pa.Table) -> tuple[np.ndarray, bool]:
    """(n_rows,) when each event counts, and whether that is a time at all; END_OF_TIME: never."""
    timed = "_known_at" in rows.column_names
    known = read_times(rows["_known_at"], missing=ALWAYS_KNOWN) if timed else np.full(rows.num_rows, ALWAYS_KNOWN)
    if moment.group:
        known = np.maximum(known, read_times(_column(rows, moment.known_at, moment.table), missing=END_OF_TIME))
    never, ever = known == END_OF_TIME, known == ALWAYS_KNOWN
    known_ns = np.where(never | ever, 0, known) * _US
    return np.where(never, END_OF_TIME, np.where(ever, _SINCE_EVER_NS, known_ns)), timed or moment.group > 0


def _to_engine(values: pa.ChunkedArray, meaning: Meaning) -> pa.ChunkedArray:
    if meaning == "number":
        numbers = values.cast(pa.float64())
        return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))
    return values.cast(pa.bool_() if meaning == "boolean" else pa.string())


def _column(rows: pa.Table, name: str, table: str) -> pa.ChunkedArray:
    if name not in rows.column_names:
        raise SchemaError(f"history needs the column {table}.{name}, however: it is not in the data")
    return rows[name]
