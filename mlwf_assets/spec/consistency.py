"""What several parts of a workflow file must agree on, as far as that can be seen without any data.

Each check yields mistakes and raises nothing, so that all are reported at once. What only the sources'
columns can tell stands in `references.py`; partitions and splits have a module of their own, `times.py`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.automation import Notify
from mlwf_assets.spec.contracts import check_contract
from mlwf_assets.spec.expressions import expressions
from mlwf_assets.spec.extensions import Family, Label
from mlwf_assets.spec.features import TimeSeries
from mlwf_assets.spec.history import check_history
from mlwf_assets.spec.late import late_columns
from mlwf_assets.spec.lookups import check_lookups
from mlwf_assets.spec.made import check_made
from mlwf_assets.spec.metrics import check_metrics, known_metrics
from mlwf_assets.spec.mistakes import Mistake, Place, suggestion
from mlwf_assets.spec.names import (
    CALCULATORS,
    FAMILIES,
    KINDS,
    RESERVED_COLUMNS,
    RESERVED_IN_KEYS,
    RESERVED_PREFIXES,
    TRANSFORMS,
    TRANSFORMS_AT_TIME,
    TRANSFORMS_OVER_ROWS,
    Kind,
)
from mlwf_assets.spec.own_checks import check_own_code
from mlwf_assets.spec.partitions import NamedPartitions
from mlwf_assets.spec.relationships import check_relationships
from mlwf_assets.spec.sources import FilesSource
from mlwf_assets.spec.sql import check_expression, columns_of, is_predicate
from mlwf_assets.spec.tables import Table
from mlwf_assets.spec.times import check_partitions, check_splits
from mlwf_assets.spec.workflow import Workflow

_MODEL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*")
_ALIAS = re.compile(r"(?!v\d+$)(?!latest$)[A-Za-z0-9_-]+")
_TRUTHS = ("true", "false", "1", "0")
_OWNER = re.compile(r"team:.+|[^@\s]+@[^@\s]+\.[^@\s]+|")


def check_consistency(workflow: Workflow) -> Iterator[Mistake]:
    """Find everything that does not fit together in a file whose form is right, its tables filled in."""
    for name, table in workflow.tables.items():
        yield from _check_sources(workflow, name, table)
        yield from _check_columns(name, table)
        yield from _check_late(workflow, name, table)
        yield from _check_rules(name, table)
    yield from _check_unused(workflow)
    yield from check_relationships(workflow)
    yield from check_lookups(workflow)
    yield from check_made(workflow)
    yield from _check_examples(workflow)
    yield from _check_sql(workflow)
    yield from check_partitions(workflow)
    yield from check_splits(workflow)
    yield from _check_automation(workflow)
    yield from _check_features(workflow)
    yield from check_history(workflow)
    yield from _check_models(workflow)
    yield from check_own_code(workflow)
    yield from _check_outputs(workflow)


def _check_sources(workflow: Workflow, name: str, table: Table) -> Iterator[Mistake]:
    sources = table.sources or ()
    place: Place = ("tables", name, "sources")
    for position, source in enumerate(sources):
        if source in workflow.sources:
            continue
        if workflow.is_written(place):
            where: Place = (*place, position) if workflow.is_written((*place, position)) else place
            yield Mistake(where, f"there must be a source {source!r}.{suggestion(source, workflow.sources)}")
        else:
            near = suggestion(source, workflow.sources)
            yield Mistake(place[:2], f"there must be a source {source!r}, or 'sources: [...]' here.{near}")
    yield from _twice(sources, place)
    partitioned = {workflow.is_partitioned_source(source) for source in sources}
    cut = "part" if isinstance(workflow.partitions, NamedPartitions) else "time"
    if len(partitioned) > 1:
        yield Mistake(place, f"either all sources of a table must have a {cut} or none; give each one a '{cut}'")
    files = [one for source in sources if isinstance(one := workflow.sources.get(source), FilesSource)]
    if cut == "part" and len({one.time is not None for one in files}) > 1:
        yield Mistake(place, "either all sources of a table must have a time or none; give each one a 'time'")


def _check_unused(workflow: Workflow) -> Iterator[Mistake]:
    used = {source for table in workflow.tables.values() for source in table.sources or ()}
    if used - set(workflow.sources):
        return  # a source that is misspelt is not used either
    for source in workflow.sources:
        if source not in used:
            yield Mistake(
                ("sources", source), f"must be used, however: tables.{source} has other sources; add or remove it"
            )


def _check_columns(name: str, table: Table) -> Iterator[Mistake]:
    place = ("tables", name)
    for column in (*table.columns, *table.lookups):
        if column in RESERVED_COLUMNS or column.startswith(RESERVED_PREFIXES):
            yield Mistake((*place, "columns", column), f"{column!r} is a name of ours; take another one")
    for column, contract in table.columns.items():
        yield from check_contract(contract, (*place, "columns", column))
    for column in table.key:
        if column in RESERVED_IN_KEYS:
            remedy = f"make it under another name: 'columns: {{{name}_{column}: {{sql: {column}}}}}'"
            yield Mistake((*place, "key"), f"{column!r} is the name of a column of the examples; {remedy}")
    for column in sorted(set(table.lookups) & {c for c, contract in table.columns.items() if contract.sql}):
        yield Mistake((*place, "columns", column, "sql"), "is a lookup already; keep one of the two")
    yield from _twice(table.key, (*place, "key"))


def _check_late(workflow: Workflow, name: str, table: Table) -> Iterator[Mistake]:
    """Find columns that are known later than their row where they must be known with it."""
    yield from _twice([column for group in table.outcomes for column in group.columns], ("tables", name, "outcomes"))
    late = late_columns(workflow, name)
    remedy = f"is known only later (tables.{name}.outcomes)"
    for column in sorted(late.intersection(table.key)):
        yield Mistake(("tables", name, "key"), f"must be known with its row, however: {column} {remedy}")


def _check_rules(name: str, table: Table) -> Iterator[Mistake]:
    for position, rule in enumerate(table.rules):
        place = ("tables", name, "rules", position)
        if rule.otherwise == "null" and not rule.columns:
            yield Mistake(place, "must say which columns are set to null: 'columns: [...]'")
        if rule.otherwise != "null" and rule.columns:
            yield Mistake((*place, "columns"), f"is for 'otherwise: null' only, however: {rule.otherwise}")
        if rule.otherwise == "null" and (keys := sorted(set(rule.columns) & set(table.key))):
            yield Mistake((*place, "columns"), f"a key must not be set to null, however: {', '.join(keys)}")
    yield from _twice([rule.name for rule in table.rules], ("tables", name, "rules"))


def _check_examples(workflow: Workflow) -> Iterator[Mistake]:
    examples = workflow.examples
    if examples.table not in workflow.tables:
        near = suggestion(examples.table, workflow.tables)
        yield Mistake(("examples", "table"), f"there must be a table {examples.table!r}.{near}")
    if examples.kind == "regression" and examples.classes:
        yield Mistake(("examples", "classes"), "is for classes, however: the kind is regression; leave it out")
    if _kinds(workflow) == {"binary"} and (odd := [name for name in examples.classes if name not in _TRUTHS]):
        yield Mistake(("examples", "classes", odd[0]), "must be true or false, the two values of the label")
    if _kinds(workflow) == {"regression"} and workflow.splits.by == "stratified":
        yield Mistake(("splits", "by"), "stratified is for classes, however: the label is a number; split by random")
    today = workflow.project.process_today
    if (
        today is not None
        and isinstance(today.rule, float)
        and not 0 <= today.rule <= 1
        and _kinds(workflow) == {"binary"}
    ):
        yield Mistake(("project", "process_today", "rule"), f"must be a probability, 0 to 1, however: {today.rule:g}")


def _check_sql(workflow: Workflow) -> Iterator[Mistake]:
    for use in expressions(workflow):
        try:
            check_expression(use.sql)
        except SpecError as problem:
            yield Mistake(use.place, str(problem))
            continue
        if not use.at_cutoff or use.table is None:
            continue
        if late := sorted(columns_of(use.sql) & late_columns(workflow, use.table)):
            yield Mistake(
                use.place,
                f"must use only what is known with the row, however: {', '.join(late)} "
                f"{'is' if len(late) == 1 else 'are'} known only later (tables.{use.table}.outcomes)",
            )


def _check_features(workflow: Workflow) -> Iterator[Mistake]:
    for position, name in enumerate(workflow.features.relational.transforms):
        place: Place = ("features", "relational", "transforms", position)
        if name in TRANSFORMS_OVER_ROWS:
            yield Mistake(place, f"not yet: {name} looks at other rows; leave it out")
        elif name in TRANSFORMS_AT_TIME:
            yield Mistake(place, f"not yet: {name} needs the time of the prediction; make a column of it with 'sql:'")
        elif name not in TRANSFORMS:
            yield Mistake(place, f"there must be a transform {name!r}.{suggestion(name, TRANSFORMS)}")
    for name, series in workflow.features.timeseries.items():
        place = ("features", "timeseries", name)
        yield from _check_parameters(series, (*place, "parameters"))
        if name not in workflow.tables:
            yield Mistake(place, f"there must be a table {name!r}.{suggestion(name, workflow.tables)}")
        elif workflow.tables[name].known_at is None:
            yield Mistake(place, f"tables.{name} must say when a reading is known: 'known_at: SQL'")
        if workflow.examples.cutoff is None:
            yield Mistake(place, "readings up to which moment? examples must have a 'cutoff: SQL'")


def _check_parameters(series: TimeSeries, place: Place) -> Iterator[Mistake]:
    for column, calculators in series.parameters.items() if isinstance(series.parameters, dict) else ():
        if column not in series.columns:
            yield Mistake((*place, column), f"must be one of the columns.{suggestion(column, series.columns)}")
        for position, name in enumerate(calculators):
            if name.split("__")[0] not in CALCULATORS:
                message = f"there must be a calculator {name!r}.{suggestion(name, CALCULATORS)}"
                yield Mistake((*place, column, position), message)


def _check_models(workflow: Workflow) -> Iterator[Mistake]:
    models, known = workflow.models, [*FAMILIES, *(family.name for family in workflow.own.of(Family))]
    for position, family in enumerate(models.families):
        if family not in known:
            yield Mistake(
                ("models", "families", position), f"there must be a model family {family!r}.{suggestion(family, known)}"
            )
    if not models.families:
        yield Mistake(("models", "families"), f"must name at least one of {', '.join(known)}")
    yield from _twice(models.families, ("models", "families"))
    yield from check_metrics(workflow, _kinds(workflow))
    if models.replay is not None and not (workflow.folder / models.replay).is_file():
        yield Mistake(("models", "replay"), f"there must be a file {models.replay}, however: there is none")


def _kinds(workflow: Workflow) -> set[Kind]:
    """The kinds that the problem may have, as far as the file tells; the label's type tells the rest."""
    if workflow.examples.kind is not None:
        return {workflow.examples.kind}
    try:
        own = workflow.own.find(Label, workflow.examples.label)
        if is_predicate(workflow.examples.label) or (own is not None and own.type == "boolean"):
            return {"binary"}
    except SpecError:
        return set(KINDS)
    fits = known_metrics(workflow).get(workflow.models.metric or "")
    return set(KINDS) if fits is None else set(fits)


def _check_outputs(workflow: Workflow) -> Iterator[Mistake]:
    if not _OWNER.fullmatch(workflow.project.owner):
        yield Mistake(
            ("project", "owner"), f"must be an e-mail address or team:NAME, however: {workflow.project.owner!r}"
        )
    if (deployment := workflow.deployment) is None:
        return
    if not _MODEL_NAME.fullmatch(deployment.registered_model):
        yield Mistake(
            ("deployment", "registered_model"),
            f"must be letters, digits, '-', '_', '.' and spaces, however: {deployment.registered_model!r}",
        )
    if not _ALIAS.fullmatch(deployment.alias):
        yield Mistake(
            ("deployment", "alias"),
            "must be letters, digits, '-' and '_', and neither 'latest' nor 'v' and a number, "
            f"however: {deployment.alias!r}",
        )


def _twice(names: Sequence[str], place: Place) -> Iterator[Mistake]:
    for name, count in Counter(names).items():
        if count > 1:
            yield Mistake(place, f"must name each thing once, however: {name!r} {count} times")


def _check_automation(workflow: Workflow) -> Iterator[Mistake]:
    automation = workflow.automation
    if automation is None:
        return
    place: Place = ("automation", "notify")
    if automation.notify is not None and not any(workflow.is_written((*place, name)) for name in Notify.model_fields):
        yield Mistake(place, "must name a command, a webhook or an email, however it names nobody")
    for name in automation.stale_after:
        place = ("automation", "stale_after", name)
        source = workflow.sources.get(name)
        if source is None:
            yield Mistake(place, f"there must be a source {name!r}.{suggestion(name, workflow.sources)}")
        elif not isinstance(source, FilesSource):
            yield Mistake(place, f"must be a source of files, however {name} stands in this file")
