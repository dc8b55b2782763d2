"""datasets/*: what is predicted and when, and how the examples are split."""

from collections.abc import Callable

from mlwf_assets.assets import columns
from mlwf_assets.assets.own_code import own_code
from mlwf_assets.assets.step import Input, Output, Results, Step, Work
from mlwf_assets.errors import DataError
from mlwf_assets.spec.origins import label_functions
from mlwf_assets.spec.sample import write_share
from mlwf_assets.spec.workflow import Workflow

SPLITS = ("train", "validation", "test")
NO_LEAK = "nothing_leaks_across_the_split"


def dataset_steps(workflow: Workflow) -> list[Step]:
    """Make the steps for the examples and for their split."""
    table = workflow.examples.table
    examples = Step(
        outputs=(
            Output(
                "datasets/examples",
                "One row per prediction to make: the entity's key, the cutoff time, the label.",
                kinds=("deltalake", "duckdb"),
            ),
        ),
        inputs=(Input(f"clean/{table}", columns=columns.for_examples(workflow)),),
        compute=_examples(workflow),
        settings=[
            workflow.examples.model_dump(mode="json"),
            workflow.project.model_dump(mode="json", include={"process_today"}),
            list(workflow.tables[table].key),
            workflow.splits.group,
            workflow.share,
        ],
        libraries=("duckdb", "pyarrow"),
        own=own_code(workflow, label_functions(workflow)),
        partitioned=workflow.is_partitioned(table),
    )
    splits = Step(
        outputs=tuple(_split_output(name) for name in SPLITS),
        inputs=(Input("datasets/examples", back=None),),
        compute=_splits(workflow),
        settings=[
            workflow.splits.model_dump(mode="json"),
            workflow.timeline.model_dump(mode="json", exclude={"per_run"}) if workflow.timeline else None,
            list(workflow.tables[table].key),
        ],
        libraries=("duckdb", "pyarrow"),
    )
    return [examples, splits]


def _split_output(name: str) -> Output:
    what = {
        "train": "The examples that models learn from.",
        "validation": "The examples by which models are tuned, blended and calibrated.",
        "test": "The examples that only the evaluation reads, once.",
    }
    checks = {NO_LEAK: "No example is in two splits; in time and by group nothing reaches across."}
    return Output(f"datasets/{name}", what[name], kinds=("deltalake",), checks=checks)


def _examples(workflow: Workflow) -> Callable[[Work], Results]:
    def make(work: Work) -> Results:
        from mlwf_assets.cleaning.row_functions import append_made
        from mlwf_assets.datasets.examples import make_examples
        from mlwf_assets.datasets.sample import take_sample

        labels = label_functions(workflow)
        table = workflow.examples.table
        for partition in work.partitions:
            clean = append_made(work.read(f"clean/{table}", partition), labels, workflow.own)
            today = workflow.project.process_today
            key, group = workflow.tables[table].key, workflow.splits.group
            made = make_examples(workflow.examples, today, clean, key=key, group=group)
            if workflow.share is not None:
                made = take_sample(made, workflow.share, key=key)
            yield partition, {"datasets/examples": made}

    return make


def _splits(workflow: Workflow) -> Callable[[Work], Results]:
    def split(work: Work) -> Results:
        from mlwf_assets.datasets.splits import split_examples

        examples = work.read("datasets/examples")
        key = workflow.tables[workflow.examples.table].key
        try:
            made = split_examples(
                workflow.splits, examples, key=key, partitions=workflow.timeline, locate=workflow.locate
            )
        except DataError as error:
            if workflow.share is None:
                raise
            raise DataError(f"{error}; or take a larger --sample than {write_share(workflow.share)}") from error
        yield None, {f"datasets/{name}": made[name] for name in SPLITS}

    return split
