"""`extract_features`, `extract_rolling` and `extract_windows` against tsfresh's own functions, frame by frame."""

import inspect
import warnings

import numpy as np
import pandas as pd
import pytest
import tsfresh
from tsfresh.feature_extraction import settings
from tsfresh.feature_extraction.data import WideTsFrameAdapter
from tsfresh.utilities.dataframe_functions import impute, roll_time_series
from tsfresh.utilities.distribution import MapDistributor

from mlwf_assets.features import timeseries
from mlwf_assets.features.timeseries import parameters

RNG = np.random.default_rng(1)
N = 60
FEW = {
    "mean": None,
    "has_duplicate": None,
    "length": None,
    "c3": [{"lag": 1}],
    "fft_coefficient": [{"coeff": 1, "attr": "abs"}],
    "linear_trend": [{"attr": "slope"}],
}
TIMED = {**FEW, "linear_trend_timewise": [{"attr": "slope"}]}
WIDE = pd.DataFrame(
    {"id": RNG.integers(0, 5, N), "t": RNG.permutation(N), "x": RNG.normal(size=N), "y": RNG.integers(0, 9, N)}
)
LONG = pd.DataFrame(
    {
        "id": [f"i{i}" for i in RNG.integers(0, 6, N)],
        "t": RNG.permutation(N),
        "kind": RNG.choice(["b", "a"], N),
        "v": RNG.normal(size=N),
    }
)
# The first id has no readings of kind a, so that kind b comes first.
LONG = LONG[~((LONG["id"] == "i0") & (LONG["kind"] == "a"))]
DICT = {
    "z": WIDE[["id", "t", "x"]].rename(columns={"x": "v"}),
    "a": WIDE[WIDE["id"] > 1][["id", "t", "y"]].rename(columns={"y": "v"}),
}
INDEXED = WIDE.set_index(pd.date_range("2020", periods=N, freq="37min"))
FORMS = {
    "wide": (WIDE, FEW, {"column_id": "id", "column_sort": "t"}),
    "wide, in the order of the rows": (WIDE, FEW, {"column_id": "id"}),
    "one column of a wide one": (WIDE, FEW, {"column_id": "id", "column_value": "x"}),
    "wide, with times": (INDEXED, TIMED, {"column_id": "id", "column_sort": "t"}),
    "long": (LONG, FEW, {"column_id": "id", "column_sort": "t", "column_kind": "kind"}),
    "long, value named": (
        LONG,
        FEW,
        {"column_id": "id", "column_kind": "kind", "column_value": "v", "column_sort": "t"},
    ),
    "dictionary": (DICT, FEW, {"column_id": "id", "column_sort": "t", "column_value": "v"}),
    "parameters by kind": (
        LONG,
        None,
        {"column_id": "id", "column_sort": "t", "column_kind": "kind", "kind_to_fc_parameters": {"a": {"mean": None}}},
    ),
    "parameters by kind and for others": (
        WIDE,
        {"maximum": None},
        {"column_id": "id", "column_sort": "t", "kind_to_fc_parameters": {"x": {"mean": None}}},
    ),
    "imputed": (
        WIDE,
        {"mean": None, "ar_coefficient": [{"coeff": 1, "k": 10}]},
        {"column_id": "id", "impute_function": impute},
    ),
    "tsfresh's own container": (WideTsFrameAdapter(WIDE, "id", "t"), FEW, {}),
}


@pytest.fixture(autouse=True)
def _without_tsfresh_s_warnings():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="tsfresh|statsmodels|numpy|scipy")
        yield


def by_tsfresh(container, chosen, **arguments):
    return tsfresh.extract_features(container, chosen, n_jobs=0, disable_progressbar=True, **arguments)


def by_us(container, chosen, **arguments):
    return timeseries.extract_features(container, chosen, disable_progressbar=True, **arguments)


@pytest.mark.parametrize("form", FORMS)
def test_a_frame_is_the_one_that_tsfresh_makes(form):
    container, chosen, arguments = FORMS[form]
    pd.testing.assert_frame_equal(
        by_us(container, chosen, **arguments), by_tsfresh(container, chosen, **arguments), rtol=1e-9
    )


def test_all_features_come_by_default_in_tsfresh_s_order():
    arguments = {"column_id": "id", "column_sort": "t"}
    with pytest.warns(UserWarning, match="linear_trend_timewise needs a DatetimeIndex and is left out"):
        ours = by_us(WIDE, None, **arguments)
    theirs = by_tsfresh(WIDE[WIDE["id"] < 1], None, **arguments)
    pd.testing.assert_index_equal(ours.columns, theirs.columns)
    assert set(ours.dtypes) == {np.dtype(float)}


@pytest.mark.parametrize("form", ["wide", "long", "dictionary"])
def test_without_a_pivot_the_values_stand_one_by_one(form):
    container, chosen, arguments = FORMS[form]
    ours, theirs = (f(container, chosen, pivot=False, **arguments) for f in (by_us, by_tsfresh))
    assert [value[:2] for value in ours] == [value[:2] for value in theirs]
    np.testing.assert_allclose([value[2] for value in ours], [float(value[2]) for value in theirs], rtol=1e-9)


def test_the_signature_is_tsfresh_s():
    ours, theirs = (inspect.signature(f).parameters for f in (timeseries.extract_features, tsfresh.extract_features))
    assert list(ours) == list(theirs)


def test_arguments_of_tsfresh_s_machinery_are_taken(tmp_path, capsys):
    plain = by_us(WIDE, FEW, column_id="id")
    profile = tmp_path / "profile.txt"
    other = timeseries.extract_features(
        WIDE,
        FEW,
        column_id="id",
        n_jobs=2,
        chunksize=3,
        profile=True,
        profiling_filename=str(profile),
        profiling_sorting="tottime",
        distributor=MapDistributor(disable_progressbar=True),
    )
    pd.testing.assert_frame_equal(plain, other)
    assert "function calls" in profile.read_text()
    assert "15/15" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"column_id": None}, "column_id must be given"),
        ({"column_id": "ident"}, "must have the column 'ident'"),
        ({"column_id": "id", "column_sort": "gap"}, "no value of column 'gap' may be missing, however: 60 are"),
        ({"column_id": "id", "column_kind": "x"}, "column_value must be given where several columns could be it"),
        ({"column_id": "id"}, "must not end with '_'"),
    ],
)
def test_what_tsfresh_refuses_is_refused(arguments, message):
    frame = WIDE.assign(gap=np.nan) if "column_sort" in arguments else WIDE.rename(columns={"x": "x_"})
    frame = WIDE if "column_kind" in arguments else frame
    with pytest.raises(ValueError, match=message):
        by_us(frame, FEW, **arguments)
    with pytest.raises(ValueError):
        by_tsfresh(frame, FEW, **arguments)


def test_what_is_no_container_or_no_calculator_is_an_error():
    with pytest.raises(ValueError, match="must stand in a DataFrame, or a dict of them, however: list"):
        by_us([1, 2], FEW)
    with pytest.raises(ValueError, match="must be one of tsfresh's, or a function, however: 'average'"):
        by_us(WIDE, {"average": None}, column_id="id")
    with pytest.raises(ValueError, match="quantile must be given sets of parameters, however: None"):
        by_us(WIDE, {"quantile": None}, column_id="id")
    with pytest.raises(ValueError, match="parameters must be among minimal, efficient, comprehensive"):
        timeseries.extract_windows(np.ones((2, 3)), "quick")


def spread(x):
    return x.max() - x.min()


def test_own_calculators_and_sets_that_are_not_translated_run_window_by_window_and_are_named():
    chosen = {spread: None, "mean": None, "c3": [{"lag": 1}], "agg_autocorrelation": [{"f_agg": "ptp", "maxlag": 3}]}
    with pytest.warns(UserWarning, match="window by window.*not translated: agg_autocorrelation, spread"):
        ours = by_us(WIDE, chosen, column_id="id", column_value="x")
    theirs = by_tsfresh(WIDE, chosen, column_id="id", column_value="x")
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-9)


def test_settings_are_tsfresh_s():
    for ours, theirs in (
        (parameters.comprehensive(), settings.ComprehensiveFCParameters()),
        (parameters.efficient(), settings.EfficientFCParameters()),
        (parameters.minimal(), settings.MinimalFCParameters()),
    ):
        assert list(ours.items()) == list(theirs.items())


ROLLS = [
    {"max_timeshift": 3},
    {},
    {"max_timeshift": 4, "min_timeshift": 2},
    {"rolling_direction": -1, "max_timeshift": 3},
    {"rolling_direction": 3, "max_timeshift": 5},
    {"rolling_direction": -2},
]


@pytest.mark.parametrize("rolling", ROLLS)
def test_rolling_gives_what_tsfresh_s_two_functions_give(rolling):
    frame = WIDE.assign(t=WIDE.groupby("id").cumcount())
    rolled = roll_time_series(frame, "id", "t", n_jobs=0, disable_progressbar=True, **rolling)
    theirs = by_tsfresh(rolled, FEW, column_id="id", column_sort="t")
    ours = timeseries.extract_rolling(frame, FEW, column_id="id", column_sort="t", **rolling)
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-9)


def test_rolling_over_long_frames_and_rows_as_they_come():
    frame = LONG.assign(t=LONG.groupby(["id", "kind"]).cumcount())
    rolled = roll_time_series(frame, "id", "t", "kind", n_jobs=0, disable_progressbar=True, max_timeshift=4)
    theirs = by_tsfresh(rolled, FEW, column_id="id", column_sort="t", column_kind="kind")
    ours = timeseries.extract_rolling(frame, FEW, column_id="id", column_sort="t", column_kind="kind", max_timeshift=4)
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-9)
    plain = WIDE.drop(columns="t")
    rolled = roll_time_series(plain.copy(), "id", n_jobs=0, disable_progressbar=True, max_timeshift=4)
    theirs = by_tsfresh(rolled, FEW, column_id="id", column_sort="sort")
    pd.testing.assert_frame_equal(
        timeseries.extract_rolling(plain, FEW, column_id="id", max_timeshift=4), theirs, rtol=1e-9
    )


def test_rolling_over_unequal_steps_is_told_and_impossible_settings_are_refused():
    with pytest.warns(UserWarning, match="not equally far apart"):
        timeseries.extract_rolling(WIDE, FEW, column_id="id", column_sort="t", max_timeshift=2)
    with pytest.raises(ValueError, match="rolling_direction must not be 0"):
        timeseries.extract_rolling(WIDE, FEW, column_id="id", rolling_direction=0)
    with pytest.raises(ValueError, match="max_timeshift must be positive and min_timeshift not negative"):
        timeseries.extract_rolling(WIDE, FEW, column_id="id", max_timeshift=0)
