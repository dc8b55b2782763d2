"""tsfresh says what a feature is called and what its value is; these tests hold ours against it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tsfresh.feature_extraction import MinimalFCParameters, extract_features

from mlwf_assets.features.timeseries.calculators import CALCULATORS, WORDS, calculate
from mlwf_assets.spec import names

PARAMETERS = {
    **MinimalFCParameters(),
    "mean_change": None,
    "mean_abs_change": None,
    "linear_trend": [{"attr": "slope"}],
}
RNG = np.random.default_rng(0)
ZOO = {
    "constant": np.full(24, 3.25),
    "zeros": np.zeros(24),
    "linear": np.arange(24) * 0.5 - 7,
    "noise": RNG.normal(size=24),
    "integers": RNG.integers(-3, 4, 24).astype(float),
    "huge": RNG.normal(size=24) * 1e150,
    "tiny": RNG.normal(size=24) * 1e-150,
    "far from zero": 1e9 + RNG.normal(size=24),
    "alternating": np.tile([1.0, -1.0], 12),
    "ties": np.repeat([2.0, 1.0, 2.0], 8),
    "one spike": np.append(np.zeros(23), 1e6),
    "two": np.array([1.0, 5.0]),
    "three": np.array([1.0, 5.0, 2.0]),
    "odd": RNG.normal(size=7),
    "a week": RNG.normal(size=168),
}


def by_tsfresh(windows):
    """(n_windows) x (features) of tsfresh, columns without the kind."""
    frame = pd.concat([pd.DataFrame({"id": i, "x": window}) for i, window in enumerate(windows)])
    found = extract_features(
        frame, column_id="id", default_fc_parameters=PARAMETERS, n_jobs=0, disable_progressbar=True
    )
    return found.rename(columns=lambda name: name.removeprefix("x__")).sort_index()


def by_us(windows):
    ends = np.cumsum([len(window) for window in windows])
    starts = ends - [len(window) for window in windows]
    return pd.DataFrame(calculate(np.concatenate(windows), starts, ends, calculators=CALCULATORS))


def assert_same(ours, theirs, scale):
    """Equal to 1e-9 of the value, or of the window's own scale where the value is what cancels out."""
    wrong = {
        name: (ours[name], value)
        for name, value in theirs.items()
        if not np.isclose(ours[name], value, rtol=1e-9, atol=1e-12 * (scale if name != "variance" else scale**2))
    }
    assert not wrong


@pytest.fixture(scope="module")
def zoo():
    return by_us(list(ZOO.values())), by_tsfresh(list(ZOO.values()))


def test_names_are_tsfresh_s_and_minimal_is_its_minimal(zoo):
    ours, theirs = zoo
    assert set(ours.columns) == set(theirs.columns) == set(CALCULATORS)
    assert set(names.CALCULATORS) == set(CALCULATORS)
    assert set(names.MINIMAL_CALCULATORS) == set(MinimalFCParameters())


@pytest.mark.parametrize("name", ZOO)
def test_values_are_tsfresh_s(zoo, name):
    row = list(ZOO).index(name)
    ours, theirs = zoo
    assert_same(ours.iloc[row], theirs.iloc[row], np.abs(ZOO[name]).max())


@settings(max_examples=25)
@given(st.lists(hnp.arrays(float, st.integers(2, 30), elements=st.floats(-1e6, 1e6)), min_size=1, max_size=4))
def test_any_windows_have_tsfresh_s_values(windows):
    ours, theirs = by_us(windows), by_tsfresh(windows)
    for row, window in enumerate(windows):
        assert_same(ours.iloc[row], theirs.iloc[row], np.abs(window).max() + 1e-300)


def test_of_one_reading_there_is_no_change():
    values = {name: float(calculator(np.array([[2.5]]))[0]) for name, calculator in CALCULATORS.items()}
    changes = set(CALCULATORS) - set(names.MINIMAL_CALCULATORS)
    assert {name for name, value in values.items() if np.isnan(value)} == changes
    assert (values["mean"], values["variance"], values["length"]) == (2.5, 0, 1)


@given(hnp.arrays(float, st.tuples(st.integers(1, 40), st.integers(1, 30)), elements=st.floats(-1e6, 1e6)))
def test_a_window_has_the_same_value_in_every_batch(batch):
    for name, calculator in CALCULATORS.items():
        whole = calculator(batch)
        alone = np.concatenate([calculator(np.ascontiguousarray(batch[i : i + 1])) for i in range(len(batch))])
        np.testing.assert_array_equal(whole, alone, err_msg=name)


def test_an_empty_window_has_no_value():
    found = calculate(np.arange(3.0), np.array([1, 2]), np.array([1, 3]), calculators=CALCULATORS)
    assert all(np.isnan(values[0]) for values in found.values())
    assert found["mean"][1] == 2


def test_no_windows_give_nothing():
    none = np.empty(0, dtype=int)
    assert {len(values) for values in calculate(np.empty(0), none, none, calculators=CALCULATORS).values()} == {0}


def test_names_that_are_no_words_are_put_into_words():
    assert set(WORDS) <= set(CALCULATORS)
    assert not [name for name in CALCULATORS if "_" in WORDS.get(name, name)]
