"""Tables made by SQL and odd rows as assets: over partitions, in order, lazily, and away from the test rows."""

import dagster as dg
import pytest

from mlwf_assets.assets.component import workflow_definitions
from mlwf_assets.assets.graph import workflow_steps
from mlwf_assets.assets.resources import MlwfHome
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.loader import load
from mlwf_assets_tests import small

GROUPS = ("raw", "clean", "quarantine", "datasets", "outliers")


def with_made_tables():
    tables = small.spec()["tables"]
    known_at = "TIMESTAMPTZ '2024-03-05'"
    again = {"sql": "SELECT depot, mean_minutes + 0 AS mean FROM by_depot", "key": ["depot"], "known_at": known_at}
    sql = """
        SELECT depot, count(*) AS n, avg(minutes) AS mean_minutes
        FROM parcels WHERE sent < '2024-03-01' GROUP BY depot
    """
    made = {"again": again, "by_depot": {"sql": sql, "key": ["depot"], "known_at": known_at}}
    return made | tables


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Without partitions, for each costs a run some time."""
    sources = {
        "parcels": {"path": "parcels.csv"},
        "weather": {"path": "weather.csv"},
        "depots": {"path": "depots.jsonl"},
    }
    splits = {"by": "time", "validation": "2024-05-01", "test": "2024-06-01"}
    changes = {"tables": with_made_tables(), "sources": sources, "splits": splits, "partitions": None}
    return small.write(tmp_path_factory.mktemp("made") / "parcels", **changes)


def materialize(folder, home):
    """Bring all assets up to the odd rows up to date; return asset -> (fingerprint, status)."""
    definitions = workflow_definitions(load(folder), MlwfHome(path=str(home)))
    keys = [key for key in definitions.resolve_all_asset_keys() if key.path[1] in GROUPS]
    with dg.DagsterInstance.get() as instance:
        job = definitions.resolve_job_def("parcels")
        assert job.execute_in_process(instance=instance, asset_selection=keys).success
        latest = {key: instance.get_latest_materialization_event(key).asset_materialization for key in keys}
    return {"/".join(key.path[1:]): event for key, event in latest.items()}


def test_a_table_made_by_sql_comes_after_those_that_it_is_made_from_and_has_no_partitions(folder):
    steps = {step.name: step for step in workflow_steps(load(folder))}
    names = list(steps)
    assert names.index("clean/parcels") < names.index("clean/by_depot") < names.index("clean/again")
    assert not steps["clean/by_depot"].partitioned
    assert [(one.name, one.back) for one in steps["clean/by_depot"].inputs] == [("clean/parcels", None)]


def test_nothing_but_the_report_reads_odd_rows(folder):
    readers = {step.name for step in workflow_steps(load(folder)) for one in step.inputs if "outliers/" in one.name}
    assert readers == {"evaluation/report"}


def test_made_tables_and_odd_rows_follow_the_rows_that_they_are_made_from(folder, home):
    events = materialize(folder, home)
    lake = Lake(home / "lake")
    rows = lake.read("parcels/clean/parcels").to_pandas()
    early = rows[rows["sent"] < "2024-03-01"].groupby("depot")["minutes"]
    made = lake.read("parcels/clean/by_depot").to_pandas()
    assert made["n"].tolist() == rows[rows["sent"] < "2024-03-01"].groupby("depot").size().tolist()
    assert made["mean_minutes"].tolist() == pytest.approx(early.mean().tolist(), abs=1e-9)
    assert lake.read("parcels/clean/again")["mean"].to_pylist() == made["mean_minutes"].tolist()
    lineage = events["clean/by_depot"].metadata["dagster/column_lineage"].value.deps_by_column
    assert [dep.column_name for dep in lineage["mean_minutes"]] == ["minutes"]
    assert "| row | score | why |" in events["outliers/parcels"].metadata["the oddest"].value
    assert len((home / "reports/parcels/outliers/parcels.csv").read_text().splitlines()) == 11
    assert lake.read("parcels/outliers/depots").num_rows == 0

    # A row of the test month is no row that the table or the forest may know.
    file = folder / "parcels.csv"
    lines = file.read_text().splitlines()
    last = max(range(1, len(lines)), key=lambda place: lines[place].split(",")[1])
    cells = lines[last].split(",")
    lines[last] = ",".join([*cells[:3], "99", *cells[4:]])
    file.write_text("\n".join(lines) + "\n")
    versions = {name: event.tags["dagster/data_version"] for name, event in events.items()}
    later = {name: event.tags["dagster/data_version"] for name, event in materialize(folder, home).items()}
    changed = {name for name in versions if versions[name] != later[name]}
    assert {"raw/parcels", "clean/parcels"} <= changed
    assert not {"clean/by_depot", "clean/again", "outliers/parcels", "datasets/train"} & changed
