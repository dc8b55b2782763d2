"""Which rows of a table without partitions are to be predicted: those without a label."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from mlwf_assets.deployment.batch import read_new_rows
from mlwf_assets.deployment.sifting import History
from mlwf_assets.deployment.waiting import find_waiting
from mlwf_assets.lake.result import Result
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.loader import loads

TEXT = """
type: mlwf_assets.MLWorkflow
attributes:
  name: trips
  project: {{question: "Will it be late?"}}
  sources: {{trips: trips.csv}}
  tables:
    trips:
      key: {key}
      columns: {{trip: integer, km: number, minutes: {minutes}}}
  examples: {{table: trips, label: "{label}", where: km < 100}}
"""
TYPES = {"trip": "integer", "km": "number", "minutes": "number"}
ROWS = ["1,3,40", "2,4,", "3,far,", "4,far,40", "5,500,", "6,7,?", "2,4,", "7,9,", "7,9,50"]


@pytest.fixture
def lake(tmp_path):
    """A lake that knows the source's types, and that trips 1 and 7 have their labels."""
    lake = Lake(tmp_path)
    raw = Result(pa.table({"trip": ["1"]}), files={"types.json": json.dumps(TYPES).encode()})
    lake.write("trips/raw/trips", None, raw, recipe="raw", run_id="run", seconds=0.1)
    examples = Result(pa.table({"trip": [1, 7], "label": [True, True]}))
    lake.write("trips/datasets/examples", None, examples, recipe="examples", run_id="run", seconds=0.1)
    return lake


def waiting(lake, key="[trip]", minutes="string", label="TRY_CAST(minutes AS DOUBLE) > 30"):
    workflow = loads(TEXT.format(key=key, minutes=minutes, label=label), file=Path("trips/defs.yaml"))
    rows = read_new_rows(workflow, "trips.csv", ("\n".join(["trip,km,minutes", *ROWS]) + "\n").encode())
    found = find_waiting(workflow, rows, History(workflow, lake)).table
    return [f"{row['trip']},{row['km']}" for row in found.to_pylist()]


def test_rows_without_a_label_wait_broken_ones_too_but_none_whose_key_has_its_label(lake):
    assert waiting(lake) == ["2,4", "3,far", "6,7", "2,4"]


def test_a_label_that_the_contract_asks_for_is_waited_for_too(lake):
    assert waiting(lake, minutes="{type: number, required: true}", label="minutes > 30")[:2] == ["2,4", "3,far"]


def test_without_a_key_each_row_stands_for_itself(lake):
    assert waiting(lake, key="[]").count("7,9") == 1


def test_where_every_row_has_a_label_no_sound_row_waits(lake):
    assert waiting(lake, label="coalesce(TRY_CAST(minutes AS DOUBLE) > 30, true)") == ["3,far"]
