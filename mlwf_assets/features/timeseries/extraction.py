"""From clean tables of readings to one row of features per example.

For each table under `features.timeseries`: its series in the order in which readings became known, each
example's last current reading (`windows`), and per column the latest value and tsfresh's features of each
window (`engine`). Columns that become known later than their row (outcomes) keep a time of their own.
"""

import datetime as dt
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.types as pat

from mlwf_assets.errors import SchemaError
from mlwf_assets.features.alignment import find_rows
from mlwf_assets.features.times import END_OF_TIME, read_times
from mlwf_assets.features.timeseries.calculators import describe, read_names
from mlwf_assets.features.timeseries.engine import Plan, Spans, compute_spans, make_plan
from mlwf_assets.features.timeseries.windows import Windows, find_windows, window_starts
from mlwf_assets.features.words import as_sentence, describe_column
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.features import TimeSeries
from mlwf_assets.spec.tables import Table
from mlwf_assets.spec.workflow import Workflow

_US = dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class _Series:
    """The readings of one column that exist and have a time, by series and time."""

    number: np.ndarray
    known_us: np.ndarray
    values: np.ndarray


def build(
    workflow: Workflow,
    readings: Mapping[str, pa.Table],
    examples: pa.Table,
    target: pa.Table,
    *,
    key: Sequence[str] = (),
    wanted: Collection[str] | None = None,
) -> Result:
    """Compute the features of readings for the given examples.

    Args:
        workflow: the workflow.
        readings: clean tables of readings, with the earlier partitions that windows and tolerance reach into.
        examples: key columns and `cutoff`.
        target: clean rows of the examples' table, which say which series an example looks at.
        key: the columns that name an example; by default the workflow's.
        wanted: names of the features that are needed, those of other steps among them; by default all.

    Returns:
        Key columns, then a double column per feature; rows in the order of the examples. Null where nothing
        current is known. Files: features.json. Metadata: features and windows computed, examples without
        a reading.

    Raises:
        SpecError: if the setting cannot be served.
        SchemaError: if a table or column is missing, is not a number, or has no time at which it is known.
    """
    key = key or workflow.example_key
    own = target.take(find_rows(target, examples, key=key, name=f"clean/{workflow.examples.table}"))
    cutoffs = read_times(examples["cutoff"], missing=END_OF_TIME)
    columns = {name: examples[name] for name in key}
    features: list[dict[str, Any]] = []
    metadata: dict[str, Any] = {}
    for table, spec in workflow.features.timeseries.items():
        listed = [one for one in _list_features(workflow, table, spec) if wanted is None or one["name"] in wanted]
        if not listed:
            continue
        if table not in readings:
            raise SchemaError(f"features.timeseries needs the clean table {table!r}, however: {sorted(readings)}")
        names = {one["name"] for one in listed}
        values, seen = _extract(workflow, table, spec, readings[table], own, cutoffs, names)
        columns |= {name: pa.array(column, mask=~np.isfinite(column)) for name, column in values.items()}
        features += listed
        metadata[f"{table}: windows"] = len(seen.anchors)
        metadata[f"{table}: examples without a current reading"] = int((seen.of_example < 0).sum())
    return Result(
        pa.table(columns),
        files={"features.json": json.dumps(features, indent=1).encode()},
        metadata={"features": len(features), **metadata},
        key=tuple(key),
    )


def _extract(
    workflow: Workflow,
    table: str,
    spec: TimeSeries,
    readings: pa.Table,
    own: pa.Table,
    cutoffs: np.ndarray,
    names: Collection[str],
) -> tuple[dict[str, np.ndarray], Windows]:
    """Name -> (n_examples,), NaN where not known; and the windows by the rows' own times."""
    number, asked = _number_series(table, spec, readings, own)
    known = _known_times(workflow, table, readings)
    # Without a tolerance the widest window is it: else a month would have to read all months before it.
    tolerance = (spec.tolerance or max(spec.windows)) // _US
    result: dict[str, np.ndarray] = {}
    by_group: dict[int, Windows] = {}
    orders: dict[int, _Series] = {}
    for column in spec.columns:
        group = _outcome_group(workflow, table, column)
        if group not in orders:
            orders[group] = _order(workflow, table, readings, number, known[group])
            by_group[group] = find_windows(
                orders[group].number, orders[group].known_us, asked=asked, cutoffs_us=cutoffs, tolerance_us=tolerance
            )
        prefix = f"{table}.{column}__"
        mine = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
        if not mine:
            continue
        order, seen = orders[group], by_group[group]
        values = _read_numbers(table, column, readings)[order.values]
        plans = {width: _plan(spec, column).only(_of_window(mine, width)) for width in spec.windows}
        features = _column_features(order, values, seen, asked, cutoffs, plans, tolerance)
        result |= {f"{prefix}{name}": feature for name, feature in features.items() if name in mine}
    return result, by_group[min(by_group)]


def _column_features(
    order: _Series,
    values: np.ndarray,
    seen: Windows,
    asked: np.ndarray,
    cutoffs: np.ndarray,
    plans: Mapping[dt.timedelta, Plan],
    tolerance: int,
) -> dict[str, np.ndarray]:
    """`order.values` are rows of the table; `values` stand in that order, NaN where missing."""
    present = np.isfinite(values)
    dense = values[present]
    # Row of all readings -> row of the present ones: a window [start, end) keeps its meaning.
    rank = np.concatenate([[0], np.cumsum(present)])
    here = _Series(order.number[present], order.known_us[present], dense)
    last = find_windows(here.number, here.known_us, asked=asked, cutoffs_us=cutoffs, tolerance_us=tolerance)
    current = np.append(dense[last.anchors], np.nan)[last.of_example]
    features = {"latest": np.where(seen.of_example >= 0, current, np.nan)}
    for width, plan in plans.items():
        if not plan.columns:
            continue
        starts = window_starts(order.number, order.known_us, anchors=seen.anchors, width_us=width // _US)
        first, end = rank[starts], rank[seen.anchors + 1]
        found = compute_spans(plan, Spans(dense, first, end - first, here.known_us.astype("datetime64[us]")))
        label = name_duration(width)
        features |= {f"{label}__{n}": np.append(v, np.nan)[seen.of_example] for n, v in found.items()}
    return features


def _of_window(names: Collection[str], width: dt.timedelta) -> set[str]:
    """The columns of a plan among a column's features."""
    label = f"{name_duration(width)}__"
    return {name.removeprefix(label) for name in names if name.startswith(label)}


def _plan(spec: TimeSeries, column: str) -> Plan:
    """Make one of tsfresh's settings, for all columns or by column, a plan."""
    settings = spec.parameters
    return make_plan(read_names(settings.get(column, ())) if isinstance(settings, dict) else settings, timed=True)


def _number_series(table: str, spec: TimeSeries, readings: pa.Table, own: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """(n_readings,) and (n_examples,) numbers of series; -1 where the name is missing."""
    pairs = spec.id if isinstance(spec.id, dict) else {spec.id: spec.id}
    names = []
    for side, data, columns in ((table, readings, pairs.keys()), ("the examples' table", own, pairs.values())):
        if absent := [column for column in columns if column not in data.column_names]:
            raise SchemaError(
                f"features.timeseries.{table}.id must name columns of {side}, however: {absent} are missing; "
                f"write id: {{COLUMN_OF_READINGS: COLUMN_OF_EXAMPLES}} where the names differ"
            )
        frame = pd.DataFrame({i: data[c].cast(pa.string()).to_pandas() for i, c in enumerate(columns)})
        names.append(frame.agg("\x1f".join, axis=1) if len(pairs) > 1 and len(frame) else frame[0])
    codes, _ = pd.factorize(pd.concat(names, ignore_index=True), sort=True)
    return codes[: readings.num_rows], codes[readings.num_rows :]


def _known_times(workflow: Workflow, table: str, readings: pa.Table) -> dict[int, np.ndarray]:
    """Group of outcomes (0: the row itself) -> (n_readings,) when known; END_OF_TIME: never, or at no time."""
    if "_known_at" not in readings.column_names or readings["_known_at"].null_count == readings.num_rows > 0:
        raise SchemaError(
            f"readings need a time at which they are known, however: tables.{table}.known_at is not given; "
            f"give it as a SQL expression over the table's columns"
        )
    known = {0: read_times(readings["_known_at"], missing=END_OF_TIME)}
    for group, _ in enumerate(workflow.tables.get(table, Table()).outcomes, start=1):
        later = read_times(readings[f"_known_at_OUTCOME_{group}"], missing=END_OF_TIME)
        known[group] = np.maximum(known[0], later)
    return known


def _outcome_group(workflow: Workflow, table: str, column: str) -> int:
    groups = workflow.tables.get(table, Table()).outcomes
    return next((i for i, group in enumerate(groups, start=1) if column in group.columns), 0)


def _order(workflow: Workflow, table: str, readings: pa.Table, number: np.ndarray, known_us: np.ndarray) -> _Series:
    """Order by series, time, then key, so that ties do not depend on how the rows came."""
    usable = np.flatnonzero((number >= 0) & (known_us < END_OF_TIME))
    frame = pd.DataFrame({"number": number[usable], "known": known_us[usable]})
    for column in workflow.tables.get(table, Table()).key:
        frame[f"key {column}"] = readings[column].take(pa.array(usable)).to_pandas().to_numpy()
    order = frame.sort_values(list(frame.columns), kind="stable").index.to_numpy()
    rows = usable[order]
    return _Series(number[rows], known_us[rows], rows)


def _read_numbers(table: str, column: str, readings: pa.Table) -> np.ndarray:
    if column not in readings.column_names:
        raise SchemaError(f"features.timeseries.{table}.columns: {column!r} is not in the table")
    kind = readings.schema.field(column).type
    if not (pat.is_boolean(kind) or pat.is_integer(kind) or pat.is_floating(kind) or pat.is_decimal(kind)):
        raise SchemaError(
            f"features.timeseries.{table}.columns must be numbers, however: {column!r} is {kind}; give it "
            f"`type: number` under tables.{table}.columns, or leave it out"
        )
    numbers = readings[column].cast(pa.int8()) if pat.is_boolean(kind) else readings[column]
    return np.asarray(numbers.cast(pa.float64()).fill_null(np.nan))


def name_duration(width: dt.timedelta) -> str:
    """Name a window by its largest whole unit.

    Example:
        >>> name_duration(dt.timedelta(hours=24)), name_duration(dt.timedelta(days=7))
        ('24h', '7d')
    """
    minutes, rest = divmod(width, dt.timedelta(minutes=1))
    if rest:
        return f"{width.total_seconds():g}s"
    if minutes % 60:
        return f"{minutes}min"
    return f"{minutes // 60}h" if minutes % 1440 or minutes == 1440 else f"{minutes // 1440}d"


def _list_features(workflow: Workflow, table: str, spec: TimeSeries) -> list[dict[str, Any]]:
    features = []
    place = " and ".join(spec.id.values() if isinstance(spec.id, dict) else [spec.id])
    for column in spec.columns:
        texts = {"latest": "the latest reading"}
        for width in spec.windows:
            span = name_duration(width)
            for name in _plan(spec, column).columns:
                texts[f"{span}__{name}"] = f"the {describe(name)} over the last {_in_words(span)} of readings"
        words = f"{describe_column(workflow, table, column)}, from {table} by {place}"
        features += [_feature(table, column, name, f"{words}: {text}") for name, text in texts.items()]
    return features


def _feature(table: str, column: str, name: str, text: str) -> dict[str, Any]:
    return {
        "name": f"{table}.{column}__{name}",
        "kind": "numeric",
        "words": as_sentence(text),
        "source": "timeseries",
        "columns": [f"{table}.{column}"],
    }


def _in_words(span: str) -> str:
    units: Sequence[tuple[str, str]] = (("min", "minutes"), ("h", "hours"), ("d", "days"), ("s", "seconds"))
    for short, unit in units:
        if span.endswith(short):
            return f"{span.removesuffix(short)} {unit}"
    return span
