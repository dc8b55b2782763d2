"""deployment/predictions on a whole run: the newest partition, scored with the model that stands."""

import csv
import json
import shutil
import time

import dagster as dg
import pyarrow.compute as pc
import pytest

from mlwf_assets.assets import stamps
from mlwf_assets.assets.component import workflow_definitions
from mlwf_assets.assets.execution import run_workflow
from mlwf_assets.assets.resources import MlwfHome
from mlwf_assets.deployment.batch import predict_rows, read_new_rows
from mlwf_assets.deployment.scoring import score_sources
from mlwf_assets.deployment.standing import load_champion
from mlwf_assets.deployment.store import open_store
from mlwf_assets.lake.result import Result
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.loader import load
from mlwf_assets_tests import small
from mlwf_assets_tests.e2e.test_predict import as_csv

# One worker for all that use the finished run: it is made once.
pytestmark = pytest.mark.xdist_group("parcels")

TABLE = "parcels/deployment/predictions"
KEY = dg.AssetKey(TABLE.split("/"))


@pytest.fixture
def copied(parcels, home):
    """The finished workflow and a home of its own, to be changed at will."""
    folder, installation, _ = parcels
    shutil.copytree(installation.home, home, dirs_exist_ok=True)
    return load(folder), home


def run(workflow, home):
    outcome = run_workflow(workflow, home, recorder=stamps.Recorder(), start_s=time.monotonic())
    assert not outcome.failures, outcome.failures
    return [(made.output, made.partition) for made in outcome.done if not made.reused]


def pinned(workflow, lake, month):
    names = ("clean/depots", "clean/weather", "raw/parcels")
    found = {name: list(lake.entries(f"{workflow.name}/{name}").values()) for name in names}
    return found | {"raw/parcels": [lake.entry("parcels/raw/parcels", month)]}


def test_the_newest_months_rows_get_the_bits_that_mlwf_predict_gives_them(parcels):
    folder, installation, document = parcels
    workflow, lake = load(folder), Lake(installation.home / "lake")
    made = lake.read(TABLE)
    assert [name for name in document["computed"] if name.startswith("deployment/")] == [
        "deployment/model",
        "deployment/predictions@2024-06",
    ]
    raw = lake.read("parcels/raw/parcels", ["2024-06"]).drop_columns(["_file", "_row"])
    rows = read_new_rows(workflow, "new.csv", as_csv(raw).encode())
    expected = predict_rows(workflow, load_champion(installation.home, workflow), rows, lake)
    assert made.num_rows == raw.num_rows > 200
    assert made.drop_columns(["cutoff"]).equals(expected.table)
    sent = raw["sent"].cast("timestamp[us]").cast("int64")
    assert pc.subtract(sent, made["cutoff"].cast("int64")).unique().to_pylist() == [3_600_000_000]
    with (installation.home / "reports" / "parcels" / "predictions" / "2024-06.csv").open() as file:
        written = [row["probability_true"] for row in csv.DictReader(file)]
    assert written == [str(value) for value in made["probability_true"].to_pylist()]
    metadata = lake.entry(TABLE, "2024-06").metadata
    assert metadata["model"] == "parcel-late version 1"
    assert metadata["rows"] == metadata["predicted"] == made.num_rows
    assert metadata["mean probability of late"] == round(pc.mean(made["probability_true"]).as_py(), 4)


def test_an_older_month_is_made_when_somebody_asks_for_it_and_is_left_alone_by_a_run(copied):
    workflow, home = copied
    definitions = workflow_definitions(workflow, MlwfHome(path=str(home)))
    with dg.DagsterInstance.get() as instance:
        assert instance.get_materialized_partitions(KEY) == {"2024-06"}
        job = definitions.resolve_job_def("parcels")
        assert job.execute_in_process(instance=instance, asset_selection=[KEY], partition_key="2024-01").success
        assert instance.get_materialized_partitions(KEY) == {"2024-01", "2024-06"}
    rows = {row["id"]: row for row in Lake(home / "lake").read(TABLE, ["2024-01"]).to_pylist()}
    # One parcel is too heavy, of one it is not known yet how late it came.
    assert (rows["p0010"]["problem"], rows["p0010"]["prediction"]) == ("too heavy", None)
    assert (rows["p0020"]["problem"], rows["p0020"]["prediction"]) in {(None, True), (None, False)}
    assert run(workflow, home) == []


def test_a_new_champion_makes_them_again(copied):
    workflow, home = copied
    client = open_store(home).client
    first = client.get_model_version_by_alias("parcel-late", "champion")
    second = client.create_model_version("parcel-late", source=first.source, run_id=first.run_id)
    client.set_registered_model_alias("parcel-late", "champion", second.version)
    assert run(workflow, home) == [("deployment/predictions", "2024-06")]
    assert set(Lake(home / "lake").read(TABLE)["model_version"].to_pylist()) == {2}
    assert run(workflow, home) == []


def test_without_a_champion_it_is_said_and_nothing_fails(copied):
    workflow, home = copied
    open_store(home).client.delete_registered_model_alias("parcel-late", "champion")
    assert run(workflow, home) == [("deployment/predictions", "2024-06")]
    entry = Lake(home / "lake").entry(TABLE, "2024-06")
    assert entry.rows == 0
    assert entry.metadata["nothing was predicted"] == "no version of parcel-late has the alias 'champion' yet"


def test_a_champion_that_cannot_score_what_the_workflow_makes_now_says_so(parcels, tmp_path):
    _, installation, _ = parcels
    workflow = load(small.write(tmp_path / "parcels", features={"relational": {"transforms": ["hour"]}}))
    lake = Lake(installation.home / "lake")
    made = score_sources(workflow, installation.home, lake, pinned(workflow, lake, "2024-06"))
    assert made.table.num_rows == 0
    assert "takes features that the workflow must make" in json.dumps(made.metadata)


def test_a_newest_month_without_rows_says_that_it_has_none(copied):
    workflow, home = copied
    lake = Lake(home / "lake")
    raw = lake.read("parcels/raw/parcels", ["2024-06"])
    types = {"types.json": lake.file_bytes(lake.entry("parcels/raw/parcels", "2024-06"), "types.json")}
    lake.write("parcels/raw/parcels", "2024-06", Result(raw.slice(0, 0), types), recipe="none", run_id="", seconds=0.0)
    made = score_sources(workflow, home, lake, pinned(workflow, lake, "2024-06"))
    assert made.table.num_rows == 0
    assert made.metadata["nothing was predicted"] == "the partition has no rows"
