"""The plan of a calculation: statements of SQL in their order, and where each feature is found at the end.

A plan depends on definitions and history, not on cutoffs: it reads the relations `moments` (number, time and window
starts of each cutoff time) and `asked` (number and time of the cutoff, instance, place in the result), and serves any
of them.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from featuretools.feature_base import AggregationFeature, DirectFeature, IdentityFeature

from mlwf_assets.features.relational.engine import nodes, translate
from mlwf_assets.features.relational.engine.aggregates import Gather
from mlwf_assets.features.relational.engine.dialect import render
from mlwf_assets.features.relational.engine.differences import Differences
from mlwf_assets.features.relational.engine.events import EventGroup, EventGroups
from mlwf_assets.features.relational.engine.layers import Layers, Scope
from mlwf_assets.features.relational.engine.lookups import Lookup
from mlwf_assets.features.relational.engine.needs import Need
from mlwf_assets.features.relational.engine.nodes import ASKED, Node, Rows
from mlwf_assets.features.relational.engine.tables import ROW, Tables, relation_name
from mlwf_assets.features.relational.engine.values import Value, quote
from mlwf_assets.features.relational.engine.windows import TRAINING, Windows


@dataclass(frozen=True)
class Statement:
    """A relation that is made, and the features that it brings; kept, or only a name for what is read once.

    Where it finds running states, `lookup` says how one row finds its own.
    """

    name: str
    sql: str
    features: tuple[str, ...] = ()
    kept: bool = True
    lookup: Lookup | None = None


@dataclass
class Plan:
    """How features are calculated.

    Args:
        tables: the history.
        features: definitions, all of one table.
        include: whether rows of the cutoff's own time are seen.
        training: the training window, or None.
        dry: only find out whether it can be done; statements are then not laid out.

    Raises:
        NotServed: if a definition, or something that it is made from, is not translated.
    """

    tables: Tables
    features: list[Any]
    include: bool = True
    training: Any = None
    dry: bool = False
    history: list[Statement] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    outputs: list[tuple[str, Value]] = field(default_factory=list)
    final: str = ""

    def __post_init__(self) -> None:
        self.windows = Windows()
        if self.training is not None:
            self.windows.spans[TRAINING] = self.training
        self.groups = EventGroups(self.tables, self.windows, include=self.include, training=self.training is not None)
        self._held: list[str] = []
        need = Need(self.features[0].dataframe_name)
        for feature in self.features:
            need.add(feature, is_taken_from_events=self._is_taken_from_events)
        index = self.tables.entityset[need.table].ww.index
        node = self._build(need, "asked", index, above=None, single=True)
        self._finish(node)
        for group in self.groups.groups.values():
            names = tuple(group.results)
            if names or group.gather.parts:
                self.history.append(
                    Statement(group.name, group.write_events() if self.dry else render(group.write_events()), names)
                )

    def count_held_rows(self) -> int:
        """Count the rows that may have to be held for each cutoff time: of tables that are not reached from events."""
        return sum(self.tables.count_rows(name) for name in self._held)

    def _is_taken_from_events(self, feature: Any) -> bool:
        return isinstance(feature, AggregationFeature) and self.groups.find(feature) is not None

    def _add(
        self,
        name: str,
        sql: str,
        features: tuple[str, ...] = (),
        *,
        kept: bool = True,
        lookup: Lookup | None = None,
    ) -> str:
        name = f"{name} {len(self.statements) + 1}"
        self.statements.append(Statement(name, sql if self.dry else render(sql), features, kept, lookup))
        return quote(name)

    def _finish(self, node: Node) -> None:
        chosen = []
        for feature in self.features:
            values = node.values[feature.unique_name()]
            missing = translate.or_default(Value("NULL", values[0].kind), feature.default_value).sql
            for name, value in zip(feature.get_feature_names(), values, strict=True):
                alias = quote(f"result{len(self.outputs)}")
                chosen.append(f"CASE WHEN n.{ROW} IS NULL THEN {missing} ELSE n.{value.sql} END AS {alias}")
                self.outputs.append((name, value))
        write = str if self.dry else render
        self.final = write(
            f"SELECT a.__place, n.{ROW} IS NULL AS __unseen, {', '.join(chosen)} "
            f"FROM asked AS a LEFT JOIN {node.relation} AS n ON a.__c = n.__c AND a.__id = n.{node.key}"
        )

    def _see(self, table: str) -> str:
        """Write when a row `r` is seen at a cutoff `m`."""
        time = self.tables.time_index(table)
        if time is None:
            return "TRUE"
        at = f"r.{self.tables.column(table, time).sql}"
        seen = f"{at} {'<=' if self.include else '<'} m.__time"
        if self.training is None:
            return seen
        sign = ">" if self.include else ">="
        recent = f"{at} {sign} m.{TRAINING}"
        last = self.tables.last_time(table)
        if last is not None:
            recent = f"({recent} OR r.{self.tables.column(table, last).sql} {sign} m.{TRAINING})"
        return f"{seen} AND {recent}"

    def _base(self, need: Need, asked: str, key: str, above: tuple[Node, Any] | None) -> tuple[str, tuple[str, ...]]:
        """Write the statement that gives a table's rows at each cutoff; name the columns that lead to parents."""
        masks = self.tables.masks(need.table)
        chosen = ["m.__c", "m.__time", f"r.{ROW}"]
        chosen += [
            f"{self._show(need.table, name, masks)} AS {self.tables.column(need.table, name).sql}"
            for name in nodes.list_columns(need, self.tables)
        ]
        joins, links = "", []
        if above is not None:
            node, relationship = above
            own = relationship._child_column_name  # noqa: SLF001
            chosen.append(f"{self._show(need.table, own, masks)} AS __up1")
            links.append("__up1")
            for place, link in enumerate(node.links, start=2):
                chosen.append(f"p.{link} AS __up{place}")
                links.append(f"__up{place}")
            if node.links:
                parent = self.tables.column(need.table, own)
                joins = f" LEFT JOIN {node.everything} AS p ON p.__c = m.__c AND p.{node.key} = r.{parent.sql}"
        column = self.tables.column(need.table, key).sql
        table = quote(relation_name(need.table))
        if need.every_row:
            chosen.append(f"(f.__id IS NOT NULL) AS {ASKED}")
            rows = (
                f"moments AS m JOIN {table} AS r ON {self._see(need.table)} "
                f"LEFT JOIN (SELECT DISTINCT __c, __id FROM {asked}) AS f ON f.__c = m.__c AND f.__id = r.{column}"
            )
            return f"SELECT {', '.join(chosen)} FROM {rows}{joins}", tuple(links)
        if self.training is None:
            rows = f"(SELECT DISTINCT __c, __time, __id FROM {asked}) AS m JOIN {table} AS r ON r.{column} = m.__id"
        else:
            rows = (
                f"(SELECT DISTINCT __c, __id FROM {asked}) AS f JOIN moments AS m ON f.__c = m.__c "
                f"JOIN {table} AS r ON r.{column} = f.__id"
            )
        return f"SELECT {', '.join(chosen)} FROM {rows}{joins} WHERE {self._see(need.table)}", tuple(links)

    def _show(self, table: str, name: str, masks: dict[str, list[str]]) -> str:
        """Write a column as it is seen: missing while its time has not come."""
        sql = f"r.{self.tables.column(table, name).sql}"
        hidden = [
            f"r.{self.tables.column(table, time).sql} >= m.__time" for time, some in masks.items() if name in some
        ]
        return f"CASE WHEN {' OR '.join(hidden)} THEN NULL ELSE {sql} END" if hidden else sql

    def _build(self, need: Need, asked: str, key: str, *, above: tuple[Node, Any] | None, single: bool) -> Node:
        sql, links = self._base(need, asked, key, above)
        if above is not None or need.every_row:
            self._held.append(need.table)
        base = self._add(f"rows of {need.table}", sql)
        filtered = f"(SELECT * FROM {base} WHERE {ASKED})" if need.every_row else base
        own = self.tables.column(need.table, self.tables.entityset[need.table].ww.index).sql
        single = single and above is None and not need.every_row
        first = Node(filtered, base, links, {}, own, single=single)
        for name, ((forward, relationship), other) in need.below.items():
            ours = relationship._child_column_name if forward else relationship._parent_column_name  # noqa: SLF001
            theirs = relationship._parent_column_name if forward else relationship._child_column_name  # noqa: SLF001
            column = self.tables.column(need.table, ours).sql
            leads = f"(SELECT __c, __time, {column} AS __id FROM {filtered} WHERE {column} IS NOT NULL)"
            way = None if forward else (first, relationship)
            first.below[name] = self._build(other, leads, theirs, above=way, single=single)
        rows = Rows(need, Layers(base, {"__c", "__time", ROW, ASKED, *(one.strip('"').lower() for one in links)}))
        rows.layers.taken.update(name.lower() for name in nodes.list_columns(need, self.tables))
        everything = base
        if need.every_row:
            self._fill(rows, need.full, first, base, whole=True)
            everything = self._add(f"features of all {need.table}", rows.layers.select(), tuple(need.full))
            taken = rows.layers.taken
            rows.layers = Layers(f"(SELECT * FROM {everything} WHERE {ASKED})", taken)
        self._fill(rows, need.rest, first, filtered, whole=False)
        relation = self._add(
            f"features of {need.table}", rows.layers.select(), tuple(need.rest), kept=above is not None
        )
        return Node(relation, everything, links, rows.values, own, first.below)

    def _fill(self, rows: Rows, features: dict[str, Any], node: Node, base: str, *, whole: bool) -> None:
        """Add features to rows: what comes from children, what comes from parents, what is made from both."""
        for feature in features.values():
            if isinstance(feature, IdentityFeature):
                column = self.tables.column(rows.need.table, feature.column_name)
                rows.values[feature.unique_name()] = [replace(column, known=frozenset())]
        for group in nodes.group_by_path(features, AggregationFeature).values():
            self._fill_from_children(rows, group, node, base, whole=whole)
        for group in nodes.group_by_path(features, DirectFeature).values():
            self._fill_from_parent(rows, group, node, whole=whole)
        for feature in features.values():
            rows.make(feature)

    def _fill_from_parent(self, rows: Rows, group: list[Any], node: Node, *, whole: bool) -> None:
        _, relationship = group[0].relationship_path[0]
        parent = node.follow(group[0].relationship_path)
        ours = self.tables.column(rows.need.table, relationship._child_column_name).sql  # noqa: SLF001
        relation = parent.everything if whole else parent.relation
        brought = []
        for feature in group:
            (base,) = feature.base_features
            values = [parent.value(base)] if base.number_output_features == 1 else parent.values[base.unique_name()]
            brought += [(feature, one.sql, replace(one, shaky=_is_shaky(one))) for one in values]
        rows.join(relation, f"this.__c = other.__c AND this.{ours} = other.{parent.key}", brought)

    def _fill_from_children(self, rows: Rows, features: list[Any], node: Node, base: str, *, whole: bool) -> None:
        _, relationship = features[0].relationship_path[0]
        ours = self.tables.column(rows.need.table, relationship._parent_column_name).sql  # noqa: SLF001
        taken: dict[int, tuple[EventGroup | Differences, list[Any]]] = {}
        exact = []
        for feature in features:
            group = self.groups.find(feature)
            if group is None:
                exact.append(feature)
            else:
                taken.setdefault(id(group), (group, []))[1].append(feature)
        for group, some in taken.values():
            names = tuple(feature.unique_name() for feature in some)
            lookup = group.look_up(base, ours) if node.single else None
            relation = self._add(f"{group.name} seen", group.write(base, ours), names, lookup=lookup)
            places = [(name, value) for name, values in group.results.items() for value in values]
            wanted = {feature.unique_name(): feature for feature in some}
            brought = [
                (wanted[name], quote(f"result{number}"), value)
                for number, (name, value) in enumerate(places)
                if name in wanted
            ]
            rows.join(relation, f"this.__c = other.__c AND this.{ours} = other.__g", brought)
        if exact:
            self._gather(rows, exact, node, ours, whole=whole)

    def _gather(self, rows: Rows, features: list[Any], node: Node, ours: str, *, whole: bool) -> None:
        """Summarise the rows that each cutoff sees, by GROUP BY."""
        first = features[0]
        node = node.follow(first.relationship_path)
        group = f"__up{len(first.relationship_path)}"
        layers = Layers(f"({self._choose(first, node, group, whole=whole)})", set())
        scope = Scope(layers, partition=("__c", group), time="__time")
        gather = Gather(row=ROW, now="__now", scope=scope)
        results: list[tuple[Any, Value, str]] = []
        for feature in features:
            args = [node.value(one) for one in feature.base_features]
            for value in translate.aggregate(feature.primitive, args, gather):
                results.append((feature, value, quote(f"result{len(results)}")))
        parts = "".join(f", {sql} AS {name}" for name, sql in gather.parts.items())
        grouped = layers.select(f"__c, {group} AS __g, ANY_VALUE(__time) AS __now{parts}", f"{group} IS NOT NULL")
        made = ", ".join(f"{value.sql} AS {name}" for _, value, name in results)
        sql = f"SELECT __c, __g, {made} FROM ({grouped} GROUP BY __c, {group})"
        names = tuple(feature.unique_name() for feature in features)
        relation = self._add(f"{first.child_dataframe_name} summarised", sql, names)
        brought = [(one, name, value) for one, value, name in results]
        rows.join(relation, f"this.__c = other.__c AND this.{ours} = other.__g", brought)

    def _choose(self, feature: Any, node: Node, group: str, *, whole: bool) -> str:
        """Write the children that an aggregation takes: filtered, and of its window."""
        relation = node.everything if whole else node.relation
        conditions, last = ["TRUE"], ""
        if feature.where is not None:
            conditions.append(f"c.{node.value(feature.where).sql}")
        span, time = feature.use_previous, self.tables.time_index(feature.child_dataframe_name)
        if span is not None and not span.has_no_observations():
            n = int(span.get_value("o"))
            last = f" QUALIFY ROW_NUMBER() OVER (PARTITION BY c.__c, c.{group} ORDER BY c.{ROW} DESC) <= {n}"
        elif span is not None and time is not None:
            conditions.append(f"c.{quote(time)} >= m.{self.windows.name(span)}")
        return (
            f"SELECT c.* FROM {relation} AS c JOIN moments AS m ON c.__c = m.__c WHERE {' AND '.join(conditions)}{last}"
        )


def _is_shaky(value: Value) -> bool:
    """Tell whether a value, once joined, may have one type of pandas or another."""
    return value.shaky or value.masked or value.kind == "bool"
