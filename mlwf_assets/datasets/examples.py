"""Examples: one row per prediction to make, with the moment at which it is made, and what became of it.

The workflow's expressions run in DuckDB over one partition of the clean table. A row without label is no
example, nor is one without cutoff where cutoffs are asked for; both are counted. Splitting does not belong here.
"""

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from mlwf_assets.cleaning.casting import quote
from mlwf_assets.datasets.labels import LABEL_TYPES, label_kind
from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.lake import duck
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.datasets import Examples
from mlwf_assets.spec.names import ROW_ID, Kind
from mlwf_assets.spec.project import ProcessToday

GROUP = "_group"
_MOMENT = pa.timestamp("us", "UTC")


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
    if absent := [name for name in (*key, *([group] if group else ())) if name not in clean.column_names]:
        raise SchemaError(f"clean/{examples.table} must have the columns {absent}, however: {clean.column_names}")
    with duck.connect() as connection:
        connection.register("clean", clean)
        kind = label_kind(examples, _type_of(connection, examples.label))
        found = _select(connection, examples, today, kind, key=key, group=group, timed="_time" in clean.column_names)
    predicted = found.filter(pc.field("_predicted")).drop_columns(["_predicted"])
    has_cutoff = pc.is_valid(predicted["cutoff"]) if examples.cutoff else None
    timely = predicted.filter(has_cutoff) if has_cutoff is not None else predicted
    labelled = timely.filter(pc.is_valid(timely["label"]))
    table = _with_label(labelled, examples, kind)
    metadata: dict[str, Any] = {
        "kind": kind,
        "rows": clean.num_rows,
        "examples": table.num_rows,
        "not among 'where'": clean.num_rows - predicted.num_rows,
        "without a cutoff": predicted.num_rows - timely.num_rows,
        "without a label": timely.num_rows - table.num_rows,
        **describe_label(table["label"]),
    }
    return Result(table, metadata=metadata, key=key)


def describe_label(label: pa.ChunkedArray) -> dict[str, Any]:
    """Say in numbers what a label holds: the share of positives, the mean, or the rows of each class.

    Example:
        >>> describe_label(pa.chunked_array([[True, False, False, False]]))
        {'share of positives': 0.25}
    """
    if not len(label):
        return {}
    if pt.is_boolean(label.type):
        return {"share of positives": round(pc.mean(label.cast(pa.int8())).as_py(), 4)}
    if pt.is_string(label.type):
        counted = sorted(label.value_counts().to_pylist(), key=lambda one: (-one["counts"], one["values"]))
        return {"rows of each class": {one["values"]: one["counts"] for one in counted[:50]}}
    return {"mean of the label": pc.mean(label).as_py()}


def _type_of(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.DataType:
    return _run(connection, f"SELECT ({sql}\n) AS label FROM clean LIMIT 0", "examples.label").schema.field(0).type


def _select(
    connection: duckdb.DuckDBPyConnection,
    examples: Examples,
    today: ProcessToday | None,
    kind: Kind,
    *,
    key: Sequence[str],
    group: str | None,
    timed: bool,
) -> pa.Table:
    """All rows, `_predicted` says which are wanted; expressions are tried one by one when one fails."""
    label = {"binary": f"({examples.label}\n)", "multiclass": f"CAST(({examples.label}\n) AS VARCHAR)"}
    label["regression"] = f"CAST(({examples.label}\n) AS DOUBLE)"
    parts = {name: quote(name) for name in key}
    parts["cutoff"] = f"CAST(({examples.cutoff or 'NULL'}\n) AS TIMESTAMPTZ)"
    parts["label"] = label[kind]
    if today is not None and today.rule is not None:
        parts["process_today"] = f"CAST(({today.rule}\n) AS {'VARCHAR' if kind == 'multiclass' else 'DOUBLE'})"
    parts["time"] = "CAST(_time AS TIMESTAMPTZ)" if timed else "CAST(NULL AS TIMESTAMPTZ)"
    if group is not None:
        parts[GROUP] = f"CAST({quote(group)} AS VARCHAR)"
    parts["_predicted"] = f"coalesce(CAST(({examples.where or 'true'}\n) AS BOOLEAN), false)"
    select = ", ".join(f"{sql} AS {quote(name)}" for name, sql in parts.items())
    order = ", ".join(quote(name) for name in key)
    try:
        table = connection.sql(f"SELECT {select} FROM clean ORDER BY {order}").to_arrow_table()
    except duckdb.Error:
        for name, sql in parts.items():
            _run(connection, f"SELECT {sql} AS value FROM clean", _PLACES.get(name, name))
        raise
    for name in ("cutoff", "time"):
        table = table.set_column(table.column_names.index(name), name, table[name].cast(_MOMENT))
    return table


_PLACES = {
    "cutoff": "examples.cutoff",
    "label": "examples.label",
    "process_today": "project.process_today.rule",
    "_predicted": "examples.where",
}


def _run(connection: duckdb.DuckDBPyConnection, sql: str, place: str) -> pa.Table:
    try:
        return connection.sql(sql).to_arrow_table()
    except duckdb.Error as error:
        words = str(error).splitlines()[0]
        raise DataError(f"{place} must be computable for each row, however: {words}; TRY_CAST can help") from error


def _with_label(table: pa.Table, examples: Examples, kind: Kind) -> pa.Table:
    label = table["label"]
    if kind == "binary" and not pt.is_boolean(label.type):
        values = sorted(label.unique().to_pylist())
        if not set(values) <= {0, 1}:
            raise DataError(
                f"the label of a binary problem must be a boolean or hold 0 and 1 alone, however {examples.label!r} holds "
                f"{values[:5]}; write a comparison, e.g. label: {examples.label} > {values[0]}"
            )
        label = pc.equal(label, 1)
    if kind == "regression":
        table = table.filter(pc.is_finite(label))
        label = table["label"]
    return table.set_column(table.column_names.index("label"), "label", label.cast(LABEL_TYPES[kind]))
