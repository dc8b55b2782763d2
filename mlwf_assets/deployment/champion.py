"""The model that stands: found by its alias, loaded, and scored on the rows of its challenger.

Only reads. Whatever hinders the comparison is told in words and never raised: a champion of another time
may lack anything.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mlwf_assets.deployment import predictions
from mlwf_assets.deployment.candidate import Candidate
from mlwf_assets.deployment.gate import Comparison
from mlwf_assets.deployment.predictions import Array, TestRows
from mlwf_assets.deployment.store import Store
from mlwf_assets.errors import ModelError
from mlwf_assets.evaluation.bootstrap import Interval
from mlwf_assets.evaluation.compare import paired_difference
from mlwf_assets.models.metrics import find_metric


def find_champion(store: Store, registered_model: str, *, alias: str = "champion") -> Any | None:
    """The model version that the alias points to, or None."""
    from mlflow.exceptions import MlflowException

    try:
        return store.client.get_model_version_by_alias(registered_model, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def compare_with_champion(
    store: Store, candidate: Candidate, rows: TestRows, *, metric: str, n: int = 200, seed: int = 0
) -> Comparison | None:
    """Score the champion on the challenger's test rows; None where no champion stands.

    Args:
        store: holds the champion.
        candidate: the challenger.
        rows: where they meet.
        metric: by which both are judged, a name of `models.metrics`.
        n: bootstrap resamples.
        seed: of the resamples.
    """
    version = find_champion(store, candidate.registered_model, alias=candidate.alias)
    if version is None:
        return None
    name = f"{candidate.registered_model} version {version.version}"
    higher = find_metric(metric, candidate.kind).higher_is_better
    if version.tags.get("mlwf.fingerprint") == candidate.fingerprint:
        return Comparison(name, metric, higher, same=True)
    try:
        difference = _difference(store, version, candidate, rows, metric=metric, n=n, seed=seed)
    except Exception as error:  # noqa: BLE001 - whatever a model of another time raises must not block its successor
        return Comparison(name, metric, higher, obstacle=_in_words(error))
    return Comparison(name, metric, higher, difference=difference)


def _difference(
    store: Store, version: Any, candidate: Candidate, rows: TestRows, *, metric: str, n: int, seed: int
) -> Interval:
    import mlflow
    from mlflow.models import Model

    # `Model.load` of MLflow 3.17 takes no file:// address itself.
    description = mlflow.artifacts.download_artifacts(artifact_uri=f"{version.source}/MLmodel")
    facts = Model.load(description).metadata or {}
    _check_same_task(facts, candidate)
    return paired_difference(
        metric, rows.truth, rows.scores, _scores(store, version, rows), n=n, seed=seed, kind=candidate.kind,
        threshold=candidate.threshold, threshold_old=float(facts.get("threshold", 0.5)),
    )  # fmt: skip


def _scores(store: Store, version: Any, rows: TestRows) -> Array:
    """What the champion says about the rows today; where it cannot, what it said when it was registered."""
    try:
        return _predict(version, rows)
    except Exception:
        remembered = _remembered(store, version, rows)
        if remembered is None:
            raise
        return remembered


def _predict(version: Any, rows: TestRows) -> Array:
    import mlflow

    model = mlflow.pyfunc.load_model(version.source)
    schema = model.metadata.get_input_schema()
    missing = [name for name in schema.required_input_names() if name not in rows.frame]
    if missing:
        raise ModelError(f"it needs columns that are not made any more: {', '.join(missing[:5])}")
    taken = [name for name in schema.input_names() if name in rows.frame]
    return np.asarray(model.predict(rows.frame[taken]))


def _remembered(store: Store, version: Any, rows: TestRows) -> Array | None:
    if predictions.FILE not in {file.path for file in store.client.list_artifacts(version.run_id)}:
        return None
    with tempfile.TemporaryDirectory(prefix="mlwf-champion-") as folder:
        file = Path(store.client.download_artifacts(version.run_id, predictions.FILE, folder))
        return predictions.find(file.read_bytes(), rows)


def _check_same_task(facts: dict[str, Any], candidate: Candidate) -> None:
    if facts.get("kind") != candidate.kind:
        raise ModelError(f"it answers another kind of question ({facts.get('kind')})")
    if list(map(str, facts.get("classes", []))) != list(map(str, candidate.classes)):
        raise ModelError(f"it knows other classes ({', '.join(map(str, facts.get('classes', [])))})")


def _in_words(error: Exception) -> str:
    text = str(error).strip().splitlines()
    first = text[0] if text else ""
    return first if isinstance(error, ModelError) else f"{type(error).__name__}: {first}"[:300]
