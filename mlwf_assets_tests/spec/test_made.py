"""Tables made from others by SQL: mistakes that the file alone tells, and those that need the sources' columns."""

import pytest

from mlwf_assets.spec.loader import loads
from mlwf_assets.spec.made import made_from, tables_in_order
from mlwf_assets.spec.references import check, table_columns
from mlwf_assets_tests.spec.toy import COLUMNS, FILE, TEXT, edited, line, rows

BUSES = "    buses: {key: [bus]}\n"
KNOWN = "known_at: \"TIMESTAMP '2013-06-01'\""


def with_table(text, name="made"):
    """The file with one more table, and the line on which it stands."""
    whole = edited(BUSES, f"{BUSES}    {name}: {text}\n")
    return whole, line(whole, f"    {name}: {text}")


AT_LOAD = {
    "an unknown table": (
        "{sql: SELECT bus FROM busses, key: [bus]}", ".sql: there must be a table 'busses'. Did you mean 'buses'?",
    ),
    "a file": (
        "{sql: \"SELECT bus FROM 'buses.csv'\"}", ".sql: there must be a table 'buses.csv'. Did you mean 'buses'?",
    ),
    "no table": ("{sql: SELECT 1 AS a}", ".sql: must be made from other tables."),
    "itself": ("{sql: SELECT bus FROM made}", ".sql: must not be made from itself, however: 'made' is the table;"),
    "a function that reads files": ("{sql: SELECT * FROM read_csv('a')}", ".sql: must read tables of this file and"),
    "sources besides": (
        "{sql: SELECT bus FROM buses, sources: [buses]}", ".sql: a table has either 'sources' or 'sql'",
    ),
    "no time, made from rows that have one": (
        "{sql: 'SELECT bus, avg(distance) AS km FROM trips GROUP BY bus', key: [bus]}",
        ": must say when its rows are known, 'known_at: SQL', for those of trips, which it is made from,",
    ),
}  # fmt: skip
WITH_COLUMNS = {
    "a column that is not there": (
        "{sql: 'SELECT bus, seat FROM buses'}", ".sql: there must be a column 'seat'. Did you mean 'seats'?",
    ),
    "a name of ours": ("{sql: SELECT bus AS _row FROM buses}", ".sql: gives a column '_row', a name of ours"),
    "a contract for a column that is not given": (
        "{sql: SELECT bus FROM buses, columns: {seats: integer}}",
        ".columns.seats: must be a column of tables.made.sql, or have 'sql:'.",
    ),
    "a key that is not given": ("{sql: SELECT seats FROM buses, key: [bus]}", ".key[0]: there must be a column 'bus'"),
    "an internal column": (
        f"{{sql: 'SELECT bus, _known_at AS k FROM trips', {KNOWN}}}", ".sql: there must be a column '_known_at'.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", AT_LOAD)
def test_what_the_file_alone_tells_is_told_when_it_is_loaded(name):
    text, number = with_table(AT_LOAD[name][0])
    found = rows(text)
    assert found[0].startswith(f"trips/defs.yaml:{number}: tables.made{AT_LOAD[name][1]}"), found
    assert len(found) == 1 or name == "sources besides"


@pytest.mark.parametrize("name", WITH_COLUMNS)
def test_columns_are_held_against_those_that_there_are(name):
    text, number = with_table(WITH_COLUMNS[name][0])
    (found,) = rows(text, lambda workflow: check(workflow, COLUMNS))
    assert found.startswith(f"trips/defs.yaml:{number}: tables.made{WITH_COLUMNS[name][1]}"), found


def test_tables_that_lead_back_to_where_they_start_are_told():
    text = edited(BUSES, f"{BUSES}    one: {{sql: SELECT bus FROM two}}\n    two: {{sql: SELECT bus FROM one}}\n")
    (found,) = rows(text)
    assert found.startswith(f"trips/defs.yaml:{line(text, '    one: {sql')}: tables.one.sql: tables must not lead back")
    assert found.endswith("however: one -> two -> one; take one out")


def test_a_lookup_counts_on_the_way_back():
    text = edited("zone: towns.zone by goal", "zone: by_goal.zone by goal")
    text = text.replace(BUSES, f"{BUSES}    by_goal: {{sql: 'SELECT goal, max(zone) AS zone FROM trips GROUP BY 1', "
                               f"key: [goal], {KNOWN}}}\n")  # fmt: skip
    found = rows(text)
    assert any(
        "tables must not lead back to where they start, however: by_goal -> trips -> by_goal" in one for one in found
    )
    assert any("a lookup does not look at times" in one for one in found)


def test_tables_stand_in_the_order_in_which_they_can_be_made():
    text = edited(
        BUSES, f"    first: {{sql: SELECT bus FROM second}}\n    second: {{sql: SELECT bus FROM buses}}\n{BUSES}"
    )
    workflow = loads(text, file=FILE)
    order = tables_in_order(workflow)
    assert [name for name in order if name in ("first", "second", "buses")] == ["buses", "second", "first"]
    assert [made_from(workflow.tables[name]) for name in ("first", "buses")] == [["second"], []]
    assert not workflow.is_partitioned("first")


def test_a_made_table_has_its_contract_then_what_its_sql_gives_and_others_may_build_on_it():
    text = edited(
        BUSES,
        f"{BUSES}    one: {{sql: SELECT bus AS name2 FROM buses, columns: {{big: {{sql: length(name2) > 3}}}}}}\n"
        "    two: {sql: SELECT * FROM one}\n",
    )
    workflow = loads(text, file=FILE)
    check(workflow, COLUMNS)
    columns = table_columns(workflow, COLUMNS)
    assert (columns["one"], columns["two"]) == (["big", "name2"], ["big", "name2"])


def test_a_made_examples_table_must_not_turn_outcomes_into_what_is_known():
    spec = "    trips:\n      key: [trip_id]"
    text = TEXT.replace("table: trips\n", "table: made\n").replace("label: late", "label: slow")
    made = (
        "{sql: 'SELECT trip_id, leaves, distance, bus, goal, zone, late AS slow FROM trips', key: [trip_id], KNOWN_AT}"
    )
    assert spec in text
    for outcomes, expected in (
        ("", "tables.made.sql: 'slow' must stand among the outcomes of made, for it is made from trips.late"),
        (", outcomes: {known_at: leaves, columns: [slow]}", None),
    ):
        whole = text.replace(BUSES, f"{BUSES}    made: {made.replace('KNOWN_AT}', f'known_at: leaves{outcomes}}}')}\n")
        whole = whole.replace("- trips.bus ->", "- made.bus ->").replace("- trips.goal ->", "- made.goal ->")
        whole = whole.replace("ignore: [trip_id, ", "ignore: [")
        if expected is None:
            check(loads(whole, file=FILE), COLUMNS)
        else:
            (found,) = rows(whole, lambda workflow: check(workflow, COLUMNS))
            assert expected in found


def test_without_a_cutoff_nothing_made_from_the_label_is_served():
    cut = "    cutoff: leaves - INTERVAL 2 HOURS\n"
    text = edited(cut, "").replace(
        "    timeseries:\n      winds: {id: {town: goal}, columns: [speed], windows: [24 hours], tolerance: 3 hours}\n",
        "",
    )
    for column, expected in (
        ("delay", "uses trips.delay, which tells the label, of test rows, too"),
        ("distance", None),
    ):
        made = f"{{sql: 'SELECT bus, avg({column}) AS m FROM trips GROUP BY bus', key: [bus], {KNOWN}}}"
        whole = text.replace(BUSES, f"{BUSES}    made: {made}\n    again: {{sql: SELECT * FROM made, {KNOWN}}}\n")
        if expected is None:
            check(loads(whole, file=FILE), COLUMNS)
        else:
            found = rows(whole, lambda workflow: check(workflow, COLUMNS))
            assert [one.split(": ")[1] for one in found] == ["tables.made.sql", "tables.again.sql"]
            assert all(expected in one for one in found)


def test_a_table_of_rows_that_are_predicted_at_times_of_their_own_says_when_it_is_known():
    text = """
type: mlwf_assets.MLWorkflow
attributes:
  name: offers
  project: {question: "What is the price?"}
  sources: {offers: offers.csv}
  tables:
    offers: {key: [id]}
    areas: {sql: 'SELECT area, avg(size) AS size FROM offers GROUP BY area', key: [area]}
  examples: {table: offers, label: price, cutoff: listed}
"""
    (found,) = rows(text)
    assert "tables.areas: must say when its rows are known, 'known_at: SQL', for those of offers" in found
    assert loads(text.replace(", cutoff: listed", ""), file=FILE).tables["areas"].known_at is None
