"""What MLflow is told of a workflow's trials: a parent run per family, with a link back to Dagster.

Stands in this room, whose code is no part of a recipe: how trials are recorded changes no model.
"""

from mlwf_assets.assets.step import Work
from mlwf_assets.models.family import FamilyResult
from mlwf_assets.spec.timeline import cut_names
from mlwf_assets.spec.workflow import Workflow


def log_trials(work: Work, workflow: Workflow, family: str, made: FamilyResult) -> str:
    """Record the trials of a family; return the page of its run below the address of `mlwf up`."""
    from mlwf_assets.deployment.candidate import Origin
    from mlwf_assets.deployment.store import open_store
    from mlwf_assets.deployment.tracking import FamilyRun, log_family

    run = FamilyRun(
        experiment=workflow.name,
        family=family,
        recipe=work.recipes[None],
        metric=made.metric,
        trials=made.trials,
        metrics=made.metrics,
        params=made.params,
        origin=Origin(
            run_id=work.run_id,
            asset=f"{workflow.name}/models/{family}",
            partitions=cut_names(workflow.partitions) if workflow.partitions else (),
            tables=work.versions(),
        ),
    )
    return log_family(open_store(work.home), run).link()
