"""Into the registry, once: a run, a logged model, a version, and last of all the alias.

Every step is found again by the candidate's fingerprint, which each of them carries as a tag; whoever is
killed in between goes on where he was, and until the alias moves the old champion stands. What a version
consists of stands in `package.py`, whether it may be one in `gate.py`.
"""

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlwf_assets.deployment.candidate import Candidate
from mlwf_assets.deployment.card import write_card
from mlwf_assets.deployment.champion import find_champion
from mlwf_assets.deployment.gate import Decision
from mlwf_assets.deployment.package import saved_model
from mlwf_assets.deployment.pages import run_page, version_page
from mlwf_assets.deployment.store import Store
from mlwf_assets.errors import GateError

FINGERPRINT = "mlwf.fingerprint"
_STEP = "deployment"


@dataclass(frozen=True)
class Registered:
    """A version in the registry.

    Attributes:
        name: of the registered model.
        version: its number.
        run_id: of its MLflow run.
        experiment_id: of the workflow's experiment.
        model_id: of the logged model.
        fingerprint: of the candidate.
        reused: whether it stood there before.
        replaced: the version that the alias pointed to before; None if there was none, or the same.
    """

    name: str
    version: int
    run_id: str
    experiment_id: str
    model_id: str
    fingerprint: str
    reused: bool
    replaced: int | None

    def link(self) -> str:
        """The version's page below the gateway's address."""
        return version_page(self.name, self.version)

    def run_link(self) -> str:
        """The run's page below the gateway's address."""
        return run_page(self.experiment_id, self.run_id)


def register(store: Store, candidate: Candidate, decision: Decision) -> Registered:
    """Register a candidate that passed the gate and point the alias to it.

    The same candidate twice gives the version that stands.

    Raises:
        GateError: if the decision is a refusal; then nothing was changed.
    """
    if not decision.passed:
        raise GateError(f"{candidate.registered_model} was not deployed: {decision}")
    experiment_id = store.experiment(candidate.workflow)
    with store.lock(candidate.registered_model):
        version = _find_version(store, candidate)
        reused = version is not None
        if version is None:
            run_id = _ensure_run(store, candidate, experiment_id)
            model = _ensure_model(store, candidate, experiment_id, run_id)
            _fill_run(store, candidate, decision, run_id, model.model_id)
            version = _create_version(store, candidate, decision, run_id, model)
        before = find_champion(store, candidate.registered_model, alias=candidate.alias)
        replaced = int(before.version) if before is not None and before.version != version.version else None
        if before is None or replaced is not None:
            store.client.set_registered_model_alias(candidate.registered_model, candidate.alias, version.version)
    return Registered(
        candidate.registered_model, int(version.version), version.run_id, experiment_id,
        version.tags["mlwf.model_id"], candidate.fingerprint, reused, replaced,
    )  # fmt: skip


def _find_version(store: Store, candidate: Candidate) -> Any | None:
    found = store.client.search_model_versions(
        f"name = '{candidate.registered_model}' and tags.`{FINGERPRINT}` = '{candidate.fingerprint}'"
    )
    return max(found, key=lambda version: int(version.version), default=None)


def _ensure_run(store: Store, candidate: Candidate, experiment_id: str) -> str:
    found = store.client.search_runs(
        [experiment_id],
        f"tags.`{FINGERPRINT}` = '{candidate.fingerprint}' and tags.`mlwf.step` = '{_STEP}'",
        max_results=1,
    )
    if found:
        return str(found[0].info.run_id)
    run = store.client.create_run(
        experiment_id,
        run_name=f"{candidate.registered_model} {candidate.fingerprint[:8]}",
        tags={**_tags(candidate), "mlwf.step": _STEP},
    )
    return str(run.info.run_id)


def _ensure_model(store: Store, candidate: Candidate, experiment_id: str, run_id: str) -> Any:
    """The logged model with all its files; one that a killed process left half is thrown away."""
    from mlflow.entities import LoggedModelStatus

    for model in store.client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'"):
        if model.status == LoggedModelStatus.READY:
            return model
        store.client.delete_logged_model(model.model_id)
    model = store.client.create_logged_model(
        experiment_id,
        name=candidate.registered_model,
        source_run_id=run_id,
        tags=_tags(candidate),
        params={name: str(value) for name, value in candidate.params.items()},
        model_type=candidate.kind,
    )
    with saved_model(candidate, run_id=run_id, model_id=model.model_id) as folder:
        store.client.log_model_artifacts(model.model_id, str(folder))
    return store.client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)


def _fill_run(store: Store, candidate: Candidate, decision: Decision, run_id: str, model_id: str) -> None:
    """Metrics, parameters, files. Twice is once: equal values at equal times are stored once."""
    from mlflow.entities import LoggedModelOutput, Metric, Param, RunTag

    run = store.client.get_run(run_id)
    at_ms = run.info.start_time
    metrics = {f"test_{name}": float(value) for name, value in candidate.metrics.items()}
    store.client.log_batch(
        run_id,
        metrics=[Metric(k, v, at_ms, 0, model_id=model_id, run_id=run_id) for k, v in metrics.items()],
        params=[Param(name, str(value)) for name, value in candidate.params.items()],
        tags=[RunTag("mlflow.note.content", write_card(candidate, decision))],
    )
    if run.outputs is None or not run.outputs.model_outputs:
        store.client.log_outputs(run_id, [LoggedModelOutput(model_id, 0)])
    with tempfile.TemporaryDirectory(prefix="mlwf-run-") as folder:
        for name, content in {**candidate.files, **candidate.run_files}.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        store.client.log_artifacts(run_id, folder)
    store.client.set_terminated(run_id, "FINISHED", end_time=int(time.time() * 1000))


def _create_version(store: Store, candidate: Candidate, decision: Decision, run_id: str, model: Any) -> Any:
    _ensure_registered_model(store, candidate)
    # The source is the files' place and not `models:/ID`: MLflow would look that id up in the store that
    # the process has set globally, whatever store this client belongs to.
    version = store.client.create_model_version(
        candidate.registered_model,
        source=model.artifact_location,
        run_id=run_id,
        tags={**_tags(candidate), "mlwf.model_id": model.model_id},
        description=write_card(candidate, decision),
    )
    # Only for the page of the logged model, which names the versions made from it.
    versions = json.dumps([{"name": candidate.registered_model, "version": version.version}])
    store.client.set_logged_model_tags(model.model_id, {"mlflow.modelVersions": versions})
    return version


def _ensure_registered_model(store: Store, candidate: Candidate) -> None:
    from mlflow.exceptions import MlflowException

    try:
        store.client.create_registered_model(
            candidate.registered_model,
            tags={"mlwf.workflow": candidate.workflow},
            description=candidate.question,
        )
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _tags(candidate: Candidate) -> dict[str, str]:
    """What leads back: to the content, the Dagster run, the partitions and the tables."""
    origin = candidate.origin
    tags = {
        FINGERPRINT: candidate.fingerprint,
        "mlwf.workflow": candidate.workflow,
        "mlwf.asset": origin.asset,
        "dagster.run_id": origin.run_id,
        "dagster.run": origin.run_link(),
        "dagster.asset": origin.asset_link(),
        "mlwf.report": candidate.report_link,
        "mlwf.partitions": origin.partitions_in_words(),
        "mlwf.tables": json.dumps(dict(origin.tables), sort_keys=True),
    }
    return {name: value for name, value in tags.items() if value}
