"""features/*: one row per example, nothing in it known after the cutoff; selection; the matrices."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mlwf_assets.assets import columns
from mlwf_assets.assets.lineage import feature_lineage
from mlwf_assets.assets.own_code import own_code
from mlwf_assets.assets.step import Input, Output, Results, Step, Work, partitions_back
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.extensions import Feature
from mlwf_assets.spec.history import history_tables, longest_window
from mlwf_assets.spec.relationships import related_tables
from mlwf_assets.spec.workflow import Workflow

if TYPE_CHECKING:
    from mlwf_assets.features.relational import History

# So many examples are computed in one pass.
_ROWS_AT_ONCE = 200_000

_SELECTION_COLUMNS = {
    "name": "the feature",
    "kind": "number, boolean or category",
    "kept": "whether models see it",
    "reason": "why it is kept or left out",
    "p_value": "of the relevance test: how likely its tie to the label is chance",
    "relevance": "normalized Gini of the feature alone",
    "missing_gini": "normalized Gini of whether it is missing",
    "missing_share": "the share of rows without a value",
    "duplicate_of": "the kept feature that says the same",
}


def feature_steps(workflow: Workflow) -> list[Step]:
    """Make the steps from the first feature to the matrices."""
    made = [_relational_step(workflow)]
    if workflow.features.timeseries:
        made.append(_timeseries_step(workflow))
    if workflow.own.of(Feature):
        made.append(_python_step(workflow))
    names = [step.name for step in made]
    return [*made, _selection_step(workflow, names), *_matrix_steps(workflow, names)]


def _shape(workflow: Workflow) -> object:
    """Return the parts of the file that say what the tables' columns mean."""
    tables = {
        name: table.model_dump(mode="json", include={"columns", "key", "known_at", "outcomes", "lookups"})
        for name, table in workflow.tables.items()
    }
    return [tables, list(workflow.relationships), workflow.examples.table]


def _relational_step(workflow: Workflow) -> Step:
    target = workflow.examples.table
    related = related_tables(workflow)
    past = history_tables(workflow)
    return Step(
        outputs=(
            Output(
                "features/relational",
                "Features of each example through the relationships, and over history, by Deep Feature Synthesis.",
                kinds=("deltalake", "featuretools", *(["duckdb"] if past else [])),
            ),
        ),
        inputs=(
            Input("datasets/examples"),
            *(
                [_look_back(workflow, target)]
                if target in past
                else [Input(f"clean/{target}", columns=columns.for_features(workflow, target))]
            ),
            *(Input(f"clean/{name}", back=None, columns=_columns(workflow, name, past)) for name in related),
            *(_look_back(workflow, name) for name in past if name != target and name not in related),
        ),
        compute=_relational(workflow, related, past),
        settings=[_shape(workflow), workflow.features.relational.model_dump(mode="json")],
        libraries=("featuretools", "woodwork", "pandas", *(["duckdb"] if past else [])),
        preload=("featuretools", *(["duckdb"] if past else [])),
        partitioned=workflow.is_partitioned(target),
    )


def _columns(workflow: Workflow, name: str, past: Sequence[str]) -> columns.Choice:
    """Choose the columns of a table that examples refer to, which may also be looked back over."""
    if name in past:
        return columns.for_history(workflow, name, own=True)
    return columns.for_features(workflow, name)


def _look_back(workflow: Workflow, name: str) -> Input:
    """Read a table's history: the partitions that the windows reach into, or all there are so far."""
    own = name == workflow.examples.table
    back = reach_of_history(workflow) if workflow.is_partitioned(name) else 0
    return Input(
        f"clean/{name}",
        back=back,
        # Names are not in the order of time: what is known by a cutoff may stand under any of them.
        until=back is None and workflow.timeline is not None,
        columns=columns.for_history(workflow, name, own=own),
        earlier=columns.for_history(workflow, name, own=False) if own else None,
    )


def reach_of_history(workflow: Workflow) -> int | None:
    """Count the earlier partitions that windows of history can reach into; None: all there are."""
    longest = longest_window(workflow)
    if longest is None or workflow.timeline is None or not workflow.is_partitioned(workflow.examples.table):
        return None
    # A cutoff lies before its example, and an outcome is known after its row: another window is room for both.
    return partitions_back(2 * longest, workflow.timeline.every)


def _relational(workflow: Workflow, related: list[str], past: list[str]) -> Callable[[Work], Results]:
    target = workflow.examples.table
    # Windows that are bounded read their partitions alone; all of history is read once, for all partitions.
    alone = longest_window(workflow) is not None

    def read_history(work: Work, partition: str | None) -> "History | None":
        from mlwf_assets.features import relational

        if not past:
            return None
        return relational.History(workflow, {name: work.read_history(f"clean/{name}", partition) for name in past})

    def build(work: Work) -> Results:
        from mlwf_assets.features import relational

        history = None
        for several in _in_passes(work, alone=alone and bool(past)):
            if history is None or alone:
                history = read_history(work, several[-1] if alone else work.partitions[-1])
            tables = {name: work.read(f"clean/{name}", several[0]) for name in related}
            tables[target] = work.read_own(f"clean/{target}", *several)
            examples = work.read_own("datasets/examples", *several)
            made = _with_lineage(relational.build(workflow, tables, examples, history=history))
            start = 0
            for partition in several:
                rows = work.entries("datasets/examples", partition)[-1].rows
                yield partition, {"features/relational": replace(made, table=made.table.slice(start, rows))}
                start += rows

    return build


def _in_passes(work: Work, *, alone: bool) -> Iterator[list[str | None]]:
    """Put partitions together that are computed in one pass, or leave each alone; a pass stays within the memory."""
    several: list[str | None] = []
    rows = 0
    for partition in work.partitions:
        more = work.entries("datasets/examples", partition)[-1].rows
        if several and (alone or rows + more > _ROWS_AT_ONCE):
            yield several
            several, rows = [], 0
        several.append(partition)
        rows += more
    if several:
        yield several


def _with_lineage(made: Result) -> Result:
    lineage = feature_lineage(json.loads(made.files["features.json"]))
    return replace(made, metadata={**made.metadata, "lineage": lineage})


def _timeseries_step(workflow: Workflow) -> Step:
    target = workflow.examples.table
    return Step(
        outputs=(
            Output(
                "features/timeseries",
                "Features of the readings that were known at each example's cutoff, by tsfresh.",
                kinds=("deltalake", "tsfresh"),
            ),
        ),
        inputs=(
            Input("datasets/examples"),
            Input(f"clean/{target}", columns=columns.for_series(workflow)),
            *(
                Input(f"clean/{name}", back=reach(workflow, name), columns=columns.for_readings(workflow, name))
                for name in workflow.features.timeseries
            ),
        ),
        compute=_timeseries(workflow),
        settings=[
            _shape(workflow),
            {name: one.model_dump(mode="json") for name, one in workflow.features.timeseries.items()},
        ],
        libraries=("tsfresh", "numpy", "numba", "scipy"),
        preload=("numba", "scipy.signal"),
        partitioned=workflow.is_partitioned(target),
    )


def reach(workflow: Workflow, name: str) -> int | None:
    """Count the earlier partitions of readings that the longest window can reach into; None: all are read."""
    series = workflow.features.timeseries[name]
    if workflow.partitions is None or not workflow.is_partitioned(workflow.examples.table):
        return None
    if workflow.timeline is None:  # names are no history of one another: each has its own readings
        return 0
    # A cutoff lies before its example, and a reading becomes known after it was taken: a day is room for both.
    span = max(series.windows) + (series.tolerance or max(series.windows))
    return partitions_back(span, workflow.timeline.every)


def _timeseries(workflow: Workflow) -> Callable[[Work], Results]:
    def build(work: Work) -> Results:
        from mlwf_assets.features import timeseries

        for partition in work.partitions:
            readings = {name: work.read(f"clean/{name}", partition) for name in workflow.features.timeseries}
            examples = work.read("datasets/examples", partition)
            target = work.read(f"clean/{workflow.examples.table}", partition)
            made = timeseries.build(workflow, readings, examples, target)
            yield partition, {"features/timeseries": _with_lineage(made)}

    return build


def _python_step(workflow: Workflow) -> Step:
    target = workflow.examples.table

    def build(work: Work) -> Results:
        from mlwf_assets.features import own

        for partition in work.partitions:
            clean, examples = work.read(f"clean/{target}", partition), work.read("datasets/examples", partition)
            yield partition, {"features/python": _with_lineage(own.build(workflow, clean, examples))}

    return Step(
        outputs=(
            Output(
                "features/python",
                "Features of each example by the workflow's own Python files.",
                kinds=("deltalake", "python"),
                columns={feature.name: feature.words for feature in workflow.own.of(Feature)},
            ),
        ),
        inputs=(
            Input("datasets/examples"),
            Input(f"clean/{target}", columns=columns.for_own_features(workflow)),
        ),
        compute=build,
        settings=[_shape(workflow)],
        libraries=("pandas",),
        own=own_code(workflow, workflow.own.of(Feature)),
        partitioned=workflow.is_partitioned(target),
    )


def _selection_step(workflow: Workflow, made: list[str]) -> Step:
    return Step(
        outputs=(
            Output(
                "features/selection",
                "Which features are kept and why, judged on the training split alone.",
                kinds=("deltalake", "tsfresh"),
                columns=_SELECTION_COLUMNS,
            ),
        ),
        inputs=(Input("datasets/train"), *(Input(name, back=None) for name in made)),
        compute=_selection(workflow, made),
        settings=[
            workflow.features.selection.model_dump(mode="json"),
            _key(workflow),
            workflow.examples.kind,
        ],
        libraries=("tsfresh", "scipy", "numpy"),
    )


def _key(workflow: Workflow) -> list[str]:
    return list(workflow.tables[workflow.examples.table].key)


def _selection(workflow: Workflow, made: list[str]) -> Callable[[Work], Results]:
    def choose(work: Work) -> Results:
        from mlwf_assets.datasets.labels import label_kind
        from mlwf_assets.features.selection import select

        train = work.read("datasets/train")
        features = [(work.read(name), json.loads(work.file(name, "features.json"))) for name in made]
        kind = label_kind(workflow.examples, train.schema.field("label").type)
        key = _key(workflow)
        yield (
            None,
            {"features/selection": select(workflow.features.selection, train, features, key=key, kind=kind)},
        )

    return choose


def _matrix_steps(workflow: Workflow, made: list[str]) -> list[Step]:
    return [
        _matrix_step(
            workflow,
            made,
            Output(
                "features/matrix",
                "The kept features of the train and validation examples: what models are trained on.",
                kinds=("deltalake",),
            ),
            ("train", "validation"),
        ),
        _matrix_step(
            workflow,
            made,
            Output(
                "features/test_matrix",
                "The kept features of the test examples, apart from what models can see.",
                kinds=("deltalake",),
            ),
            ("test",),
        ),
    ]


def _matrix_step(workflow: Workflow, made: list[str], output: Output, splits: tuple[str, ...]) -> Step:
    def assemble_matrix(work: Work) -> Results:
        from mlwf_assets.features.matrix import assemble

        selected = json.loads(work.file("features/selection", "features.json"))
        rows = {split: work.read(f"datasets/{split}") for split in splits}
        features = [work.read(name) for name in made]
        yield None, {output.name: assemble(rows, features, selected, key=_key(workflow))}

    return Step(
        outputs=(output,),
        inputs=(
            *(Input(f"datasets/{split}") for split in splits),
            Input("features/selection"),
            *(Input(name, back=None) for name in made),
        ),
        compute=assemble_matrix,
        settings=[_key(workflow), list(splits)],
        libraries=("pyarrow",),
    )
