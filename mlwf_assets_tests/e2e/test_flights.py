"""The main job on real data: flights of New York from raw files to a registered model."""

from pathlib import Path

import pytest
import yaml

from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.loader import find

LOAD = """
import json, mlflow
model = mlflow.pyfunc.load_model("models:/flight-on-time@champion")
print(json.dumps(len(model.metadata.get_input_schema().input_names())))
"""


def first_months(folder):
    """The packaged workflow over three months, with a little history, two fast families and one configuration each."""
    document = yaml.safe_load((find("flights") / "defs.yaml").read_text(encoding="utf-8"))
    attributes = document["attributes"]
    attributes["partitions"]["end"] = "2013-04-01"
    attributes["splits"] = {"by": "time", "validation": "1 month", "test": "1 month"}
    attributes["features"]["relational"]["history"] = [{"by": ["plane", "origin"], "windows": ["1 day"]}]
    attributes["models"].update(families=["linear", "lightgbm"], budget={"trials": 1}, folds=2)
    attributes["project"]["success"] = "roc_auc >= 0.6 on test"
    folder.mkdir()
    (folder / "defs.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return folder


@pytest.mark.soak
def test_flights_go_from_raw_files_to_a_registered_model(installation, tmp_path, full):
    """Three months by default; under --full the file as it is, as `make demo` runs it."""
    workflow = "flights" if full else first_months(tmp_path / "flights")
    document = installation.run_json(workflow)
    lake = Lake(installation.home / "lake")
    metrics = {row["metric"]: row["value"] for row in lake.read("flights/evaluation/report").to_pylist()}
    # With seconds as its budget, a slower machine finds a weaker model.
    assert metrics["roc_auc"] > (0.72 if full else 0.6)
    [verdict] = lake.read("flights/deployment/model").to_pylist()
    assert verdict["passed"] == (metrics["roc_auc"] >= (0.7 if full else 0.6))
    assert document["failed"] == []
    if full:
        assert sum(entry.rows for entry in lake.entries("flights/clean/flights").values()) == 336_776
    again = installation.run_json(workflow)
    assert again["computed"] == []
    if verdict["passed"]:
        columns = installation.python(LOAD, MLFLOW_TRACKING_URI=f"sqlite:///{installation.home}/mlflow/mlflow.db")
        assert columns == lake.entry("flights/features/matrix").metadata["features"]
    report = Path(installation.home / "reports" / "flights" / "report.html").read_text(encoding="utf-8")
    assert "Will this flight be on time?" in report
