"""docs/cleaning.md: its example is a contract that does what the page says."""

import re
from pathlib import Path

import pyarrow as pa
import pytest

import mlwf_assets
from mlwf_assets.cleaning import clean_table
from mlwf_assets.cleaning.made import make_rows
from mlwf_assets.errors import DataError
from mlwf_assets.spec.made import is_ours
from mlwf_assets.spec.query_columns import made_columns
from mlwf_assets.spec.tables import Rule, Table
from mlwf_assets.spec.yaml_text import parse_yaml
from mlwf_assets_tests.cleaning.toy import raw

DOCUMENT = Path(mlwf_assets.__file__).parent.parent / "docs" / "cleaning.md"
TOWNS = pa.table({"town": ["Bonn", "Ulm"], "zone": ["west", "nowhere"]})
ROW = {
    "trip_id": "1",
    "leaves": "31.12.2013 10:00",
    "distance_km": "10",
    "state": "done",
    "delay": "20",
    "goal": "Bonn",
}


@pytest.fixture(scope="module")
def document():
    return DOCUMENT.read_text(encoding="utf-8")


def clean_trips(document, rows, **changes):
    text = re.findall(r"```yaml\n(.*?)```", document, re.DOTALL)[0]
    table = Table.model_validate(parse_yaml(text).data["tables"]["trips"] | changes)
    columns = {name: [(ROW | row)[name] for row in rows] for name in ROW}
    raws = {"office": raw(columns, file="office.csv"), "archive": raw({name: [] for name in ROW})}
    types = {source: {"delay": "integer"} for source in raws}
    return clean_table(
        table, raws, {"towns": TOWNS}, types=types, name="trips", keys={"towns": "town"}, partition="2013-03"
    )


def test_the_example_sorts_rows_as_the_page_says(document):
    rows = [
        {}, {}, {"trip_id": None, "distance_km": "12 miles"}, {"trip_id": "2", "distance_km": "0"},
        {"trip_id": "3", "goal": "Ulm"}, {"trip_id": "4", "delay": "999"},
    ]  # fmt: skip
    cleaned = clean_trips(document, rows)
    (shown,) = re.findall(r"```\n(trips.distance.*?)\n```", document)
    assert cleaned.quarantine.table["_reason"].to_pylist() == [shown, "goes nowhere"]
    assert cleaned.counts.as_metadata() | {"reasons": {}} == {
        "rows_in": 6, "rows_out": 2, "quarantined": 2, "duplicates": 1, "contradictions": 0, "dropped": {"a test": 1},
        "nulled": {"odd delay": 1}, "noted": {}, "reasons": {},
    }  # fmt: skip
    first, fourth = cleaned.clean.table.to_pylist()
    assert (str(first["leaves"]), first["late"], first["zone"]) == ("2013-12-31 09:00:00+00:00", True, "west")
    assert fourth["delay"] is None


def test_the_page_names_every_action_and_every_count(document):
    actions = Rule.model_fields["otherwise"].annotation.__args__
    assert all(f"`{action}`" in document for action in actions)
    counts = clean_trips(document, [{}]).counts.as_metadata()
    assert all(f"`{name}`" in document for name in counts if name not in ("rows_in", "rows_out", "reasons"))
    assert all(f"`{name}`" in document for name in clean_trips(document, [{}]).quarantine.table.column_names)


def test_an_expression_that_fails_is_reported_as_the_page_says(document):
    late = {"late": {"type": "boolean", "sql": "CAST(state AS INTEGER) > 15"}}
    with pytest.raises(DataError) as caught:
        clean_trips(document, [{}], columns=late, key=["goal"], known_at="NULL", rules=[], outcomes=[])
    (shown,) = re.findall(r"```\ntrips/defs.yaml:\d+: (.*?) \.\.\.\n```", document)
    assert str(caught.value).startswith(shown)


def test_tables_made_from_others_are_what_the_page_says(document):
    text = re.findall(r"```yaml\n(.*?)```", document, re.DOTALL)[1]
    rows = [
        {"trip_id": str(i), "delay": str(10 * i), "state": "cancelled" if i == 3 else "done",
         "leaves": "31.12.2013 10:00" if i == 4 else "01.11.2013 10:00"}
        for i in range(1, 5)
    ]  # fmt: skip
    trips = clean_trips(document, rows).clean.table
    made = {}
    for name, attributes in parse_yaml(text).data["tables"].items():
        table = Table.model_validate(attributes)
        columns = made_columns(table.sql, {"trips": [c for c in trips.column_names if not is_ours(c)]}).columns
        given, types = make_rows(table.sql, {"trips": trips}, name=name)
        assert list(types) == list(columns)
        cleaned = clean_table(table, {name: given}, {}, types={name: types}, name=name)
        (made[name],) = cleaned.clean.table.to_pylist()
        assert str(made[name]["_known_at"]) == "2013-12-03 00:00:00+00:00"
    usual, states = made["usual_delays"], made["trips_by_state"]
    assert (usual["goal"], usual["trips"], usual["mean_delay"]) == ("Bonn", 3, 20.0)
    assert (states["done_trips"], states["cancelled_trips"], round(states["share_cancelled"], 3)) == (2, 1, 0.333)
