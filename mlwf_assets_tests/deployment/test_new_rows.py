"""Which columns a file of new rows must have, and which part of the contract it is held to."""

import re
from pathlib import Path

import pytest

from mlwf_assets.deployment.new_rows import choose_source, expect
from mlwf_assets.errors import SchemaError, SpecError
from mlwf_assets.spec.loader import loads

TEXT = """
type: mlwf_assets.MLWorkflow
attributes:
  name: trips
  project: {question: "Will it be late?"}
  sources: {trips: trips.csv, corrections: corrections.csv, towns: {rows: [{town: a, size: 1}]}, wind: wind.csv}
  tables:
    trips:
      sources: [corrections, trips]
      key: [trip]
      known_at: planned
      lookups: {size: towns.size by goal, arrival_size: towns.size by stop}
      columns:
        trip: {sql: line || '-' || planned}
        planned: timestamp
        bus: {required: true}
        stop: {type: string, required: true}
        minutes: {type: number, required: true, min: 0}
        slow: {sql: minutes > 30, required: true}
      outcomes: {known_at: planned + INTERVAL 1 DAY, columns: [minutes, stop]}
      rules:
        - {name: not that slow, check: minutes < 600}
        - {name: by day, check: hour(planned) > 5, otherwise: drop}
        - {name: has a line, check: line IS NOT NULL, otherwise: fail}
        - {name: odd, check: length(line) < 9, otherwise: note}
    towns: {key: [town]}
    wind: {key: [place, hour], known_at: hour}
  relationships: ["trips.goal -> towns.town"]
  examples: {table: trips, label: slow, cutoff: planned - INTERVAL 1 HOUR, where: WHERE}
  features: {timeseries: {wind: {id: {place: start}, columns: [speed], windows: [6 hours]}}}
"""
RAW = ["line", "planned", "bus", "stop", "minutes", "goal", "start", "colour", "note"]
FEATURES = [
    {"name": "size", "columns": ["trips.size"]},
    {"name": "towns.size", "columns": ["towns.size", "trips.goal"]},
    {"name": "colour", "columns": ["trips.colour"]},
]
WIND = {"name": "wind.speed__latest", "columns": ["wind.speed"]}


def workflow(where="goal <> 'x'"):
    return loads(TEXT.replace("WHERE", where), file=Path("trips/defs.yaml"))


def missing(expected, found=()):
    with pytest.raises(SchemaError) as caught:
        expected.check_columns(found, raw=RAW, name="new.csv")
    return str(caught.value)


def test_needed_is_what_features_key_cutoff_where_and_contract_are_made_from():
    expected = expect(workflow(), FEATURES)
    assert expected.needed == {"trip", "line", "planned", "bus", "size", "goal", "colour"}
    assert "the columns line, planned, bus, goal and colour, " in missing(expected)
    assert "the column colour, " in missing(expected, ["line", "planned", "bus", "goal"])
    expected.check_columns(["line", "planned", "bus", "goal", "colour", "more"], raw=RAW, name="new.csv")


def test_readings_need_the_column_that_says_whose():
    assert expect(workflow(), [*FEATURES, WIND]).needed == expect(workflow(), FEATURES).needed | {"start"}


def test_what_is_known_later_is_forgotten_with_all_that_is_made_from_it():
    expected = expect(workflow(), FEATURES)
    assert expected.forgotten == {"minutes", "slow", "stop", "arrival_size"}
    assert list(expected.table.columns) == ["trip", "planned", "bus"]
    assert list(expected.table.lookups) == ["size"]
    assert expected.table.outcomes == ()


def test_without_outcomes_the_label_is_forgotten_with_all_that_it_is_made_from():
    text = re.sub(r" +outcomes: .*\n", "", TEXT.replace("WHERE", "goal <> 'x'"))
    text = text.replace("slow: {", "quick: {sql: minutes < length(note)}\n        slow: {")
    expected = expect(loads(text, file=Path("trips/defs.yaml")), FEATURES)
    assert expected.forgotten == {"minutes", "slow", "quick"}
    assert [rule.name for rule in expected.table.rules] == ["by day", "has a line", "odd"]


def test_a_condition_on_what_is_known_later_cannot_choose_among_new_rows():
    assert expect(workflow("minutes IS NOT NULL"), FEATURES).where is None
    assert expect(workflow(), FEATURES).where == "goal <> 'x'"


def test_no_rule_drops_a_row_or_stops_the_others():
    rules = expect(workflow(), FEATURES).table.rules
    assert {rule.name: rule.otherwise for rule in rules} == {
        "by day": "quarantine",
        "has a line": "quarantine",
        "odd": "note",
    }


def test_rows_are_not_made_one_for_their_key_but_need_it():
    table = expect(workflow(), FEATURES).table
    assert table.key == ()
    assert table.columns["trip"].required


def test_new_rows_look_like_the_first_source_of_files_or_the_one_that_is_named():
    assert choose_source(workflow(), None) == "corrections"
    assert choose_source(workflow(), "trips") == "trips"
    with pytest.raises(SpecError, match=r"--source must be a source of trips. Known: corrections, trips."):
        choose_source(workflow(), "wind")


def test_rows_of_a_table_that_is_made_by_sql_come_from_no_file():
    text = TEXT.replace("sources: [corrections, trips]", "sql: SELECT * FROM raw_trips").replace(
        "    towns: {key", "    raw_trips: {sources: [corrections, trips]}\n    towns: {key"
    )
    made = loads(text.replace("WHERE", "goal <> 'x'"), file=Path("trips/defs.yaml"))
    with pytest.raises(SpecError, match=r"trips/defs.yaml:9: tables.trips.sql: new rows must be rows of a source"):
        choose_source(made, None)
