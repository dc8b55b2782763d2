"""What a caller asks for: instances and cutoff times, checked as featuretools checks them, with its messages."""

import warnings
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd


class Asked:
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
        held = target[target.ww.index]
        self.keys, self.categorical = _to_keys(self.ids, held), isinstance(held.dtype, pd.CategoricalDtype)
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
        ids = pd.Index(self.ids).astype("category") if self.categorical else pd.Index(self.ids)
        return pd.MultiIndex.from_arrays([ids, times], names=[name, "time"])


def _to_keys(ids: pd.Series, index: pd.Series) -> pd.Series:
    """Make instances comparable with an index: what is of another type than its values is no instance of it."""
    held, given = (one.cat.categories if isinstance(one.dtype, pd.CategoricalDtype) else one for one in (index, ids))
    if pd.api.types.is_numeric_dtype(held.dtype):
        return ids if pd.api.types.is_numeric_dtype(given.dtype) else pd.to_numeric(ids.astype(object), errors="coerce")
    if not pd.api.types.is_string_dtype(held.dtype) or all(isinstance(one, str) for one in given):
        return ids
    return ids.astype(object).where(ids.map(lambda one: isinstance(one, str)))
