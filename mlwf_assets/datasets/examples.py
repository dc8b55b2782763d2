"""Examples: one row per prediction to make, with the moment at which it is made, and what became of it.

The workflow's expressions run in DuckDB over one partition of the clean table. A row without label is no example,
nor is one without cutoff where cutoffs are asked for; all that are left out are counted. Splitting does not
belong here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from mlwf_assets.cleaning.casting import quote
from mlwf_assets.datasets.labels import as_booleans, describe_label, label_kind, label_sql
from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.lake import duck
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.datasets import Examples
from mlwf_assets.spec.names import ROW_ID
from mlwf_assets.spec.project import ProcessToday

GROUP = "_group"

_PLACES = {
    "cutoff": "examples.cutoff",
    "label": "examples.label",
    "process_today": "project.process_today.rule",
    "_predicted": "examples.where",
}
_SHAPES = {"cutoff": pa.timestamp("us", "UTC"), "time": pa.timestamp("us", "UTC")}


def make_examples(
    examples: Examples,
    today: ProcessToday | None,
    clean: pa.Table,
    *,
    key: Sequence[str],
    group: str | None = None,
) -> Result:
    """Make the examples of one partition.

    Args:
        examples: which rows are predicted, when, and what.
        today: what is done today; its rule, if any, is computed for each example.
        clean: rows of the examples' table.
        key: the table's key; () where a row is named by its place (`_row_id`).
        group: the column whose values a split keeps together, if it does.
    Returns:
        Key, `cutoff` (UTC, null where none is asked for), `label` (bool, string or double, by the kind of problem),
        `process_today` (where there is a rule: double, for multiclass string), `time` (the row's, null where the
        table has no time), `_group` (text, where asked for); ordered by key.
    Raises:
        SchemaError: if a column is missing, or the label is of a type that is none.
        DataError: if an expression cannot be computed, or a binary label holds more than two values.
    Example:
        >>> clean = pa.table({"id": [1, 2, 3], "late_min": [20, None, 3]})
        >>> made = make_examples(Examples(table="t", label="late_min >= 15"), None, clean, key=["id"])
        >>> made.table.select(["id", "label"]).to_pydict(), made.metadata["without a label"]
        ({'id': [1, 3], 'label': [True, False]}, 1)
    """
    key = tuple(key) or (ROW_ID,)
    wanted = (*key, group) if group else key
    if absent := [name for name in wanted if name not in clean.column_names]:
        raise SchemaError(
            f"clean/{examples.table} must have the columns {', '.join(absent)}, however there are: "
            f"{', '.join(clean.column_names)}"
        )
    with duck.connect() as connection:
        connection.register("clean", clean)
        label_type = _compute(connection, {"label": examples.label}, order=None).schema.field("label").type
        kind = label_kind(examples, label_type)
        parts = {name: quote(name) for name in key}
        parts["cutoff"] = f"CAST(({examples.cutoff or 'NULL'}\n) AS TIMESTAMPTZ)"
        parts["label"] = label_sql(examples.label, kind, label_type)
        if today is not None and today.rule is not None:
            parts["process_today"] = f"CAST(({today.rule}\n) AS {'VARCHAR' if kind == 'multiclass' else 'DOUBLE'})"
        parts["time"] = f"CAST({'_time' if '_time' in clean.column_names else 'NULL'} AS TIMESTAMPTZ)"
        if group is not None:
            parts[GROUP] = f"CAST({quote(group)} AS VARCHAR)"
        found = _compute(connection, parts | _marks(examples, clean), order=key)
    table, counts = _keep_whole(found, must_have_cutoff=examples.cutoff is not None)
    if kind == "binary" and not pt.is_boolean(label_type):
        label = as_booleans(table["label"], examples.label)
        table = table.set_column(table.column_names.index("label"), "label", label)
    table = table.select(list(parts))
    return Result(table, metadata={"kind": kind, **counts, **describe_label(table["label"])}, key=key)


def _marks(examples: Examples, clean: pa.Table) -> dict[str, str]:
    """What is asked of each row beside the example: whether it is predicted, and whether it is seen by then."""
    known_at = "CAST(_known_at AS TIMESTAMPTZ)" if "_known_at" in clean.column_names else "NULL"
    return {
        "_predicted": f"coalesce(CAST(({examples.where or 'true'}\n) AS BOOLEAN), false)",
        "_unseen": f"coalesce({known_at} > CAST(({examples.cutoff or 'NULL'}\n) AS TIMESTAMPTZ), false)",
    }


def _keep_whole(found: pa.Table, *, must_have_cutoff: bool) -> tuple[pa.Table, dict[str, Any]]:
    predicted = found.filter(pc.field("_predicted"))
    timely = predicted.filter(pc.is_valid(predicted["cutoff"])) if must_have_cutoff else predicted
    table = timely.filter(pc.is_valid(timely["label"]))
    return table, {
        "rows": found.num_rows,
        "examples": table.num_rows,
        "not among 'where'": found.num_rows - predicted.num_rows,
        "without a cutoff": predicted.num_rows - timely.num_rows,
        "without a label": timely.num_rows - table.num_rows,
        "examples whose row is known only after the cutoff": int(pc.sum(table["_unseen"]).as_py() or 0),
    }


def _compute(
    connection: duckdb.DuckDBPyConnection, parts: Mapping[str, str], *, order: Sequence[str] | None
) -> pa.Table:
    """Compute expressions over all clean rows; without an order, only their types."""
    end = "LIMIT 0" if order is None else f"ORDER BY {', '.join(quote(name) for name in order)}"
    select = ", ".join(f"({sql}\n) AS {quote(name)}" for name, sql in parts.items())
    try:
        table = connection.sql(f"SELECT {select} FROM clean {end}").to_arrow_table()
    except duckdb.Error as error:
        raise DataError(_explain(connection, parts, error)) from error
    fields = [(field.name, _SHAPES.get(field.name, field.type)) for field in table.schema]
    return table.cast(pa.schema(fields))


def _explain(connection: duckdb.DuckDBPyConnection, parts: Mapping[str, str], error: duckdb.Error) -> str:
    """Find the expression that fails by computing each alone."""
    place = "examples"
    for name, sql in parts.items():
        try:
            connection.sql(f"SELECT ({sql}\n) AS value FROM clean").to_arrow_table()
        except duckdb.Error as first:
            place, error = _PLACES.get(name, name), first
            break
    words = str(error).splitlines()[0]
    return f"{place} must be computable for each row, however: {words}; TRY_CAST gives null for what cannot be read"
