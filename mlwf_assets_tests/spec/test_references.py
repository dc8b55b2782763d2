"""Columns that a workflow file names, held against those that the sources have."""

import pytest

from mlwf_assets.spec.late import late_columns
from mlwf_assets.spec.loader import loads
from mlwf_assets.spec.references import check, table_columns
from mlwf_assets_tests.spec.toy import COLUMNS, FILE, TEXT, edited, line, rows

UNKNOWN = {  # old, new, place, message
    "contract": ("distance: {type", "distanse: {type", "tables.trips.columns.distanse",
                 "must be a column of trips, or have 'sql:'. Did you mean 'distance'?"),
    "made column": ("sql: delay > 15", "sql: dely > 15", "tables.trips.columns.late.sql",
                    "there must be a column 'dely'. Did you mean 'delay'?"),
    "made too early": ("{type: number, min: 0, max: 500}", "{sql: length(trip_id)}",
                       "tables.trips.columns.distance.sql",
                       "'trip_id' must be made above; move it up, or this one down"),
    "made from itself": ("sql: delay > 15", "sql: late OR delay > 15", "tables.trips.columns.late.sql",
                         "must not be made from itself, however: no source has a column 'late'"),
    "key": ("key: [trip_id]", "key: [tripid]", "tables.trips.key[0]",
            "there must be a column 'tripid' in trips. Did you mean 'trip_id'?"),
    "known_at": ("known_at: leaves - INTERVAL", "known_at: leves - INTERVAL", "tables.trips.known_at",
                 "there must be a column 'leves'. Did you mean 'leaves'?"),
    "outcome": ("columns: [delay, late]", "columns: [dely, late]", "tables.trips.outcomes[0].columns[0]",
                "there must be a column 'dely' in trips. Did you mean 'delay'?"),
    "outcome's time": ("known_at: leaves + to_minutes(delay)", "known_at: arrives", "tables.trips.outcomes[0].known_at",
                       "there must be a column 'arrives'. Did you mean 'leaves'?"),
    "rule": ("check: distance > 0", "check: distance > 0 AND seats > 1", "tables.trips.rules[0].check",
             "there must be a column 'seats'. Known: "),
    "nulled": ("otherwise: null, columns: [delay]", "otherwise: null, columns: [dely]",
               "tables.trips.rules[1].columns[0]", "there must be a column 'dely' in trips."),
    "looked up": ("zone: towns.zone by goal", "zone: towns.zon by goal", "tables.trips.lookups.zone",
                  "there must be a column 'zon' in towns. Did you mean 'zone'?"),
    "looked up by": ("zone: towns.zone by goal", "zone: towns.zone by gaol", "tables.trips.lookups.zone",
                     "there must be a column 'gaol' in trips. Did you mean 'goal'?"),
    "source's time": ("TRY_CAST(leaves AS TIMESTAMP)", "TRY_CAST(trip_id AS TIMESTAMP)", "sources.trips.time",
                      "there must be a column 'trip_id'. Known: bus, goal, leaves, distance, delay."),
    "relationship": ("- trips.goal -> towns.town", "- trips.gaol -> towns.town", "relationships[1]",
                     "there must be a column 'gaol' in trips. Did you mean 'goal'?"),
    "cutoff": ("cutoff: leaves -", "cutoff: leaving -", "examples.cutoff",
               "there must be a column 'leaving'. Did you mean 'leaves'?"),
    "label": ("    label: late\n", "    label: tardy\n", "examples.label", "there must be a column 'tardy'. Known: "),
    "group": ("{by: time, validation: 2013-09-01, test: 2013-11-01}", "{by: group, group: buss}", "splits.group",
              "there must be a column 'buss' in trips. Did you mean 'bus'?"),
    "slice": ("slices: [goal]", "slices: [goal, seats]", "evaluation.slices[1]",
              "there must be a column 'seats' in trips."),
    "ignored": ("buses.name]", "buses.nmae]", "features.relational.ignore[1]",
                "there must be a column 'nmae' in buses. Did you mean 'name'?"),
    "ignored table": ("buses.name]", "busses.name]", "features.relational.ignore[1]",
                      "there must be a table 'busses'. Did you mean 'buses'?"),
    "series": ("columns: [speed]", "columns: [sped]", "features.timeseries.winds.columns[0]",
               "there must be a column 'sped' in winds. Did you mean 'speed'?"),
    "series' id here": ("id: {town: goal}", "id: {twon: goal}", "features.timeseries.winds.id",
                        "there must be a column 'twon' in winds. Did you mean 'town'?"),
    "series' id there": ("id: {town: goal}", "id: town", "features.timeseries.winds.id",
                         "there must be a column 'town' in trips."),
    "process today": ("rule: 0.01 * distance", "rule: 0.01 * seats", "project.process_today.rule",
                      "there must be a column 'seats'. Known: "),
}  # fmt: skip


def check_columns(workflow):
    check(workflow, COLUMNS)


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_column_is_reported_where_it_is_named(name):
    old, new, place, message = UNKNOWN[name]
    text = edited(old, new)
    found = rows(text, check_columns)
    expected = f"trips/defs.yaml:{line(text, new.lstrip())}: {place}: {message}"
    assert any(row.startswith(expected) for row in found), (expected, found)
    assert len(found) == 1 or name in ("contract", "key")  # others name the column, too


def test_all_are_reported_at_once():
    text = edited("check: distance > 0", "check: seats > 0").replace("slices: [goal]", "slices: [aim]")
    assert [row.split(": ")[1] for row in rows(text, check_columns)] == [
        "tables.trips.rules[0].check",
        "evaluation.slices[0]",
    ]


def test_what_fits_is_accepted():
    check(loads(TEXT, file=FILE), COLUMNS)


def test_a_table_has_its_contract_then_its_lookups_then_the_rest():
    columns = table_columns(loads(TEXT, file=FILE), COLUMNS)
    assert columns["trips"] == ["leaves", "distance", "trip_id", "late", "zone", "bus", "goal", "delay"]
    assert columns["buses"] == COLUMNS["buses"]


@pytest.mark.parametrize(
    "column", ["_file", "_row", "_row_id", "_partition", "_known_at", "_known_at_OUTCOME_1", "_mlwf_x"]
)
def test_a_source_must_not_use_names_of_ours(column):
    def check_more(workflow):
        check(workflow, COLUMNS | {"buses": ["bus", "name", column]})

    assert rows(TEXT, check_more) == [
        f"trips/defs.yaml:13: sources.buses: has a column {column!r}, a name of ours; rename it in the source"
    ]


def test_columns_must_differ_in_more_than_case():
    def check_more(workflow):
        check(workflow, COLUMNS | {"buses": ["bus", "Name", "name"], "trips": [*COLUMNS["trips"], "Late"]})

    assert rows(TEXT, check_more) == [
        "trips/defs.yaml:13: sources.buses: columns must differ in more than case, however: 'Name' and 'name'",
        "trips/defs.yaml:18: tables.trips: columns must differ in more than case, however: 'late' and 'Late'",
    ]


def test_what_is_made_from_outcomes_is_late_as_well():
    text = edited("late: {type: boolean, sql: delay > 15}", "late: {sql: delay > 15}\n        worse: {sql: NOT late}")
    text = text.replace("zone: towns.zone by goal", "zone: towns.zone by goal\n        moved: towns.zone by delay")
    assert late_columns(loads(text, file=FILE), "trips") == {"delay", "late", "worse", "moved"}
    assert late_columns(loads(TEXT, file=FILE), "winds") == set()
