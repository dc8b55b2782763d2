"""Deep Feature Synthesis without history: transforms and direct features, one calculation for all rows.

Featuretools says what to compute and computes it; here its EntitySet is made from clean tables, with types
from the contracts (never guessed from values, so that every partition has the same columns) and with
foreign keys as each example sees them (`visible`). Aggregations, cutoff loops and windows do not belong here.
Follows Kanter & Veeramachaneni (2015), Deep Feature Synthesis.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.types as pat

from mlwf_assets.errors import SchemaError
from mlwf_assets.features.alignment import find_rows
from mlwf_assets.features.quiet import quiet_libraries
from mlwf_assets.features.relational.columns import Meaning, choose_columns
from mlwf_assets.features.relational.history import History
from mlwf_assets.features.relational.plain import describe_plain, find_plain
from mlwf_assets.features.relational.primitives import find_transform
from mlwf_assets.features.relational.visible import Instances, resolve_links
from mlwf_assets.features.relational.words import describe_definition, list_columns
from mlwf_assets.features.times import ALWAYS_KNOWN, END_OF_TIME, read_times
from mlwf_assets.features.words import as_sentence, describe_column
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.names import RESERVED_IN_KEYS
from mlwf_assets.spec.relationships import Relationship, parse_relationships
from mlwf_assets.spec.workflow import Workflow

_INDEX = "_instance"
_LINK = "__link"
# So many examples at a time: featuretools copies its frames several times over.
_ROWS_AT_ONCE = 500_000
_LOGICAL = {
    "number": "Double",
    "boolean": "BooleanNullable",
    "category": "Categorical",
    "text": "NaturalLanguage",
    "time": "Datetime",
}
_OF_THE_CLOCK = ("hour", "minute", "second", "part_of_day", "is_lunch_time", "is_working_hours")


@dataclass(frozen=True)
class _Frame:
    """One table as featuretools gets it."""

    data: pd.DataFrame
    meanings: Mapping[str, Meaning]
    links: tuple[Relationship, ...]
    days: tuple[str, ...] = ()


def build(
    workflow: Workflow,
    tables: Mapping[str, pa.Table],
    examples: pa.Table,
    *,
    key: Sequence[str] = (),
    alike: pa.Table | None = None,
    history: History | None = None,
) -> Result:
    """Compute the row-wise relational features of the given examples.

    Args:
        workflow: the workflow.
        tables: clean tables by name; of the examples' table the rows of the examples' partition suffice.
        examples: key columns and `cutoff`.
        key: the columns that name an example; by default the workflow's.
        alike: rows of the examples' table whose values tell categories from text, where the rows at hand are too
            few for that; by default these.
        history: what aggregations look back over; by default there are none.

    Returns:
        Key columns, then a column per feature (double, bool or string; float over history); rows in the order of the
        examples. Files: features.json (name, kind, words, source, columns), definitions.json and, over history,
        history.json (featuretools').

    Raises:
        SpecError: if a primitive is unknown or not row-wise.
        SchemaError: if a table or column is missing.
        DataError: if an example has no row, or a parent is not unique by its key.
    """
    root = workflow.examples.table
    if root not in tables:
        raise SchemaError(f"the clean table {root!r} must be given, however: {sorted(tables)}")
    key = key or workflow.example_key
    own = tables[root].take(find_rows(tables[root], examples, key=key, name=f"clean/{root}"))
    parts = [
        _build_some(
            workflow,
            {**tables, root: own.slice(start, _ROWS_AT_ONCE)},
            examples.slice(start, _ROWS_AT_ONCE),
            key=key,
            alike=own if alike is None else alike,
        )
        for start in range(0, max(1, examples.num_rows), _ROWS_AT_ONCE)
    ]
    made = replace(parts[0], table=pa.concat_tables([part.table for part in parts]))
    return made if history is None else _look_back(made, history, own, examples, tables)


def _look_back(
    made: Result, history: History, own: pa.Table, examples: pa.Table, tables: Mapping[str, pa.Table]
) -> Result:
    """Put the features over history beside the others, as far as their number is not limited."""
    cutoffs = read_times(examples["cutoff"], missing=END_OF_TIME)
    listed = json.loads(made.files["features.json"])
    most = history.workflow.features.relational.max_features
    described = history.describe()[: None if most is None else max(0, most - len(listed))]
    values = history.calculate(own, cutoffs, tables)
    table = made.table
    for one in described:
        table = table.append_column(one["name"], values[one["name"]])
    listed += described
    files = {"features.json": json.dumps(listed, indent=1).encode(), "history.json": history.save()}
    return replace(
        made, table=table, files={**made.files, **files}, metadata={**made.metadata, "features": len(listed)}
    )


def _build_some(
    workflow: Workflow, tables: Mapping[str, pa.Table], examples: pa.Table, *, key: Sequence[str], alike: pa.Table
) -> Result:
    """Compute the features of some examples; nothing of it depends on which others there are."""
    root = workflow.examples.table
    with quiet_libraries():
        cutoffs = read_times(examples["cutoff"], missing=END_OF_TIME)
        frames = _make_frames(workflow, tables, cutoffs, alike)
        own, plain = frames[root], _find_plain(workflow, frames[root])
        frames[root] = replace(
            own,
            data=own.data.drop(columns=plain),
            meanings={name: meaning for name, meaning in own.meanings.items() if name not in set(plain)},
        )
        definitions, entityset = _define(workflow, frames)
        values = _calculate(definitions, entityset, rows=examples.num_rows)
        features = _list_features(workflow, definitions, frames)
        saved = _save(definitions)
    columns = {name: examples[name] for name in key}
    computed = [name for definition in definitions for name in definition.get_feature_names()]
    as_they_stand = _named(workflow, describe_plain(workflow, root, own.meanings, plain))
    for frame, names, described in ((values, computed, features), (own.data, plain, as_they_stand)):
        columns |= {
            feature["name"]: _to_arrow(frame, name, feature["kind"])
            for name, feature in zip(names, described, strict=True)
        }
    features += as_they_stand
    return Result(
        pa.table(columns),
        files={"features.json": json.dumps(features, indent=1).encode(), "definitions.json": saved},
        metadata={"features": len(features), "tables": sorted(frames)},
        key=tuple(key),
    )


def _find_plain(workflow: Workflow, own: _Frame) -> list[str]:
    spec = workflow.features.relational
    if spec.max_features is not None:
        return []
    linked = [link.child_column for link in own.links]
    return find_plain(own.meanings, linked=linked, primitives=[find_transform(name) for name in spec.transforms])


def _make_frames(
    workflow: Workflow, tables: Mapping[str, pa.Table], cutoffs: np.ndarray, alike: pa.Table
) -> dict[str, _Frame]:
    """Each reachable table as its examples see it, foreign keys resolved."""
    root = workflow.examples.table
    relationships = tuple(parse_relationships(workflow))
    instances = resolve_links(root, tables, relationships=relationships, cutoffs=cutoffs)
    # A row of the examples' own table that is not known by its cutoff shows nothing but its key.
    hidden = np.zeros(len(cutoffs), dtype=bool)
    if "_known_at" in tables[root].column_names:
        hidden = read_times(tables[root]["_known_at"], missing=ALWAYS_KNOWN) > cutoffs
    zone = workflow.timeline.timezone if workflow.timeline is not None else "UTC"
    rows = {name: table.num_rows for name, table in tables.items()}
    frames = {}
    for table, seen in instances.items():
        meanings = choose_columns(
            workflow,
            table,
            data=tables[table],
            links=relationships,
            parent_rows=rows,
            alike=alike if table == root else None,
        )
        mask = hidden if table == root else np.zeros(len(seen.rows), dtype=bool)
        own = tuple(link for link in relationships if link.child_table == table)
        days = tuple(field.name for field in tables[table].schema if pat.is_date(field.type))
        frames[table] = _Frame(_make_frame(tables[table], seen, meanings, mask, zone), meanings, own, days)
    return frames


def _make_frame(
    table: pa.Table, seen: Instances, meanings: Mapping[str, Meaning], hidden: np.ndarray, zone: str
) -> pd.DataFrame:
    data: dict[str, Any] = {_INDEX: np.arange(len(seen.rows))}
    for column, meaning in meanings.items():
        values = _to_pandas(table[column].take(pa.array(seen.rows)), meaning, zone)
        missing = hidden | (seen.links[column] < 0) if column in seen.links else hidden
        data[column] = values.mask(missing) if missing.any() else values
    for column, targets in seen.links.items():
        data[column + _LINK] = np.where(hidden, -1, targets)
    return pd.DataFrame(data)


def _to_pandas(values: pa.ChunkedArray, meaning: Meaning, zone: str) -> pd.Series:
    """As woodwork wants it; parts of a time are read in the zone in which the workflow's days begin."""
    if meaning == "number":
        return values.cast(pa.float64()).to_pandas()
    if meaning == "boolean":
        return pd.Series(values.to_pandas(), dtype="boolean")
    if meaning == "time":
        times = values.cast(pa.timestamp("ns", tz=getattr(values.type, "tz", None))).to_pandas()
        return times if times.dt.tz is None else times.dt.tz_convert(zone).dt.tz_localize(None)
    if meaning == "category":
        codes = values.cast(pa.string()).combine_chunks().dictionary_encode()
        named = pd.Categorical.from_codes(
            codes.indices.fill_null(-1).to_numpy(zero_copy_only=False), codes.dictionary.to_pylist()
        )
        return pd.Series(named)
    return values.cast(pa.string()).to_pandas().astype("string")


def _define(workflow: Workflow, frames: Mapping[str, _Frame]) -> tuple[list[Any], Any]:
    """Let featuretools find the definitions; names lose what only marks our links."""
    import featuretools as ft

    entityset = ft.EntitySet(workflow.name)
    for table in sorted(frames):
        kinds = {c: _LOGICAL[meaning] for c, meaning in frames[table].meanings.items()}
        entityset.add_dataframe(
            dataframe_name=table,
            dataframe=frames[table].data,
            index=_INDEX,
            logical_types={c: kinds.get(c, "Integer") for c in frames[table].data.columns},
        )
    for table in sorted(frames):
        for link in frames[table].links:
            entityset.add_relationship(link.parent_table, _INDEX, table, link.child_column + _LINK)
    spec = workflow.features.relational
    primitives = [find_transform(name) for name in spec.transforms]
    days = {table: list(frame.days) for table, frame in frames.items() if frame.days}
    definitions = ft.dfs(
        entityset=entityset,
        target_dataframe_name=workflow.examples.table,
        agg_primitives=[],
        trans_primitives=primitives,
        # A day has no hour: whatever tells the time of it would say the same of all.
        primitive_options={
            one.name: {"ignore_columns": days} for one in primitives if days and one.name in _OF_THE_CLOCK
        },
        max_depth=spec.max_depth if len(frames) > 1 else 1,  # as featuretools does itself, with a warning
        max_features=spec.max_features or -1,
        ignore_columns={
            table: [_INDEX, *(link.child_column + _LINK for link in frame.links)] for table, frame in frames.items()
        },
        features_only=True,
    )
    return [_rename(definition) for definition in definitions], entityset


def _rename(definition: Any) -> Any:
    name = definition.get_name()
    return definition.rename(name.replace(_LINK, "")) if _LINK in name else definition


def _calculate(definitions: Sequence[Any], entityset: Any, *, rows: int) -> pd.DataFrame:
    import featuretools as ft

    if not definitions or not rows:
        return pd.DataFrame(index=range(rows))
    # One time for all rows: nothing here depends on it, but without one featuretools takes the clock's.
    matrix = ft.calculate_feature_matrix(definitions, entityset, cutoff_time=pd.Timestamp(2000, 1, 1), n_jobs=1)
    return matrix.loc[range(rows)]


def _list_features(
    workflow: Workflow, definitions: Sequence[Any], frames: Mapping[str, _Frame]
) -> list[dict[str, Any]]:
    names = {
        (table, column): describe_column(workflow, table, column)
        for table, frame in frames.items()
        for column in frame.meanings
    }
    return _named(
        workflow,
        [
            {
                "name": name,
                "kind": _kind(definition),
                "words": as_sentence(describe_definition(definition, names=names, link_suffix=_LINK)),
                "source": "relational",
                "columns": list(list_columns(definition, link_suffix=_LINK)),
            }
            for definition in definitions
            for name in definition.get_feature_names()
        ],
    )


def _named(workflow: Workflow, features: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A column that is called as the matrix calls one of its own is called TABLE.COLUMN."""
    taken = {*workflow.example_key, *RESERVED_IN_KEYS}
    own = workflow.examples.table
    return [{**one, "name": f"{own}.{one['name']}" if one["name"] in taken else one["name"]} for one in features]


def _kind(definition: Any) -> str:
    schema = definition.column_schema
    if schema.is_boolean:
        return "boolean"
    # Ordinals are numbers in an order (the month, the weekday).
    ordinal = type(schema.logical_type).__name__ == "Ordinal"
    return "numeric" if ordinal or "numeric" in schema.semantic_tags else "categorical"


def _save(definitions: Sequence[Any]) -> bytes:
    import featuretools as ft

    if not definitions:
        return b"{}"
    saved = json.loads(ft.save_features(list(definitions)))
    for dataframe in saved["entityset"]["dataframes"].values():
        for column in dataframe["column_typing_info"]:
            # woodwork writes down which categories it met; a definition must not depend on the partition.
            if "cat_values" in column["physical_type"]:
                column["physical_type"]["cat_values"] = []
    return json.dumps(saved, indent=1, sort_keys=True).encode()


def _to_arrow(values: pd.DataFrame, name: str, kind: str) -> pa.Array:
    arrow_type = {"numeric": pa.float64(), "boolean": pa.bool_(), "categorical": pa.string()}[kind]
    if name not in values.columns:
        return pa.nulls(len(values), arrow_type)
    column = values[name]
    if kind == "numeric":
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return pa.array(numbers, mask=~np.isfinite(numbers))
    if kind == "categorical":
        named = column.astype("category").cat
        codes = named.codes.to_numpy()
        return pa.array([str(name) for name in named.categories], arrow_type).take(pa.array(codes, mask=codes < 0))
    return pa.array(column.astype("boolean"), arrow_type)
