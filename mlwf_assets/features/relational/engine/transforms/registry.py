"""The table of transforms: featuretools' primitive, by the name of its class, and its translation.

A translation takes the primitive, its inputs and the scope of the rows, and gives a Value (several, where the primitive
has several outputs). What it cannot give exactly it refuses with `NotServed`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from mlwf_assets.features.relational.engine.layers import Scope
from mlwf_assets.features.relational.engine.values import Value

Transform = Callable[[Any, list[Value], Scope], Value]

TRANSFORMS: dict[str, Transform] = {}
# Transforms that give a missing value for a missing input, and look at nothing but their row.
STRICT: set[str] = set()


def transform(*names: str, strict: bool = False) -> Callable[[Transform], Transform]:
    """Register a translation of one or several primitives."""

    def register(function: Transform) -> Transform:
        for name in names:
            TRANSFORMS[name] = function
        if strict:
            STRICT.update(names)
        return function

    return register


def simple(expressions: Mapping[str, str], *, kind: Any = "float", masked: bool | None = None) -> None:
    """Register transforms of one column that are one expression: `{v}` is the column, `{n}` the same as a double."""
    for name, template in expressions.items():

        def translate(primitive: Any, args: list[Value], scope: Scope, template: str = template) -> Value:
            (one,) = args
            sql = template.replace("{v}", one.sql).replace("{n}", one.number)
            return Value(sql, kind, masked=one.masked if masked is None else masked)

        transform(name, strict=True)(translate)
