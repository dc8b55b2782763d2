"""What is checked once the labels are there."""

from pathlib import Path

import pyarrow as pa
import pytest

from mlwf_assets.assets.models import model_steps, problem_kind
from mlwf_assets.errors import SpecError
from mlwf_assets.spec.loader import loads

FILE = """
type: mlwf_assets.MLWorkflow
attributes:
  name: homes
  project: {question: "What is it worth?", success: SUCCESS}
  sources: {homes: homes.csv}
  examples: {table: homes, label: price}
"""


def workflow(success):
    return loads(FILE.replace("SUCCESS", success), file=Path("homes/defs.yaml"))


def test_a_metric_that_the_labels_kind_does_not_have_is_refused_before_anything_is_learned():
    numbers = pa.table({"label": pa.array([1.5, 2.5])})
    assert problem_kind(workflow("rmse <= 10 on test"), numbers) == "regression"
    with pytest.raises(SpecError, match=r"defs.yaml:5: project.success: must be a metric for regression problems, how"):
        problem_kind(workflow("roc_auc >= 0.9 on test"), numbers)


def test_the_learning_curve_is_an_asset_where_it_is_asked_for():
    def names(more):
        made = loads(FILE.replace("SUCCESS", "rmse <= 10 on test") + more, file=Path("homes/defs.yaml"))
        return [output.name for step in model_steps(made) for output in step.outputs]

    assert "models/learning_curve" not in names("")
    assert names("  models: {learning_curve: true}\n")[-1] == "models/learning_curve"
