"""Columns of a table that are the same whenever one looks: they depend on their row, and on rows before it, alone.

An aggregation over such columns needs no rows per cutoff: each row is an event with a time from which it counts. What
depends on the time of the calculation, or on rows that may come later, is refused here and calculated per cutoff.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from featuretools.feature_base import (
    DirectFeature,
    FeatureOutputSlice,
    GroupByTransformFeature,
    IdentityFeature,
    TransformFeature,
)

from mlwf_assets.features.relational.engine import translate
from mlwf_assets.features.relational.engine.grouped import by_group
from mlwf_assets.features.relational.engine.layers import Layers, NotServed, Scope
from mlwf_assets.features.relational.engine.tables import ROW, Tables, relation_name
from mlwf_assets.features.relational.engine.values import Value


@dataclass
class Statics:
    """A table with its unchanging columns.

    Args:
        tables: the entity set.
        table: the table's name.
        windowed: whether rows disappear again (a training window): then no column may look at other rows.
    """

    tables: Tables
    table: str
    windowed: bool
    _values: dict[str, list[Value]] = field(default_factory=dict)
    _links: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.layers = Layers(f'"{relation_name(self.table)}"', {ROW, *map(str.lower, self._columns())})
        ordered = self.tables.time_index(self.table) is None or self.tables.is_in_order(self.table)
        self.scope = Scope(self.layers, backwards=ordered and not self.windowed, whole=False)

    def _columns(self) -> list[str]:
        return [str(name) for name in self.tables.entityset[self.table].columns]

    def column(self, name: str) -> Value:
        """Give a column as it stands in the table."""
        return self.tables.column(self.table, name)

    def value(self, feature: Any) -> Value:
        """Give the value of a feature with one output.

        Raises:
            NotServed: if it depends on more than its row and those before it.
        """
        if isinstance(feature, FeatureOutputSlice):
            return self.values(feature.base_feature)[int(feature.n)]
        (one,) = self.values(feature)
        return one

    def values(self, feature: Any) -> list[Value]:
        """Give the values of a feature, one per output."""
        name = feature.unique_name()
        if name not in self._values:
            self._values[name] = self._make(feature)
        return self._values[name]

    def _make(self, feature: Any) -> list[Value]:
        if isinstance(feature, IdentityFeature):
            return [self.column(feature.column_name)]
        if isinstance(feature, DirectFeature):
            return self._make_direct(feature)
        if isinstance(feature, TransformFeature):
            return self._make_transform(feature)
        raise NotServed("an aggregation changes with the time of the calculation")

    def _make_transform(self, feature: Any) -> list[Value]:
        args = [self.value(one) for one in feature.base_features]
        if feature.primitive.uses_full_dataframe and any(one.known for one in args):
            raise NotServed("a column that is known late stands beside others")
        if isinstance(feature, GroupByTransformFeature):
            made = by_group(feature, args, self.scope)
        else:
            made = translate.transform(feature.primitive, args, self.scope)
        return [one.at(self.layers.add(feature.get_name(), one.sql)) for one in made]

    def _make_direct(self, feature: Any) -> list[Value]:
        (_, relationship) = feature.relationship_path[0]
        parent = Statics(self.tables, relationship._parent_dataframe_name, self.windowed)  # noqa: SLF001
        values = parent.values(_base(feature))
        if any(one.known for one in values):
            raise NotServed("a parent's column is known later than its row")
        if isinstance(feature.base_features[0], FeatureOutputSlice):
            values = [values[feature.base_features[0].n]]
        filled = [translate.or_default(one.at(f"other.{one.sql}"), feature.default_value) for one in values]
        names = self.join_parent(relationship, parent, values, [(feature.get_name(), one.sql) for one in filled])
        return [
            replace(one, sql=name, shaky=one.shaky or one.masked or one.kind == "bool")
            for one, name in zip(values, names, strict=True)
        ]

    def join_parent(
        self, relationship: Any, parent: "Statics", values: Sequence[Value], columns: Sequence[tuple[str, str]]
    ) -> list[str]:
        """Bring columns of a parent to its children: name here and expression, in which `other` is the parent.

        Raises:
            NotServed: if a child may be seen before its parent.
        """
        child_key, parent_key = relationship._child_column_name, relationship._parent_column_name  # noqa: SLF001
        if self.windowed and self.tables.time_index(parent.table) is not None:
            raise NotServed("the parent may have left the training window")
        if not self.tables.parents_come_first(self.table, child_key, parent.table, parent_key):
            raise NotServed("the parent is not always known when its child is")
        ours, theirs = self.column(child_key), parent.column(parent_key)
        relation = f"({parent.select([theirs, *values])})"
        return self.layers.join(relation, f"this.{ours.sql} = other.{theirs.sql}", columns)

    def link(self, path: Sequence[Any]) -> str:
        """Give the column that leads to the parent at the beginning of a path of relationships.

        Args:
            path: relationships from the parent down to this table.
        """
        key = tuple(str(one) for one in path)
        if key not in self._links:
            self._links[key] = self._make_link(path)
        return self._links[key]

    def _make_link(self, path: Sequence[Any]) -> str:
        last = path[-1]
        own = self.column(last._child_column_name)  # noqa: SLF001
        if own.known:
            raise NotServed("the key itself is known late")
        if len(path) == 1:
            return own.sql
        if self.windowed:
            raise NotServed("a row between may have left the training window")
        parent = Statics(self.tables, last._parent_dataframe_name, self.windowed)  # noqa: SLF001
        above = Value(parent.link(path[:-1]), "int")
        (name,) = self.join_parent(last, parent, [above], [("link", f"other.{above.sql}")])
        return name

    def select(self, values: Sequence[Value] = (), *, columns: str = "", condition: str = "") -> str:
        """Write the statement that gives these columns."""
        chosen = columns or ", ".join(sorted({one.sql for one in values}))
        return self.layers.select(chosen, condition)


def _base(feature: Any) -> Any:
    (base,) = feature.base_features
    return base.base_feature if isinstance(base, FeatureOutputSlice) else base
