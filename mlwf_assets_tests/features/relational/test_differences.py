"""Sums within windows are differences of running sums: in the largest table for which that is done they hold, too."""

import math

import numpy as np
import pandas as pd

from mlwf_assets.features.quiet import quiet_libraries
from mlwf_assets.features.relational import calculate_feature_matrix
from mlwf_assets_tests.features.relational.comparing import TOLERANCE

with quiet_libraries():
    import featuretools as ft

    from mlwf_assets.features.relational.engine.events import MOST_ROWS

SECONDS = 600


def test_sums_within_windows_are_right_in_the_largest_table():
    n, rng = MOST_ROWS, np.random.default_rng(0)
    level = rng.uniform(0.5, 1, n)  # of one sign and size: the running sum is as large as it can be
    falling = level * np.where(np.arange(n) < n - 2 * SECONDS, 1.0, 1e-3)
    times = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(n), unit="s")
    sales = pd.DataFrame({"sale": np.arange(n), "shop": 0, "at": times, "level": level, "falling": falling})
    at = np.append(rng.choice(np.arange(SECONDS, n - 1), 100, replace=False), n - 1)
    with quiet_libraries():
        shops = ft.EntitySet("shops", {"sales": (sales, "sale", "at")})
        shops.normalize_dataframe("sales", "shops", "shop", make_time_index=False)
        sums = [
            ft.Feature(
                shops["sales"].ww[name], parent_dataframe_name="shops", primitive=ft.primitives.Sum,
                use_previous=ft.Timedelta(SECONDS, "s"),
            )
            for name in ("level", "falling")
        ]  # fmt: skip
        made = calculate_feature_matrix(sums, shops, cutoff_time=pd.DataFrame({"shop": 0, "time": times[at]}))
    for place, values in enumerate((level, falling)):
        exact = [math.fsum(values[one - SECONDS : one + 1]) for one in at]
        assert np.abs(made.iloc[:, place].to_numpy(float) - exact).max() <= TOLERANCE * values.max()
