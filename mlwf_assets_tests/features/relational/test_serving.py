"""Rows one by one are the rows of the whole: the same features, whatever way they are taken."""

import warnings

import pandas as pd
import pytest

from mlwf_assets.features import relational
from mlwf_assets.features.quiet import quiet_libraries
from mlwf_assets.features.relational.engine.api import split
from mlwf_assets_tests.features.relational.comparing import compare

with quiet_libraries():
    import featuretools as ft

    from mlwf_assets_tests.features.relational.worlds import make_world


def _assert_served_rows_equal(features, entityset, cutoffs, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = relational.calculate_feature_matrix(features, entityset, cutoffs, **options)
        with relational.Server(features, entityset, **options) as server:
            for place, row in enumerate(cutoffs.itertuples(index=False)):
                served = server.calculate(row[0], row[1])
                assert list(served.columns) == list(whole.columns)[: served.shape[1]]
                for name in served.columns:
                    theirs = pd.Series(whole[name].iloc[[place]].to_numpy(dtype=object))
                    ours = pd.Series(served[name].to_numpy(dtype=object))
                    assert compare(ours, theirs, scale=0.0) == "", (name, row)


@pytest.fixture(scope="module")
def customers():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ft.demo.load_mock_customer(return_entityset=True)


class _Own(ft.primitives.Max):
    name = "own"


_CUTOFFS = pd.DataFrame(
    {
        "customer_id": [1, 3, 5, 99],
        "time": pd.to_datetime([f"2014-01-01 {at}" for at in ("04:00", "09:00", "00:00", "04:00")]),
    }
)


def _define(customers, window=None):
    primitives = ["sum", "mean", "std", "max", "count", "median", "skew", "last", "num_unique", "mode"]
    found = ft.dfs(
        entityset=customers, target_dataframe_name="customers", agg_primitives=primitives, features_only=True
    )
    if window is None:
        return found
    return [
        ft.AggregationFeature(
            one.base_features, one.parent_dataframe_name, one.primitive, one.relationship_path, use_previous=window
        )
        for one in found
        if isinstance(one, ft.AggregationFeature) and one.get_depth() == 1
    ]


@pytest.mark.parametrize("options", [{"training_window": "1 hour"}, {"include_cutoff_time": False}])
def test_served_rows_are_the_rows_of_the_matrix(customers, options):
    _assert_served_rows_equal(_define(customers), customers, _CUTOFFS, **options)


def test_served_rows_within_windows_are_the_rows_of_the_matrix(customers):
    _assert_served_rows_equal(_define(customers, "30 minutes"), customers, _CUTOFFS)


@pytest.mark.parametrize("seed", [3, 40])
def test_served_rows_of_random_worlds_are_the_rows_of_the_matrix(seed):
    world = make_world(seed)
    options = {name: value for name, value in world.options.items() if name != "cutoff_time_in_index"}
    window = ft.utils.wrangle._check_timedelta(options.get("training_window"))
    refused = split(world.features, world.entityset, include=options.get("include_cutoff_time", True), window=window)
    features = [one for one in world.features if one.unique_name() not in refused]
    _assert_served_rows_equal(features, world.entityset, world.cutoffs.head(4), **options)


def test_what_is_not_calculated_in_sql_is_not_served(customers):
    feature = ft.Feature(
        customers["transactions"].ww["amount"],
        parent_dataframe_name="customers",
        primitive=_Own,
    )
    with pytest.raises(ValueError, match="must be calculated in SQL to be served row by row"):
        relational.Server([feature], customers)
