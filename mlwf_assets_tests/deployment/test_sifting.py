"""What becomes of new rows before any feature is made: clean rows, examples, and the problems of the others."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from mlwf_assets.deployment.batch import read_new_rows
from mlwf_assets.deployment.new_rows import expect
from mlwf_assets.deployment.sifting import History, places_of, sift
from mlwf_assets.errors import DataError, LakeError
from mlwf_assets.lake.result import Result
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.loader import loads

TEXT = """
type: mlwf_assets.MLWorkflow
attributes:
  name: trips
  project: {question: "Will it be late?"}
  sources: {trips: trips.csv}
  tables:
    trips:
      key: [trip]
      columns: {day_text: string, code: string, day: {sql: CAST(day_text AS DATE)}}
  examples: {table: trips, label: late, cutoff: CAST(day AS TIMESTAMP), where: km < 100}
"""
TYPES = {"trip": "integer", "day_text": "string", "code": "string", "km": "number", "late": "boolean"}


@pytest.fixture
def lake(tmp_path):
    """A lake that knows of the source what it needs to: its columns and their types."""
    lake = Lake(tmp_path)
    raw = Result(pa.table({"trip": ["1"]}), files={"types.json": json.dumps(TYPES).encode()})
    lake.write("trips/raw/trips", None, raw, recipe="raw", run_id="run", seconds=0.1)
    return lake


def sifted(lake, *lines, text=TEXT):
    workflow = loads(text, file=Path("trips/defs.yaml"))
    rows = read_new_rows(workflow, "new.csv", ("\n".join(["trip,day_text,km", *lines]) + "\n").encode())
    expected = expect(workflow, [{"name": "km", "columns": ["trips.km"]}])
    return sift(workflow, expected, rows, History(workflow, lake))


def test_rows_keep_their_places_whatever_key_they_have(lake):
    made = sifted(lake, "7,2024-05-01,3", "7,2024-05-02,4", "5,2024-05-03,x", "7,2024-05-01,3")
    assert places_of(made.clean).tolist() == [0, 1, 3]
    assert made.clean["km"].to_pylist() == [3.0, 4.0, 3.0]
    assert sorted(places_of(made.examples).tolist()) == [0, 1, 3]
    assert made.problems == {2: "trips.km must be number, however: 'x'"}


def test_types_are_those_of_the_workflows_own_source_not_those_of_the_file(lake):
    clean = sifted(lake, "1,2024-05-01,3").clean
    assert clean.schema.field("km").type == pa.float64()
    assert clean.schema.field("trip").type == pa.int64()
    assert clean["code"].to_pylist() == [None]


def test_rows_that_are_not_predicted_say_by_which_condition(lake):
    made = sifted(lake, "1,2024-05-01,300", "2,,3", "3,2024-05-01,3")
    assert places_of(made.examples).tolist() == [2]
    assert made.problems == {
        0: "examples.where must hold for a row that is predicted, however: not so (km < 100)",
        1: "examples.cutoff must give the time of the prediction, however: none (CAST(day AS TIMESTAMP))",
    }


def test_a_row_for_which_an_expression_fails_does_not_stop_the_others(lake):
    lines = [f"{i},2024-05-01,3" for i in range(100)]
    lines[41], lines[97] = "41,yesterday,3", "97,tomorrow,x"
    made = sifted(lake, *lines)
    assert places_of(made.clean).tolist() == [i for i in range(100) if i not in (41, 97)]
    assert sorted(made.problems) == [41, 97]
    assert made.problems[41].startswith("trips/defs.yaml:10: tables.trips.columns.day.sql: must work for every row")
    assert '"yesterday"' in made.problems[41]


def test_no_good_row_at_all_has_the_same_columns(lake):
    good = sifted(lake, "1,2024-05-01,3")
    for lines in (["1,yesterday,3"], ["1,2024-05-01,x"], []):
        made = sifted(lake, *lines)
        assert made.clean.num_rows == made.examples.num_rows == 0
        assert (made.clean.schema, made.examples.schema) == (good.clean.schema, good.examples.schema)


def test_an_expression_that_fails_for_most_rows_is_an_error(lake):
    with pytest.raises(DataError, match=r"day.sql: must work for every row of trips, however: Conversion Error"):
        sifted(lake, *(f"{i},yesterday,3" for i in range(400)))


def test_a_workflow_that_never_ran_says_so(tmp_path):
    with pytest.raises(LakeError, match=r"must hold raw/trips, .* run 'mlwf run trips' first"):
        sifted(Lake(tmp_path / "empty"), "1,2024-05-01,3")
