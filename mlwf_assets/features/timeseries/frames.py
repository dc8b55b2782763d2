"""`extract_features` as tsfresh has it: the same arguments, the same frame, whole batches at a time."""

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.features.timeseries.containers import Kind, read_container
from mlwf_assets.features.timeseries.engine import Plan, Spans, compute_spans, make_plan
from mlwf_assets.features.timeseries.foreign import warn_of_foreign
from mlwf_assets.features.timeseries.parameters import Settings, comprehensive
from mlwf_assets.features.timeseries.profiling import profiled
from mlwf_assets.features.timeseries.progress import show_progress


def extract_features(
    timeseries_container: Any,
    default_fc_parameters: Settings | None = None,
    kind_to_fc_parameters: Mapping[str, Settings] | None = None,
    column_id: str | None = None,
    column_sort: str | None = None,
    column_kind: str | None = None,
    column_value: str | None = None,
    chunksize: int | None = None,
    n_jobs: int = 1,
    show_warnings: bool = False,  # noqa: FBT001, FBT002 - tsfresh's signature, as below
    disable_progressbar: bool = False,  # noqa: FBT001, FBT002
    impute_function: Callable[[pd.DataFrame], object] | None = None,
    profile: bool = False,  # noqa: FBT001, FBT002
    profiling_filename: str = "profile.txt",
    profiling_sorting: str = "cumulative",
    distributor: Any = None,
    pivot: bool = True,  # noqa: FBT001, FBT002
) -> Any:
    """Compute tsfresh's features, with its names and values.

    Differences, all of them on purpose: readings are computed in double precision whatever their type; a window on
    which tsfresh raises has NaN; ties in the sort column keep the order of the rows.

    Args:
        timeseries_container: a frame with a row per id and time, or per id, time and kind; or kind -> frame; or one
            of tsfresh's own containers.
        default_fc_parameters: calculator -> sets of parameters; by default all.
        kind_to_fc_parameters: kind -> the same, for kinds that have their own.
        column_id: names the series.
        column_sort: orders their readings.
        column_kind: names the kind of a reading.
        column_value: holds the readings.
        chunksize: taken for tsfresh's sake; chunks are sized by memory.
        n_jobs: threads.
        show_warnings: whether warnings of calculators that run window by window are shown.
        disable_progressbar: whether to keep quiet.
        impute_function: changes the frame in place at the end.
        profile: whether to write where the time went.
        profiling_filename: to which file.
        profiling_sorting: by which column.
        distributor: taken for tsfresh's sake; nothing is distributed.
        pivot: False for (id, feature, value) instead of a frame.

    Returns:
        A frame with a row per id, sorted, and a float column per kind and feature.

    Raises:
        ValueError: if the container is not one, or there is no such calculator.

    Example:
        >>> frame = pd.DataFrame({"id": [1, 1, 2, 2], "x": [1.0, 3.0, 2.0, 2.0]})
        >>> extract_features(frame, {"maximum": None}, column_id="id", disable_progressbar=True)
           x__maximum
        1         3.0
        2         2.0
    """
    settings = _Settings(default_fc_parameters, kind_to_fc_parameters)
    with profiled(profiling_filename, profiling_sorting, wanted=profile):
        if own := _tsfresh_s_own(timeseries_container):
            result = _extract_own(own, settings, n_jobs, pivot=pivot)
        else:
            kinds = read_container(timeseries_container, column_id, column_sort, column_kind, column_value)
            made = extract_kinds(kinds, settings.plan_of, n_jobs, shown=not disable_progressbar)
            by_id = isinstance(timeseries_container, pd.DataFrame)
            if not pivot:
                return list_values(kinds, made, by_id=by_id)
            result = assemble(kinds, made, by_id=by_id)
        if impute_function is not None:
            impute_function(result)
    return result


def settings_of(parameters: Settings | None) -> Callable[..., Plan]:
    """Give the plan of each kind under one setting; None: all calculators."""
    return _Settings(parameters, None).plan_of


class _Settings:
    """Which plan a kind has."""

    def __init__(self, default: Settings | None, by_kind: Mapping[str, Settings] | None) -> None:
        self._by_kind = by_kind or {}
        self._default = default
        if default is None:
            self._default = comprehensive() if by_kind is None else {}

    def plan_of(self, kind: str, *, timed: bool) -> Plan:
        plan = make_plan(self._by_kind.get(kind, self._default or {}), timed=timed)
        warn_of_foreign(plan.foreign)
        if plan.skipped:
            warnings.warn(
                f"{', '.join(plan.skipped)} needs a DatetimeIndex and is left out, for the index of kind {kind!r} is "
                "none; leave the calculator out of the parameters, or set the index",
                UserWarning,
                stacklevel=4,
            )
        return plan


def extract_kinds(
    kinds: Sequence[Kind], plan_of: Callable[..., Plan], threads: int, *, shown: bool
) -> list[dict[str, np.ndarray]]:
    """Compute the features of each kind.

    Returns:
        Per kind: column -> (n_series,).
    """
    with show_progress(sum(len(kind.ids) for kind in kinds), shown=shown) as advance:
        return [
            compute_spans(
                plan_of(kind.name, timed=kind.spans.times is not None), kind.spans, threads=threads, progress=advance
            )
            for kind in kinds
        ]


def assemble(kinds: Sequence[Kind], made: Sequence[Mapping[str, np.ndarray]], *, by_id: bool) -> pd.DataFrame:
    """Put kinds side by side: a row per id of any kind, sorted.

    Args:
        kinds: of series.
        made: their features.
        by_id: whether tsfresh would go id by id, so that the kinds of the first ids come first.
    """
    pairs = [(kind, found) for kind, found in zip(kinds, made, strict=True) if found and len(kind.ids)]
    if by_id:
        pairs.sort(key=lambda pair: pair[0].ids[0])
    parts = [
        pd.DataFrame({f"{kind.name}__{name}": values for name, values in found.items()}, index=kind.ids, copy=False)
        for kind, found in pairs
    ]
    if not parts:
        return pd.DataFrame()
    frame = (parts[0] if len(parts) == 1 else pd.concat(parts, axis=1)).sort_index()
    frame.index.names = [None] * frame.index.nlevels
    return frame


def list_values(
    kinds: Sequence[Kind], made: Sequence[Mapping[str, np.ndarray]], *, by_id: bool
) -> list[tuple[Any, str, float]]:
    """List id, feature and value, one series after the other."""
    series = [
        (identity, [(identity, f"{kind.name}__{name}", float(values[row])) for name, values in found.items()])
        for kind, found in zip(kinds, made, strict=True)
        for row, identity in enumerate(kind.ids)
    ]
    if by_id:
        series.sort(key=lambda one: one[0])
    return [value for _, values in series for value in values]


def _tsfresh_s_own(container: Any) -> Any:
    """The container, if it is one of tsfresh's classes; whoever has one has imported tsfresh."""
    module = sys.modules.get("tsfresh.feature_extraction.data")
    return container if module is not None and isinstance(container, module.PartitionedTsData) else None


def _extract_own(container: Any, settings: _Settings, threads: int, *, pivot: bool) -> Any:
    """Compute what one of tsfresh's containers hands out series by series, and let it pivot."""
    by_kind: dict[str, list[tuple[Any, pd.Series]]] = {}
    for identity, kind, series in container:
        by_kind.setdefault(kind, []).append((identity, series))
    kinds = [_gather(kind, series) for kind, series in by_kind.items()]
    made = extract_kinds(kinds, settings.plan_of, threads, shown=False)
    values = list_values(kinds, made, by_id=False)
    return container.pivot(values) if pivot else values


def _gather(kind: str, series: Sequence[tuple[Any, pd.Series]]) -> Kind:
    lengths = np.array([len(one) for _, one in series])
    timed = all(isinstance(one.index, pd.DatetimeIndex) for _, one in series)
    times = np.concatenate([one.index.to_numpy() for _, one in series]) if timed else None
    values = np.concatenate([one.to_numpy(dtype=np.float64) for _, one in series])
    ids = pd.Index([identity for identity, _ in series], tupleize_cols=False)
    return Kind(kind, ids, Spans(values, np.cumsum(lengths) - lengths, lengths, times), np.arange(len(values)))
