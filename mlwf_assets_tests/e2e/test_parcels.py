"""A whole workflow by the command, from raw files to a registered model."""

import pytest

from mlwf_assets.lake.store import Lake
from mlwf_assets_tests import small
from mlwf_assets_tests.e2e.results import registered, tracking

# One worker for all that use the finished run: it is made once.
pytestmark = pytest.mark.xdist_group("parcels")

PREDICT = """
import json, sys
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model("models:/parcel-late@champion")
frame = pd.read_parquet(sys.argv[1])
print(json.dumps([float(value).hex() for value in model.predict(frame)]))
"""


def test_the_document_says_what_was_computed(parcels):
    _, _, document = parcels
    assert {"raw/parcels@2024-01", "models/ensemble", "evaluation/report", "deployment/model"} <= {
        *document["computed"]
    }
    assert document["reused"] == document["failed"] == []
    assert 0 < document["orchestration_share"] < 1


def test_a_second_run_computes_nothing(parcels):
    folder, installation, first = parcels
    second = installation.run_json(folder)
    assert second["computed"] == []
    assert sorted(second["reused"]) == sorted(first["computed"])
    assert second["run_id"] is None


def test_the_summary_names_assets_metrics_and_places(parcels):
    folder, installation, _ = parcels
    said = installation.mlwf("run", folder).stdout
    for part in (
        "clean/parcels",
        "reused",
        "ensemble",
        "roc_auc",
        "report.html",
        "models:/parcel-late@champion",
        "mlwf up",
    ):
        assert part in said


def test_the_registered_model_predicts_the_same_bits_in_a_fresh_process(parcels, tmp_path):
    _, installation, _ = parcels
    lake = Lake(installation.home / "lake")
    test = lake.read("parcels/features/test_matrix").to_pandas()
    test.to_parquet(tmp_path / "rows.parquet")
    entry = lake.entry("parcels/models/ensemble")
    files = {name: lake.file_bytes(entry, name) for name in entry.files}
    from mlwf_assets.models.predictor import loaded

    with loaded(files) as predictor:
        expected = [float(value).hex() for value in predictor.predict(test)]
    assert installation.python(PREDICT, tmp_path / "rows.parquet", **tracking(installation)) == expected


def test_the_version_holds_the_test_metric_and_leads_back(parcels):
    _, installation, document = parcels
    [[version, aliases, roc_auc, tags]] = registered(installation)
    assert (int(version), aliases) == (1, ["champion"])
    metrics = {
        row["metric"]: row["value"]
        for row in Lake(installation.home / "lake").read("parcels/evaluation/report").to_pylist()
    }
    assert roc_auc == metrics["roc_auc"] > 0.6
    assert tags["dagster.run_id"] == document["run_id"]
    assert "features/matrix" in tags["mlwf.tables"]
    assert "2024-06" in tags["mlwf.partitions"]


def test_a_refused_gate_registers_nothing_and_says_why(parcels, tmp_path, installation):
    changed = small.spec()
    changed["project"]["success"] = "roc_auc >= 0.999 on test"
    folder = small.write(tmp_path / "parcels", **changed)
    said = installation.mlwf("run", folder).stdout
    assert "not deployed" in said
    assert "roc_auc >= 0.999 on test is required" in said
    assert registered(installation) == []


def test_a_mistake_in_the_file_is_the_users(installation, tmp_path):
    changed = small.spec()
    changed["tables"]["parcels"]["kye"] = ["id"]
    folder = small.write(tmp_path / "parcels", **changed)
    failed = installation.mlwf("run", folder, code=2)
    assert "kye" in failed.stderr
    assert "Did you mean 'key'" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_failing_rule_stops_what_depends_on_it_and_nothing_else(installation, tmp_path):
    changed = small.spec()
    changed["tables"]["parcels"]["rules"][0]["otherwise"] = "fail"
    folder = small.write(tmp_path / "parcels", **changed)
    document = installation.run_json(folder, code=2)
    assert "clean/parcels" in document["failed"]
    assert "clean/weather@2024-01" in document["computed"]
    assert "too heavy" in document["errors"]["clean/parcels"]
