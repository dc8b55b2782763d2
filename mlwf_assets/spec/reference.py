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

from mlwf_assets.spec.base import QUERY_MARK, SQL_MARK, SpecModel, write_duration
from mlwf_assets.spec.fields import Model, inner_models, is_model, options
from mlwf_assets.spec.functions import FUNCTIONS, OVER_ROWS
from mlwf_assets.spec.names import CALCULATORS, FAMILIES, METRICS, TRANSFORMS
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
    rows = [_row(path, name, field) for name, field in model.model_fields.items()]
    intro = " ".join((model.__doc__ or "").split())
    head = "| field | type | default | meaning |\n| --- | --- | --- | --- |"
    yield f"### `{title}`\n\n{intro}\n\n{head}\n" + "\n".join(rows)
    for name, field in model.model_fields.items():
        for inner in inner_models(field.annotation):
            yield from _sections(inner, _below(path, name, field.annotation))


def _below(path: tuple[str, ...], name: str, annotation: Any) -> tuple[str, ...]:
    by_name = any(get_origin(option) is dict for option in options(annotation))
    return (*path, name, "NAME") if by_name else (*path, name)


def _row(path: tuple[str, ...], name: str, field: FieldInfo) -> str:
    place = tuple("*" if part == "NAME" else part for part in (*path, name))
    refused = any(item.pattern == place for item in NOT_YET)
    meaning = f"{'*Not yet.* ' if refused else ''}{field.description or ''}"
    section = "".join(_below(path, name, field.annotation)).lower()
    cells = (f"`{name}`", _type_words(field).replace("{}", f"#{section}"), _default_words(field), meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type_words(field: FieldInfo) -> str:
    if field.annotation is str and any(getattr(m, "min_length", None) for m in field.metadata):
        return "SQL"
    words = _words(field.annotation)
    is_sql = any(mark in str(field.annotation) for mark in (SQL_MARK, QUERY_MARK))
    return words.replace("text", "SQL", 1) if is_sql else words


def _words(annotation: Any) -> str:
    """Say what may stand there; '{}' stands for the section that lists the fields of it."""
    found = []
    for option in options(annotation):
        origin, arguments = get_origin(option), get_args(option)
        if origin is Literal:
            found.append(", ".join(f"`{argument}`" for argument in arguments))
        elif origin is tuple:
            found.append(f"list of {_words(arguments[0])}")
        elif origin is dict:
            found.append(f"{_words(arguments[1])}, by name")
        else:
            found.append("[fields]({})" if is_model(option) else _WORDS.get(option, "text"))
    if "number" in found and "whole number" in found:
        found.remove("whole number")
    return " or ".join(dict.fromkeys(found))


def _default_words(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default()
    if isinstance(value, SpecModel):
        return ", ".join(f"`{name}: {_plain(getattr(value, name))}`" for name in value.model_fields_set) or "see there"
    if value in (None, (), {}, ""):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" if item else '`""`' for item in value)
    return f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    if isinstance(value, dt.timedelta):
        return write_duration(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _names() -> str:
    metrics = "\n".join(f"- `{name}`: {', '.join(kinds)}" for name, kinds in METRICS.items())
    functions, over_rows = (_listed(groups) for groups in (FUNCTIONS, OVER_ROWS))
    transforms = ", ".join(f"`{name}`" for name in TRANSFORMS)
    calculators = ", ".join(f"`{name}`" for name in CALCULATORS)
    families = ", ".join(f"`{name}`" for name in FAMILIES)
    return (
        f"### Names\n\nModel families: {families}.\n\nMetrics, and the kinds of problems that they fit:\n\n{metrics}"
        "\n\nThe report shows the `bias` of a regression besides (predicted minus actual, on average): best at 0, it "
        "is neither optimized nor a goal."
        f"\n\nTransforms (featuretools' names): {transforms}."
        f"\n\nCalculators (tsfresh's names): {calculators}.\n\nFunctions in SQL:\n\n{functions}"
        f"\n\nFunctions over rows, in the `sql` of a table alone:\n\n{over_rows}"
    )


def _listed(groups: dict[str, tuple[str, ...]]) -> str:
    return "\n".join(
        f"- {group}: {', '.join(f'`{name}`' for name in sorted(names))}" for group, names in groups.items()
    )


if __name__ == "__main__":
    document = Path(sys.argv[1])
    document.write_text(put_into(document.read_text(encoding="utf-8")), encoding="utf-8")
