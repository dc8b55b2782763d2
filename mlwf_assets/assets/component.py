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

from mlwf_assets.assets.graph import workflow_partitions, workflow_steps
from mlwf_assets.assets.laziness import materialize
from mlwf_assets.assets.partitions import partition_mapping, partitions_definition
from mlwf_assets.assets.recipes import step_code
from mlwf_assets.assets.resources import HOME, MlwfHome
from mlwf_assets.assets.step import Output, Step
from mlwf_assets.spec.loader import load
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


def workflow_definitions(workflow: Workflow, home: MlwfHome = HOME) -> dg.Definitions:
    """Make the assets, checks and the job of one workflow; their state lives in `home`."""
    steps = workflow_steps(workflow)
    return dg.Definitions(
        assets=[_assets(workflow, steps, step) for step in steps],
        jobs=[
            dg.define_asset_job(
                workflow.name,
                selection=dg.AssetSelection.key_prefixes([workflow.name]),
                description=workflow.project.question,
                tags={"mlwf/workflow": workflow.name},
            )
        ],
        resources={"mlwf_home": home},
    )


def asset_key(workflow: Workflow, name: str) -> dg.AssetKey:
    """Return the key of the asset 'GROUP/NAME' of a workflow."""
    return dg.AssetKey([workflow.name, *name.split("/")])


def _assets(workflow: Workflow, steps: Sequence[Step], step: Step) -> dg.AssetsDefinition:
    """Make one Dagster op of a step, with an asset for each of its outputs."""
    cut = partitions_definition(workflow.partitions) if step.partitioned and workflow.partitions else None
    names = workflow_partitions(workflow)

    @dg.multi_asset(
        name=re.sub(r"\W", "_", f"{workflow.name}__{step.name}"),
        specs=[_spec(workflow, steps, step, output) for output in step.outputs],
        check_specs=list(_check_specs(workflow, step)),
        partitions_def=cut,
        backfill_policy=dg.BackfillPolicy.single_run() if cut else None,
        can_subset=False,
    )
    def body(context: dg.AssetExecutionContext, mlwf_home: MlwfHome) -> Iterator[Any]:
        yield from materialize(context, workflow.name, steps, step, names, mlwf_home.folder)

    return body


def _spec(workflow: Workflow, steps: Sequence[Step], step: Step, output: Output) -> dg.AssetSpec:
    group = output.name.partition("/")[0]
    return dg.AssetSpec(
        asset_key(workflow, output.name),
        deps=list(_deps(workflow, steps, step)),
        description=_description(workflow, output),
        group_name=_group(workflow, group),
        owners=[workflow.project.owner] if workflow.project.owner else None,
        kinds=set(output.kinds),
        code_version=step_code(step),
        metadata=_project(workflow) if group in ("datasets", "evaluation", "deployment") else {},
        skippable=False,
    )


def _group(workflow: Workflow, group: str) -> str:
    """Number the groups, for the UI sorts them by name."""
    phase = _BESIDE.get(group, group)
    return f"{workflow.name}_{_GROUPS.index(phase) + 1}_{phase}"


def _description(workflow: Workflow, output: Output) -> str:
    return f"{output.description}\n\n{workflow.project.question}"


def _project(workflow: Workflow) -> Mapping[str, str]:
    project = workflow.project
    today = project.process_today.description if project.process_today else ""
    stated = {"question": project.question, "process today": today, "success": str(project.success or "")}
    return {name: text for name, text in stated.items() if text}


def _deps(workflow: Workflow, steps: Sequence[Step], step: Step) -> Iterator[dg.AssetDep]:
    writers = {output.name: one for one in steps for output in one.outputs}
    for edge in step.inputs:
        mapping = partition_mapping(step, writers[edge.name], edge)
        yield dg.AssetDep(asset_key(workflow, edge.name), partition_mapping=mapping)


def _check_specs(workflow: Workflow, step: Step) -> Iterator[dg.AssetCheckSpec]:
    for output in step.outputs:
        for name, description in output.checks.items():
            yield dg.AssetCheckSpec(name, asset=asset_key(workflow, output.name), description=description)


def load_folder(folder: Path) -> dg.Definitions:
    """Make the definitions of the workflow in a folder."""
    return workflow_definitions(load(folder))
