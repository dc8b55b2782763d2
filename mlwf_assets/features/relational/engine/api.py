"""featuretools' `calculate_feature_matrix` and `dfs`, calculated in SQL: the way in to the engine.

Arguments and results are featuretools' own. What the engine does not serve is calculated by featuretools, after a
warning that names it and says what it costs.
"""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.errors import SpecError
from mlwf_assets.features.relational.engine import matrix, translate
from mlwf_assets.features.relational.engine.asked import Asked
from mlwf_assets.features.relational.engine.layers import NotServed
from mlwf_assets.features.relational.engine.progress import Progress, save_each_time
from mlwf_assets.features.relational.engine.tables import Tables


class SlowFeatureWarning(UserWarning):
    """Features are calculated by featuretools, cutoff time by cutoff time."""


def calculate_feature_matrix(
    features: list[Any],
    entityset: Any = None,
    cutoff_time: Any = None,
    instance_ids: Any = None,
    dataframes: Any = None,
    relationships: Any = None,
    cutoff_time_in_index: bool = False,  # noqa: FBT001, FBT002 - featuretools' own order of arguments
    training_window: Any = None,
    approximate: Any = None,
    save_progress: str | None = None,
    verbose: bool = False,  # noqa: FBT001, FBT002
    chunk_size: float | None = None,
    n_jobs: int = 1,
    dask_kwargs: Any = None,
    progress_callback: Callable[[float, float, float], None] | None = None,
    include_cutoff_time: bool = True,  # noqa: FBT001, FBT002
    engine: str = "duckdb",
) -> pd.DataFrame:
    """Calculate features of instances at their own cutoff times: featuretools' function, in SQL.

    Args:
        features: featuretools' definitions, all of one table.
        entityset: featuretools' EntitySet; or `dataframes` and `relationships`, as there.
        cutoff_time: a frame with instances, times and columns to pass through, or one time for all.
        instance_ids: the instances, where there is one time for all.
        dataframes: name -> (frame, index, time index, ...), as in featuretools.
        relationships: (parent, parent column, child, child column).
        cutoff_time_in_index: whether the result's index has the time.
        training_window: how far back rows are seen.
        approximate: taken, and changes nothing: every row gets its exact value, for rounding cutoffs saves nothing
            here.
        save_progress: a folder that gets a CSV file per cutoff time.
        verbose: whether a bar shows the progress.
        chunk_size: taken, and changes nothing: what is done at once follows from the memory.
        n_jobs: taken, and changes nothing: DuckDB uses all cores.
        dask_kwargs: taken, and changes nothing, for the same reason.
        progress_callback: called with the percentage done since the last call, that done in all, and the seconds so
            far.
        include_cutoff_time: whether rows of the cutoff's own time are seen.
        engine: "duckdb", or "featuretools" for featuretools' own calculation.

    Returns:
        (n_rows, n_outputs) as featuretools gives it: index, order, names, types and woodwork schema.

    Raises:
        SpecError: if the engine is unknown.
        AssertionError, AttributeError, TypeError, ValueError: where featuretools raises them, with its messages.
    """
    import featuretools as ft
    from featuretools.feature_base import FeatureBase

    if engine not in ("duckdb", "featuretools"):
        raise SpecError(f"engine must be 'duckdb' or 'featuretools', however: {engine!r}")
    if not isinstance(features, list) or not features or not all(isinstance(one, FeatureBase) for one in features):
        raise AssertionError("features must be a non-empty list of features")
    entityset = _find_entityset(entityset, dataframes, relationships)
    if engine == "featuretools":
        return ft.calculate_feature_matrix(
            features, entityset, cutoff_time, instance_ids, None, None, cutoff_time_in_index, training_window,
            approximate, save_progress, verbose, chunk_size, n_jobs, dask_kwargs, progress_callback,
            include_cutoff_time,
        )  # fmt: skip
    return _calculate(
        features,
        entityset,
        Asked(entityset, features, cutoff_time, instance_ids, training_window, approximate, include_cutoff_time),
        in_index=cutoff_time_in_index,
        save=save_progress,
        progress=Progress(verbose=verbose, callback=progress_callback),
    )


def _find_entityset(entityset: Any, dataframes: Any, relationships: Any) -> Any:
    import featuretools as ft

    if isinstance(entityset, ft.EntitySet):
        return entityset
    if dataframes is None:
        raise TypeError("No dataframes or valid EntitySet provided")
    return ft.EntitySet("entityset", dataframes, relationships)


def split(features: Sequence[Any], entityset: Any, *, include: bool = True, window: Any = None) -> dict[str, str]:
    """Tell which features are not served, and why.

    Returns:
        unique name -> reason; empty where all are served.
    """
    from mlwf_assets.features.relational.engine.plan import Plan

    tables = Tables(entityset, connection=None)
    reasons = {}
    for feature in features:
        try:
            Plan(tables, [feature], include, window, dry=True)
        except NotServed as reason:
            reasons[feature.unique_name()] = str(reason)
    return reasons


def _calculate(
    features: list[Any], entityset: Any, asked: Asked, *, in_index: bool, save: str | None, progress: Progress
) -> pd.DataFrame:
    from featuretools import AggregationFeature
    from featuretools.computational_backends.utils import get_ww_types_from_features

    from mlwf_assets.features.relational.engine.calculator import Calculator

    reasons = split(features, entityset, include=asked.include, window=asked.window)
    served = [one for one in features if one.unique_name() not in reasons]
    slow = [one for one in features if one.unique_name() in reasons]
    name = entityset[features[0].dataframe_name].ww.index
    index = asked.index(name)
    columns: dict[str, Any] = {}
    if slow:
        columns.update(_calculate_slowly(slow, reasons, entityset, asked))
    if served:
        calculator = Calculator(served, entityset, asked.window, asked.include)
        table, unseen = calculator.run(asked.keys, asked.times, report=progress.advance)
        aggregated = {
            output for one in served if isinstance(one, AggregationFeature) for output in one.get_feature_names()
        }
        for number, (output, value) in enumerate(calculator.outputs()):
            column = table.column(number)
            if output in aggregated and value.kind == "category" and column.null_count == len(column):
                columns[output] = np.full(len(column), np.nan)  # of no rows featuretools gathers no categories
            else:
                columns[output] = matrix.to_pandas(column, value, complete=not unseen.any())
        calculator.connection.close()
    names = [output for feature in features for output in feature.get_feature_names()]
    schema = get_ww_types_from_features(features, entityset, asked.passed, asked.cutoffs)
    passed = asked.cutoffs[asked.passed] if asked.cutoffs is not None else pd.DataFrame(index=index)
    frame = matrix.assemble([(output, columns[output]) for output in names], index, passed, schema)
    if save is not None:
        save_each_time(frame, Path(save))
    if not in_index:
        frame.ww.reset_index(level="time", drop=True, inplace=True)
    progress.finish()
    return frame


def _calculate_slowly(features: list[Any], reasons: dict[str, str], entityset: Any, asked: Asked) -> dict[str, Any]:
    """Let featuretools calculate features, and say so."""
    import featuretools as ft

    number = asked.times.nunique()
    listed = "; ".join(f"{one.get_name()} ({reasons[one.unique_name()]})" for one in features)
    warnings.warn(
        f"featuretools itself calculates {len(features)} features, for they are not served in SQL: {listed}. It goes "
        f"through the {number} cutoff times one by one, at up to 35 rows a second: about "
        f"{max(1, len(asked.ids) // 35)} s for these {len(asked.ids)} rows. Leave them out if that is too slow.",
        SlowFeatureWarning,
        stacklevel=5,
    )
    if asked.cutoffs is not None:
        cutoffs = asked.cutoffs[["instance_id", "time"]]
        frame = ft.calculate_feature_matrix(
            features, entityset, cutoffs, training_window=asked.window, include_cutoff_time=asked.include
        )
    else:
        frame = ft.calculate_feature_matrix(
            features,
            entityset,
            asked.time,
            asked.ids,
            training_window=asked.window,
            include_cutoff_time=asked.include,
        )
    return {name: frame[name].array for name in frame.columns}


def dfs(
    dataframes: Any = None,
    relationships: Any = None,
    entityset: Any = None,
    target_dataframe_name: str | None = None,
    cutoff_time: Any = None,
    instance_ids: Any = None,
    *args: Any,
    engine: str = "duckdb",
    **options: Any,
) -> Any:
    """Define features and calculate them: featuretools' `dfs` with our calculation; all its arguments, in its order.

    Returns:
        The feature matrix and the definitions; with `features_only` the definitions alone.
    """
    import inspect

    import featuretools as ft

    known = inspect.signature(ft.dfs).bind(
        dataframes, relationships, entityset, target_dataframe_name, cutoff_time, instance_ids, *args, **options
    )
    known.apply_defaults()
    given: dict[str, Any] = dict(known.arguments)
    if not isinstance(given["entityset"], ft.EntitySet):
        given["entityset"] = ft.EntitySet("dfs", given["dataframes"], given["relationships"])
    features = ft.dfs(**{**given, "features_only": True})
    if given["features_only"]:
        return features
    if not features:
        raise AssertionError(
            "No features can be generated from the specified primitives. Please make sure the primitives you are "
            "using are compatible with the variable types in your data."
        )
    taken = inspect.signature(calculate_feature_matrix).parameters
    passed = {
        name: value for name, value in given.items() if name in taken and name not in ("dataframes", "relationships")
    }
    return calculate_feature_matrix(features, engine=engine, **passed), features


def supported_primitives() -> dict[str, list[str]]:
    """List the primitives that run in SQL, by their names in featuretools' `list_primitives`."""
    return translate.supported()


def explain(feature: Any, *, training_window: Any = None, include_cutoff_time: bool = True) -> str:
    """Show the statements that calculate a feature.

    Args:
        feature: a definition.
        training_window: as in featuretools.
        include_cutoff_time: as in featuretools.
    """
    from featuretools.utils.wrangle import _check_timedelta

    from mlwf_assets.features.relational.engine.calculator import connect
    from mlwf_assets.features.relational.engine.plan import Plan

    connection = connect()
    try:
        tables = Tables(feature.entityset, connection)
        plan = Plan(tables, [feature], include_cutoff_time, _check_timedelta(training_window))
    except NotServed as reason:
        return f"-- {feature.get_name()} is calculated by featuretools: {reason}\n"
    finally:
        connection.close()
    parts = [f"-- {one.name}\n{one.sql};\n" for one in [*plan.history, *plan.statements]]
    return "\n".join([*parts, f"-- result\n{plan.final};\n"])


__all__ = ["SlowFeatureWarning", "calculate_feature_matrix", "dfs", "explain", "split", "supported_primitives"]
