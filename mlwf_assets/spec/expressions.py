"""Every SQL expression of a workflow file: where it stands, and over which columns it goes."""

from collections.abc import Iterator
from typing import NamedTuple

from mlwf_assets.spec.mistakes import Place
from mlwf_assets.spec.sources import FilesSource
from mlwf_assets.spec.tables import Table
from mlwf_assets.spec.workflow import Workflow

LABEL: Place = ("examples", "label")


class Use(NamedTuple):
    """One expression.

    Attributes:
        place: where it stands in the file.
        sql: its text.
        table: the clean table over whose columns it goes; None where it goes over a source's.
        source: the source over whose raw columns it goes, or None.
        makes: the column that it makes, from the columns above it only; else None.
        at_cutoff: whether it may use only what is known with the row, so no outcomes.
    """

    place: Place
    sql: str
    table: str | None = None
    source: str | None = None
    makes: str | None = None
    at_cutoff: bool = False


def expressions(workflow: Workflow) -> Iterator[Use]:
    """Yield all expressions, in the order of the fields."""
    for name, source in workflow.sources.items():
        if isinstance(source, FilesSource) and source.time is not None:
            yield Use(("sources", name, "time"), source.time, source=name)
        if isinstance(source, FilesSource) and source.part is not None:
            yield Use(("sources", name, "part"), source.part, source=name)
    for name, table in workflow.tables.items():
        yield from _of_table(name, table)
    yield from _of_examples(workflow)


def _of_table(name: str, table: Table) -> Iterator[Use]:
    place = ("tables", name)
    for column, contract in table.columns.items():
        if contract.sql is not None:
            yield Use((*place, "columns", column, "sql"), contract.sql, name, makes=column)
    if table.known_at is not None:
        yield Use((*place, "known_at"), table.known_at, name)
    for position, group in enumerate(table.outcomes):
        yield Use((*place, "outcomes", position, "known_at"), group.known_at, name)
    for position, rule in enumerate(table.rules):
        yield Use((*place, "rules", position, "check"), rule.check, name)


def _of_examples(workflow: Workflow) -> Iterator[Use]:
    examples, today = workflow.examples, workflow.project.process_today
    if today is not None and isinstance(today.rule, str):
        yield Use(("project", "process_today", "rule"), today.rule, examples.table, at_cutoff=True)
    if examples.cutoff is not None:
        yield Use(("examples", "cutoff"), examples.cutoff, examples.table, at_cutoff=True)
    yield Use(LABEL, examples.label, examples.table)
    if examples.where is not None:
        yield Use(("examples", "where"), examples.where, examples.table)
