"""The Dagster component: a workflow file in, asset definitions out.

`type: mlwf_assets.MLWorkflow` in a defs.yaml names the class. Dagster's own reading of the attributes is
not used: `spec.loader` reads the file itself, so that every mistake is reported with its line.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster.components import ComponentLoadContext
from pydantic import BaseModel

from mlwf_assets.assets.automation.condition import WORKFLOW_TAG
from mlwf_assets.assets.automation.sensors import Automatic, automatic
from mlwf_assets.assets.gpu_pod import on_cluster, retrying
from mlwf_assets.assets.graph import workflow_partitions, workflow_steps
from mlwf_assets.assets.laziness import materialize
from mlwf_assets.assets.partitions import backfill_policy, partition_mapping, partitions_definition
from mlwf_assets.assets.recipes import step_code
from mlwf_assets.assets.resources import HOME, MlwfHome
from mlwf_assets.assets.step import Output, Step
from mlwf_assets.spec.loader import load, name_in
from mlwf_assets.spec.sample import parse_sample_name, sampled
from mlwf_assets.spec.workflow import Workflow

_GROUPS = ("raw", "clean", "datasets", "features", "models", "evaluation", "deployment")
_BESIDE = {"quarantine": "clean", "outliers": "clean"}


class MLWorkflow(dg.Component):
    """A whole machine-learning workflow, from where the data is to the deployed model."""

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """Return the form of the attributes, for Dagster's docs and `dg check yaml`."""
        return Workflow

    @classmethod
    def load(cls, attributes: BaseModel | None, context: ComponentLoadContext) -> "MLWorkflow":
        """Take the component; its file is read by `build_defs`."""
        return cls()

    def build_defs(self, context: ComponentLoadContext) -> dg.Definitions:
        """Make the assets of the workflow in the component's folder."""
        return load_folder(context.path)


def workflow_definitions(workflow: Workflow, home: MlwfHome = HOME, *, alone: bool = True) -> dg.Definitions:
    """Make the assets, checks, the job and what automation there is of one workflow; their state lives in `home`.

    Args:
        workflow: the workflow.
        home: where state lives.
        alone: False: a sample's assets stand beside those of the whole workflow, which has its raw and clean tables.
    """
    steps = workflow_steps(workflow)
    own = [step for step in steps if alone or step.workflow == workflow.name]
    keys = [asset_key(step, output) for step in own for output in step.outputs]
    alive = automatic(workflow, home)
    return dg.Definitions(
        assets=[*(_assets(workflow, steps, step, alive) for step in own), *(alive.assets() if alive else ())],
        jobs=[
            dg.define_asset_job(
                workflow.name,
                selection=dg.AssetSelection.assets(*keys),
                description=workflow.project.question,
                tags={WORKFLOW_TAG: workflow.name},
            )
        ],
        sensors=list(alive.sensors(keys)) if alive else [],
        resources={"mlwf_home": home},
    )


def asset_key(step: Step, output: Output) -> dg.AssetKey:
    """Return the key of an asset that a step writes."""
    return dg.AssetKey([step.workflow, *output.name.split("/")])


def _assets(workflow: Workflow, steps: Sequence[Step], step: Step, alive: Automatic | None) -> dg.AssetsDefinition:
    """Make one Dagster op of a step, with an asset for each of its outputs."""
    cut = partitions_definition(workflow.partitions) if step.partitioned and workflow.partitions else None

    @dg.multi_asset(
        name=re.sub(r"\W", "_", f"{step.workflow}__{step.name}"),
        specs=[_spec(workflow, steps, step, output, alive) for output in step.outputs],
        check_specs=list(_check_specs(step)),
        partitions_def=cut,
        backfill_policy=backfill_policy(workflow.partitions) if cut and workflow.partitions else None,
        can_subset=False,
        **on_cluster(step.pod),
    )
    def body(context: dg.AssetExecutionContext, mlwf_home: MlwfHome) -> Iterator[Any]:
        # Where the end is open, there are more partitions now than when the definitions were loaded.
        names = workflow_partitions(workflow)
        events = materialize(context, workflow, steps, step, names, mlwf_home.folder)
        yield from events if step.pod is None else retrying(events)

    return body


def _spec(
    workflow: Workflow, steps: Sequence[Step], step: Step, output: Output, alive: Automatic | None
) -> dg.AssetSpec:
    group = output.name.partition("/")[0]
    files = alive.sources_of(step) if alive else []
    return dg.AssetSpec(
        asset_key(step, output),
        deps=[*_deps(steps, step), *(dg.AssetDep(key) for key in files)],
        description=_description(workflow, output),
        group_name=_group(step, group),
        owners=[workflow.project.owner] if workflow.project.owner else None,
        kinds=set(output.kinds),
        code_version=step_code(step),
        automation_condition=alive.condition(output.name) if alive else None,
        metadata=_project(workflow) if group in ("datasets", "evaluation", "deployment") else {},
        # A run of the workflow reports the partitions that it asks for one by one, or none.
        skippable=step.newest is not None,
    )


def _group(step: Step, group: str) -> str:
    """Number the groups, for the UI sorts them by name."""
    phase = _BESIDE.get(group, group)
    return f"{step.workflow}_{_GROUPS.index(phase) + 1}_{phase}"


def _description(workflow: Workflow, output: Output) -> str:
    return f"{output.description}\n\n{workflow.project.question}"


def _project(workflow: Workflow) -> Mapping[str, str]:
    project = workflow.project
    today = project.process_today.description if project.process_today else ""
    stated = {"question": project.question, "process today": today, "success": str(project.success or "")}
    return {name: text for name, text in stated.items() if text}


def _deps(steps: Sequence[Step], step: Step) -> Iterator[dg.AssetDep]:
    writers = {output.name: (one, output) for one in steps for output in one.outputs}
    for edge in step.inputs:
        source, output = writers[edge.name]
        mapping = partition_mapping(step, source, edge)
        yield dg.AssetDep(asset_key(source, output), partition_mapping=mapping)


def _check_specs(step: Step) -> Iterator[dg.AssetCheckSpec]:
    for output in step.outputs:
        for name, description in output.checks.items():
            yield dg.AssetCheckSpec(name, asset=asset_key(step, output), description=description)


def load_folder(folder: Path) -> dg.Definitions:
    """Make the definitions of the workflow in a folder."""
    return workflow_definitions(load(folder))


def load_samples(folder: Path, home: MlwfHome = HOME) -> list[dg.Definitions]:
    """Make the definitions of the samples of a folder's workflow that were run in `home`: what they made is shown."""
    lake, name = home.folder / "lake", name_in(folder)
    found = [parse_sample_name(made.name) for made in sorted(lake.glob(f"{name}_sample_*"))]
    shares = [sample[1] for sample in found if sample is not None and sample[0] == name]
    return [workflow_definitions(sampled(load(folder), share), home, alone=False) for share in shares]
