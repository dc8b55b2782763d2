"""Rows per cutoff: what each cutoff sees of a table, and the features of those rows.

One relation per table and way to it, with the number of the cutoff in each row. Which rows these are, what a row
shows, and
how values are joined and summarised is featuretools' own: parents and children must be seen themselves, columns
behind a secondary time index are missing until then, defaults take the place of missing results.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from featuretools.feature_base import (
    AggregationFeature,
    DirectFeature,
    FeatureOutputSlice,
    GroupByTransformFeature,
    IdentityFeature,
)

from mlwf_assets.features.relational.engine import translate
from mlwf_assets.features.relational.engine.grouped import by_group
from mlwf_assets.features.relational.engine.layers import Layers, Scope
from mlwf_assets.features.relational.engine.needs import Need, name_edge
from mlwf_assets.features.relational.engine.values import Value

ASKED = "__asked"


@dataclass
class Rows:
    """The rows of one table in one relation, while features are added to it.

    Args:
        need: what is needed of the table.
        layers: the relation.
        values: the features that it has, by name.
    """

    need: Need
    layers: Layers
    values: dict[str, list[Value]] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        """What a translation sees of these rows."""
        return Scope(self.layers, partition=("__c",), time="__time")

    def value(self, feature: Any) -> Value:
        """Give the value of a feature with one output."""
        if isinstance(feature, FeatureOutputSlice):
            values, place = self.make(feature.base_feature), int(feature.n)
            return values[place]
        return self.make(feature)[0]

    def make(self, feature: Any) -> list[Value]:
        """Give the values of a feature; transforms are made here, all others stand there already."""
        name = feature.unique_name()
        if name not in self.values:
            args = [self.value(one) for one in feature.base_features]
            if isinstance(feature, GroupByTransformFeature):
                made = by_group(feature, args, self.scope)
            else:
                made = translate.transform(feature.primitive, args, self.scope)
            self.values[name] = [one.at(self.layers.add(feature.get_name(), one.sql)) for one in made]
        return self.values[name]

    def join(self, relation: str, condition: str, brought: Sequence[tuple[Any, str, Value]]) -> None:
        """Add features that come from another relation, with their defaults where nothing comes.

        Args:
            relation: the other relation.
            condition: when a row of it (`other`) belongs to a row of this (`this`).
            brought: of each output of each feature: the feature, the quoted column there, and what it is.
        """
        columns = []
        for feature, column, value in brought:
            filled = translate.or_default(value.at(f"other.{column}"), feature.default_value)
            columns.append((feature.get_name(), filled.sql))
        names = self.layers.join(relation, condition, columns)
        for feature, _, _ in brought:
            self.values[feature.unique_name()] = []
        for name, (feature, _, value) in zip(names, brought, strict=True):
            self.values[feature.unique_name()].append(value.at(name))


@dataclass
class Node:
    """A table's rows when they are complete: the relations by name, and the features in them.

    Args:
        relation: the rows that the instances lead to.
        everything: all rows that can be seen, where they were needed; else the same.
        links: quoted columns that lead to the parents above: the nearest first.
        single: an instance leads to one row at most.
    """

    relation: str
    everything: str
    links: tuple[str, ...]
    values: dict[str, list[Value]]
    key: str
    below: dict[Any, "Node"] = field(default_factory=dict)
    single: bool = False

    def follow(self, path: Any) -> "Node":
        """Go along a path of relationships."""
        node = self
        for edge in path:
            node = node.below[name_edge(edge)]
        return node

    def value(self, feature: Any) -> Value:
        """Give the value of a feature with one output."""
        if isinstance(feature, FeatureOutputSlice):
            values, place = self.values[feature.base_feature.unique_name()], int(feature.n)
            return values[place]
        return self.values[feature.unique_name()][0]


def group_by_path(features: Mapping[str, Any], kind: Any) -> dict[tuple[Any, ...], list[Any]]:
    """Put features of a kind together that share path, filter and window."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for feature in features.values():
        if isinstance(feature, kind):
            path = tuple(f"{forward}{relationship}" for forward, relationship in feature.relationship_path)
            where = feature.where.unique_name() if getattr(feature, "where", None) is not None else ""
            span = getattr(feature, "use_previous", None)
            key = (path, where, repr(sorted(span.times.items())) if span else "")
            groups.setdefault(key, []).append(feature)
    return groups


def list_columns(need: Need, tables: Any) -> list[str]:
    """List the columns that are needed of a table: its features', its keys and its times."""
    frame = tables.entityset[need.table]
    names = {frame.ww.index}
    for feature in [*need.full.values(), *need.rest.values()]:
        if isinstance(feature, IdentityFeature):
            names.add(feature.column_name)
        if isinstance(feature, DirectFeature | AggregationFeature):
            forward, relationship = feature.relationship_path[0]
            names.add(relationship._child_column_name if forward else relationship._parent_column_name)  # noqa: SLF001
    for (forward, _), ((_, relationship), _) in need.below.items():
        names.add(relationship._child_column_name if forward else relationship._parent_column_name)  # noqa: SLF001
    time = frame.ww.time_index
    return sorted(names | ({time} if time else set()))
