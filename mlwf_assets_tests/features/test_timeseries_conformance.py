"""Every calculator, with every set of parameters of tsfresh's comprehensive setting, over a zoo of windows.

Our value must be tsfresh's: NaN where it is NaN, infinite where it is infinite, else to 1e-9 of the value. The few
calculators that subtract what is nearly equal have a tolerance of their own, with its reason (`LOOSER`).
"""

import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tsfresh.feature_extraction import feature_calculators

from mlwf_assets.features.timeseries.engine import compute, make_plan
from mlwf_assets.features.timeseries.parameters import comprehensive
from mlwf_assets.features.timeseries.registry import calculators

RNG = np.random.default_rng(0)
DAY = np.arange(24)
NOISE = RNG.normal(size=24)
ZOO = {
    "constant": np.full(24, 3.25),
    "constant that no double is": np.full(24, 0.1),
    "zeros": np.zeros(24),
    "linear": DAY * 0.5 - 7,
    "linear with rounding": DAY * 0.1 + 0.3,
    "noise": NOISE,
    "walk": np.cumsum(RNG.normal(size=24)) + 60,
    "integers": RNG.integers(-3, 4, 24).astype(float),
    "huge": NOISE * 1e100,
    "tiny": NOISE * 1e-40,
    "far from zero": 1e9 + NOISE,
    "alternating": np.tile([1.0, -1.0], 12),
    "ties": np.repeat([2.0, 1.0, 2.0], 8),
    "one spike": np.append(np.zeros(23), 1e6),
    "sine": np.sin(np.arange(48) * np.pi / 6),
    "visibility": np.where(RNG.random(24) < 0.2, 8.0, 10.0),
    "rain": np.where(RNG.random(24) < 0.1, 0.01, 0.0),
    "NaN": np.where(DAY == 5, np.nan, NOISE),
    "NaN at the end": np.where(DAY == 23, np.nan, NOISE),
    "NaN alone": np.full(24, np.nan),
    "inf": np.where(DAY == 5, np.inf, NOISE),
    "inf at the end": np.where(DAY == 23, np.inf, NOISE),
    "-inf": np.where(DAY > 20, -np.inf, NOISE),
    "inf of both signs": np.where(DAY == 3, np.inf, np.where(DAY == 9, -np.inf, NOISE)),
    "one": np.array([2.5]),
    "one zero": np.zeros(1),
    "one NaN": np.array([np.nan]),
    "two": np.array([1.0, 5.0]),
    "two alike": np.array([3.0, 3.0]),
    "three": np.array([1.0, 5.0, 2.0]),
    "four": NOISE[:4],
    "five": NOISE[:5],
    "five, infinite": np.array([1.0, 2, 3, 4, np.inf]),
    "twenty": NOISE[:20],
    "twenty-three": NOISE[:23],
    "a hundred": np.cumsum(RNG.normal(size=100)),
    "integers, odd length": RNG.integers(0, 30, 101).astype(float),
    "a week of temperatures": np.round(60 + 5 * np.sin(np.arange(168) / 24 * 2 * np.pi) + RNG.normal(size=168), 1),
}
LONG = {
    "longer than Welch's segment": RNG.normal(size=300),
    "a thousand": np.cumsum(RNG.normal(size=1000)),
    "so long that tsfresh correlates by Fourier transform": RNG.normal(size=1300),
}

# Calculator -> (relative tolerance, tolerance in units of the window's or the calculator's largest value, reason).
LOOSER = {
    "cwt_coefficients": (1e-9, 1e-14, "differences of a running convolution, which cancel where the window is smooth"),
    "linear_trend": (1e-9, 1e-13, "sums of products that cancel where there is no slope"),
    "linear_trend_timewise": (1e-9, 1e-13, "as linear_trend"),
    "agg_linear_trend": (1e-9, 1e-13, "as linear_trend"),
    "change_quantiles": (1e-9, 1e-14, "changes that are equal up to rounding have a variance of rounding"),
    "fft_aggregated": (1e-9, 1e-12, "moments from which powers of the centroid are subtracted"),
    "ar_coefficient": (1e-7, 1e-10, "least squares over lags that are nearly collinear"),
    "augmented_dickey_fuller": (1e-7, 1e-10, "as ar_coefficient"),
    "friedrich_coefficients": (1e-7, 1e-10, "a cubic far from zero, whose powers are nearly collinear"),
    "max_langevin_fixed_point": (1e-6, 1e-9, "a root of that cubic"),
}


@cache
def timed_plan():
    return make_plan("comprehensive", timed=True)


def times_of(window):
    """Hours that drift, so that timewise lines differ from plain ones."""
    return pd.date_range("2024", periods=len(window), freq="h") + pd.to_timedelta(np.arange(len(window)) ** 2, unit="s")


def by_us(window):
    made = compute(timed_plan(), window[None], times_of(window).to_numpy()[None])
    return {name: float(values[0]) for name, values in made.items()}


def by_tsfresh(window):
    """Column -> value; NaN for a calculator on which tsfresh raises."""
    found = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name, sets in comprehensive().items():
            function, calculator = getattr(feature_calculators, name), calculators()[name]
            x = pd.Series(window, times_of(window)) if hasattr(function, "input") else window
            if function.fctype == "combiner":
                try:
                    found |= {f"{name}__{key}": float(value) for key, value in function(x, param=sets)}
                except Exception:  # noqa: BLE001 - whatever it raises would end tsfresh's extraction
                    found |= {calculator.column(one): np.nan for one in sets}
                continue
            for one in sets or [{}]:
                try:
                    value = float(function(x, **one))
                except Exception:  # noqa: BLE001
                    value = np.nan
                found[calculator.column(one or None)] = value
    return found


def differences(window):
    """Column -> (ours, theirs) where they are not the same."""
    ours, theirs = by_us(window), by_tsfresh(window)
    assert list(ours) == list(theirs)
    largest = np.max(np.abs(window[np.isfinite(window)]), initial=0.0)
    units = {}
    for column, value in theirs.items():
        name = column.split("__")[0]
        if np.isfinite(value):
            units[name] = max(units.get(name, largest), abs(value))
    return {
        column: (ours[column], value)
        for column, value in theirs.items()
        if not is_same(column, ours[column], value, units.get(column.split("__")[0], largest))
    }


def is_same(column, ours, theirs, unit):
    if np.isnan(theirs) or np.isinf(theirs):
        return np.array_equal(ours, theirs, equal_nan=True)
    relative, absolute, _ = LOOSER.get(column.split("__")[0], (1e-9, 0.0, ""))
    if "stderr" in column and unit < 1e100:
        # 1 - r ** 2 loses what r has beyond half its digits: nearly exact lines have an error of rounding.
        return abs(ours - theirs) * (ours + theirs) <= 2 * relative * theirs**2 + 1e-15 * unit**2
    if "pvalue" in column and "trend" in column:
        return abs(ours - theirs) <= 1e-9 * theirs + 1e-13
    return abs(ours - theirs) <= relative * abs(theirs) + absolute * unit


@pytest.mark.parametrize("name", ZOO)
def test_every_calculator_has_tsfresh_s_value(name):
    assert not differences(ZOO[name])


@pytest.mark.soak
@pytest.mark.parametrize("name", LONG)
def test_every_calculator_has_tsfresh_s_value_on_long_windows(name, full):
    window = LONG[name] if full else LONG[name][:280]
    assert not differences(window)


STEPS = st.sampled_from([0.0, 1.0, -1.0, 0.1, 2.5, 100.0, 1e-3])
WINDOWS = st.one_of(
    st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=40),
    st.lists(st.floats(-1e3, 1e3).map(lambda value: round(value, 2)), min_size=1, max_size=40),
    st.lists(STEPS, min_size=1, max_size=40).map(lambda steps: list(np.cumsum(steps))),
    st.lists(st.sampled_from([np.inf, -np.inf, np.nan, 0.5, 1.0, 2.0, 3.25]), min_size=1, max_size=30),
)


@pytest.mark.soak
def test_any_window_has_tsfresh_s_values(full):
    @settings(max_examples=400 if full else 12, suppress_health_check=list(HealthCheck))
    @given(WINDOWS)
    def check(values):
        assert not differences(np.array(values))

    check()


def test_calculators_that_are_looser_are_tsfresh_s_and_say_why():
    assert set(LOOSER) <= set(comprehensive())
    assert all(reason for *_, reason in LOOSER.values())


def test_a_window_has_the_same_values_in_every_batch():
    windows = np.stack([window for window in ZOO.values() if len(window) == 24])
    plan = make_plan("comprehensive", timed=False)
    whole = compute(plan, windows)
    for row in range(len(windows)):
        alone = compute(plan, windows[row : row + 1])
        for column, values in alone.items():
            np.testing.assert_array_equal(values[0], whole[column][row], err_msg=f"{column} of window {row}")
