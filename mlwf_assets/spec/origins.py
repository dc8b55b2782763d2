"""What a column, or the label, is made from: by SQL, by a lookup, or by the workflow's own Python."""

from collections.abc import Iterable, Mapping

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.extensions import CleaningStep, Label
from mlwf_assets.spec.lookups import parse_lookup
from mlwf_assets.spec.sql import columns_of
from mlwf_assets.spec.tables import Column, Table
from mlwf_assets.spec.workflow import Workflow


def _made_from(workflow: Workflow, table: Table, name: str) -> set[str] | None:
    """Name the columns of its table that a column is made from; None where it is read from a source.

    Args:
        workflow: whose Python files may make it.
        table: the table, with the columns of cleaning steps filled in.
        name: the column.
    """
    if name in table.lookups:
        return {parse_lookup(table.lookups[name]).by}
    column = table.columns.get(name, Column())
    if column.step:
        step = workflow.own.find(CleaningStep, column.step)
        return set(step.reads) if step is not None else set()
    return None if column.sql is None else columns_of(column.sql)


def origins(workflow: Workflow, table: Table) -> dict[str, set[str]]:
    """Return what each column that is made is made from; nothing of one that is wrong, which is reported elsewhere."""
    found = {}
    for name in dict.fromkeys([*table.columns, *table.lookups]):
        try:
            used = _made_from(workflow, table, name)
        except SpecError:
            continue
        if used is not None:
            found[name] = used
    return found


def find_origins(made: Mapping[str, set[str]], names: Iterable[str]) -> set[str]:
    """Find columns and all that they are made from.

    Example:
        >>> sorted(find_origins({"late": {"minutes"}, "minutes": {"arrived"}}, ["late"]))
        ['arrived', 'late', 'minutes']
    """
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += made.get(name, ())
    return found


def find_followers(made: Mapping[str, set[str]], names: Iterable[str]) -> set[str]:
    """Find columns and all that is made from them.

    Example:
        >>> sorted(find_followers({"late": {"minutes"}, "minutes": {"arrived"}}, ["arrived"]))
        ['arrived', 'late', 'minutes']
    """
    found = set(names)
    while added := {name for name, used in made.items() if name not in found and used & found}:
        found |= added
    return found


def label_columns(workflow: Workflow) -> set[str]:
    """Name the columns of the examples' table that the label is made from, through label functions as well.

    Raises:
        SpecError: if the label is not an allowed expression.
    """
    labels = {one.name: set(one.reads) for one in workflow.own.of(Label)}
    used = columns_of(workflow.examples.label)
    return used.difference(labels).union(*(labels[name] for name in used & set(labels)))


def label_functions(workflow: Workflow) -> list[Label]:
    """List the label functions that the label names."""
    used = columns_of(workflow.examples.label)
    return [one for one in workflow.own.of(Label) if one.name in used]
