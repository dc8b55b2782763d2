"""The label: what kind of problem it makes, and in which form it stands in the examples.

A boolean is a binary problem, text a multiclass one, a number a regression; `examples.kind` may say otherwise,
as far as the values allow.
"""

import pyarrow as pa
import pyarrow.types as pt

from mlwf_assets.errors import SchemaError
from mlwf_assets.spec.datasets import Examples
from mlwf_assets.spec.names import Kind

LABEL_TYPES: dict[Kind, pa.DataType] = {"binary": pa.bool_(), "multiclass": pa.string(), "regression": pa.float64()}


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
    is_number = pt.is_integer(label_type) or pt.is_floating(label_type) or pt.is_decimal(label_type)
    is_text = pt.is_string(label_type) or pt.is_large_string(label_type)
    if pt.is_boolean(label_type):
        served: tuple[Kind, ...] = ("binary", "multiclass")
    elif is_number:
        served = ("regression", "binary", "multiclass")
    elif is_text:
        served = ("multiclass",)
    else:
        raise SchemaError(
            f"examples.label must be a boolean, text or a number, however {examples.label!r} is {label_type}; "
            f"compare it, or take a part of it, e.g. date_diff('day', a, b)"
        )
    kind = examples.kind or served[0]
    if kind not in served:
        hint = {
            "binary": f"write a comparison, e.g. label: {examples.label} = 'yes'",
            "regression": f"write a number, e.g. label: CAST({examples.label} AS DOUBLE)",
            "multiclass": "leave 'kind' out",
        }[kind]
        raise SchemaError(
            f"the label of a {kind} problem must fit it, however {examples.label!r} is {label_type}; {hint}"
        )
    return kind
