import datetime as dt
import json
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tsfresh.feature_extraction import EfficientFCParameters, MinimalFCParameters, extract_features

from mlwf_assets.errors import SchemaError
from mlwf_assets.features import timeseries
from mlwf_assets.features.timeseries import extraction
from mlwf_assets.features.timeseries.engine import compute, make_plan
from mlwf_assets.features.timeseries.extraction import name_duration
from mlwf_assets_tests.features.toy import at, change, make_workflow

TEMP = "weather.temp__"


def make_weather(temps, depot="d1", first=0, delay=1.0):
    """Hourly readings of a depot, known an hour later."""
    hours = np.arange(first, first + len(temps))
    return pa.table(
        {
            "depot": pa.array([depot] * len(temps), pa.string()),
            "hour": at(hours),
            "temp": pa.array(temps, pa.float64()),
            "_known_at": at(hours + delay),
        }
    )


def make_parcels(hours, depots=None):
    ids = pa.array([f"p{i}" for i in range(len(hours))], pa.string())
    parcels = pa.table({"id": ids, "depot": pa.array(depots or ["d1"] * len(hours), pa.string())})
    return pa.table({"id": ids, "cutoff": at(list(hours))}), parcels


def build(weather, hours, depots=None, workflow=None):
    return timeseries.build(workflow or make_workflow(), {"weather": weather}, *make_parcels(hours, depots))


def with_series(tables=None, **changes):
    """The toy workflow with another setting of the readings."""
    spec = {"id": "depot", "columns": ["temp"], "windows": ["4 hours"], "tolerance": "3 hours"} | changes
    parts = {"timeseries": {"weather": spec}} | ({"tables": tables} if tables else {})
    return make_workflow(**parts)


def test_a_reading_is_used_from_when_it_is_known():
    # The reading of hour 2 is known at 3:00, that instant included.
    rows = build(make_weather([10.0, 11, 12, 13]), [0.9, 1, 2.99, 3]).table
    assert rows[f"{TEMP}latest"].to_pylist() == [None, 10, 11, 12]
    assert rows[f"{TEMP}4h__mean"].to_pylist() == [None, 10, 10.5, 11]
    assert rows[f"{TEMP}4h__length"].to_pylist() == [None, 1, 2, 3]


def test_a_window_ends_with_the_last_known_reading_and_spans_its_width():
    rows = build(make_weather(list(range(10))), [7.0, 7.5, 7.99]).table
    # The last known is hour 6; hours 3 to 6 are four.
    assert rows[f"{TEMP}4h__minimum"].to_pylist() == [3] * 3
    assert rows[f"{TEMP}4h__maximum"].to_pylist() == [6] * 3
    assert rows[f"{TEMP}4h__length"].to_pylist() == [4] * 3


def test_after_the_last_reading_nothing_is_current_once_the_tolerance_is_over():
    made = build(make_weather([10.0, 11]), [5.0, 5.01, 30])
    rows = made.table.drop_columns(["id"]).to_pylist()
    assert rows[0][f"{TEMP}latest"] == 11
    assert all(value is None for row in rows[1:] for value in row.values())
    assert made.metadata["weather: examples without a current reading"] == 2


def test_examples_between_two_readings_share_a_window():
    made = build(make_weather([10.0, 11, 12]), [1.0, 1.2, 1.9, 2, 2.5])
    assert made.metadata["weather: windows"] == 2


def test_a_missing_value_is_no_reading_of_its_column():
    weather = make_weather([10.0, None, None, 13, None])
    rows = build(weather, [1.0, 2, 3, 4, 5]).table
    assert rows[f"{TEMP}latest"].to_pylist() == [10, 10, 10, 13, 13]
    assert rows[f"{TEMP}4h__length"].to_pylist() == [1, 1, 1, 2, 1]


def test_a_value_older_than_the_tolerance_is_not_the_latest_though_readings_go_on():
    rows = build(make_weather([10.0, None, None, None, None, None]), [4.0, 4.01, 6]).table
    assert rows[f"{TEMP}latest"].to_pylist() == [10, None, None]
    assert rows[f"{TEMP}4h__mean"].to_pylist() == [10, 10, None]


def test_series_are_kept_apart_and_unknown_or_missing_ones_have_none():
    weather = pa.concat_tables([make_weather([1.0, 2, 3]), make_weather([7.0, 8, 9], depot="d2")])
    rows = build(weather, [2.0] * 4, ["d2", "d1", "d9", None]).table
    assert rows[f"{TEMP}latest"].to_pylist() == [8, 2, None, None]


def test_readings_without_the_name_of_their_series_belong_to_nobody():
    nameless = change(make_weather([1.0, 2]), "depot", [None, None])
    rows = build(pa.concat_tables([nameless, make_weather([5.0])]), [2.0, 2.0], [None, "d1"]).table
    assert rows[f"{TEMP}latest"].to_pylist() == [None, 5]


def test_a_series_may_be_named_by_several_columns_with_other_names_in_the_examples():
    weather = pa.concat_tables([make_weather([1.0]), make_weather([2.0], depot="d2")])
    weather = weather.append_column("mast", pa.array(["x", "y"]))
    examples, parcels = make_parcels([1.0] * 3)
    parcels = pa.table({"id": parcels["id"], "from": ["d1", "d2", "d2"], "of": ["x", "y", "x"]})
    workflow = with_series(id={"depot": "from", "mast": "of"})
    rows = timeseries.build(workflow, {"weather": weather}, examples, parcels).table
    assert rows[f"{TEMP}latest"].to_pylist() == [1, 2, None]


def test_a_column_that_is_known_later_than_its_row_is_read_by_its_own_clock():
    tables = {
        "parcels": {"key": ["id"]},
        "weather": {
            "key": ["depot", "hour"],
            "known_at": "hour",
            "outcomes": {"known_at": "checked", "columns": ["temp"]},
        },
    }
    weather = make_weather([10.0, 11, 12]).append_column("rain", pa.array([0.0, 1, 2]))
    weather = weather.append_column("_known_at_OUTCOME_1", at([6, 5, None]))
    workflow = with_series(tables, columns=["rain", "temp"])
    rows = build(weather, [3.0, 5.5, 6], workflow=workflow).table
    assert rows["weather.rain__latest"].to_pylist() == [2, 2, 2]
    assert rows[f"{TEMP}latest"].to_pylist() == [None, 11, 10]
    assert rows[f"{TEMP}4h__mean"].to_pylist() == [None, 11, 10.5]


def test_booleans_and_whole_numbers_are_numbers():
    weather = make_weather([0.0, 0]).drop_columns(["temp"]).append_column("temp", pa.array([True, False]))
    assert build(weather, [2.0]).table[f"{TEMP}4h__mean"].to_pylist() == [0.5]


def test_without_a_tolerance_the_widest_window_is_it():
    workflow = with_series(windows=["2 hours", "6 hours"], tolerance=None)
    rows = build(make_weather([10.0]), [7.0, 7.01], workflow=workflow).table
    assert rows[f"{TEMP}latest"].to_pylist() == [10, None]


def test_no_cutoff_sees_no_reading_as_current():
    examples, parcels = make_parcels([None])
    rows = timeseries.build(make_workflow(), {"weather": make_weather([1.0])}, examples, parcels).table
    assert rows[f"{TEMP}latest"].to_pylist() == [None]


def test_the_same_columns_come_out_of_a_partition_without_examples_or_readings():
    full = build(make_weather([1.0, 2]), [2.0])
    empty = build(make_weather([]), [], depots=[])
    unread = build(make_weather([]), [2.0])
    assert empty.table.schema == unread.table.schema == full.table.schema
    assert empty.files == unread.files == full.files


@settings(max_examples=25)
@given(st.lists(st.one_of(st.none(), st.floats(-50, 50)), min_size=12, max_size=60), st.data())
def test_nothing_known_after_the_cutoff_enters_and_the_order_of_rows_changes_nothing(temps, data):
    hours = data.draw(st.lists(st.floats(0, 60), min_size=1, max_size=20))
    cutoff = data.draw(st.floats(0, 60))
    weather = make_weather(temps)
    before = build(weather, hours).table
    absurd = [1e9 if hour + 1 > cutoff else temp for hour, temp in enumerate(temps)]
    after = build(change(weather, "temp", absurd), hours).table
    early = pa.array([hour <= cutoff for hour in hours])
    assert after.filter(early).equals(before.filter(early))
    order = data.draw(st.permutations(range(len(temps))))
    assert build(weather.take(order), hours).table.equals(before)


def test_each_feature_says_what_it_is():
    described = {f["name"]: f for f in json.loads(build(make_weather([1.0]), [2.0]).files["features.json"])}
    assert described[f"{TEMP}latest"]["words"] == "Temp, from weather by depot: the latest reading."
    assert described[f"{TEMP}4h__mean"]["words"] == (
        "Temp, from weather by depot: the mean over the last 4 hours of readings."
    )
    assert {f["kind"] for f in described.values()} == {"numeric"}
    assert {f["source"] for f in described.values()} == {"timeseries"}
    assert {tuple(f["columns"]) for f in described.values()} == {("weather.temp",)}


@pytest.mark.parametrize(
    ("width", "name"),
    [
        ({"minutes": 90}, "90min"),
        ({"hours": 6}, "6h"),
        ({"hours": 24}, "24h"),
        ({"days": 7}, "7d"),
        ({"seconds": 90}, "90s"),
        ({"hours": 36}, "36h"),
    ],
)
def test_a_window_is_named_by_its_largest_whole_unit(width, name):
    assert name_duration(dt.timedelta(**width)) == name


def test_readings_that_were_not_given_are_an_error():
    with pytest.raises(SchemaError, match=r"features.timeseries needs the clean table 'weather', however: \[\]"):
        timeseries.build(make_workflow(), {}, *make_parcels([1.0]))


@pytest.mark.parametrize("known", ["absent", "empty"])
def test_readings_without_a_time_at_which_they_are_known_are_an_error(known):
    weather = make_weather([1.0]).drop_columns(["_known_at"])
    weather = weather if known == "absent" else weather.append_column("_known_at", at([None]))
    with pytest.raises(SchemaError, match=r"need a time at which they are known, however: tables.weather.known_at"):
        build(weather, [1.0])


@pytest.mark.parametrize(
    ("series_id", "message"),
    [("mast", r"must name columns of weather, however: \['mast'\]"), ({"depot": "goal"}, r"the examples' table.*goal")],
)
def test_a_series_that_is_named_by_no_column_is_an_error(series_id, message):
    with pytest.raises(SchemaError, match=message):
        build(make_weather([1.0]), [1.0], workflow=with_series(id=series_id))


def test_a_column_that_is_absent_or_no_number_is_an_error():
    with pytest.raises(SchemaError, match=r"features\.timeseries\.weather\.columns: 'rain' is not in the table"):
        build(make_weather([1.0]), [1.0], workflow=with_series(columns=["rain"]))
    with pytest.raises(SchemaError, match="must be numbers, however: 'depot' is string; give it `type: number`"):
        build(make_weather([1.0]), [1.0], workflow=with_series(columns=["depot"]))


def test_calculators_may_be_chosen_by_column_and_the_others_have_their_latest_reading_alone():
    weather = make_weather([1.0, 5, 3]).append_column("rain", pa.array([0.0, 1, 2]))
    chosen = ["maximum", 'linear_trend__attr_"slope"']
    made = build(weather, [3.0], workflow=with_series(columns=["rain", "temp"], parameters={"temp": chosen}))
    assert made.table.drop_columns(["id"]).to_pylist() == [
        {"weather.rain__latest": 2, f"{TEMP}latest": 3, f"{TEMP}4h__maximum": 5, f"{TEMP}4h__{chosen[1]}": 1}
    ]
    assert [f["name"] for f in json.loads(made.files["features.json"])] == made.table.column_names[1:]


def test_minimal_is_tsfresh_s_minimal_setting():
    found = [name for name in build(make_weather([1.0]), [2.0]).table.column_names if "__4h__" in name]
    assert {name.removeprefix(f"{TEMP}4h__") for name in found} == set(MinimalFCParameters())


def test_efficient_features_of_a_window_are_tsfresh_s():
    temps = [10.0, 12, 11, 15, 14, 13]
    rows = build(make_weather(temps), [6.0], workflow=with_series(windows=["6 hours"], parameters="efficient")).table
    frame = pd.DataFrame({"id": 1, "x": temps}, index=pd.date_range("2024", periods=6, freq="h"))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="tsfresh|statsmodels|numpy|scipy")
        theirs = extract_features(frame, EfficientFCParameters(), column_id="id", n_jobs=0, disable_progressbar=True)
    for name, value in theirs.iloc[0].items():
        found = rows[f"{TEMP}6h__{name.removeprefix('x__')}"].to_pylist()[0]
        assert (found is None) if not np.isfinite(value) else found == pytest.approx(value, rel=1e-7, abs=1e-12), name


def test_only_the_wanted_features_are_computed_with_the_values_that_they_have_among_all(monkeypatch):
    weather = make_weather([10.0, 12, 11, 15, 14, 13]).append_column("rain", pa.array([0.0, 1, 0, 2, 2, 0]))
    workflow = with_series(columns=["temp", "rain"], windows=["3 hours", "6 hours"], parameters="efficient")
    parcels = make_parcels([3.0, 4.5, 4.6, 6])
    everything = timeseries.build(workflow, {"weather": weather}, *parcels)
    names = [f"{TEMP}latest", f"{TEMP}3h__mean", f"{TEMP}6h__quantile__q_0.9", f"{TEMP}6h__c3__lag_2"]
    asked = []
    compute = extraction.compute_spans

    def count(plan, spans, **options):
        asked.append((plan.columns, len(spans.starts)))
        return compute(plan, spans, **options)

    monkeypatch.setattr(extraction, "compute_spans", count)
    made = timeseries.build(workflow, {"weather": weather}, *parcels, wanted={*names, "parcels.depot"})
    # Examples at 4.5 and 4.6 share a window; of the rain nothing is asked.
    assert asked == [(["mean"], 3), (["c3__lag_2", "quantile__q_0.9"], 3)]
    assert set(made.table.column_names) == {"id", *names}
    assert made.table.equals(everything.table.select(made.table.column_names))
    assert [one["name"] for one in json.loads(made.files["features.json"])] == made.table.column_names[1:]


def test_readings_of_which_nothing_is_wanted_need_not_be_there():
    made = timeseries.build(make_workflow(), {}, *make_parcels([1.0]), wanted={"parcels.depot"})
    assert made.table.column_names == ["id"]


@pytest.mark.parametrize("setting", ["efficient", "comprehensive"])
def test_a_part_of_a_plan_makes_its_columns_bit_for_bit(setting):
    plan = make_plan(setting, timed=True)
    windows = np.random.default_rng(0).normal(size=(3, 24)).cumsum(axis=1)
    times = np.tile(np.arange(24).astype("datetime64[h]"), (3, 1))
    whole = compute(plan, windows, times)
    for start in range(5):
        chosen = plan.columns[start::5]
        part = compute(plan.only(set(chosen)), windows, times)
        assert list(part) == chosen
        assert all(np.array_equal(part[name], whole[name], equal_nan=True) for name in chosen)
