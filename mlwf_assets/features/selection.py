"""Which features are kept, and why: judged on the training rows alone, with a reason in words for each.

In this order: nothing in it; too good to be true (`leakage`); not relevant (`significance`); says the same
as a better one; beyond the allowed number. The rules are explained in docs/features.md; making features and
tuning models do not belong here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlwf_assets.errors import DataError
from mlwf_assets.features.alignment import FeatureTable, find_rows, key_columns
from mlwf_assets.features.leakage import (
    group_ranks,
    measure_categories,
    measure_least_told,
    measure_missing,
    measure_ranks,
)
from mlwf_assets.features.significance import (
    Target,
    assess_categories,
    assess_missing,
    assess_numbers,
    choose_relevant,
    combine_tests,
    rank,
)
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.features import Selection

# Below so many rows of a class with a value, a Gini near 1 is chance rather than a leak.
MIN_GUARD_ROWS = 10
# An id has another value in each row; below so many rows other things have, too.
MIN_ID_ROWS, MIN_ID_DENSITY = 30, 0.4
_CHUNK_ROWS = 16_384
# Closer than this, two features tell alike, and people rather read about a mean than a root mean square.
_GINI_DIGITS = 2


@dataclass
class _Verdict:
    """What was found about one feature; `reason` is empty while it is still in.

    `least_told` is the Gini of the class that it tells worst; of two classes and of numbers, `relevance` again.
    """

    feature: Mapping[str, Any]
    p_values: np.ndarray
    relevance: float = float("nan")
    least_told: float = float("nan")
    missing_gini: float = float("nan")
    missing_share: float = 0.0
    guarded: bool = True
    names_rows: bool = False
    reason: str = ""
    warning: str = ""
    duplicate_of: str | None = None
    ranks: np.ndarray = field(default_factory=lambda: np.empty(0))

    @property
    def name(self) -> str:
        return str(self.feature["name"])

    @property
    def gini(self) -> float:
        """The larger of what its values and its gaps tell."""
        return float(np.nan_to_num(np.fmax(self.relevance, self.missing_gini)))

    @property
    def p_value(self) -> float:
        return float(np.fmin.reduce(self.p_values)) if len(self.p_values) else float("nan")


def select(
    selection: Selection,
    train: pa.Table,
    features: Sequence[FeatureTable],
    *,
    key: Sequence[str],
    kind: str,
) -> Result:
    """Judge every feature on the training rows.

    Args:
        selection: the setting.
        train: key columns and `label` of the training rows.
        features: tables of features with their descriptions; more rows than train's do no harm.
        key: the examples' key; () for a row's place in its file.
        kind: binary, multiclass or regression.

    Returns:
        A row per feature, the kept ones first: name, kind, kept, reason, p_value, relevance, missing_gini,
        missing_share, duplicate_of. Files: features.json, the kept ones in the order given. Metadata: counts,
        warnings.

    Raises:
        DataError: if the label has one value only, or training rows have no features.
    """
    target = _read_target(train["label"], kind)
    verdicts = []
    for table, described in features:
        rows = pa.array(find_rows(table, train, key=key_columns(key), name="the features"))
        verdicts += [_judge(one, table[one["name"]].take(rows), target) for one in described]
    _guard(verdicts, selection)
    relevant = _find_relevant(verdicts, selection)
    warnings = [f"{v.name}: {v.warning}" for v in verdicts if v.warning]
    candidates = [v for v in verdicts if not v.reason]
    if candidates and not any(relevant[v.name] for v in candidates):
        warnings.append("no feature is relevant; all that are not constant are kept")
    else:
        _drop_irrelevant(candidates, relevant, selection)
    _drop_redundant([v for v in verdicts if not v.reason], selection.redundancy)
    _drop_surplus([v for v in verdicts if not v.reason], selection.max_features)
    return _to_result(verdicts, warnings)


def _read_target(label: pa.ChunkedArray, kind: str) -> Target:
    if label.null_count:
        raise DataError(f"each training row must have a label, however: {label.null_count} have none")
    if kind == "regression":
        values = label.cast(pa.float64()).to_numpy()
        classes = np.empty((0, len(values)), dtype=bool)
        distinct = len(np.unique(values))
    else:
        values, names = pd.factorize(label.to_pandas(), sort=True)
        distinct = len(names)
        # Of two classes the second says all.
        classes = np.stack([values == code for code in range(distinct)]) if distinct else np.empty((0, 0), bool)
        classes = classes[1:] if distinct == 2 else classes
    if distinct < 2:
        raise DataError(
            f"the label must have at least two values among the training rows, however: {distinct} in "
            f"{len(values)} rows; look at examples.label and at the splits"
        )
    return Target(classes, values)


def _judge(feature: Mapping[str, Any], column: pa.ChunkedArray, target: Target) -> _Verdict:
    """Measure and test one feature."""
    categorical = feature["kind"] == "categorical"
    values = _read_codes(column) if categorical else _read_numbers(column)
    missing = values < 0 if categorical else np.isnan(values)
    verdict = _Verdict(feature, np.empty(0), missing_share=float(missing.mean()))
    if missing.all():
        verdict.reason = "has no value in any training row"
        return verdict
    tests = []
    present, labels = values[~missing], target.take(~missing)
    if (present != present[0]).any():
        ranks = rank(present)
        verdict.ranks = values if categorical else _spread(ranks, missing)
        counted = labels.with_rows(MIN_GUARD_ROWS)
        verdict.guarded = counted is not None
        measured = counted or labels
        if categorical:
            verdict.relevance = measure_categories(present, target=measured)
            tests.append(assess_categories(present, target=labels))
        else:
            verdict.relevance = measure_ranks(ranks, target=measured)
            tests.append(assess_numbers(present, ranks, target=labels))
        verdict.least_told = verdict.relevance
        if len(measured.classes) > 1:
            codes = present if categorical else group_ranks(ranks)
            verdict.least_told = measure_least_told(codes, target=measured)
    if missing.any():
        verdict.missing_gini = measure_missing(missing, target=target)
        tests.append(assess_missing(missing, target=target))
    is_column = feature["name"].rpartition(".")[2] in {name.rpartition(".")[2] for name in feature["columns"]}
    verdict.names_rows = is_column and _names_rows(present, len(column), categorical=categorical)
    if tests:
        verdict.p_values = combine_tests(tests)
    else:
        verdict.reason = f"is constant: every training row says {column[0].as_py()!r}"
    return verdict


def _names_rows(present: np.ndarray, rows: int, *, categorical: bool) -> bool:
    """Tell ids and running numbers: all different, and names, or whole numbers that leave out few.

    The training rows are a good half of all that were numbered; measures are not as dense.
    """
    if rows < MIN_ID_ROWS or len(present) < rows or len(np.unique(present)) < rows:
        return False
    if categorical:
        return True
    whole = bool((present == np.round(present)).all())
    return whole and rows / (float(np.ptp(present)) + 1) > MIN_ID_DENSITY


def _read_numbers(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return np.asarray(column.cast(pa.float64()).fill_null(np.nan))


def _read_codes(column: pa.ChunkedArray) -> np.ndarray:
    """(n,) codes in the order of the names, -1 where missing."""
    return np.asarray(pd.factorize(column.cast(pa.string()).to_pandas(), sort=True)[0].astype(np.int64))


def _spread(ranks: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """(n,) ranks over all rows, NaN where missing."""
    spread = np.full(len(missing), np.nan, dtype=np.float32)
    spread[~missing] = ranks
    return spread


def _guard(verdicts: Sequence[_Verdict], selection: Selection) -> None:
    """What nearly decides the label by itself was probably not known in time."""
    guard = selection.leakage
    for verdict in verdicts:
        if verdict.reason:
            continue
        named = {verdict.name, *verdict.feature["columns"]} & set(guard.keep)
        if verdict.names_rows and not named:
            verdict.reason = (
                "has another value in each row, as an id has, which says nothing of new rows; if it is none, name "
                "it in features.selection.leakage.keep"
            )
            continue
        what, gini = _more_telling(verdict, verdict.least_told)
        if gini >= guard.drop and not named:
            verdict.reason = (
                f"tells too much to have been known in time: {what} reach a normalized Gini of {gini:.3f} "
                f"(limit {guard.drop:g}); if it is right, name it in features.selection.leakage.keep"
            )
            continue
        what, gini = _more_telling(verdict, verdict.relevance)
        if gini >= guard.warn:
            verdict.warning = f"{what} reach a normalized Gini of {gini:.3f}: was that known in time?"


def _more_telling(verdict: _Verdict, by_values: float) -> tuple[str, float]:
    told = ("its values", by_values if verdict.guarded else 0.0), ("its being missing", verdict.missing_gini)
    return max(((what, float(np.nan_to_num(gini))) for what, gini in told), key=lambda pair: pair[1])


def _find_relevant(verdicts: Sequence[_Verdict], selection: Selection) -> dict[str, bool]:
    """FRESH: relevant for at least one class, at the given rate of false discoveries for each."""
    if selection.method == "none":
        return {verdict.name: True for verdict in verdicts}
    tested = [verdict for verdict in verdicts if len(verdict.p_values)]
    if not tested:
        return {}
    p_values = np.stack([verdict.p_values for verdict in tested])
    chosen = [choose_relevant(column, fdr_level=selection.fdr_level) for column in p_values.T]
    return {v.name: bool(r) for v, r in zip(tested, np.any(chosen, axis=0), strict=True)}


def _drop_irrelevant(candidates: Sequence[_Verdict], relevant: Mapping[str, bool], selection: Selection) -> None:
    for verdict in candidates:
        if not relevant[verdict.name]:
            verdict.reason = (
                f"is not relevant: p = {verdict.p_value:.2g}, not small enough among all tests for a false "
                f"discovery rate of {selection.fdr_level:g}"
            )


def _by_merit(verdicts: Sequence[_Verdict]) -> list[_Verdict]:
    """The most telling first; of those that tell alike the one with the shorter, then the smaller name."""
    return sorted(verdicts, key=lambda v: (-round(v.gini, _GINI_DIGITS), len(v.name), v.name))


def _drop_redundant(verdicts: Sequence[_Verdict], limit: float) -> None:
    numbers = [v for v in _by_merit(verdicts) if v.feature["kind"] != "categorical" and len(v.ranks)]
    kept: list[int] = []
    correlations = _correlate([v.ranks for v in numbers])
    for position, verdict in enumerate(numbers):
        if kept and correlations[position, kept].max() > limit:
            best = max(kept, key=lambda other: float(correlations[position, other]))
            _mark_duplicate(verdict, numbers[best], f"rank correlation {correlations[position, best]:.3f}")
        else:
            kept.append(position)
    names: list[_Verdict] = []
    for verdict in (v for v in _by_merit(verdicts) if v.feature["kind"] == "categorical" and len(v.ranks)):
        if twin := next((other for other in names if _same_groups(verdict.ranks, other.ranks)), None):
            _mark_duplicate(verdict, twin, "the same groups under other names")
        else:
            names.append(verdict)


def _mark_duplicate(verdict: _Verdict, other: _Verdict, how: str) -> None:
    verdict.duplicate_of = other.name
    verdict.reason = f"says the same as {other.name} ({how}), which tells as much or more"


def _correlate(ranks: Sequence[np.ndarray]) -> np.ndarray:
    """(m, m) absolute Spearman correlations; a missing value counts as the mean rank.

    In chunks of rows, in double precision: single precision ranks are exact up to 8 million rows.
    """
    if not ranks:
        return np.zeros((0, 0))
    means = np.array([np.nanmean(column, dtype=np.float64) for column in ranks])
    total = np.zeros((len(ranks), len(ranks)))
    for start in range(0, len(ranks[0]), _CHUNK_ROWS):
        chunk = np.stack([column[start : start + _CHUNK_ROWS] for column in ranks]).astype(np.float64)
        centered = np.where(np.isnan(chunk), 0.0, chunk - means[:, None])
        total += centered @ centered.T
    scale = np.sqrt(np.diag(total))
    return np.asarray(np.abs(total / np.outer(scale, scale)))


def _same_groups(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two category columns divide the rows alike, missing ones included."""
    pairs = pd.factorize(one.astype(np.int64) * (int(other.max()) + 2) + other + 1)[1]
    return len(pairs) == len(np.unique(one)) == len(np.unique(other))


def _drop_surplus(verdicts: Sequence[_Verdict], limit: int | None) -> None:
    for place, verdict in enumerate(_by_merit(verdicts), start=1):
        if limit is not None and place > limit:
            verdict.reason = f"is number {place} by relevance, and features.selection.max_features is {limit}"


def _explain(verdict: _Verdict) -> str:
    if verdict.reason:
        return verdict.reason
    tests = f"p = {verdict.p_value:.2g}, normalized Gini {verdict.gini:.3f}"
    gaps = "" if not verdict.missing_share else f", missing in {verdict.missing_share:.1%}"
    warning = f"; WARNING: {verdict.warning}" if verdict.warning else ""
    return f"kept: {tests}{gaps}{warning}"


def _to_result(verdicts: Sequence[_Verdict], warnings: Sequence[str]) -> Result:
    shown = [*_by_merit([v for v in verdicts if not v.reason]), *_by_merit([v for v in verdicts if v.reason])]
    numbers = {
        "p_value": [v.p_value for v in shown],
        "relevance": [v.relevance for v in shown],
        "missing_gini": [v.missing_gini for v in shown],
        "missing_share": [v.missing_share for v in shown],
    }
    table = pa.table(
        {
            "name": pa.array([v.name for v in shown], pa.string()),
            "kind": pa.array([v.feature["kind"] for v in shown], pa.string()),
            "kept": pa.array([not v.reason for v in shown], pa.bool_()),
            "reason": pa.array([_explain(v) for v in shown], pa.string()),
            **{name: pa.array(column, pa.float64(), from_pandas=True) for name, column in numbers.items()},
            "duplicate_of": pa.array([v.duplicate_of for v in shown], pa.string()),
        }
    )
    kept = [dict(v.feature) for v in verdicts if not v.reason]
    counts = {"features": len(verdicts), "kept": len(kept), "left out": len(verdicts) - len(kept)}
    files = {"features.json": json.dumps(kept, indent=1).encode()}
    return Result(table, files=files, metadata={**counts, "warnings": list(warnings)}, key=("name",))
