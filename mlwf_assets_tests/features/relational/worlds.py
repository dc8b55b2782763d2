"""Random entity sets, definitions and cutoffs: what the engine is held against featuretools with.

Small numbers make ties: of times, of values, of keys. Everything follows from one seed, so that a failure can be told
in one number.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlwf_assets.features.quiet import quiet_libraries

with quiet_libraries():
    import featuretools as ft
    import featuretools.primitives as known

START = pd.Timestamp("2020-02-27")
# Values that are hard to sum: offsets, constants, gaps.
NUMBERS = ("small", "offset", "constant", "wide", "whole", "gaps")
# Left out: one depends on the day on which it runs, others warn or fail in featuretools itself.
AGGREGATIONS = [
    known.Sum, known.Mean, known.Min, known.Max, known.Std, known.Variance, known.Skew, known.Median, known.Count,
    known.NumUnique, known.Mode, known.PercentTrue, known.NumTrue, known.All, known.Any, known.First, known.Last,
    known.Trend, known.TimeSinceLast, known.TimeSinceFirst, known.AvgTimeBetween, known.Entropy, known.Kurtosis,
    known.MaxMinDelta, known.CountGreaterThan, known.CountInsideRange, known.PercentUnique, known.HasNoDuplicates,
    known.IsUnique, known.NUniqueDays, known.NUniqueMonths, known.NUniqueWeeks, known.FirstLastTimeDelta,
    known.MaxConsecutiveTrue, known.MaxConsecutivePositives, known.NumZeroCrossings, known.NumPeaks,
    known.IsMonotonicallyIncreasing, known.TimeSinceLastTrue, known.TimeSinceLastMax, known.MaxCount, known.MinCount,
    known.NumConsecutiveGreaterMean, known.NumTrueSinceLastFalse, known.DateFirstEvent, known.AverageCountPerUnique,
    known.CountAboveMean, known.CountInsideNthSTD, known.NUniqueDaysOfMonth, known.CountOutsideRange,
]  # fmt: skip
TRANSFORMS = [
    known.Day, known.Month, known.Weekday, known.Hour, known.IsWeekend, known.Absolute, known.Negate, known.IsNull,
    known.Not, known.And, known.Or, known.AddNumeric, known.SubtractNumeric, known.MultiplyNumeric,
    known.GreaterThan, known.Equal, known.TimeSince, known.CumSum, known.CumMax, known.CumMean,
    known.CumCount, known.Diff, known.Percentile, known.SquareRoot, known.NumCharacters, known.NumWords,
    known.GreaterThanScalar, known.DivideNumeric, known.Lag, known.RateOfChange, known.Quarter, known.PartOfDay,
]  # fmt: skip


@dataclass
class World:
    """An entity set, definitions of one table, cutoffs, and how they are to be calculated."""

    entityset: object
    features: list
    cutoffs: object
    options: dict


def make_times(rng, n):
    """Draw times with ties, some of them in the same second."""
    return START + pd.to_timedelta(np.sort(rng.integers(0, 40, n)) * int(rng.choice([1, 3600, 86400])), unit="s")


def make_numbers(rng, n):
    """Draw numbers of some sort."""
    sort = rng.choice(NUMBERS)
    values = rng.integers(-3, 4, n).astype(float)
    if sort == "offset":
        values = 1e9 + rng.normal(size=n)
    elif sort == "constant":
        values = np.full(n, 2.0)
    elif sort == "wide":
        values = rng.normal(size=n) * 10.0 ** rng.integers(-3, 6, n)
    elif sort == "whole":
        return pd.Series(rng.integers(-5, 5, n)), "Integer"
    elif sort == "gaps":
        values = np.where(rng.random(n) < 0.4, np.nan, values)
    if rng.random() < 0.2:
        return pd.Series(np.where(rng.random(n) < 0.3, np.nan, np.round(values))).astype("Float64"), "IntegerNullable"
    return pd.Series(values), "Double"


def make_column(rng, n):
    """Draw a column: values and woodwork's type."""
    sort = rng.choice(["number", "number", "category", "bool", "maybe", "text", "time"])
    if sort == "number":
        return make_numbers(rng, n)
    if sort == "category":
        values = rng.choice(np.array(["a", "b", "c", "ü", None], dtype=object), n)
        return pd.Series(values), "Categorical"
    if sort == "bool":
        return pd.Series(rng.random(n) < 0.5), "Boolean"
    if sort == "maybe":
        return pd.Series(rng.choice(np.array([True, False, pd.NA], dtype=object), n)).astype(
            "boolean"
        ), "BooleanNullable"
    if sort == "text":
        return pd.Series(rng.choice(np.array(["a b", "it is; so", None, ""], dtype=object), n)), "NaturalLanguage"
    times = pd.Series(START + pd.to_timedelta(rng.integers(-50, 50, n), unit="h"))
    return times.where(rng.random(n) > 0.2), "Datetime"


def make_table(rng, name, parents, n):
    """Draw a table: frame, types, time index, secondary time indexes."""
    text = rng.random() < 0.5
    ids = [f"{name}{one}" for one in range(n)] if text else list(np.arange(n) * 2 + 1)
    frame, types = pd.DataFrame({f"{name}_id": ids}), {f"{name}_id": "Categorical" if text else "Integer"}
    for place, (parent, ids) in enumerate(parents):
        column = f"{parent}_{place}"
        keys = np.array([*ids, ids[0]], dtype=object)[rng.integers(0, len(ids) + 1, n)]
        if isinstance(ids[0], str):
            keys[rng.random(n) < 0.15] = None
            frame[column], types[column] = keys, "Categorical"
        else:
            frame[column], types[column] = keys.astype(int), "Integer"
    for place in range(int(rng.integers(1, 4))):
        column = f"{name}_x{place}"
        frame[column], types[column] = make_column(rng, n)
    time, later = None, {}
    if rng.random() < 0.8:
        time = f"{name}_at"
        frame[time], types[time] = pd.Series(make_times(rng, n)), "Datetime"
        if rng.random() < 0.3:
            known_at = f"{name}_known"
            frame[known_at] = frame[time] + pd.to_timedelta(rng.integers(0, 90000, n), unit="s")
            types[known_at] = "Datetime"
            later = {known_at: [f"{name}_x0"]}
    return frame, types, time, later


def make_entityset(rng):
    """Draw an entity set of two to four tables: chains, two children of one parent, two ways between two tables."""
    shapes = [
        [("c", [])],
        [("c", []), ("e", ["c"])],
        [("c", []), ("s", ["c"]), ("e", ["s"])],
        [("c", []), ("e", ["c"]), ("o", ["c"])],
        [("r", []), ("c", ["r"]), ("s", ["c"]), ("e", ["s"])],
        [("c", []), ("p", []), ("e", ["c", "p"])],
        [("c", []), ("e", ["c", "c"])],
    ]
    shape = shapes[rng.integers(1, len(shapes))]
    entityset, ids = ft.EntitySet("world"), {}
    for name, parents in shape:
        n = int(rng.integers(2, 6)) if not parents else int(rng.integers(3, 25))
        frame, types, time, later = make_table(rng, name, [(one, ids[one]) for one in parents], n)
        ids[name] = list(frame[f"{name}_id"])
        entityset.add_dataframe(
            dataframe_name=name,
            dataframe=frame,
            index=f"{name}_id",
            time_index=time,
            logical_types=types,
            secondary_time_index=later or None,
        )
        for place, one in enumerate(parents):
            entityset.add_relationship(one, f"{one}_id", name, f"{one}_{place}")
    entityset.add_last_time_indexes()
    return entityset, shape


def make_features(rng, entityset, target, depth):
    """Draw definitions from what featuretools finds, with windows and filters here and there."""
    interesting = {}
    for frame in entityset.dataframes:
        for column in frame.columns:
            if str(frame.ww.logical_types[column]) == "Categorical" and rng.random() < 0.5:
                interesting[(frame.ww.name, column)] = ["a"]
    for (table, column), values in interesting.items():
        entityset.add_interesting_values(dataframe_name=table, values={column: values})
    chosen = list(rng.choice(len(AGGREGATIONS), 5, replace=False))
    moved = list(rng.choice(len(TRANSFORMS), 3, replace=False))
    aggregations = [AGGREGATIONS[one] for one in chosen]
    transforms = [TRANSFORMS[one] for one in moved]
    grouped = [known.CumSum, known.CumCount, known.Diff, known.CumMean] if rng.random() < 0.3 else []
    features = ft.dfs(
        entityset=entityset,
        target_dataframe_name=target,
        agg_primitives=aggregations,
        trans_primitives=transforms,
        groupby_trans_primitives=grouped,
        where_primitives=aggregations,
        max_depth=depth,
        features_only=True,
        return_types="all",
    )
    picked = [features[one] for one in sorted(rng.choice(len(features), min(len(features), 25), replace=False))]
    return [add_window(rng, one) for one in picked]


def add_window(rng, feature):
    """Give an aggregation a window of time or of rows, now and then."""
    from featuretools.feature_base import AggregationFeature

    if not isinstance(feature, AggregationFeature) or rng.random() > 0.3:
        return feature
    if feature.entityset[feature.child_dataframe_name].ww.time_index is None:
        return feature
    return AggregationFeature(
        feature.base_features,
        feature.parent_dataframe_name,
        feature.primitive,
        relationship_path=feature.relationship_path,
        use_previous=rng.choice(["2 hours", "1 day", "40 seconds", "1 month", "3 observations"]),
        where=feature.where,
    )


def make_cutoffs(rng, entityset, target):
    """Draw cutoffs at the times of events and beside them; some instances are unknown then."""
    ids = list(entityset[target][entityset[target].ww.index])
    times = [START + pd.Timedelta(int(one), "s") for one in rng.integers(-5, 45, 3)]
    for frame in entityset.dataframes:
        if frame.ww.time_index:
            times += list(frame[frame.ww.time_index].sample(2, random_state=int(rng.integers(1000)), replace=True))
    rows = {(one, rng.choice(times)) for one in rng.choice(ids, 8)}
    rows = sorted(rows, key=lambda one: (str(one[1]), one[0]))
    rng.shuffle(rows)
    return pd.DataFrame({"instance_id": [one for one, _ in rows], "time": pd.to_datetime([at for _, at in rows])})


def make_world(seed, *, depth=None):
    """Draw everything."""
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        entityset, shape = make_entityset(rng)
        target = str(rng.choice([name for name, _ in shape]))
        features = make_features(rng, entityset, target, depth or int(rng.integers(1, 4)))
        cutoffs = make_cutoffs(rng, entityset, target)
    options = {"include_cutoff_time": bool(rng.random() < 0.5)}
    if rng.random() < 0.25:
        options["training_window"] = rng.choice(["3 hours", "1 day", "1 month"])
    return World(entityset, features, cutoffs, options)
