"""Aggregations over all events at once: each cutoff is a place in its group's time, and sees the frame that ends there.

Without a window the running state of every group is kept, one row per event, and a cutoff finds the last one before
it (an
as-of join). With a window events and cutoffs of a group stand in one relation, ordered by time, and an aggregate is a
window
function over it. Both are O(n log n) in events and cutoffs, whatever the number of cutoff times. Time is doubled, so
that there is room between two nanoseconds: a row counts from 2t on, a value that is known after s from 2s + 1; a cutoff
stands at 2T, or at 2T - 1 where rows of its own time are not to be seen.
"""

from dataclasses import dataclass, field
from typing import Any

from mlwf_assets.features.relational.engine import translate
from mlwf_assets.features.relational.engine.aggregates import Gather
from mlwf_assets.features.relational.engine.dialect import STREAMS
from mlwf_assets.features.relational.engine.differences import Differences
from mlwf_assets.features.relational.engine.layers import Layers, NotServed, Scope
from mlwf_assets.features.relational.engine.lookups import Lookup
from mlwf_assets.features.relational.engine.running import can_run, write_running
from mlwf_assets.features.relational.engine.statics import Statics
from mlwf_assets.features.relational.engine.tables import ROW, Tables
from mlwf_assets.features.relational.engine.values import Value, quote
from mlwf_assets.features.relational.engine.windows import TRAINING, Windows

# Later and earlier times (the year 2096, say) are taken for this, so that doubling them does not overflow.
LIMIT = 4_000_000_000_000_000_000
# The running sum of so many numbers is right to 1e-9 of the largest: DuckDB adds them in a tree, whose error is their
# number times its depth. A workflow's features keep 32 bits, to which any number of rows is right enough.
MOST_ROWS = 400_000
_SOME = '"__some"'


@dataclass
class EventGroup:
    """Aggregations over the same events: table, path, filter, window, and times from which values count.

    Args:
        name: the name of the events' relation.
        statics: the table of the events.
        path: relationships from the parents down to the events.
        late: secondary time indexes after which the values are known.
        start: the column with the start of a `use_previous` window; "" without one.
        training: whether a training window ends what is seen.
        include: whether events of the cutoff's own time are seen.
    """

    name: str
    statics: Statics
    path: tuple[Any, ...]
    where: Value | None
    late: frozenset[str]
    start: str
    training: bool
    include: bool
    columns: dict[str, str] = field(default_factory=dict)
    results: dict[str, list[Value]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._exact: dict[str, str] = {}
        self.layers = Layers("", {"__g", "__key", ROW, "__lo", "__c", "__now"})
        growing = not self.start and not self.training
        scope = Scope(self.layers, partition=("__g",), order=f"__key, {ROW}")
        self.gather = Gather(row=ROW, now="__now", events=scope, growing=growing)
        self.link = self.statics.link(self.path)
        self.growing = growing

    def add(self, feature: Any, args: list[tuple[str, Value]]) -> None:
        """Add an aggregation of these columns.

        Raises:
            NotServed: if frames cannot give it.
        """
        inputs = [value.at(self.take_input(name, value)) for name, value in args]
        made = translate.aggregate(feature.primitive, inputs, self.gather)
        self.results[feature.unique_name()] = made

    def take_input(self, name: str, value: Value) -> str:
        """Make a column of the events; return its quoted name."""
        for taken, sql in self.columns.items():
            if sql == value.sql:
                return taken
        free, times = name, 1
        while free.lower() in self.layers.taken:
            times += 1
            free = f"{name} #{times}"
        self.layers.taken.add(free.lower())
        column = quote(free)
        self.columns[column] = value.sql
        if value.exact:
            number = value.at(column).number
            self._exact |= dict.fromkeys((column, number, f"{number} * {number}"), column)
        return column

    def write_events(self) -> str:
        """Write the statement that makes the events: group, time, number and values of each row."""
        time = self.statics.tables.time_index(self.statics.table)
        key, present = "0", "TRUE"
        if time is not None:
            at = self.statics.column(time).sql
            known = [f"2 * {self.statics.column(one).sql} + 1" for one in sorted(self.late)]
            key = f"GREATEST(2 * {at}, {', '.join(known)})" if known else f"2 * {at}"
            present = f"{at} IS NOT NULL"
        chosen = [f"{self.link} AS __g", f"{key} AS __key", ROW]
        chosen += [f"{sql} AS {name}" for name, sql in self.columns.items()]
        condition = f"{self.link} IS NOT NULL AND {present}"
        if self.where is not None:
            condition += f" AND {self.where.sql}"
        self.layers.source = f"({self.statics.select(columns=', '.join(chosen), condition=condition)})"
        if not self.growing:
            return self.layers.select()
        parts = self.gather.parts
        easy = {name: sql for name, sql in parts.items() if STREAMS and can_run(sql, self._exact)}
        taken = ", ".join(name if name in easy else f"{sql} OVER so_far AS {name}" for name, sql in parts.items())
        begin, source = (
            (write_running(self.layers.select(), easy, self._exact), "running")
            if easy
            else ("", f"({self.layers.select()})")
        )
        frame = "(PARTITION BY __g ORDER BY __key RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
        window = f" WINDOW so_far AS {frame}" if len(easy) < len(parts) else ""
        last = "__last" if easy else "LEAD(__key) OVER (PARTITION BY __g ORDER BY __key) IS DISTINCT FROM __key"
        return f"{begin} SELECT __g, __key, {taken} FROM {source}{window} {'QUALIFY' if window else 'WHERE'} {last}"

    def write(self, rows: str, key: str) -> str:
        """Write the statement that summarises, for each row of a relation, the events that it sees.

        Args:
            rows: a relation with the number of the cutoff and a key.
            key: its quoted column that the events' group is compared with.
        """
        made = self._write_results()
        asked = self.write_asked(rows, key, self.start)
        events = f"SELECT * FROM {quote(self.name)} AS e SEMI JOIN asked ON e.__g = asked.__g"
        if self.growing:
            return (
                f"WITH asked AS ({asked}), "
                f"times AS (SELECT __g, __key FROM {quote(self.name)} AS e SEMI JOIN asked ON e.__g = asked.__g), "
                f"found AS (SELECT asked.*, times.__key AS __at FROM asked ASOF JOIN times "
                f"ON asked.__g = times.__g AND asked.__key >= times.__key) "
                f"SELECT __c, found.__g, {made} FROM found JOIN {quote(self.name)} AS states "
                f"ON found.__g = states.__g AND found.__at = states.__key"
            )
        parts = {_SOME: f"COUNT({ROW})", **self.gather.parts}
        taken = ", ".join(f"{sql} OVER frame AS {name}" for name, sql in parts.items())
        return (
            f"WITH asked AS ({asked}), events AS ({events}), "
            f"everything AS (SELECT * FROM events UNION ALL BY NAME SELECT * FROM asked), "
            f"framed AS (SELECT __c, __g, __now, {taken} FROM everything WINDOW frame AS (PARTITION BY __g "
            f"ORDER BY __key RANGE BETWEEN (__key - COALESCE(__lo, __key)) PRECEDING AND CURRENT ROW)) "
            f"SELECT __c, __g, {made} FROM framed WHERE __c IS NOT NULL AND {_SOME} > 0"
        )

    def look_up(self, rows: str, key: str) -> Lookup | None:
        """Say how the same is found for one row; None where frames are taken."""
        if not self.growing:
            return None
        return Lookup(self.name, self.write_asked(rows, key, self.start), self._write_results())

    def _write_results(self) -> str:
        results = [one for values in self.results.values() for one in values]
        return ", ".join(f"{one.sql} AS {quote(f'result{place}')}" for place, one in enumerate(results))

    def write_asked(self, rows: str, key: str, start: str) -> str:
        """Write which cutoffs and groups are asked for, each with its place in time and where its window begins."""
        timed = self.statics.tables.time_index(self.statics.table) is not None
        moment = f"2 * LEAST(GREATEST(r.__time, -{LIMIT}), {LIMIT})" + ("" if self.include else " - 1")
        key_of = moment if timed else "0"
        starts = [f"2 * LEAST(m.{start}, {LIMIT})"] if start else []
        if self.training and timed:
            starts.append(f"2 * LEAST(m.{TRAINING}, {LIMIT})" + (" + 1" if self.include else ""))
        lo = f"GREATEST({', '.join(starts)})" if starts else "NULL"
        moments = " JOIN moments AS m ON r.__c = m.__c" if starts else ""
        return (
            f"SELECT r.__c, r.{key} AS __g, {key_of} AS __key, {lo} AS __lo, r.__time AS __now "
            f"FROM {rows} AS r{moments} WHERE r.{key} IS NOT NULL"
        )


@dataclass
class EventGroups:
    """All aggregations of a plan that are taken from events."""

    tables: Tables
    windows: Windows
    include: bool
    training: bool
    groups: dict[tuple[Any, ...], EventGroup] = field(default_factory=dict)
    _differences: dict[tuple[Any, ...], Differences] = field(default_factory=dict)
    _statics: dict[str, Statics] = field(default_factory=dict)
    _found: dict[str, EventGroup | Differences | str] = field(default_factory=dict)

    def find(self, feature: Any) -> EventGroup | Differences | None:
        """Give the group that an aggregation belongs to; None where it must be calculated per cutoff."""
        name = feature.unique_name()
        if name not in self._found:
            try:
                self._found[name] = self._find(feature)
            except NotServed as reason:
                self._found[name] = str(reason)
        found = self._found[name]
        return None if isinstance(found, str) else found

    def _find(self, feature: Any) -> EventGroup | Differences:
        table = feature.child_dataframe_name
        self._check(table)
        statics = self._statics.setdefault(table, Statics(self.tables, table, self.training))
        args = [(one.get_name(), statics.value(one)) for one in feature.base_features]
        where = statics.value(feature.where) if feature.where is not None else None
        late = frozenset[str]().union(*(value.known for _, value in args), where.known if where else frozenset())
        start = self._find_start(feature)
        if late and (start or self.training or not translate.may_come_late(feature.primitive)):
            raise NotServed("its values become known one by one")
        path = tuple(relationship for _, relationship in feature.relationship_path)
        names = tuple(str(one) for one in path)
        condition = feature.where.unique_name() if where else ""

        def group(start: str) -> EventGroup:
            key = (names, condition, late, start)
            if key not in self.groups:
                name = f"events of {table} by {path[0]._child_column_name} {len(self.groups) + 1}"  # noqa: SLF001
                self.groups[key] = EventGroup(name, statics, path, where, late, start, self.training, self.include)
            return self.groups[key]

        if start and not self.training and all(self._adds_up(table, value) for _, value in args):
            try:
                return self._add_difference((names, condition, late, start), group(""), feature, args)
            except NotServed:
                pass  # a frame of its own then
        group(start).add(feature, args)
        return group(start)

    def _adds_up(self, table: str, value: Value) -> bool:
        """Tell whether a sum within a window can be the difference of two running sums."""
        if value.kind != "float" or value.exact or self.tables.all_finite:
            return True
        return value.tame and self.tables.count_rows(table) <= MOST_ROWS

    def _add_difference(
        self, key: tuple[Any, ...], whole: EventGroup, feature: Any, args: list[tuple[str, Value]]
    ) -> Differences:
        start = key[-1]
        if key not in self._differences:
            self._differences[key] = Differences(
                f"{whole.name} from {start}",
                whole.name,
                whole.gather,
                whole.take_input,
                lambda rows, asked_key: whole.write_asked(rows, asked_key, start),
            )
        self._differences[key].add(feature, args)
        return self._differences[key]

    def _find_start(self, feature: Any) -> str:
        span = feature.use_previous
        if span is None:
            return ""
        if not span.has_no_observations():
            raise NotServed("the last n rows are counted per cutoff")
        if any(value <= 0 for value in span.times.values()):
            raise NotServed("the window has no length")
        return self.windows.name(span)

    def _check(self, table: str) -> None:
        time = self.tables.time_index(table)
        if time is None:
            return
        if self.tables.column(table, time).kind != "time" or not self.tables.is_within(table, LIMIT):
            raise NotServed("its times are no times of the calendar")
        if self.training and not self.tables.ends_with_its_time(table):
            raise NotServed("a row stays in the training window while its children do")
