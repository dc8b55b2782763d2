"""featuretools' `calculate_feature_matrix` and `dfs`, calculated in SQL: the way in to the engine.

Arguments and results are featuretools' own. What the engine does not serve is calculated by featuretools, after a
warning that names it and says what it costs.
"""

import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.errors import SpecError
from mlwf_assets.features.relational.engine import matrix, translate
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
        _Asked(entityset, features, cutoff_time, instance_ids, training_window, approximate, include_cutoff_time),
        in_index=cutoff_time_in_index,
        save=save_progress,
        progress=Progress(verbose=verbose, callback=progress_callback),
    )


class _Asked:
    """Instances and cutoffs, checked as featuretools checks them.

    Attributes:
        ids, times: (n_rows,) instances and cutoffs.
        keys: (n_rows,) instances as the table's index can hold them.
        categorical: whether the table's index is a category.
        cutoffs: the frame with the columns to pass through; None where there is one time for all.
    """

    def __init__(
        self,
        entityset: Any,
        features: list[Any],
        cutoff_time: Any,
        instance_ids: Any,
        training_window: Any,
        approximate: Any,
        include: bool,  # noqa: FBT001
    ) -> None:
        from featuretools.computational_backends.utils import _check_cutoff_time_type, _validate_cutoff_time
        from featuretools.utils.wrangle import _check_timedelta

        target = entityset[features[0].dataframe_name]
        cutoffs = _validate_cutoff_time(cutoff_time, target)
        entityset._check_time_indexes()  # noqa: SLF001
        self.window = _check_timedelta(training_window)
        self.include = include
        if self.window is not None and not self.window.has_no_observations():
            raise AssertionError("Training window cannot be in observations")
        if isinstance(cutoffs, pd.DataFrame):
            self._take_frame(entityset, target, cutoffs, instance_ids)
            _check_cutoff_time_type(self.cutoffs, entityset.time_type)
        else:
            self._take_one_time(entityset, target, cutoffs, instance_ids)
            _check_cutoff_time_type((self.time, self.ids), entityset.time_type)
            self._warn_of_approximation(approximate)
        if len(self.ids) == 0:
            raise AssertionError("0 instance ids provided")
        self.keys = _to_keys(self.ids, target[target.ww.index])
        self.categorical = isinstance(target[target.ww.index].dtype, pd.CategoricalDtype)
        self._warn_of_last_times(entityset)

    def _take_frame(self, entityset: Any, target: Any, cutoffs: pd.DataFrame, instance_ids: Any) -> None:
        if instance_ids:
            warnings.warn(
                "Passing 'instance_ids' is valid only if 'cutoff_time' is a single value or None - ignoring",
                stacklevel=5,
            )
        cutoffs.ww.init(logical_types={"instance_id": target.ww.logical_types[target.ww.index]})
        self.cutoffs: pd.DataFrame | None = cutoffs
        self.passed = [name for name in cutoffs.columns if name not in ("instance_id", "time")]
        self.ids, self.times = cutoffs["instance_id"], cutoffs["time"]

    def _take_one_time(self, entityset: Any, target: Any, cutoff: Any, instance_ids: Any) -> None:
        if cutoff is None:
            cutoff = np.inf if entityset.time_type == "numeric" else datetime.now()  # noqa: DTZ005 - as featuretools has it
        if instance_ids is None:
            seen = entityset._handle_time(  # noqa: SLF001
                dataframe_name=target.ww.name,
                df=target,
                time_last=cutoff,
                training_window=self.window,
                include_cutoff_time=self.include,
            )
            instance_ids = seen[target.ww.index]
        self.ids = instance_ids if isinstance(instance_ids, pd.Series) else pd.Series(instance_ids)
        self.cutoffs, self.passed, self.time = None, [], cutoff
        self.times = pd.Series([cutoff] * len(self.ids))
        if entityset.time_type == "numeric":
            self.times = self.times.astype(float)
        elif len(self.times):
            self.times = self.times.astype("datetime64[ns]")

    def _warn_of_approximation(self, approximate: Any) -> None:
        if approximate is not None:
            warnings.warn(
                "Using approximate with a single cutoff_time value or no cutoff_time "
                "provides no computational efficiency benefit",
                stacklevel=5,
            )

    def _warn_of_last_times(self, entityset: Any) -> None:
        if self.window is None:
            return
        for frame in entityset.dataframes:
            if frame.ww.time_index and frame.ww.metadata.get("last_time_index") is None:
                warnings.warn(
                    f"Using training_window but last_time_index is not set for dataframe {frame.ww.name}", stacklevel=5
                )

    def index(self, name: str) -> pd.MultiIndex:
        """Give the result's index, instances and times."""
        if self.cutoffs is not None:
            return pd.MultiIndex.from_frame(self.cutoffs[["instance_id", "time"]], names=[name, "time"])
        times = pd.Index([self.time] * len(self.ids))
        ids = pd.Index(self.ids)
        return pd.MultiIndex.from_arrays([ids.astype("category") if self.categorical else ids, times], names=[name, "time"])


def _to_keys(ids: pd.Series, index: pd.Series) -> pd.Series:
    """Make instances of mixed types comparable with an index: what is of another type is no instance of it."""
    kinds = {type(one) for one in ids} if ids.dtype == object else set()
    if len(kinds) < 2 or str not in kinds:  # noqa: PLR2004 - mixed
        return ids
    held = index.cat.categories if isinstance(index.dtype, pd.CategoricalDtype) else index
    if pd.api.types.is_numeric_dtype(held.dtype):
        return pd.to_numeric(ids, errors="coerce")
    return ids.where(ids.map(lambda one: isinstance(one, str)))


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
    features: list[Any], entityset: Any, asked: _Asked, *, in_index: bool, save: str | None, progress: Progress
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
        aggregated = {output for one in served if isinstance(one, AggregationFeature) for output in one.get_feature_names()}
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


def _calculate_slowly(features: list[Any], reasons: dict[str, str], entityset: Any, asked: _Asked) -> dict[str, Any]:
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
