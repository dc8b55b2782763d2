"""The packaged workflow on some hundred real flights: what no feature may tell, and when things are known."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mlwf_assets.features import relational, timeseries
from mlwf_assets.features.matrix import assemble
from mlwf_assets.features.selection import select
from mlwf_assets_tests.features import flights as real


def make_features(flights, weather=None, past=None):
    """Both results of features/* for some clean flights; `past` are those that are looked back over, else the same."""
    workflow, examples = real.workflow(), real.examples_of(flights)
    weather = weather or pa.concat_tables([real.clean_month("weather", month) for month in real.MONTHS])
    history = relational.History(workflow, {"flights": flights if past is None else past})
    made = relational.build(workflow, real.tables_with(flights), examples, history=history)
    history.close()
    return [
        made,
        timeseries.build(workflow, {"weather": weather}, examples, flights),
    ]


def describe(results):
    return [feature for result in results for feature in json.loads(result.files["features.json"])]


@pytest.fixture(scope="module")
def december():
    return real.clean_month("flights", "2013-12")


@pytest.fixture(scope="module")
def made(december):
    return make_features(december)


@pytest.mark.parametrize("written", ["", "N000ZZ"])
def test_no_model_can_tell_a_missing_tail_number_from_an_unknown_plane(december, made, written):
    # Every flight whose plane the register does not know is written without a tail number, or with an unknown one.
    raw, _ = real.read_raw("flights", "2013-12")
    known = pc.is_in(raw["tailnum"], real.clean_static("planes")["tailnum"])
    assert min(raw["tailnum"].null_count, pc.sum(pc.invert(known)).as_py() - raw["tailnum"].null_count) > 50
    tailnum = pc.if_else(known, raw["tailnum"], pa.scalar(written or None, pa.string()))
    position = raw.column_names.index("tailnum")
    flights = real.clean("flights", "2013-12", raw.set_column(position, "tailnum", tailnum))
    assert not flights["tailnum"].equals(december["tailnum"])
    results = make_features(flights)
    assert [result.table for result in results] == [result.table for result in made]
    assert [result.files for result in results] == [result.files for result in made]

    def finish(results):
        examples = real.examples_of(flights)
        tables = [(result.table, json.loads(result.files["features.json"])) for result in results]
        chosen = select(real.workflow().features.selection, examples, tables, key=["flight_id"], kind="binary")
        kept = json.loads(chosen.files["features.json"])
        return chosen, assemble({"train": examples}, [t for t, _ in tables], kept, key=["flight_id"])

    (chosen, matrix), (expected, expected_matrix) = finish(results), finish(made)
    assert chosen.table.equals(expected.table)
    assert matrix.table.equals(expected_matrix.table)
    assert {"planes.seats", "planes.year"} & set(matrix.table.column_names)


def test_a_flight_without_a_tail_number_shows_nothing_of_a_plane(december, made):
    features = pa.table(
        {f["name"]: made[0].table[f["name"]] for f in describe(made[:1]) if "flights.plane" in f["columns"]}
    )
    assert features.num_columns >= 4
    without = features.filter(pc.is_null(december["tailnum"]))
    assert without.num_rows > 100
    for name, column in zip(without.column_names, without.columns, strict=True):
        assert pc.unique(column).to_pylist() == ([0.0] if "COUNT" in name else [None]), name


def test_no_feature_is_made_of_what_is_known_too_late(made):
    outcomes = {f"flights.{c}" for group in real.workflow().tables["flights"].outcomes for c in group.columns}
    past = {column for feature in describe(made) for column in feature.get("past", ())}
    used = {column for feature in describe(made) for column in feature["columns"] if column not in past}
    assert past == {"flights.dep_delay", "flights.cancelled", "flights.arr_delay", "flights.not_on_time"}
    assert len(outcomes) >= 10
    assert not used & (outcomes | {"flights.tailnum", "flights.flight_id"})


def test_what_happens_after_the_cutoff_changes_no_feature(december, made):
    examples = real.examples_of(december)
    moment = examples["cutoff"].to_pandas().sort_values().iloc[len(december) // 2]
    absurd = december
    for number, group in enumerate(real.workflow().tables["flights"].outcomes, 1):
        later = (december[f"_known_at_OUTCOME_{number}"].to_pandas() > moment).to_numpy()
        for column in set(group.columns) & set(december.column_names):
            values = december[column].to_pandas().to_numpy()
            values = np.where(later, np.roll(values, 7), values)
            shifted = pa.array(values, december.schema.field(column).type, from_pandas=True)
            absurd = absurd.set_column(absurd.column_names.index(column), column, shifted)
    weather = pa.concat_tables([real.clean_month("weather", month) for month in real.MONTHS])
    later = weather["_known_at"].to_pandas() > moment
    for column in real.workflow().features.timeseries["weather"].columns:
        values = pa.array(weather[column].to_pandas().mask(later, -1e9), pa.float64(), from_pandas=True)
        weather = weather.set_column(weather.column_names.index(column), column, values)
    early = pa.array((examples["cutoff"].to_pandas() <= moment).to_numpy())
    changed = make_features(absurd, weather)
    assert changed[0].table.filter(early).equals(made[0].table.filter(early))
    assert not changed[0].table.equals(made[0].table)
    assert changed[1].table.filter(early).equals(made[1].table.filter(early))
    assert not changed[1].table.equals(made[1].table)


def test_the_current_weather_is_the_last_reading_known_two_hours_before_departure(december, made):
    weather = pa.concat_tables([real.clean_month("weather", month) for month in real.MONTHS]).to_pandas()
    weather = weather[weather["temp"].notna()].assign(known=weather["time_hour"] + pd.Timedelta(hours=1))
    flights = december.select(["flight_id", "sched_dep", "origin"]).to_pandas()
    flights["cutoff"] = flights["sched_dep"] - pd.Timedelta(hours=2)
    expected = pd.merge_asof(
        flights.sort_values("cutoff"),
        weather.sort_values("known")[["origin", "known", "temp"]],
        left_on="cutoff", right_on="known", by="origin", tolerance=pd.Timedelta(hours=3),
    ).set_index("flight_id")["temp"]  # fmt: skip
    found = made[1].table.select(["flight_id", "weather.temp__latest"]).to_pandas().set_index("flight_id").iloc[:, 0]
    pd.testing.assert_series_equal(found.sort_index(), expected.sort_index(), check_names=False)


def test_weather_ends_a_day_before_the_flights_and_is_then_missing_not_stale(december, made):
    last = pc.max(real.clean_month("weather", "2013-12")["time_hour"]).as_py()
    cutoffs = real.examples_of(december)["cutoff"].to_pandas()
    over = pa.array((cutoffs > pd.Timestamp(last) + pd.Timedelta(hours=4)).to_numpy())
    rows = made[1].table.filter(over)
    assert rows.num_rows > 10
    assert all(rows[f["name"]].null_count == rows.num_rows for f in describe(made[1:]))
    assert made[1].table.filter(pc.invert(over))["weather.temp__latest"].null_count == 0


def test_months_one_by_one_are_the_months_at_once():
    november = real.clean_month("flights", "2013-11")
    weather = real.clean_month("weather", "2013-11")
    december = real.clean_month("flights", "2013-12")
    flights = pa.concat_tables([november, december])
    both, alone = make_features(flights), make_features(november, weather)
    for one, two, whole in zip(alone, make_features(december, past=flights), both, strict=True):
        months = pa.concat_tables([one.table, two.table])
        assert months.sort_by("flight_id").equals(whole.table.sort_by("flight_id"))
        assert one.files == two.files == whole.files


def test_the_order_of_flights_and_readings_changes_nothing(december, made):
    rng = np.random.default_rng(0)
    weather = pa.concat_tables([real.clean_month("weather", month) for month in real.MONTHS])
    shuffled = make_features(
        december.take(rng.permutation(december.num_rows)), weather.take(rng.permutation(weather.num_rows))
    )
    assert [result.table for result in shuffled] == [result.table for result in made]


def test_each_distinct_origin_and_hour_is_computed_once(december, made):
    hours = pd.DataFrame(
        {
            "origin": december["origin"].to_pandas(),
            "hour": real.examples_of(december)["cutoff"].to_pandas().dt.floor("h"),
        }
    )
    assert made[1].metadata["weather: windows"] <= len(hours.drop_duplicates()) < december.num_rows


def test_every_feature_says_in_a_sentence_of_its_own_what_it_is(made):
    words = [feature["words"] for feature in describe(made)]
    assert len(set(words)) == len(words)
    assert not [w for w in words if "applying" in w or "_" in w or not w.endswith(".") or not w[:1].isupper()]
