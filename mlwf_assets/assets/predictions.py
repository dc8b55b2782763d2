"""deployment/predictions: the newest rows, scored with the model that stands."""

from collections.abc import Callable
from pathlib import Path

from mlwf_assets.assets import columns
from mlwf_assets.assets.features import reach, reach_of_history
from mlwf_assets.assets.own_code import own_code
from mlwf_assets.assets.step import Input, Output, Results, Step, Work
from mlwf_assets.spec.extensions import CleaningStep, Feature
from mlwf_assets.spec.history import history_tables
from mlwf_assets.spec.lookups import looked_up
from mlwf_assets.spec.origins import label_functions
from mlwf_assets.spec.outputs import Deployment
from mlwf_assets.spec.relationships import related_tables
from mlwf_assets.spec.workflow import Workflow

_NAME = "deployment/predictions"
_FILE = "predictions.csv"
_READ = {"tables", "relationships", "examples", "features"}


def prediction_steps(workflow: Workflow) -> list[Step]:
    """Make the step of the predictions, where the workflow deploys a model."""
    spec = workflow.deployment
    if spec is None:
        return []
    partitioned = workflow.is_partitioned(workflow.examples.table)
    place = "predictions/{partition}.csv" if partitioned else _FILE

    def standing(home: Path) -> str:
        from mlwf_assets.deployment.alias import aliased_version

        return aliased_version(home, spec.registered_model, alias=spec.alias)

    return [
        Step(
            outputs=(
                Output(
                    _NAME,
                    f"What {spec.registered_model} says of {_which(workflow)}.",
                    kinds=("mlflow", "csv"),
                    columns={
                        "cutoff": "as of when the row is predicted; nothing known later is used",
                        "prediction": "the class, by the threshold that the costs choose, or the value",
                        "model_version": "the version of the registered model",
                        "problem": "why there is no prediction; else empty",
                    },
                    published={_FILE: place},
                ),
            ),
            inputs=tuple(_inputs(workflow)),
            compute=_scorer(workflow),
            settings=[workflow.model_dump(mode="json", include=_READ), _names(spec)],
            libraries=("mlflow", "featuretools", "tsfresh"),
            own=own_code(
                workflow, [*workflow.own.of(CleaningStep), *workflow.own.of(Feature), *label_functions(workflow)]
            ),
            preload=("mlflow", "lightgbm", "featuretools"),
            partitioned=partitioned,
            external=standing,
            outside="the model that stands",
            newest=spec.predictions.partitions if partitioned and workflow.timeline else None,
        )
    ]


def _which(workflow: Workflow) -> str:
    table = workflow.examples.table
    if workflow.is_partitioned(table) and workflow.timeline is None:
        return f"the rows of {table}"
    if workflow.is_partitioned(table):
        return f"the rows of {table}; a run makes the newest partitions alone, older ones are made when asked for"
    return f"the rows of {table} that have no label yet"


def _names(spec: Deployment) -> list[str]:
    return [spec.registered_model, spec.alias]


def _inputs(workflow: Workflow) -> list[Input]:
    """Raw rows, all that their features are made from, and the model, after which they are made."""
    root = workflow.examples.table
    table, series = workflow.tables[root], workflow.features.timeseries
    whole = {*looked_up(table), *related_tables(workflow)}
    past = history_tables(workflow)
    used = {name: columns.of_use(workflow, name) for name in {root, *whole, *series, *past}}
    # The types of raw columns count with the columns, and `types.json` tells nothing but them.
    found = [Input(f"raw/{source}", columns=used[root], files=()) for source in table.sources or (root,)]
    found += [Input(f"clean/{name}", back=None, columns=used[name]) for name in sorted(whole)]
    reaches = {name: [reach(workflow, name)] for name in series if name not in whole}
    for name in past:
        if name not in whole and (name != root or workflow.is_partitioned(root)):
            reaches.setdefault(name, []).append(reach_of_history(workflow))
    for name, backs in reaches.items():
        back = None if None in backs else max(one for one in backs if one is not None)
        found.append(Input(f"clean/{name}", back=back, until=back is None, columns=used[name]))
    if not workflow.is_partitioned(root):  # features look at the values of the rows that were learned from
        found += [Input(f"clean/{root}", columns=used[root]), Input("datasets/examples")]
    # What the gate said changes no prediction; which model stands is read from the registry.
    return [*found, Input("deployment/model", counts=False)]


def _scorer(workflow: Workflow) -> Callable[[Work], Results]:
    names = [edge.name for edge in _inputs(workflow)]

    def score(work: Work) -> Results:
        from mlwf_assets.deployment.scoring import score_sources

        for partition in work.partitions:
            pinned = {name: work.entries(name, partition) for name in names}
            yield partition, {_NAME: score_sources(workflow, work.home, work.lake, pinned)}

    return score
