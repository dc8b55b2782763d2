"""pydantic's errors in a user's words: what must stand at a place, what stood there, what to do.

Nothing of pydantic's own wording, of union members or of discriminators shows. Only form is known here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mlwf_assets.spec.fields import field_at, models_at
from mlwf_assets.spec.mistakes import Mistake, Place, listed, suggestion

_EXPECTED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "finite_number": "a number",
    "bool": "true or false",
    "dict": "a mapping of names to values",
    "tuple": "a list",
    "list": "a list",
    "date": "a date such as 2013-01-31",
    "none": "nothing",
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def mistakes_of(error: ValidationError, attributes: Any) -> list[Mistake]:
    """Turn a validation error into one mistake per place.

    Args:
        attributes: the plain data that was validated.
    """
    by_place: dict[Place, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        by_place.setdefault(_place(details["loc"], attributes), []).append(details)
    return [Mistake(place, _words(place, group)) for place, group in by_place.items()]


def _place(loc: Sequence[str | int], data: Any) -> Place:
    """Keep the parts of pydantic's location that are places in the file; drop its names of union members."""
    place: list[str | int] = []
    for position, part in enumerate(loc):
        if position == 2 and loc[0] == "sources" and part in ("files", "rows"):
            continue
        inner = _below(data, part)
        if inner is not _ABSENT:
            place.append(part)
            data = inner
        elif position == len(loc) - 1 and field_at((*place, part)) is not None:
            place.append(part)
    return tuple(place)


_ABSENT = object()


def _below(data: Any, part: str | int) -> Any:
    if isinstance(data, Mapping) and part in data:
        return data[str(part)]
    if isinstance(data, list) and isinstance(part, int) and part < len(data):
        return data[part]
    return _ABSENT


def _words(place: Place, group: list[ErrorDetails]) -> str:
    for kind, words in _SPECIAL.items():
        for details in group:
            if details["type"] == kind:
                return words(place, details)
    expected = list(dict.fromkeys(_expected(place, details) for details in group))
    return f"must be {listed(expected)}{_however(group[0])}"


def _expected(place: Place, details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return f"{words} {context[name]:g}"
    if kind == "literal_error":
        return str(context["expected"])
    if kind.startswith("model_") or kind == "dataclass_type":
        names = [name for model in models_at(place) for name in model.model_fields]
        return f"a mapping with the fields {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
    for prefix, words in _EXPECTED.items():
        if kind.startswith(prefix):
            return words
    return details["msg"].removeprefix("Input should be ").removeprefix("Value error, ")


def _however(details: ErrorDetails) -> str:
    value = details["input"]
    if isinstance(value, dict | list | tuple):
        words = "a list" if not isinstance(value, dict) else "a mapping"
    elif value is None:
        words = "nothing"
    else:
        words = repr(value) if not isinstance(value, bool) else str(value).lower()
        words = words if len(words) <= 60 else f"{words[:57]}..."
    remedy = ""
    if details["type"] == "string_type" and isinstance(value, int | float):
        remedy = "; write it in quotes"
    return f", however: {words}{remedy}"


def _unknown(place: Place, details: ErrorDetails) -> str:
    known = [name for model in models_at(place[:-1]) for name in model.model_fields]
    if details["input"] is None:
        return "unknown field, without a value; if it belongs to the text before it, put all of that in quotes"
    return f"unknown field.{suggestion(str(place[-1]), known)}"


def _missing(place: Place, details: ErrorDetails) -> str:
    del details
    field = field_at(place)
    words = field.description if field is not None and field.description else ""
    return f"is missing. {words}".rstrip()


def _value(place: Place, details: ErrorDetails) -> str:
    del place
    return str(details.get("ctx", {}).get("error", details["msg"]))


def _empty(place: Place, details: ErrorDetails) -> str:
    del details
    return f"must not be empty{'' if place else '; the file must say something'}"


def _connector(place: Place, details: ErrorDetails) -> str:
    del place
    context = details.get("ctx", {})
    known = [name.strip("' ") for name in str(context.get("expected_tags", "")).split(",")]
    return f"unknown connector {context.get('tag')!r}.{suggestion(str(context.get('tag')), known)}"


_SPECIAL: dict[str, Callable[[Place, ErrorDetails], str]] = {
    "value_error": _value,
    "extra_forbidden": _unknown,
    "missing": _missing,
    "too_short": _empty,
    "string_too_short": _empty,
    "union_tag_invalid": _connector,
}
