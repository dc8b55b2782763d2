"""Writes the reference of all fields into docs/workflow-file.md: `python -m mlwf_assets.spec.reference FILE`.

The fields' descriptions are the one source of it. What stands outside of the two marks in the file is
written by hand and kept.
"""

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from mlwf_assets.spec.base import SpecModel
from mlwf_assets.spec.fields import Model, inner_models, is_model, options
from mlwf_assets.spec.functions import FUNCTIONS
from mlwf_assets.spec.names import FAMILIES, METRICS, TRANSFORMS
from mlwf_assets.spec.not_yet import NOT_YET
from mlwf_assets.spec.workflow import Workflow

BEGIN = "<!-- fields: written by python -m mlwf_assets.spec.reference -->"
END = "<!-- end of fields -->"
_WORDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    dt.date: "date",
    dt.timedelta: "duration",
    Any: "value",
}


def render() -> str:
    """Return the reference: a table of fields for each part of the file, then the names that may be used."""
    parts = [*_sections(Workflow, ()), _names()]
    return "\n\n".join(parts) + "\n"


def put_into(text: str) -> str:
    """Replace what stands between the marks of a document.

    Raises:
        ValueError: if a mark is missing.
    """
    if BEGIN not in text or END not in text:
        raise ValueError(f"the document must hold {BEGIN} and {END}")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{render()}\n{END}{rest.partition(END)[2]}"


def _sections(model: Model, path: tuple[str, ...]) -> Iterator[str]:
    title = ".".join(path) if path else "attributes"
    rows = [_row(model, path, name, field) for name, field in model.model_fields.items()]
    intro = " ".join((model.__doc__ or "").split())
    head = "| field | type | default | meaning |\n| --- | --- | --- | --- |"
    yield f"### `{title}`\n\n{intro}\n\n{head}\n" + "\n".join(rows)
    for name, field in model.model_fields.items():
        below = path + (name,) + ("NAME",) * _is_mapping(field.annotation)
        for inner in inner_models(field.annotation):
            yield from _sections(inner, below)


def _is_mapping(annotation: Any) -> bool:
    return any(get_origin(option) is dict for option in options(annotation))


def _row(model: Model, path: tuple[str, ...], name: str, field: FieldInfo) -> str:
    place = tuple("*" if part == "NAME" else part for part in (*path, name))
    refused = any(item.pattern == place and not item.values for item in NOT_YET)
    meaning = f"{'*Not yet.* ' if refused else ''}{field.description or ''}"
    cells = (f"`{name}`", _type_words(field), _default_words(field), meaning)
    del model
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type_words(field: FieldInfo) -> str:
    is_sql = field.annotation is str and any(getattr(m, "min_length", None) for m in field.metadata)
    return "SQL" if is_sql else _words(field.annotation)


def _words(annotation: Any) -> str:
    found = []
    for option in options(annotation):
        origin, arguments = get_origin(option), get_args(option)
        if origin is Literal:
            found.append(", ".join(f"`{argument}`" for argument in arguments))
        elif origin is tuple:
            found.append(f"list of {_words(arguments[0])}")
        elif origin is dict:
            found.append(f"mapping of names to {_words(arguments[1])}")
        else:
            found.append("mapping" if is_model(option) else _WORDS.get(option, "text"))
    if "number" in found and "whole number" in found:
        found.remove("whole number")
    return " or ".join(dict.fromkeys(found))


def _default_words(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default()
    if isinstance(value, SpecModel):
        return "see below"
    if value in (None, (), {}, ""):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" if item else '`""`' for item in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _names() -> str:
    metrics = "\n".join(f"- `{name}`: {', '.join(kinds)}" for name, kinds in METRICS.items())
    functions = "\n".join(
        f"- {group}: {', '.join(f'`{name}`' for name in sorted(names))}" for group, names in FUNCTIONS.items()
    )
    transforms = ", ".join(f"`{name}`" for name in TRANSFORMS)
    families = ", ".join(f"`{name}`" for name in FAMILIES)
    return (
        f"### Names\n\nModel families: {families}.\n\nMetrics, and the kinds of problems that they fit:\n\n{metrics}"
        f"\n\nTransforms (featuretools' names): {transforms}.\n\nFunctions in SQL:\n\n{functions}"
    )


if __name__ == "__main__":
    document = Path(sys.argv[1])
    document.write_text(put_into(document.read_text(encoding="utf-8")), encoding="utf-8")
