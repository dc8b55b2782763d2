"""Which columns of a clean table may enter a feature, and as what.

Nothing here looks at a partition's values: the set of features must be the same every month. What may
not enter: what tells the outcome (`spec.late`), keys, internal columns, ignored ones. What a column is follows
from its declared type, else from its Arrow type (docs/features.md).
"""

from collections.abc import Mapping
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from mlwf_assets.spec.late import find_barred
from mlwf_assets.spec.named import ignored_columns
from mlwf_assets.spec.relationships import Relationship
from mlwf_assets.spec.tables import Table
from mlwf_assets.spec.workflow import Workflow

Meaning = Literal["number", "boolean", "category", "text", "time"]

# A parent of at most so many rows lends its identity: its key is a category of the child.
MAX_PARENT_ROWS = 200
# An undeclared text column of a table that is known whole is a category up to so many distinct values.
MAX_CATEGORIES = 100


def choose_columns(
    workflow: Workflow,
    table: str,
    *,
    data: pa.Table,
    links: tuple[Relationship, ...],
    parent_rows: Mapping[str, int],
    alike: pa.Table | None = None,
) -> dict[str, Meaning]:
    """Say which columns of a table enter features, and as what.

    Args:
        workflow: the workflow.
        table: the table's name.
        data: its clean rows; its values are looked at only where the table is not partitioned.
        links: all relationships of the workflow.
        parent_rows: number of rows of each parent table.
        alike: the rows whose values are looked at; by default its own.

    Returns:
        Column -> meaning, in the table's order.
    """
    spec = workflow.tables.get(table, Table())
    barred = find_barred(workflow, table) | ignored_columns(workflow, table)
    parents = {link.child_column: link.parent_table for link in links if link.child_table == table}
    ids = {link.parent_column for link in links if link.parent_table == table}
    chosen: dict[str, Meaning] = {}
    for field in data.schema:
        if field.name.startswith("_") or field.name in barred or field.name in ids:
            continue
        declared = spec.columns[field.name].type if field.name in spec.columns else None
        meaning = find_meaning(field.type, declared)
        if field.name in parents:
            meaning = _as_foreign_key(declared, rows=parent_rows[parents[field.name]])
        elif field.name in spec.key and not _enters_as_key(spec, declared, meaning):
            meaning = None
        elif meaning == "text" and declared is None and not workflow.is_partitioned(table):
            looked_at = data if alike is None else alike
            meaning = "category" if _few_values(looked_at[field.name]) else "text"
        if meaning is not None:
            chosen[field.name] = meaning
    return chosen


def find_meaning(kind: pa.DataType, declared: str | None) -> Meaning | None:
    """Say what a column of this type is, given what the file declares; None where it enters nothing.

    Example:
        >>> find_meaning(pa.int64(), None), find_meaning(pa.string(), "category"), find_meaning(pa.binary(), None)
        ('number', 'category', None)
    """
    if declared == "category":
        return "category"
    if pat.is_dictionary(kind):
        kind = kind.value_type
    if pat.is_boolean(kind):
        return "boolean"
    if pat.is_integer(kind) or pat.is_floating(kind) or pat.is_decimal(kind):
        return "number"
    if pat.is_timestamp(kind) or pat.is_date(kind):
        return "time"
    return "text" if pat.is_string(kind) or pat.is_large_string(kind) or pat.is_string_view(kind) else None


def _as_foreign_key(declared: str | None, *, rows: int) -> Meaning | None:
    return "category" if declared == "category" or rows <= MAX_PARENT_ROWS else None


def _enters_as_key(spec: Table, declared: str | None, meaning: Meaning | None) -> bool:
    """A key of one column is a mere id; of a composite key, categories and times say something."""
    return len(spec.key) > 1 and (declared == "category" or meaning == "time")


def _few_values(values: pa.ChunkedArray) -> bool:
    distinct = pc.count_distinct(values, mode="only_valid").as_py()
    return bool(0 < distinct <= MAX_CATEGORIES and 2 * distinct <= len(values))
