"""The learning curve: how good a configuration gets by how many rows it learned from, and what that says.

The same folds judge all of its points, so that fold by fold they can be compared. It is about the configuration that
was best on all rows; a smaller one may be better on few.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from mlwf_assets.lake.result import Result
from mlwf_assets.models.families.base import Context, Params, never
from mlwf_assets.models.families.registry import find_family
from mlwf_assets.models.family import FAMILY_FILE, usable_threads
from mlwf_assets.models.fits import Fits
from mlwf_assets.models.metrics import Metric, default_metric, find_metric
from mlwf_assets.models.out_of_fold import Member
from mlwf_assets.models.task import draw_affordable, read_task
from mlwf_assets.spec.extensions import NO_CODE, OwnCode
from mlwf_assets.spec.models import Models
from mlwf_assets.spec.names import Kind

SHARES = (0.125, 0.25, 0.5, 1.0)
# What the last doubling gained is more than chance from so many standard errors over the folds on.
_CLEARLY = 2.0


@dataclass(frozen=True)
class Point:
    """What was reached with a share of the rows.

    Attributes:
        share: of each fold's training rows.
        rows: that were learned from, on average over the folds.
        scores: the metric on each fold.
    """

    share: float
    rows: int
    scores: tuple[float, ...]

    @property
    def score(self) -> float:
        """The mean over the folds."""
        return float(np.mean(self.scores))


def learning_curve(
    fits: Fits, params: Params, *, report: Callable[[str], None], shares: Sequence[float] = SHARES
) -> list[Point]:
    """Train a configuration on more and more rows.

    Args:
        fits: of the family, on the folds.
        params: the configuration.
        report: called with a few words after each point.
        shares: of the rows, ascending.
    """
    points, folds = [], fits.task.folds
    for share in shares:
        made = [fits.fold(params, k, share=share, rounds=None, should_stop=never) for k in range(len(folds))]
        rows = round(share * float(np.mean([len(fold.train) for fold in folds])))
        points.append(Point(share, rows, tuple(one.score for one in made)))
        report(f"{fits.family.name} on {rows:,} rows: {fits.task.problem.metric.name} {points[-1].score:.4f}")
    return points


def would_more_help(points: Sequence[Point], metric: Metric) -> str:
    """Say in words whether more rows would help, as far as the last doubling tells.

    Example:
        >>> from mlwf_assets.models.metrics import find_metric
        >>> points = [Point(0.5, 500, (0.70, 0.72)), Point(1.0, 1000, (0.75, 0.76))]
        >>> would_more_help(points, find_metric("roc_auc", "binary"))
        'more data would help: from 500 to 1,000 rows, ROC AUC got better by 0.045'
    """
    before, last = points[-2:]
    sign = 1.0 if metric.higher_is_better else -1.0
    gains = sign * (np.array(last.scores) - np.array(before.scores))
    gain = float(gains.mean())
    error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else np.inf
    span = f"from {before.rows:,} to {last.rows:,} rows, {metric.label}"
    if gain > _CLEARLY * error:
        return f"more data would help: {span} got better by {gain:.3g}"
    return f"nothing says that more data would help: {span} changed by {sign * gain:.3g}, which may be chance"


def curve_of_best(
    members: Mapping[str, Member],
    matrix: pa.Table,
    *,
    spec: Models,
    kind: Kind,
    key: Sequence[str],
    report: Callable[[str], None],
    own: OwnCode = NO_CODE,
) -> Result:
    """Draw the learning curve of the best family's best configuration.

    Args:
        members: family -> its table and files, as `train_family` made them.
        matrix: the rows that they were trained on.
        spec: metric, folds, seed.
        kind: binary, multiclass or regression.
        key: the columns that name an example.
        report: called with a few words after each point.
        own: the workflow's Python files, which may add families.

    Returns:
        A row per point: share, rows, score (mean over folds), spread (standard deviation); what it says.
    """
    metric = find_metric(spec.metric or default_metric(kind), kind)
    facts = _best([json.loads(files[FAMILY_FILE]) for _, files in members.values()], metric)
    task = read_task(draw_affordable(matrix, spec), facts["features"], spec=spec, kind=kind, key=key)
    fits = Fits(find_family(facts["family"], own), task, None, Context(seed=spec.seed, threads=usable_threads()))
    points = learning_curve(fits, facts["models"][0]["params"], report=report)
    table = pa.table(
        {
            "share": pa.array([one.share for one in points], pa.float64()),
            "rows": pa.array([one.rows for one in points], pa.int64()),
            "score": pa.array([one.score for one in points], pa.float64()),
            "spread": pa.array([float(np.std(one.scores)) for one in points], pa.float64()),
        }
    )
    said = {"answer": would_more_help(points, metric), "family": facts["words"], "metric": metric.label}
    return Result(table, metadata=said, key=("share",))


def _best(families: Sequence[Mapping[str, Any]], metric: Metric) -> Mapping[str, Any]:
    sign = 1.0 if metric.higher_is_better else -1.0
    return max(families, key=lambda facts: sign * facts["score"])
