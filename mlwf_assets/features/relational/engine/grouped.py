"""Transforms within groups: running totals per customer and the like.

As in featuretools, a row without a group, and one whose result is missing, keep the primitive's default.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mlwf_assets.features.relational.engine import translate
from mlwf_assets.features.relational.engine.layers import NotServed, Scope
from mlwf_assets.features.relational.engine.values import Value


def by_group(feature: Any, args: Sequence[Value], scope: Scope) -> list[Value]:
    """Translate a transform within groups.

    Args:
        feature: a GroupByTransformFeature.
        args: its inputs; the last one is the group.
        scope: the rows.
    """
    *inputs, group = args
    if group.kind == "float":
        group = group.at(scope.step(group.sql))
    within = replace(scope, partition=(*scope.partition, group.sql))
    results = []
    for one in translate.transform(feature.primitive, inputs, within):
        if one.kind == "latlong":
            raise NotServed("points are not served within groups")
        whole = translate.or_default(one, feature.default_value)
        missing = translate.or_default(Value("NULL", one.kind), feature.default_value).sql
        results.append(
            replace(
                whole,
                sql=f"CASE WHEN {group.sql} IS NULL THEN {missing} ELSE {whole.sql} END",
                masked=False,
                shaky=True,
            )
        )
    return results
