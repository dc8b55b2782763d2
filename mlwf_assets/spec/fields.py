"""The form of the workflow file as a tree of fields: which model stands at which place.

Suggestions for misspelt fields, the list of defaults and the reference document all walk this tree.
"""

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from mlwf_assets.spec.base import SpecModel
from mlwf_assets.spec.mistakes import Place
from mlwf_assets.spec.workflow import Workflow

Model = type[SpecModel]


def options(annotation: Any) -> Iterator[Any]:
    """Yield what may stand for an annotation: the members of unions, without Annotated and None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from options(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from options(member)
    elif annotation is not types.NoneType:
        yield annotation


def is_model(annotation: Any) -> bool:
    """Say whether an annotation is one of our models."""
    return isinstance(annotation, type) and issubclass(annotation, SpecModel)


def models_at(place: Place) -> list[Model]:
    """Return the models whose fields may stand below a place; none where no mapping with fields stands.

    Example:
        >>> [model.__name__ for model in models_at(("tables", "flights", "rules", 0))]
        ['Rule']
    """
    current: list[Any] = [Workflow]
    for part in place:
        current = [inner for option in current for inner in _step(option, part)]
    return [option for option in current if is_model(option)]


def field_at(place: Place) -> FieldInfo | None:
    """Return the field at a place, or None where there is none of that name."""
    for model in models_at(place[:-1]):
        if (field := model.model_fields.get(str(place[-1]))) is not None:
            return field
    return None


def _step(option: Any, part: str | int) -> Iterator[Any]:
    if is_model(option):
        if (field := option.model_fields.get(str(part))) is not None:
            yield from options(field.annotation)
    elif get_origin(option) is dict:
        yield from options(get_args(option)[1])
    elif get_origin(option) is tuple:
        yield from options(get_args(option)[0])


def inner_models(annotation: Any) -> list[Model]:
    """Return the models inside an annotation, however deep in lists and mappings.

    Example:
        >>> [model.__name__ for model in inner_models(dict[str, tuple[SpecModel, ...]])]
        ['SpecModel']
    """
    found: list[Model] = []
    for option in options(annotation):
        if is_model(option):
            found.append(option)
        elif get_origin(option) in (dict, tuple):
            for argument in get_args(option):
                found += inner_models(argument)
    return list(dict.fromkeys(found))
