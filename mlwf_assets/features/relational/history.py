"""Features over history: each example sees what was known at its own cutoff, and no more.

The history is read once; after that any examples can be asked for, a month, a year or one new row, in the same way:
training and prediction go through `History.calculate`. What is computed stands in `definitions.py`, over which
tables in `star.py`; the values come from the engine. Kanter & Veeramachaneni (2015), with a cutoff for every row.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlwf_assets.features.quiet import quiet_libraries
from mlwf_assets.features.relational.definitions import EXAMPLES, INSTANCE, NUMBER, Definitions, define, find_events
from mlwf_assets.features.relational.star import LINK, Own, Star, build_star, ways_to
from mlwf_assets.features.relational.visible import resolve_links
from mlwf_assets.features.relational.words import describe_history
from mlwf_assets.features.times import ALWAYS_KNOWN, read_times
from mlwf_assets.features.words import as_sentence
from mlwf_assets.spec.history import child_links
from mlwf_assets.spec.relationships import parse_relationships
from mlwf_assets.spec.workflow import Workflow

# As late as the engine's calendar goes: the cutoff of an example without one.
_LAST_US = 3_900_000_000_000_000
_TYPES = {"int": pa.float32(), "float": pa.float32(), "delta": pa.float32(), "bool": pa.bool_()}
_KINDS = {"bool": "boolean", "category": "categorical", "text": "categorical"}


@dataclass
class History:
    """The history of a workflow's examples, ready for cutoffs.

    Args:
        workflow: the workflow; it asks for aggregations.
        tables: clean rows that are looked back over, by table (`spec.history.history_tables`).
    """

    workflow: Workflow
    tables: Mapping[str, pa.Table]
    star: Star = field(init=False)
    definitions: Definitions = field(init=False)

    def __post_init__(self) -> None:
        with quiet_libraries():
            from mlwf_assets.features.relational.engine.arrow import ArrowTables
            from mlwf_assets.features.relational.engine.calculator import Calculator, connect

            self.star = build_star(self.workflow, self.tables)
            self.definitions = define(self.workflow, self.star)
        data = {name: events.rows for name, events in self.star.events.items()}
        data |= {name: pa.table({NUMBER: np.arange(thing.size)}) for name, thing in self.star.things.items()}
        data[EXAMPLES] = self._as_examples({way: np.zeros(0, np.int64) for way in self._ways()}, 0)
        connection = connect()
        self._arrow = ArrowTables(self.definitions.entityset, connection, data=data)
        self._calculator = Calculator(
            self.definitions.features, self.definitions.entityset, connection=connection, tables=self._arrow
        )

    def close(self) -> None:
        """Give the memory back."""
        self._calculator.connection.close()

    def _ways(self) -> dict[str, Any]:
        return {way: find for thing in self.star.things.values() for way, find in thing.ways.items()}

    def _as_examples(self, codes: Mapping[str, np.ndarray], rows: int) -> pa.Table:
        links = {way + LINK: pa.array(found, pa.int64(), mask=found < 0) for way, found in codes.items()}
        return pa.table({INSTANCE: pa.array(np.arange(rows)), **links})

    def calculate(self, own: pa.Table, cutoffs: np.ndarray, tables: Mapping[str, pa.Table]) -> dict[str, pa.Array]:
        """Compute the features of some examples.

        Args:
            own: (n,) their rows of the examples' table.
            cutoffs: (n,) microseconds since 1970.
            tables: the clean tables that they refer to.

        Returns:
            Feature -> (n,) values: 32 bits of a number, for what lies beyond hangs on the order in which numbers were
            added; a truth value; text.
        """
        hidden = np.zeros(own.num_rows, dtype=bool)
        if "_known_at" in own.column_names:
            hidden = read_times(own["_known_at"], missing=ALWAYS_KNOWN) > cutoffs
        seen = Own(own, hidden, self._follow(own, cutoffs, tables))
        self._arrow.replace(
            EXAMPLES, self._as_examples({way: find(seen) for way, find in self._ways().items()}, own.num_rows)
        )
        if not own.num_rows:
            made = None
        else:
            times = np.minimum(cutoffs, _LAST_US).astype("datetime64[us]").astype("datetime64[ns]")
            made, _ = self._calculator.run(pd.Series(np.arange(own.num_rows)), pd.Series(times))
        outputs = self._calculator.outputs()
        return {
            name: _to_arrow(made.column(place) if made is not None else pa.chunked_array([[]], pa.null()), value.kind)
            for place, (name, value) in enumerate(outputs)
        }

    def _follow(self, own: pa.Table, cutoffs: np.ndarray, tables: Mapping[str, pa.Table]) -> dict[str, pa.ChunkedArray]:
        """Find the parents that examples refer to, as they can be seen: way -> (n,) their keys."""
        root = self.workflow.examples.table
        keys = {one.parent_table: one.parent_column for one in child_links(self.workflow)}
        ways = {way: path for parent in keys for way, path in ways_to(self.workflow, parent).items()}
        if not ways:
            return {}
        links = parse_relationships(self.workflow)
        instances = resolve_links(root, {**tables, root: own}, relationships=links, cutoffs=cutoffs)
        found = {}
        for way, path in ways.items():
            at, table = np.arange(own.num_rows), root
            for link in path:
                at = np.append(instances[table].links[link.child_column], -1)[at]
                table = link.parent_table
            rows = np.append(instances[table].rows, -1)[at]
            values = ({**tables, root: own})[table][keys[table]]
            found[way] = values.take(pa.array(rows, mask=rows < 0))
        return found

    def describe(self) -> list[dict[str, Any]]:
        """Describe the features, as features.json has them."""
        kinds = {name: _KINDS.get(value.kind, "numeric") for name, value in self._calculator.outputs()}
        listed = []
        for feature in self.definitions.features:
            for name in feature.get_feature_names():
                own, past = self._columns(feature)
                listed.append(
                    {
                        "name": name,
                        "kind": kinds[name],
                        "words": as_sentence(describe_history(self.workflow, feature, self.star)),
                        "source": "relational",
                        "columns": sorted({*own, *past}),
                        "past": sorted(past - own),
                    }
                )
        return listed

    def _columns(self, feature: Any) -> tuple[set[str], set[str]]:
        """Name the columns of the example's own row, and those of earlier rows, that a feature is made of."""
        own: set[str] = set()
        thing = self.star.things.get(feature.relationship_path[0][1].parent_dataframe.ww.name)
        if thing is not None:
            own |= set(thing.columns[feature.relationship_path[0][1].child_column.name.removesuffix(LINK)])
        past = set()
        for events in find_events(feature, self.star):
            past |= {f"{events.moment.table}.{name}" for name in _named(feature) if name in events.meanings}
        return own, past

    def save(self) -> bytes:
        """Write featuretools' definitions."""
        import featuretools as ft

        saved = json.loads(ft.save_features(list(self.definitions.features)))
        return json.dumps(saved, indent=1, sort_keys=True).encode()


def _named(feature: Any) -> set[str]:
    """Name the columns of tables that a definition reads."""
    import featuretools as ft

    if isinstance(feature, ft.IdentityFeature):
        return {str(feature.column_name)}
    where = getattr(feature, "where", None)
    bases = [*feature.base_features, *([where] if where is not None else [])]
    return set().union(*(_named(base) for base in bases))


def _to_arrow(values: pa.ChunkedArray, kind: str) -> pa.Array:
    target = _TYPES.get(kind, pa.string())
    if target != pa.float32():
        return values.cast(target).combine_chunks()
    numbers = values.cast(pa.float64()).combine_chunks()
    plain = np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
    with np.errstate(over="ignore"):
        small = plain.astype(np.float32)
    return pa.array(small, mask=~np.isfinite(small))
