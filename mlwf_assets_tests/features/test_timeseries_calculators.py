"""The names by which a workflow file calls calculators, and what people read about them."""

import pytest
from tsfresh.feature_extraction import ComprehensiveFCParameters
from tsfresh.feature_extraction.settings import from_columns

from mlwf_assets.errors import SpecError
from mlwf_assets.features.timeseries.calculators import WORDS, describe, read_names
from mlwf_assets.features.timeseries.engine import make_plan
from mlwf_assets.features.timeseries.parameters import minimal
from mlwf_assets.spec import names

ALL = make_plan("comprehensive", timed=True).columns


def test_names_are_read_as_tsfresh_reads_them():
    theirs = from_columns([f"x__{name}" for name in ALL])["x"]
    assert dict(read_names(ALL)) == theirs


def test_a_setting_of_names_computes_these_columns():
    chosen = ["mean", "quantile__q_0.9", 'fft_coefficient__attr_"abs"__coeff_3', "quantile__q_0.1"]
    assert sorted(make_plan(read_names(chosen), timed=True).columns) == sorted(chosen)


def test_the_spec_knows_tsfresh_s_calculators():
    assert set(names.CALCULATORS) == set(ComprehensiveFCParameters())
    assert set(names.MINIMAL_CALCULATORS) == set(minimal())


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("quantile", "'quantile'; write quantile__q_0.1 or quantile__q_0.2"),
        ("mean__q_0.1", "'mean__q_0.1'; write mean"),
        ("avg", "'avg'; look at tsfresh's list of calculators"),
        ("quantile__q_a b", "must be NAME_VALUE, however: 'quantile__q_a b'"),
    ],
)
def test_a_name_that_is_none_is_an_error(name, hint):
    with pytest.raises(SpecError, match=hint):
        read_names([name])


def test_every_name_is_put_into_words():
    assert {name.split("__")[0] for name in WORDS} <= set(ComprehensiveFCParameters())
    assert not [name for name in ALL if "_" in describe(name)]
    assert describe('linear_trend__attr_"slope"') == "slope of the linear trend, per reading,"
    assert describe('fft_coefficient__attr_"abs"__coeff_3') == "Fourier coefficient (attr abs, coeff 3)"
