"""From a feature's primitive to SQL: the one place that knows which primitives are served.

A primitive is known by its class; one of a user's own, even under the name of featuretools' own, is not.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mlwf_assets.features.relational.engine.aggregates import AGGREGATES, FRAMED, LATE, Gather
from mlwf_assets.features.relational.engine.layers import NotServed, Scope
from mlwf_assets.features.relational.engine.transforms import STRICT, TRANSFORMS
from mlwf_assets.features.relational.engine.values import Value, literal

# What gives truth values has a rule for gaps, and pandas' rule goes by the type.
_LOGIC = {
    "And", "Or", "Not", "Equal", "NotEqual", "EqualScalar", "NotEqualScalar", "MultiplyBoolean",
    "MultiplyNumericBoolean", "GreaterThan", "GreaterThanEqualTo", "LessThan", "LessThanEqualTo", "GreaterThanScalar",
    "GreaterThanEqualToScalar", "LessThanScalar", "LessThanEqualToScalar", "IsIn", "SameAsPrevious",
}  # fmt: skip
# What asks whether numbers are equal, to the bit.
_EXACT = {"Equal", "NotEqual", "EqualScalar", "NotEqualScalar", "Percentile", "SameAsPrevious", "IsIn"}
_HOME = "featuretools.primitives.standard."


def name_of(primitive: Any) -> str:
    """Name featuretools' own primitive.

    Raises:
        NotServed: if it is not featuretools' own.
    """
    kind = type(primitive)
    if not kind.__module__.startswith(_HOME):
        raise NotServed(f"the primitive {kind.__name__} is not one of featuretools' own")
    return kind.__name__


def transform(primitive: Any, args: Sequence[Value], scope: Scope) -> list[Value]:
    """Translate a transform of these columns.

    Raises:
        NotServed: if the primitive, or this use of it, is not translated.
    """
    name = name_of(primitive)
    if name not in TRANSFORMS:
        raise NotServed(f"the primitive {name} is not translated")
    known = frozenset[str]().union(*(one.known for one in args))
    if known and name not in STRICT:
        raise NotServed(f"{name} gives a value also for what is not yet known")
    if name in _LOGIC and any(one.shaky for one in args):
        raise NotServed("pandas' type of an input, and so the rule for its gaps, depends on the other rows of a batch")
    if name in _EXACT and any(one.rounded for one in args):
        raise NotServed("whether two computed numbers are equal depends on their last bits")
    made = TRANSFORMS[name](primitive, list(args), scope)
    shaky = any(one.shaky for one in args)
    rounded = made.kind == "float" and any(one.rounded for one in args)
    return [replace(made, known=known, shaky=shaky and made.kind != "int", rounded=rounded, tame=False, exact=False)]


def aggregate(primitive: Any, args: Sequence[Value], rows: Gather) -> list[Value]:
    """Translate an aggregation of these columns of a group's rows.

    Raises:
        NotServed: if the primitive, or this use of it, is not translated.
    """
    name = name_of(primitive)
    if name not in AGGREGATES:
        raise NotServed(f"the primitive {name} is not translated")
    table = {**AGGREGATES, **FRAMED} if rows.events is not None and rows.growing else AGGREGATES
    result = table[name](primitive, list(args), rows)
    values = result if isinstance(result, list) else [result]
    mask = any(one.masked or one.shaky for one in args)
    return [
        replace(
            one,
            masked=one.masked or (mask and one.numeric),
            shaky=mask or one.kind == "bool" or name == "PercentTrue",
            rounded=one.kind == "float",
            tame=False,
            exact=False,
        )
        for one in values
    ]


def may_come_late(primitive: Any) -> bool:
    """Tell whether an aggregation is the same whether a value is missing or its row is."""
    return name_of(primitive) in LATE


def or_default(value: Value, default: Any) -> Value:
    """Put the feature's default in the place of a missing value, as featuretools does."""
    import pandas as pd

    if pd.api.types.is_scalar(default) and pd.isna(default):
        return value
    return value.at(f"COALESCE({value.sql}, {literal(default)})")


def supported() -> dict[str, list[str]]:
    """List the names of the primitives that run in SQL, as featuretools' `list_primitives` has them."""
    import featuretools.primitives as known

    return {
        "aggregation": sorted(getattr(known, name).name for name in AGGREGATES),
        "transform": sorted(getattr(known, name).name for name in TRANSFORMS),
    }
