"""Says in a sentence what a relational feature is, for people who know the business and not the code.

Featuretools' own templates name the primitives; columns are named by their descriptions and units in the
workflow file, and a value of a parent by the way to it. No numbers and no judgement: those are the report's.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mlwf_assets.features.relational.star import EVENT, Star
from mlwf_assets.features.words import describe_column
from mlwf_assets.spec.workflow import Workflow

# Primitives without a template of their own whose names make no phrase.
_TEMPLATES: Mapping[str, str] = MappingProxyType(
    {
        "is_federal_holiday": "whether {} is a federal holiday",
        "is_first_week_of_month": "whether {} is in the first week of its month",
        "is_free_email_domain": "whether {} is at a free provider",
        "date_to_holiday": "the holiday on {}",
        "distance_to_holiday": "the days from {} to New Year's Day",
        "isin": "whether {} is in the list",
    }
)


def describe_definition(definition: Any, *, names: Mapping[tuple[str, str], str], link_suffix: str) -> str:
    """Put a feature definition into words.

    Args:
        definition: a featuretools feature.
        names: (table, column) -> words.
        link_suffix: what the columns that hold relationships end with.

    Returns:
        A phrase, neither capitalized nor ended.
    """
    import featuretools as ft

    if isinstance(definition, ft.IdentityFeature):
        return names[definition.dataframe_name, definition.column_name]
    if isinstance(definition, ft.DirectFeature):
        base = describe_definition(definition.base_features[0], names=names, link_suffix=link_suffix)
        link = definition.relationship_path[0][1]
        parent, column = link.parent_dataframe.ww.name, link.child_column.name.removesuffix(link_suffix)
        return f"{base}, from {parent} by {column}"
    slot = getattr(definition, "n", None)
    whole = definition if slot is None else definition.base_feature
    bases = [_describe_base(base, names, link_suffix) for base in whole.base_features]
    return _describe_primitive(whole.primitive, bases, slot)


def _describe_primitive(primitive: Any, bases: Sequence[str], slot: int | None) -> str:
    """By its own template where it has one; else by its name."""
    if primitive.description_template or slot is not None:
        return str(primitive.get_description(list(bases), slice_num=slot))
    template = _TEMPLATES.get(primitive.name, f"the {primitive.name.replace('_', ' ')} of {{}}")
    return template.format(" and ".join(bases))


def _describe_base(base: Any, names: Mapping[tuple[str, str], str], link_suffix: str) -> str:
    words = describe_definition(base, names=names, link_suffix=link_suffix)
    return words if words.startswith(("the ", "whether ")) else f"the {words[:1].lower()}{words[1:]}"


def list_columns(definition: Any, *, link_suffix: str) -> Sequence[str]:
    """Name the columns that a definition derives from, TABLE.COLUMN, foreign keys on its way included.

    Args:
        definition: a featuretools feature.
        link_suffix: what the columns that hold relationships end with.
    """
    import featuretools as ft

    if isinstance(definition, ft.IdentityFeature):
        return [f"{definition.dataframe_name}.{definition.column_name}"]
    used = []
    if isinstance(definition, ft.DirectFeature):
        for _, link in definition.relationship_path:
            child, column = link.child_dataframe.ww.name, link.child_column.name.removesuffix(link_suffix)
            used.append(f"{child}.{column}")
    for base in definition.base_features:
        used += list_columns(base, link_suffix=link_suffix)
    return sorted(set(used))


def describe_history(workflow: Workflow, feature: Any, star: Star) -> str:
    """Put a feature over history into words.

    Args:
        workflow: says what columns are called in words.
        feature: featuretools' definition: an aggregation as an example finds it.
        star: the tables of history.
    Returns:
        A phrase, neither capitalized nor ended.
    """
    import featuretools as ft

    slot = getattr(feature, "n", None)
    found = feature.base_feature if slot is not None else feature
    while isinstance(found, ft.DirectFeature):
        (found,) = found.base_features
    if isinstance(found, ft.feature_base.FeatureOutputSlice):
        slot, found = found.n, found.base_feature
    events = star.events[found.child_dataframe_name]
    several = sum(one.moment.table == events.moment.table for one in star.events.values()) > 1
    first = next((name for name in events.meanings if name not in events.only_conditions), None)
    counted = any(isinstance(base, ft.IdentityFeature) and base.column_name == EVENT for base in found.base_features)
    known = f" of which the {first.replace('_', ' ')} was known" if several and counted and first is not None else ""
    bases = [
        f"all {events.moment.name}"
        if isinstance(base, ft.IdentityFeature) and base.column_name == EVENT
        else "the " + describe_column(workflow, events.moment.table, base.get_name()).removeprefix("the ")
        for base in found.base_features
    ]
    text = _describe_share(bases) if found.primitive.name == "percent_true" else None
    text = text or _describe_primitive(found.primitive, bases, slot)
    thing = found.parent_dataframe_name
    by = f"all {events.moment.table}" if thing == "all" else f"{events.moment.table} of the same {thing}"
    when = f"over {_in_words(found.use_previous)}" if found.use_previous is not None else "over all history"
    where = f" where {found.where.get_name()}" if found.where is not None else ""
    return f"{text}, of {by}{known}{where}, {when}"


def _describe_share(bases: Sequence[str]) -> str:
    """Featuretools calls it the percentage of true values; what is true is better said, and it is no percentage.

    Example:
        >>> _describe_share(["the whether it never left"]), _describe_share(["the alarm"])
        ('the share in which it never left', 'the share in which the alarm holds')
    """
    (base,) = bases
    what = base.removeprefix("the ")
    return (
        f"the share in which {what.removeprefix('whether ')}"
        if what.startswith("whether ")
        else (f"the share in which {base} holds")
    )


def _in_words(span: Any) -> str:
    """Write a window as people say it.

    Example:
        >>> from featuretools.entityset.timedelta import Timedelta
        >>> _in_words(Timedelta("1 day")), _in_words(Timedelta("3 hours"))
        ('the last day', 'the last 3 hours')
    """
    words = str(span.get_name()).lower()
    return f"the last {words[2:].removesuffix('s')}" if words.startswith("1 ") else f"the last {words}"
