"""evaluation/report: the one place that reads test rows; the metrics, and the page that people look at."""

import json
from collections.abc import Callable
from typing import Any

from mlwf_assets.assets import columns
from mlwf_assets.assets.clean import COUNTS
from mlwf_assets.assets.models import example_key
from mlwf_assets.assets.outliers import odd_rows
from mlwf_assets.assets.own_code import own_code
from mlwf_assets.assets.step import Input, Output, Results, Step, Work
from mlwf_assets.evaluation.report.templates import fingerprint
from mlwf_assets.spec.extensions import Metric
from mlwf_assets.spec.workflow import Workflow

REPORT = "report.html"
_DATASETS = ("features/matrix", "features/test_matrix")
_MODELS = ("models/ensemble", "models/leaderboard")
_SELECTION = "features/selection"


def evaluation_steps(workflow: Workflow) -> list[Step]:
    """Make the step of the report."""
    return [
        Step(
            outputs=(
                Output(
                    "evaluation/report",
                    "The test metrics with their intervals, and the report.",
                    kinds=("html",),
                    columns={
                        "metric": "its name in a workflow file",
                        "value": "on the test rows",
                        "low": "where its 95 % bootstrap interval begins",
                        "high": "where its 95 % bootstrap interval ends",
                        "words": "what it tells",
                    },
                    published={REPORT: REPORT, "evaluation.json": "evaluation.json"},
                ),
            ),
            inputs=(
                *(Input(name) for name in (*_DATASETS, *_MODELS, _SELECTION)),
                Input(f"clean/{workflow.examples.table}", back=None, columns=columns.for_report(workflow)),
                *(
                    Input(f"quarantine/{name}", back=None, columns=columns.none_of, files=(COUNTS,))
                    for name in workflow.tables
                ),
                *(Input(f"outliers/{name}") for name in workflow.tables),
            ),
            compute=_evaluator(workflow),
            settings=workflow.model_dump(mode="json", exclude={"automation", "sources", "python"}),
            libraries=("numpy", "pandas", "jinja2"),
            own=own_code(workflow, workflow.own.of(Metric)),
            preload=("lightgbm", "jinja2"),
            external=lambda _: fingerprint(),
        )
    ]


def cleaning_counts(work: Work, workflow: Workflow) -> list[dict[str, Any]]:
    """Return the counts of each table and partition."""
    counts = []
    for table in workflow.tables:
        for entry in work.entries(f"quarantine/{table}"):
            part = {"table": table, "partition": entry.partition}
            counts.append({**part, **json.loads(work.lake.file_bytes(entry, COUNTS))})
    return counts


def _evaluator(workflow: Workflow) -> Callable[[Work], Results]:
    def report(work: Work) -> Results:
        from mlwf_assets.evaluation.evaluate import evaluate
        from mlwf_assets.evaluation.result import to_result
        from mlwf_assets.models.own_metrics import own_metrics
        from mlwf_assets.models.predictor import loaded

        matrix, test = (work.read(name) for name in _DATASETS)
        with own_metrics(workflow.own), loaded(work.files("models/ensemble")) as predictor:
            evaluation = evaluate(
                workflow,
                test=test,
                matrix=matrix,
                features=json.loads(work.file("features/test_matrix", "features.json")),
                predictor=predictor,
                leaderboard=work.read("models/leaderboard"),
                counts=cleaning_counts(work, workflow),
                odd=odd_rows(work, workflow),
                examples=work.read(f"clean/{workflow.examples.table}"),
                key=example_key(workflow),
                provenance=work.versions(),
                selection=work.read(_SELECTION),
                report=work.report,
            )
        yield None, {"evaluation/report": to_result(evaluation)}

    return report
