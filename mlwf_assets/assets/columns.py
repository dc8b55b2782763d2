"""Which columns of a table each step reads: what it does not read cannot make it stale.

Steps are handed these columns and no others (`Work.read`), so that what counts and what is read cannot differ; only
predictions read by themselves, and leave uncounted nothing but what is of no use to anybody. Where a column that a step
asks for is not there, it gets all of them, for its message to say what there is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from mlwf_assets.spec import named
from mlwf_assets.spec.extensions import Feature
from mlwf_assets.spec.made import is_ours
from mlwf_assets.spec.origins import label_columns
from mlwf_assets.spec.sql import columns_of
from mlwf_assets.spec.workflow import Workflow

# Column -> its type; the columns that are read, in their order.
Choice = Callable[[Mapping[str, str]], Sequence[str]]


def for_examples(workflow: Workflow) -> Choice:
    """Choose what examples are made of."""
    examples, today = workflow.examples, workflow.project.process_today
    written = [examples.cutoff, examples.where, today and today.rule]
    used = set().union(*(columns_of(str(sql)) for sql in written if sql is not None), label_columns(workflow))
    group = {workflow.splits.group} if workflow.splits.group else set()
    return _only({*used, *group, *workflow.example_key})


def for_features(workflow: Workflow, table: str) -> Choice:
    """Choose what relational features are made of."""
    return _remembering(lambda there: named.feature_columns(workflow, table, there))


def for_history(workflow: Workflow, table: str, *, own: bool) -> Choice:
    """Choose what features over history are made of; of the same partition (`own`) also what the others are made of."""

    def choose(there: Mapping[str, str]) -> Sequence[str]:
        wanted = {*named.history_columns(workflow, table, there)}
        if own:
            wanted |= {*named.feature_columns(workflow, table, there)}
        return [name for name in there if name in wanted]

    return _remembering(choose)


def for_own_features(workflow: Workflow) -> Choice:
    """Choose what the features of the workflow's own Python files are made of."""
    reads = {column for feature in workflow.own.of(Feature) for column in feature.reads}
    return _only({*reads, *workflow.example_key})


def for_readings(workflow: Workflow, table: str) -> Choice:
    """Choose what of a table of readings features are made of."""
    series = workflow.features.timeseries[table]
    ids = [series.id] if isinstance(series.id, str) else list(series.id)
    return _only({*ids, *series.columns, *workflow.tables[table].key})


def for_series(workflow: Workflow) -> Choice:
    """Choose what of the examples' table says which series each of them looks at."""
    ids = [one.id for one in workflow.features.timeseries.values()]
    named_there = {name for one in ids for name in ([one] if isinstance(one, str) else one.values())}
    return _only({*named_there, *workflow.example_key})


def for_report(workflow: Workflow) -> Choice:
    """Choose what of the examples' table the report is cut into slices by."""
    wanted = {*workflow.evaluation.slices, *workflow.example_key}
    return lambda there: [name for name in there if is_ours(name) or name in wanted]


def of_use(workflow: Workflow, table: str) -> Choice:
    """Choose all but the columns that nothing in the workflow names or makes features of."""
    return _remembering(lambda there: named.used_columns(workflow, table, there))


def none_of(_: Mapping[str, str]) -> Sequence[str]:
    """Choose none: of the table, its files are read."""
    return ()


def _only(wanted: Iterable[str]) -> Choice:
    names = set(wanted)

    def choose(there: Mapping[str, str]) -> Sequence[str]:
        if not names <= set(there):
            return list(there)
        return [name for name in there if name in names or is_ours(name)]

    return choose


def _remembering(choose: Choice) -> Choice:
    """Choose once for tables alike: partitions are many, and mostly have the same columns."""
    known: dict[tuple[tuple[str, str], ...], Sequence[str]] = {}

    def remember(there: Mapping[str, str]) -> Sequence[str]:
        shape = tuple(there.items())
        if shape not in known:
            known[shape] = choose(there)
        return known[shape]

    return remember
