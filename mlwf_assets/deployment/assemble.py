"""From what a workflow's assets hold to a candidate, and the rows on which it meets the champion.

Reads tables and the exported predictor; decides nothing (`gate.py`) and stores nothing (`registry.py`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from mlwf_assets.deployment import predictions
from mlwf_assets.deployment.candidate import Candidate, Origin
from mlwf_assets.deployment.predictions import TestRows
from mlwf_assets.evaluation.board import read_before
from mlwf_assets.evaluation.usable import known_classes
from mlwf_assets.features.alignment import key_columns
from mlwf_assets.models.metrics import default_metric
from mlwf_assets.models.predictor import Predictor, load
from mlwf_assets.models.truth import ENSEMBLE, read_truth
from mlwf_assets.spec.outputs import Deployment
from mlwf_assets.spec.workflow import Workflow


def assemble(
    workflow: Workflow,
    spec: Deployment,
    *,
    predictor: Path,
    features: Sequence[Mapping[str, Any]],
    test: pa.Table,
    key: Sequence[str],
    metrics: pa.Table,
    files: Mapping[str, bytes],
    origin: Origin,
    report_link: str,
) -> tuple[Candidate, TestRows]:
    """Put a candidate together.

    Args:
        workflow: says what it is for.
        spec: where it goes.
        predictor: the folder that `models.predictor.export` wrote.
        features: name, kind and words of each column that it takes.
        test: the test matrix.
        key: its columns that name a row.
        metrics: `metric`, `value`, `low`, `high` on the test rows.
        files: what is kept beside it.
        origin: where it came from.
        report_link: the report's page.
    """
    loaded = load(predictor)
    classes = [str(name) for name in loaded.classes]
    test, _ = known_classes(test, kind=loaded.kind, classes=classes)
    truth = read_truth(test, kind=loaded.kind, classes=classes, class_words=workflow.examples.classes)
    frame = test.to_pandas()
    rows = TestRows(test.select(key_columns(key)), frame, truth.y, loaded.predict(frame[list(loaded.features)]))
    found = metrics.to_pylist()
    candidate = Candidate(
        workflow=workflow.name,
        registered_model=spec.registered_model,
        alias=spec.alias,
        kind=loaded.kind,
        predictor=predictor,
        features=features,
        example=frame,
        metrics={row["metric"]: row["value"] for row in found},
        intervals={row["metric"]: (row["low"], row["high"]) for row in found},
        params=_params(workflow, loaded, test),
        classes=loaded.classes,
        threshold=loaded.threshold,
        positive=truth.words[-1] if truth.words else "",
        question=workflow.project.question,
        owner=workflow.project.owner,
        files=files,
        run_files={predictions.FILE: predictions.pack(rows)},
        report_link=report_link,
        origin=origin,
    )
    return candidate, rows


def judged_metrics(workflow: Workflow, candidate: Candidate, leaderboard: pa.Table) -> dict[str, float]:
    """The metrics of the rows that `project.success` names.

    Args:
        workflow: states the condition.
        candidate: holds the metrics of the test rows.
        leaderboard: `model` and `score` before the test: of validation, only the metric is known by which
            models were chosen.
    """
    success = workflow.project.success
    if success is None or success.split == "test":
        return dict(candidate.metrics)
    metric, before = workflow.models.metric or default_metric(candidate.kind), read_before(leaderboard)
    return {metric: before[ENSEMBLE].score} if ENSEMBLE in before else {}


def _params(workflow: Workflow, predictor: Predictor, test: pa.Table) -> dict[str, Any]:
    """What people filter versions by."""
    weights = {f"weight_{name}": round(weight, 4) for name, weight in predictor.weights.items()}
    return {
        "families": ", ".join(workflow.models.families),
        "threshold": predictor.threshold,
        "features": len(predictor.features),
        "test_rows": test.num_rows,
        **weights,
    }
