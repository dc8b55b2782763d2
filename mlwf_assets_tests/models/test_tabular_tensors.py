import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from sklearn.preprocessing import QuantileTransformer

from mlwf_assets.models.families.tabular_tensors import (
    GRID,
    MISSING,
    MOST_CATEGORIES,
    OWN_CODES,
    UNKNOWN,
    encoder_from_json,
    fit_encoder,
)

NUMBER = [{"name": "x", "kind": "numeric"}]
PLACE = [{"name": "place", "kind": "categorical"}]
VALUES = st.floats(-1e9, 1e9) | st.sampled_from([0.0, 1.0, np.nan])
COLUMNS = nps.arrays(np.float64, st.integers(1, 60), elements=VALUES)


def scores_of(train, values):
    encoder = fit_encoder(pd.DataFrame({"x": train}), NUMBER)
    return encoder.encode(pd.DataFrame({"x": np.asarray(values, dtype=float)})).numbers


@given(COLUMNS)
def test_scores_rise_with_values_and_stay_in_bounds(column):
    encoder = fit_encoder(pd.DataFrame({"x": column}), NUMBER)
    known = np.sort(column[~np.isnan(column)])
    numbers = encoder.encode(pd.DataFrame({"x": np.r_[-np.inf, known, np.inf]})).numbers
    assert np.isfinite(numbers).all()
    assert len(encoder.numbers) == int(len(np.unique(known)) > 1)
    if encoder.numbers:
        assert (np.diff(numbers[:, 0]) >= 0).all()
        assert np.abs(numbers[:, 0]).max() < 3.1
        edges = encoder.bin_edges(16)[0]
        assert edges[0] == numbers[0, 0]
        assert edges[-1] == numbers[-1, 0]
        assert 3 <= len(edges) <= 17
        assert (np.diff(edges) > 0).all()


def test_scores_at_quantiles_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    column = rng.gamma(2.0, size=3000)
    reference = QuantileTransformer(n_quantiles=GRID + 1, subsample=None, output_distribution="normal")
    reference.fit(column[:, None])
    inner = np.quantile(column, np.linspace(0, 1, GRID + 1))[1:-1]
    expected = reference.transform(inner[:, None])[:, 0]
    assert np.abs(scores_of(column, inner)[:, 0] - expected).max() < 1e-5


def test_a_value_of_many_rows_stands_in_the_middle_of_its_ranks():
    low, high = scores_of([0.0] * 90 + [1.0] * 10, [0.0, 1.0])[:, 0]
    assert low == pytest.approx(-0.13, abs=0.02)
    assert high == pytest.approx(1.64, abs=0.06)


def test_a_gap_is_the_middle_and_an_indicator_and_equal_gaps_have_one():
    holes = np.array([1.0, np.nan, 3.0, np.nan, 5.0])
    frame = pd.DataFrame({"a": holes, "b": holes * 2, "c": [np.nan, 1, 2, 3, 4], "d": np.arange(5.0)})
    encoder = fit_encoder(frame, [{"name": name, "kind": "numeric"} for name in frame])
    assert encoder.gaps == ["a", "c"]
    numbers = encoder.encode(frame).numbers
    assert numbers[1].tolist()[:2] == [0.0, 0.0]
    assert numbers[:, 4:].tolist() == [[0, 1], [1, 0], [0, 0], [1, 0], [0, 0]]


def test_what_never_varies_is_left_out():
    frame = pd.DataFrame({"same": [2.0] * 4, "none": [np.nan] * 4, "sometimes": [1.0, np.nan, 1.0, 1.0]})
    encoder = fit_encoder(frame, [{"name": name, "kind": "numeric"} for name in frame])
    assert (encoder.numbers, encoder.gaps) == ([], ["sometimes"])
    assert encoder.encode(frame).numbers.tolist() == [[0.0], [1.0], [0.0], [0.0]]


def test_new_and_missing_categories_have_codes_of_their_own():
    frame = pd.DataFrame({"place": ["B", "A", "B", None, "ß"]})
    encoder = fit_encoder(frame, PLACE)
    assert encoder.categories["place"] == ["B", "A", "ß"]
    asked = pd.DataFrame({"place": ["ß", "new", None, np.nan, "B"]})
    assert encoder.encode(asked).codes[:, 0].tolist() == [OWN_CODES + 2, UNKNOWN, MISSING, MISSING, OWN_CODES]
    assert encoder.cardinalities == [OWN_CODES + 3]


def test_rare_categories_are_one_when_there_are_very_many():
    names = [f"place {number:04d}" for number in range(1000) for _ in range(1 + (number < 300))]
    encoder = fit_encoder(pd.DataFrame({"place": names}), PLACE)
    assert encoder.categories["place"] == [f"place {number:04d}" for number in range(MOST_CATEGORIES)]
    many = pd.DataFrame({"place": ["often"] * 45_000 + ["seldom"] * 2 + ["enough"] * 3})
    assert fit_encoder(many, PLACE).categories["place"] == ["often", "enough"]


@given(column=COLUMNS, keep=st.data())
def test_a_row_is_encoded_alike_whatever_stands_beside_it(column, keep):
    frame = pd.DataFrame({"x": column, "place": ["n" if np.isnan(value) else f"{value:.0f}" for value in column]})
    encoder = fit_encoder(frame, NUMBER + PLACE)
    rows = keep.draw(st.lists(st.integers(0, len(column) - 1), min_size=1))
    whole, part = encoder.encode(frame), encoder.encode(frame.iloc[rows])
    assert np.array_equal(whole.numbers[rows], part.numbers)
    assert np.array_equal(whole.codes[rows], part.codes)


@given(COLUMNS)
def test_an_encoder_survives_being_written(column):
    frame = pd.DataFrame({"x": column, "place": ["Łódź", *["\ud800 東京"] * (len(column) - 1)]})
    encoder = fit_encoder(frame, PLACE + NUMBER)
    again = encoder_from_json(json.loads(json.dumps(encoder.to_json())), encoder.grid.copy())
    before, after = encoder.encode(frame), again.encode(frame)
    assert np.array_equal(before.numbers, after.numbers)
    assert np.array_equal(before.codes, after.codes)
