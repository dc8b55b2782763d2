"""Which features are needed where: a tree of tables, its edges relationships, its root the table of the instances.

The tree is featuretools' own (`FeatureSet`): at each table some features need all rows that can be seen (`full`), the
rest
only those that the instances lead to. One thing is ours: below an aggregation that is taken from events nothing is
needed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from featuretools.feature_base import FeatureOutputSlice, TransformFeature

Edge = tuple[bool, Any]


@dataclass
class Need:
    """What is needed of a table, reached in one way.

    Args:
        table: the table's name.
        full: features that need all rows, by name.
        rest: the other features.
        every_row: whether all rows that can be seen are needed.
        below: the tables that are reached from here, by relationship and direction.
    """

    table: str
    full: dict[str, Any] = field(default_factory=dict)
    rest: dict[str, Any] = field(default_factory=dict)
    every_row: bool = False
    below: dict[tuple[bool, tuple[str, ...]], tuple[Edge, "Need"]] = field(default_factory=dict)

    def reach(self, edge: Edge) -> "Need":
        """Go along a relationship; make the way where there is none."""
        forward, _ = edge
        key = name_edge(edge)
        if key not in self.below:
            parent, _, child, _ = key[1]
            table = parent if forward else child
            self.below[key] = (edge, Need(table))
        return self.below[key][1]

    def follow(self, path: Any) -> "Need":
        """Go along several relationships."""
        need = self
        for edge in path:
            need = need.reach(edge)
        return need

    def add(self, feature: Any, *, is_taken_from_events: Callable[[Any], bool], all_rows: bool = False) -> None:
        """Add a feature and what it is made from."""
        if isinstance(feature, FeatureOutputSlice):
            feature = feature.base_feature
        name = feature.unique_name()
        whole = all_rows or (isinstance(feature, TransformFeature) and feature.primitive.uses_full_dataframe)
        if whole:
            self.full[name] = feature
            self.rest.pop(name, None)
            self.every_row = True
        elif name not in self.full:
            self.rest[name] = feature
        if is_taken_from_events(feature):
            return
        need = self
        for edge in feature.relationship_path:
            need = need.reach(edge)
            need.every_row = need.every_row or whole
        for dependency in feature.get_dependencies():
            need.add(dependency, is_taken_from_events=is_taken_from_events, all_rows=whole)


def name_edge(edge: Edge) -> tuple[bool, tuple[str, ...]]:
    """Name a relationship and the direction in which one goes along it."""
    forward, one = edge
    names = ("_parent_dataframe_name", "_parent_column_name", "_child_dataframe_name", "_child_column_name")
    return forward, tuple(getattr(one, name) for name in names)
