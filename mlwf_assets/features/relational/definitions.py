"""What is computed over history: featuretools' definitions, over an entity set that holds no rows.

The entity set says which tables there are and how they hang together; featuretools finds the definitions in it, and
each that looks back over time is made once for every window. The values come from the engine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlwf_assets.features.relational.plain import reads_times_alone
from mlwf_assets.features.relational.primitives import find_transform
from mlwf_assets.features.relational.star import EVENT, LINK, TIME, Events, Star
from mlwf_assets.spec.features import ALL, Relational, Window
from mlwf_assets.spec.history import interesting_values, windows_of
from mlwf_assets.spec.workflow import Workflow

EXAMPLES, INSTANCE, NUMBER = "examples", "_instance", "_number"
_LOGICAL = {"number": "Double", "boolean": "BooleanNullable", "category": "Categorical"}
_DTYPES = {"Double": "float64", "BooleanNullable": "boolean", "Categorical": "category", "Integer": "int64"}


@dataclass(frozen=True)
class Definitions:
    """What is computed.

    Attributes:
        entityset: featuretools' EntitySet, without rows.
        features: featuretools' definitions of one output or several.
    """

    entityset: Any
    features: Sequence[Any]


def define(workflow: Workflow, star: Star) -> Definitions:
    """Find the definitions over history.

    Args:
        workflow: says which aggregations, windows and values.
        star: the tables of history.
    """
    entityset = _make_entityset(workflow, star)
    spec = workflow.features.relational
    features = [
        windowed
        for feature in _find(entityset, star, spec)
        if _counts(feature, star)
        for windowed in _for_each_window(feature, star, workflow)
    ]
    return Definitions(entityset, [_rename(one, star) for one in features])


def _make_entityset(workflow: Workflow, star: Star) -> Any:
    import featuretools as ft

    entityset = ft.EntitySet(workflow.name)
    ways = [way + LINK for thing in star.things.values() for way in thing.ways]
    _add(entityset, EXAMPLES, dict.fromkeys([INSTANCE, *ways], "Integer"), INSTANCE)
    for thing in star.things.values():
        _add(entityset, thing.name, {NUMBER: "Integer"}, NUMBER)
        for way in thing.ways:
            entityset.add_relationship(thing.name, NUMBER, EXAMPLES, way + LINK)
    for name, events in star.events.items():
        kinds = {EVENT: "Integer", **dict.fromkeys(events.links, "Integer")}
        kinds |= {column: _LOGICAL[meaning] for column, meaning in events.meanings.items()}
        _add(entityset, name, kinds, EVENT, timed=events.timed)
        for column, thing_name in events.links.items():
            entityset.add_relationship(thing_name, NUMBER, name, column)
        values = interesting_values(workflow, events.moment.table)
        here = {
            column: list(_as_there(values[column], events, column)) for column in values if column in events.meanings
        }
        if here:
            entityset.add_interesting_values(dataframe_name=name, values=here)
    return entityset


def _add(entityset: Any, name: str, kinds: dict[str, str], index: str, *, timed: bool = False) -> None:
    if timed:
        kinds = {**kinds, TIME: "Datetime"}
    frame = pd.DataFrame(
        {column: pd.Series(dtype=_DTYPES.get(kind, "datetime64[ns]")) for column, kind in kinds.items()}
    )
    entityset.add_dataframe(
        dataframe_name=name, dataframe=frame, index=index, time_index=TIME if timed else None, logical_types=kinds
    )


def _as_there(values: Sequence[Any], events: Events, column: str) -> Iterator[Any]:
    """Give values as the column has them: a category's are text."""
    for value in values:
        if events.meanings[column] != "category":
            yield value
        else:
            yield str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else value


def _find(entityset: Any, star: Star, spec: Relational) -> list[Any]:
    """Let featuretools find the definitions, thing by thing: of several at once it forgets some where it goes deep."""
    import featuretools as ft

    linked = {EXAMPLES: [INSTANCE, *(way + LINK for thing in star.things.values() for way in thing.ways)]}
    linked |= {thing: [NUMBER] for thing in star.things}
    linked |= {name: list(events.links) for name, events in star.events.items() if events.links}
    found = [
        one
        for thing in star.things
        for one in ft.dfs(
            entityset=entityset,
            target_dataframe_name=EXAMPLES,
            agg_primitives=list(spec.aggregations),
            trans_primitives=[one for one in map(find_transform, spec.transforms) if not reads_times_alone(one)],
            where_primitives=list(spec.aggregations) if spec.where else [],
            max_depth=spec.max_depth,
            ignore_columns=linked,
            ignore_dataframes=[other for other in star.things if other != thing],
            features_only=True,
        )
    ]
    return [one for one in found if _aggregations(one) and not _is_stacked(one)]


def _is_stacked(feature: Any) -> bool:
    """Tell whether aggregations are summarised again: that would look at the rows of each prediction one by one."""
    return any(_aggregations(base) for one in _aggregations(feature) for base in one.base_features)


def _aggregations(feature: Any) -> list[Any]:
    """List the aggregations that a feature is made of."""
    from featuretools.feature_base import AggregationFeature, FeatureOutputSlice

    bases = [feature.base_feature] if isinstance(feature, FeatureOutputSlice) else feature.base_features
    own = [feature] if isinstance(feature, AggregationFeature) else []
    return [*own, *(one for base in bases for one in _aggregations(base))]


def _counts(feature: Any, star: Star) -> bool:
    """Tell whether nothing is summarised that is a condition only."""
    return not any(
        base.get_name() in star.events[one.child_dataframe_name].only_conditions
        for one in _aggregations(feature)
        if one.child_dataframe_name in star.events
        for base in one.base_features
    )


def _for_each_window(feature: Any, star: Star, workflow: Workflow) -> Iterator[Any]:
    from featuretools.utils.wrangle import _check_timedelta

    for window in _windows(feature, star, workflow):
        yield feature if window == ALL else _look_back(feature, _check_timedelta(_in_words(window.total_seconds())))


def _windows(feature: Any, star: Star, workflow: Workflow) -> Sequence[Window]:
    used = _aggregations(feature)
    thing = star.things[used[0].parent_dataframe_name]
    if thing.grouping is not None:
        return windows_of(workflow, thing.grouping, used[0].primitive.name)
    timed = any(star.events[one.child_dataframe_name].timed for one in used)
    return workflow.features.relational.windows if timed else (ALL,)


def _in_words(seconds: float) -> str:
    """Write a window as featuretools names it.

    Example:
        >>> _in_words(10800.0), _in_words(86400.0), _in_words(90.0)
        ('3 hours', '1 days', '90 seconds')
    """
    unit, size = next(
        (u, s)
        for u, s in (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))
        if seconds % s == 0 or s == 1
    )
    return f"{seconds / size:g} {unit}"


def _look_back(feature: Any, span: Any) -> Any:
    """Make the same definition over a window."""
    from featuretools.feature_base import AggregationFeature

    made = feature.copy()
    made._name = made._names = None  # noqa: SLF001 - the name tells the window
    if isinstance(made, AggregationFeature):
        made.use_previous = span
        return made
    made.base_features = [_look_back(base, span) if _aggregations(base) else base for base in feature.base_features]
    return made


def _rename(feature: Any, star: Star) -> Any:
    """Take out of a name what only marks our links, and the number of the outcomes where the column tells it."""
    name = feature.get_name().replace(LINK, "")
    for events in star.events.values():
        name = name.replace(f"{events.moment.name}.", f"{events.moment.table}.")
    return feature.rename(name) if name != feature.get_name() else feature


def find_events(feature: Any, star: Star) -> list[Events]:
    """List the events that a feature looks back over."""
    return [
        star.events[one.child_dataframe_name]
        for one in _aggregations(feature)
        if one.child_dataframe_name in star.events
    ]
