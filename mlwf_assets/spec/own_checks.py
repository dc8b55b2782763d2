"""Whether what the workflow's own Python files add fits the rest of the workflow, as far as their text tells."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from mlwf_assets.spec.extensions import CleaningStep, Extension, Family, Feature, Label, Metric
from mlwf_assets.spec.late import find_barred
from mlwf_assets.spec.mistakes import Mistake, Place, suggestion
from mlwf_assets.spec.names import FAMILIES, METRICS, RESERVED_COLUMNS, RESERVED_IN_KEYS, RESERVED_PREFIXES
from mlwf_assets.spec.workflow import Workflow

_PLACE: Place = ("python",)


def check_own_code(workflow: Workflow) -> Iterator[Mistake]:
    """Find what needs no column of a source to be seen as wrong."""
    for step in workflow.own.of(CleaningStep):
        if step.table not in workflow.tables:
            yield _mistake(step, f"there must be a table {step.table!r}.{suggestion(step.table, workflow.tables)}")
            continue
        for column in step.makes:
            yield from _check_made(workflow, step, column)
    for one, known in ((Family, FAMILIES), (Metric, METRICS)):
        for extension in workflow.own.of(one):
            if extension.name in known:
                yield _mistake(extension, f"must have a name of its own, however: {extension.name} is one of ours")


def check_own_columns(
    workflow: Workflow, given: Mapping[str, Collection[str]], columns: Mapping[str, Sequence[str]]
) -> Iterator[Mistake]:
    """Find columns that functions read and must not, or that are not there, or that they make although they are.

    Args:
        workflow: the workflow.
        given: table -> the columns that its sources, or its SQL, give.
        columns: table -> its clean columns.
    """
    for name in workflow.tables:
        there = set(given[name])
        for step in (one for one in workflow.own.of(CleaningStep) if one.table == name):
            yield from _check_reads(step, sorted(there), f"{name} before columns by 'sql:' and lookups are made")
            there |= set(step.makes)
    yield from _check_features(workflow)
    own = columns[workflow.examples.table]
    functions: list[Label | Feature] = [*workflow.own.of(Label), *workflow.own.of(Feature)]
    for one in functions:
        yield from _check_reads(one, own, workflow.examples.table)
        if one.name in own:
            yield _mistake(one, f"must have a name of its own, however: {workflow.examples.table} has such a column")


def _check_made(workflow: Workflow, step: CleaningStep, column: str) -> Iterator[Mistake]:
    table = workflow.tables[step.table]
    if column in RESERVED_COLUMNS or column.startswith(RESERVED_PREFIXES):
        yield _mistake(step, f"must make columns of other names, however: {column!r} is a name of ours")
    if column in table.lookups or table.columns[column].sql is not None:
        yield _mistake(step, f"{column!r} must be made once, however: tables.{step.table} makes it as well")
    if (other := table.columns[column].step) != step.name:
        yield _mistake(step, f"{column!r} must be made once, however: {other} makes it as well")
    contract = workflow.is_written(("tables", step.table, "columns", column, "type"))
    if contract or table.columns[column].format or table.columns[column].timezone:
        yield Mistake(
            ("tables", step.table, "columns", column),
            f"must leave its type to {step.place}, which makes it; take out type, format and timezone",
        )


def _check_features(workflow: Workflow) -> Iterator[Mistake]:
    barred = find_barred(workflow, workflow.examples.table)
    for feature in workflow.own.of(Feature):
        if told := sorted(set(feature.reads) & barred):
            yield _mistake(
                feature, f"must read what is known at the prediction, however: {', '.join(told)} tells the outcome"
            )
        if feature.name in RESERVED_IN_KEYS or feature.name in workflow.example_key:
            yield _mistake(feature, "must have another name: the matrix has such a column of its own")


def _check_reads(one: CleaningStep | Label | Feature, columns: Sequence[str], where: str) -> Iterator[Mistake]:
    for column in one.reads:
        if column not in columns:
            yield _mistake(one, f"there must be a column {column!r} in {where}.{suggestion(column, columns)}")


def _mistake(one: Extension, words: str) -> Mistake:
    return Mistake(_PLACE, f"{one.place}: {words}")
