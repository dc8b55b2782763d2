"""deployment/model: through the gate into the registry, or the reason why not."""

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from mlwf_assets.assets.evaluation import REPORT
from mlwf_assets.assets.models import example_key
from mlwf_assets.assets.own_code import own_code
from mlwf_assets.assets.step import Input, Output, Results, Step, Work
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.extensions import Metric
from mlwf_assets.spec.outputs import Deployment
from mlwf_assets.spec.timeline import cut_names
from mlwf_assets.spec.workflow import Workflow

GATE = "gate"
_NAME = "deployment/model"


def deployment_steps(workflow: Workflow) -> list[Step]:
    """Make the step of the registered model, where the workflow names one."""
    if workflow.deployment is None:
        return []
    return [
        Step(
            outputs=(
                Output(
                    _NAME,
                    f"The gate's verdict and the registered model {workflow.deployment.registered_model}.",
                    kinds=("mlflow",),
                    columns={
                        "registered_model": "its name in MLflow's registry",
                        "alias": "what is moved to a version that passes",
                        "passed": "whether the model came through the gate",
                        "version": "the registered version, if it did",
                        "reason": "what the gate said",
                    },
                    checks={GATE: "Good enough, and not worse than the model that stands."},
                ),
            ),
            inputs=(
                *(Input(name) for name in ("features/matrix", "features/test_matrix", "models/ensemble")),
                Input("features/relational", back=None),
                Input("models/leaderboard"),
                Input("evaluation/report"),
            ),
            compute=_deployer(workflow, workflow.deployment),
            settings=[
                workflow.deployment.model_dump(mode="json", exclude={"predictions"}),
                workflow.project.model_dump(mode="json"),
                workflow.models.model_dump(mode="json", include={"metric", "families"}),
                example_key(workflow),
            ],
            libraries=("mlflow",),
            own=own_code(workflow, workflow.own.of(Metric)),
            preload=("mlflow", "lightgbm"),
            acts=True,  # the alias may point to another model by now
        )
    ]


def _deployer(workflow: Workflow, spec: Deployment) -> Callable[[Work], Results]:
    def bring_in(work: Work) -> Results:
        from mlwf_assets.deployment.assemble import assemble, judged_metrics
        from mlwf_assets.deployment.deploy import deploy
        from mlwf_assets.deployment.store import open_store
        from mlwf_assets.models.metrics import default_metric
        from mlwf_assets.models.own_metrics import own_metrics
        from mlwf_assets.models.predictor import unpacked

        with own_metrics(workflow.own), unpacked(work.files("models/ensemble")) as folder:
            candidate, rows = assemble(
                workflow,
                spec,
                predictor=folder,
                features=json.loads(work.file("features/matrix", "features.json")),
                test=work.read("features/test_matrix"),
                key=example_key(workflow),
                metrics=work.read("evaluation/report"),
                files=_files(work, workflow),
                origin=_origin(work, workflow),
                report_link=f"/reports/{workflow.name}/{REPORT}",
            )
            metric = workflow.models.metric or default_metric(candidate.kind)
            made = deploy(
                open_store(work.home), candidate, rows, success=workflow.project.success, metric=metric,
                metrics=judged_metrics(workflow, candidate, work.read("models/leaderboard")),
                seed=workflow.models.seed,
            )  # fmt: skip
        yield None, {_NAME: _to_result(spec, made)}

    return bring_in


def _to_result(spec: Deployment, made: Any) -> Result:
    """One row with the verdict; which version it became, for people."""
    registered = made.registered
    row = {
        "registered_model": spec.registered_model,
        "alias": spec.alias,
        "passed": made.decision.passed,
        "version": registered.version if registered else None,
        "reason": str(made.decision),
    }
    schema = pa.schema(
        [(n, pa.bool_() if n == "passed" else pa.int64() if n == "version" else pa.string()) for n in row]
    )
    links = {"model version": registered.link(), "MLflow run": registered.run_link()} if registered else {}
    check = {"passed": made.decision.passed, "description": str(made.decision), "metadata": {}}
    return Result(
        pa.Table.from_pylist([row], schema=schema),
        metadata={"verdict": str(made.decision), **links, "checks": {GATE: check}},
    )


def _files(work: Work, workflow: Workflow) -> dict[str, bytes]:
    """What goes into the registry beside the model."""
    from mlwf_assets.assets.tracing import trace
    from mlwf_assets.deployment.provenance import FILE, pack

    return {
        FILE: pack(trace(workflow, work)),
        "features.json": work.file("features/matrix", "features.json"),
        "definitions.json": work.file("features/relational", "definitions.json"),
        REPORT: work.file("evaluation/report", REPORT),
    }


def _origin(work: Work, workflow: Workflow) -> Any:
    from mlwf_assets.deployment.candidate import Origin

    return Origin(
        run_id=work.run_id,
        asset=f"{workflow.name}/{_NAME}",
        partitions=cut_names(workflow.partitions) if workflow.partitions else (),
        tables=work.versions(),
    )
