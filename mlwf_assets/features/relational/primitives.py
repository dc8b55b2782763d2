"""Which of featuretools' transforms are made: by name or class, and those that look at one row alone."""

from typing import Any

from mlwf_assets.errors import SpecError


def find_transform(name: str) -> Any:
    """Find a transform by its name in featuretools, or that of its class.

    Raises:
        SpecError: if there is none, or it looks at other rows.
    """
    from featuretools.primitives import get_transform_primitives

    known = get_transform_primitives()
    primitive = known.get(name.lower()) or {cls.__name__.lower(): cls for cls in known.values()}.get(name.lower())
    if primitive is None:
        raise SpecError(
            f"features.relational.transforms must name featuretools transform primitives, however: {name!r} is "
            f"none; `featuretools.list_primitives()` shows them all"
        )
    if primitive.uses_full_dataframe or primitive.uses_calc_time:
        raise SpecError(
            f"features.relational.transforms must be row-wise, however: {name!r} needs other rows or the time of "
            f"the calculation, and would differ from partition to partition; leave it out"
        )
    return primitive
