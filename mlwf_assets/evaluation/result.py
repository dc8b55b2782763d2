"""The asset of an evaluation: the test metrics as a table, the page and the JSON as files, a picture for the UI."""

import math
from typing import Any

import pyarrow as pa

from mlwf_assets.evaluation.record import Evaluation, as_json
from mlwf_assets.evaluation.report import charts, words
from mlwf_assets.evaluation.report.draw import as_markdown
from mlwf_assets.evaluation.report.page import render
from mlwf_assets.lake.result import Result

REPORT, TREE = "report.html", "evaluation.json"


def to_result(evaluation: Evaluation) -> Result:
    """Make what the lake keeps of an evaluation.

    Returns:
        Table: metric, value, low, high, words. Files: report.html, evaluation.json. Metadata: the answer, the
        verdict, the first metric of each model, a picture.
    """
    metrics = evaluation.metrics
    table = pa.table(
        {
            "metric": pa.array([one.name for one in metrics], pa.string()),
            "value": pa.array([one.value for one in metrics], pa.float64()),
            "low": pa.array([one.low for one in metrics], pa.float64()),
            "high": pa.array([one.high for one in metrics], pa.float64()),
            "words": pa.array([one.words for one in metrics], pa.string()),
        }
    )
    files = {REPORT: render(evaluation), TREE: as_json(evaluation)}
    return Result(table, files=files, metadata=_shown(evaluation), key=("metric",))


def _shown(evaluation: Evaluation) -> dict[str, Any]:
    metric = evaluation.headline
    models = {
        f"{metric.label}, {words.model_name(one.name)}": round(one.test.value, 4)
        for one in evaluation.leaderboard
        if math.isfinite(one.test.value)
    }
    picture = as_markdown(charts.headline(evaluation), f"{metric.label} on the test rows")
    return {
        "answer": words.answer(evaluation),
        "verdict": evaluation.verdict.words,
        "test rows": evaluation.rows,
        **models,
        "picture": picture,
    }
