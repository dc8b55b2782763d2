"""The label: what kind of problem it makes, and in which form it stands in the examples.

A boolean is a binary problem, text a multiclass one, a number a regression; `examples.kind` may say otherwise,
as far as the values allow. What labels say in numbers, for people, is told here too.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.spec.datasets import Examples
from mlwf_assets.spec.names import Kind

_CLASSES_SHOWN = 50


def label_kind(examples: Examples, label_type: pa.DataType) -> Kind:
    """Tell the kind of problem from the label's type, or from what the workflow file says.

    Raises:
        SchemaError: if the label cannot be what the file says, or is of a type that is never a label.
    Example:
        >>> label_kind(Examples(table="t", label="x > 3"), pa.bool_())
        'binary'
        >>> label_kind(Examples(table="t", label="x", kind="multiclass"), pa.int64())
        'multiclass'
    """
    served: tuple[Kind, ...]
    if pt.is_boolean(label_type):
        served = ("binary", "multiclass")
    elif _is_number(label_type):
        served = ("regression", "binary", "multiclass")
    elif pt.is_string(label_type) or pt.is_large_string(label_type):
        served = ("multiclass",)
    else:
        raise SchemaError(
            f"examples.label must be a boolean, text or a number, however {examples.label!r} is {label_type}; "
            f"compare it, or make a number of it, e.g. date_diff('day', SINCE, {examples.label})"
        )
    kind = examples.kind or served[0]
    if kind not in served:
        remedy = f"{examples.label} = 'yes'" if kind == "binary" else f"CAST({examples.label} AS DOUBLE)"
        raise SchemaError(
            f"the label of a {kind} problem must be {_needed(kind)}, however {examples.label!r} is {label_type}; write "
            f'e.g. label: "{remedy}"'
        )
    return kind


def label_sql(label: str, kind: Kind, label_type: pa.DataType) -> str:
    """Return the label's expression in the form of its kind; what is no finite number is null.

    Example:
        >>> label_sql("grade", "multiclass", pa.int64()).split()
        ['CAST((grade', ')', 'AS', 'VARCHAR)']
    """
    if kind == "multiclass":
        return f"CAST(({label}\n) AS VARCHAR)"
    if pt.is_boolean(label_type):
        return f"({label}\n)"
    number = f"CAST(({label}\n) AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def as_booleans(label: pa.ChunkedArray, expression: str) -> pa.ChunkedArray:
    """Make a binary label of 0 and 1.

    Raises:
        DataError: if it holds anything else.
    Example:
        >>> as_booleans(pa.chunked_array([[0.0, 1.0]]), "late").to_pylist()
        [False, True]
    """
    values = sorted(label.unique().drop_null().to_pylist())
    if not set(values) <= {0, 1}:
        raise DataError(
            f"the label of a binary problem must be a boolean, or hold 0 and 1 alone, however {expression!r} holds "
            f'{", ".join(f"{value:g}" for value in values[:5])}; write e.g. label: "{expression} > {values[0]:g}"'
        )
    return pc.equal(label, 1)


def describe_label(label: pa.ChunkedArray) -> dict[str, Any]:
    """Say in numbers what a label holds: the share of positives, the mean, or the rows of each class.

    Example:
        >>> describe_label(pa.chunked_array([[True, False, False, False]]))
        {'share of positives': 0.25}
        >>> describe_label(pa.chunked_array([["b", "a", "b"]]))
        {'rows of each class': {'b': 2, 'a': 1}}
    """
    if not len(label):
        return {}
    if pt.is_boolean(label.type):
        return {"share of positives": round(pc.mean(label.cast(pa.int8())).as_py(), 4)}
    if pt.is_string(label.type):
        counted = sorted(label.value_counts().to_pylist(), key=lambda one: (-one["counts"], one["values"]))
        return {"rows of each class": {one["values"]: one["counts"] for one in counted[:_CLASSES_SHOWN]}}
    described: dict[str, Any] = {"mean of the label": pc.mean(label).as_py()}
    if pc.all(pc.is_in(label, pa.array([0.0, 1.0]))).as_py():
        described["note"] = "The label holds 0 and 1 alone: for a yes-or-no problem write 'kind: binary' in examples."
    return described


def _is_number(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind))


def _needed(kind: Kind) -> str:
    return "a boolean, or 0 and 1" if kind == "binary" else "a number"
