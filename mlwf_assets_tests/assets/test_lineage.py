"""What each column is made from, as the file says it; and how the UI gets it."""

import pytest

from mlwf_assets.assets.lineage import feature_lineage, table_lineage
from mlwf_assets.assets.metadata import for_dagster, with_origins
from mlwf_assets.lake.result import Entry
from mlwf_assets.spec.loader import loads
from mlwf_assets_tests.spec.toy import COLUMNS, FILE, TEXT

MADE = """
    per_bus:
      sql: >-
        SELECT bus, seats, count(*) AS trips, avg(distance * seats) AS load
        FROM trips JOIN buses USING (bus) GROUP BY ALL
      known_at: "TIMESTAMP '2013-06-01'"
      columns: {full: {sql: load > 100 + trips}}
"""


@pytest.fixture(scope="module")
def workflow():
    return loads(TEXT.replace("    towns: {key: [town]}\n", "    towns: {key: [town]}" + MADE), file=FILE)


def of(lineage, column):
    return [f"{asset}.{origin}" for asset, origin in lineage[column]]


def test_columns_of_a_table_lead_to_raw_ones_and_to_what_is_looked_up(workflow):
    lineage = table_lineage(workflow, "trips", {"trips": COLUMNS["trips"]})
    assert of(lineage, "distance") == ["raw/trips.distance"]
    assert of(lineage, "trip_id") == ["raw/trips.bus", "raw/trips.leaves"]
    assert of(lineage, "late") == ["raw/trips.delay"]
    assert of(lineage, "zone") == ["clean/towns.zone", "raw/trips.goal"]
    assert of(lineage, "_known_at") == of(lineage, "_time") == ["raw/trips.leaves"]
    assert of(lineage, "_known_at_OUTCOME_1") == ["raw/trips.delay", "raw/trips.leaves"]


def test_columns_made_by_sql_lead_to_the_tables_that_they_are_made_from(workflow):
    columns = {"trips": [*COLUMNS["trips"], "_known_at"], "buses": COLUMNS["buses"]}
    lineage = table_lineage(workflow, "per_bus", columns)
    assert of(lineage, "bus") == ["clean/buses.bus", "clean/trips.bus"]
    assert of(lineage, "load") == of(lineage, "full") == ["clean/buses.seats", "clean/trips.distance"]
    assert lineage["trips"] == []


def test_features_lead_to_clean_columns():
    made = feature_lineage([{"name": "f", "columns": ["trips.leaves", "buses.a.b"]}])
    assert made == {"f": [["clean/trips", "leaves"], ["clean/buses", "a.b"]]}


def test_what_a_column_is_made_from_stands_beside_it_and_in_dagsters_own_form():
    schema = [{"name": name, "type": "string", "description": "the words"} for name in ("late", "n")]
    lineage = {"late": [["raw/trips", "delay"]], "n": [], "gone": [["raw/trips", "x"]]}
    entry = Entry(
        table="trips/clean/trips", partition=None, recipe="", fingerprint="", version=1, rows=1, seconds=0.0, run_id="",
        metadata={"schema": schema, "lineage": lineage}, files={}, created_s=0.0,
    )  # fmt: skip
    shown = for_dagster(entry, reused=False, uri="", links={})
    late, n = shown["dagster/column_schema"].columns
    assert (late.description, n.description) == ("the words; from raw/trips: delay", "the words")
    (dep,) = shown["dagster/column_lineage"].deps_by_column.pop("late")
    assert (dep.asset_key.path, dep.column_name) == (["trips", "raw", "trips"], "delay")
    assert not shown["dagster/column_lineage"].deps_by_column
    assert "lineage" not in shown


def test_many_origins_are_cut_short():
    assert with_origins("", [["raw/t", f"c{i}"] for i in range(9)]) == "from raw/t: c0, c1, c2, c3, c4, c5, ..."
