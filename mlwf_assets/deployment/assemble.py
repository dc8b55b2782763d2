"""From what a workflow's assets hold to a candidate, and the rows on which it meets the champion.

Reads tables and the exported predictor; decides nothing (`gate.py`) and stores nothing (`registry.py`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from mlwf_assets.deployment.candidate import Candidate, Origin
from mlwf_assets.deployment.champion import TestRows
from mlwf_assets.evaluation.usable import known_classes
from mlwf_assets.models.predictor import Predictor, load
from mlwf_assets.models.truth import read_truth
from mlwf_assets.spec.outputs import Deployment
from mlwf_assets.spec.workflow import Workflow


def assemble(
    workflow: Workflow,
    spec: Deployment,
    *,
    predictor: Path,
    features: Sequence[Mapping[str, Any]],
    test: pa.Table,
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
        metrics: `metric`, `value`, `low`, `high` on the test rows.
        files: what is kept beside it.
        origin: where it came from.
        report_link: the report's page.
    """
    loaded = load(predictor)
    classes = [str(name) for name in loaded.classes]
    test, _ = known_classes(test, kind=loaded.kind, classes=classes)
    frame = test.select([feature["name"] for feature in features]).to_pandas()
    truth = read_truth(test, kind=loaded.kind, classes=classes)
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
        question=workflow.project.question,
        owner=workflow.project.owner,
        files=files,
        report_link=report_link,
        origin=origin,
    )
    return candidate, TestRows(frame=frame, truth=truth.y, scores=loaded.predict(frame))


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
