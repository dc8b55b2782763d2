"""All steps of a workflow, in the order in which they can run."""

from dataclasses import replace

from mlwf_assets.assets.clean import clean_steps
from mlwf_assets.assets.datasets import dataset_steps
from mlwf_assets.assets.deployment import deployment_steps
from mlwf_assets.assets.evaluation import evaluation_steps
from mlwf_assets.assets.features import feature_steps
from mlwf_assets.assets.models import model_steps
from mlwf_assets.assets.outliers import outlier_steps
from mlwf_assets.assets.predictions import prediction_steps
from mlwf_assets.assets.raw import raw_steps
from mlwf_assets.assets.step import Step
from mlwf_assets.spec.timeline import cut_names
from mlwf_assets.spec.workflow import Workflow

# A sample of a workflow reads the same tables: it is made of fewer examples, not of fewer rows.
_SHARED = (raw_steps, clean_steps)


def workflow_steps(workflow: Workflow) -> list[Step]:
    """Make the steps of a workflow, each after those that it reads from.

    Raises:
        SpecError: if a part of the workflow file cannot be served.
    """
    phases = (
        dataset_steps,
        outlier_steps,
        feature_steps,
        model_steps,
        evaluation_steps,
        deployment_steps,
        prediction_steps,
    )
    shared = [replace(step, workflow=workflow.whole_name) for phase in _SHARED for step in phase(workflow)]
    return shared + [replace(step, workflow=workflow.name) for phase in phases for step in phase(workflow)]


def workflow_partitions(workflow: Workflow) -> list[str]:
    """Name the partitions of a workflow; none where nothing is cut."""
    return cut_names(workflow.partitions) if workflow.partitions else []
