"""What is filled in where a workflow file is silent, and the list of it that the report shows."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mlwf_assets.spec.base import SpecModel, write_duration
from mlwf_assets.spec.extensions import CleaningStep
from mlwf_assets.spec.mistakes import Place, dotted
from mlwf_assets.spec.names import ROW_ID
from mlwf_assets.spec.tables import Column, Rule, Table
from mlwf_assets.spec.workflow import Workflow


class UsedDefault(NamedTuple):
    """A field that the file does not say, the value that it has therefore, and what the field means."""

    path: str
    value: Any
    description: str


def fill_tables(workflow: Workflow) -> Workflow:
    """Give tables their sources and the columns of cleaning steps, and sources that no table uses a table of their own.

    What of a step does not fit the file is left for `own_checks` to report.
    """
    tables = {
        name: table if table.sources is not None or table.sql else table.model_copy(update={"sources": (name,)})
        for name, table in workflow.tables.items()
    }
    used = {source for table in tables.values() for source in table.sources or ()}
    for name in workflow.sources:
        if name not in used and name not in tables:
            tables[name] = Table(sources=(name,))
    return workflow.model_copy(update={"tables": _with_steps(workflow, tables)})


def _with_steps(workflow: Workflow, tables: Mapping[str, Table]) -> dict[str, Table]:
    filled = dict(tables)
    for step in workflow.own.of(CleaningStep):
        if (table := filled.get(step.table)) is not None:
            made = {
                name: table.columns.get(name, Column()).made_by(step.name, type_) for name, type_ in step.makes.items()
            }
            filled[step.table] = table.model_copy(update={"columns": {**table.columns, **made}})
    return filled


def used_defaults(workflow: Workflow) -> list[UsedDefault]:
    """List the defaults that were used, in the order of the fields; nothing where a default is 'none'.

    Contracts of single columns, rules, and how CSV files are written are left out: their defaults say nothing.
    """
    found = list(_tables_filled(workflow))
    for name, field in Workflow.model_fields.items():
        if name != "version":
            found += _walk(
                getattr(workflow, name), (name,), field.description, is_set=name in workflow.model_fields_set
            )
    if not workflow.tables[workflow.examples.table].key:
        place = dotted(("tables", workflow.examples.table, "key"))
        found.append(UsedDefault(place, (ROW_ID,), "A row is named by its file and its position in it."))
    return found


def _tables_filled(workflow: Workflow) -> Iterator[UsedDefault]:
    for name, table in workflow.tables.items():
        if not workflow.is_written(("tables", name)):
            yield UsedDefault(f"tables.{name}", table.sources, "A table of each source that no table uses.")


def _walk(value: Any, place: Place, description: str | None, *, is_set: bool) -> Iterator[UsedDefault]:
    if isinstance(value, Column | Rule) or place[-1] in ("csv", "connector"):
        return
    if isinstance(value, SpecModel):
        for name, field in type(value).model_fields.items():
            written = is_set and name in value.model_fields_set
            yield from _walk(getattr(value, name), (*place, name), field.description, is_set=written)
    elif isinstance(value, dict) and place[:1] != ("examples",):
        for name, inner in value.items():
            yield from _walk(inner, (*place, name), None, is_set=True)
    elif isinstance(value, tuple) and is_set:
        for position, inner in enumerate(value):
            yield from _walk(inner, (*place, position), None, is_set=True)
    elif not is_set and value not in (None, (), {}, ""):
        shown = write_duration(value) if isinstance(value, dt.timedelta) else value
        yield UsedDefault(dotted(place), shown, description or "")
