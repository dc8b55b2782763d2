"""Who sees what, and when: resolves foreign keys as of each example's cutoff.

A parent row that becomes known after an example's cutoff does not exist for that example, at any distance;
neither does one whose key is unknown or missing: all three are the same -1. Rows of a parent that look
alike to several examples are shared; a parent row that has a visible grandparent for one example and
not for another stands twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.features.times import ALWAYS_KNOWN, END_OF_TIME, read_times
from mlwf_assets.spec.relationships import Relationship


@dataclass(frozen=True)
class Instances:
    """The rows of one table as examples see them.

    Attributes:
        rows: (n,) positions in the clean table.
        links: foreign key column -> (n,) positions among the parent's instances; -1: none to be seen.
    """

    rows: np.ndarray
    links: Mapping[str, np.ndarray]


def resolve_links(
    root: str,
    tables: Mapping[str, pa.Table],
    *,
    relationships: Sequence[Relationship],
    cutoffs: np.ndarray,
) -> dict[str, Instances]:
    """Follow the relationships upwards from each row of the root table, as of its cutoff.

    Args:
        root: the examples' table; its rows stand in the order of the cutoffs.
        tables: clean tables.
        relationships: of the workflow, without cycles.
        cutoffs: (rows of root,) microseconds since 1970.

    Returns:
        Each reachable table's instances, children before parents; those of the root are its rows.

    Raises:
        SchemaError: if a table or a column of a relationship is missing.
        DataError: if a parent is not unique by the column that children refer to.
    """
    order = _order(root, relationships)
    asked: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {table: [] for table in order}
    asked[root].append((np.arange(len(cutoffs)), cutoffs))
    rows: dict[str, np.ndarray] = {}
    links: dict[str, dict[str, np.ndarray]] = {}
    for table in order:
        rows[table] = np.concatenate([part[0] for part in asked[table]])
        times = np.concatenate([part[1] for part in asked[table]])
        links[table] = {}
        for link in (link for link in relationships if link.child_table == table):
            parents = _find_parents(link, tables)[rows[table]]
            parents = np.where(_known_at(tables[link.parent_table])[parents] <= times, parents, -1)
            start = sum(len(part[0]) for part in asked[link.parent_table])
            seen = parents >= 0
            links[table][link.child_column] = np.where(seen, start + np.cumsum(seen) - 1, -1)
            asked[link.parent_table].append((parents[seen], times[seen]))
    return _merge_alike(root, order, rows, links, relationships)


def _order(root: str, relationships: Sequence[Relationship]) -> list[str]:
    """Reachable tables, each after all of its children (the depth of its longest path decides)."""
    depth = {root: 0}
    for _ in relationships:
        for link in relationships:
            if link.child_table in depth:
                depth[link.parent_table] = max(depth.get(link.parent_table, 0), depth[link.child_table] + 1)
    return sorted(depth, key=lambda table: (depth[table], table))


def _find_parents(link: Relationship, tables: Mapping[str, pa.Table]) -> np.ndarray:
    """(rows of the child,) position of the parent's row, -1 where there is none."""
    child, parent = (
        _column(tables, table, column)
        for table, column in ((link.child_table, link.child_column), (link.parent_table, link.parent_column))
    )
    keys = parent.cast(pa.string()).to_pandas()
    present = np.flatnonzero(keys.notna())
    index = pd.Index(keys.to_numpy()[present])
    if not index.is_unique:
        raise DataError(
            f"{link.parent_table} must be unique by {link.parent_column}, to which "
            f"{link.child_table}.{link.child_column} refers, however: {index[index.duplicated()][0]!r} stands "
            f"more than once; give the table this key, so that duplicates are removed"
        )
    values = child.cast(pa.string()).to_pandas()
    found = index.get_indexer(values)
    found[values.isna().to_numpy()] = -1
    return np.where(found >= 0, np.append(present, -1)[found], -1)


def _column(tables: Mapping[str, pa.Table], table: str, column: str) -> pa.ChunkedArray:
    if table not in tables or column not in tables[table].column_names:
        raise SchemaError(f"a relationship needs the column {table}.{column}, however: it is not in the data")
    return tables[table][column]


def _known_at(table: pa.Table) -> np.ndarray:
    """(rows + 1,) when rows become known; the last one, which -1 points at, never does."""
    if "_known_at" not in table.column_names:
        known = np.full(table.num_rows, ALWAYS_KNOWN)
    else:
        known = read_times(table["_known_at"], missing=ALWAYS_KNOWN)
    return np.append(known, END_OF_TIME)


def _merge_alike(
    root: str,
    order: Sequence[str],
    rows: Mapping[str, np.ndarray],
    links: Mapping[str, Mapping[str, np.ndarray]],
    relationships: Sequence[Relationship],
) -> dict[str, Instances]:
    """Make one instance of all requests for the same row with the same parents; parents first."""
    instance_of: dict[str, np.ndarray] = {}
    result: dict[str, Instances] = {}
    parent_of = {(link.child_table, link.child_column): link.parent_table for link in relationships}
    for table in reversed(order):
        frame = pd.DataFrame({"": rows[table]})
        for column, targets in links[table].items():
            frame[column] = np.append(instance_of[parent_of[table, column]], -1)[targets]
        if table == root:
            codes, first = np.arange(len(frame)), np.arange(len(frame))
        else:
            ordered = frame.drop_duplicates().sort_values(list(frame.columns))
            first = ordered.index.to_numpy()
            ordered["__instance"] = np.arange(len(ordered))
            codes = frame.merge(ordered, how="left", on=list(frame.columns))["__instance"].to_numpy()
        instance_of[table] = codes
        kept = frame.iloc[first]
        result[table] = Instances(kept[""].to_numpy(), {c: kept[c].to_numpy() for c in links[table]})
    return {table: result[table] for table in order}
