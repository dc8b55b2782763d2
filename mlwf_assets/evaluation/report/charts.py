"""Which picture shows what: from parts of an evaluation to drawings of `draw.py`.

No text is escaped here, for `draw.py` escapes every one.
"""

import datetime as dt
import math
from collections.abc import Sequence

from mlwf_assets.evaluation.binary import BinaryView
from mlwf_assets.evaluation.bootstrap import Interval
from mlwf_assets.evaluation.calibration import ReliabilityBin
from mlwf_assets.evaluation.curves import Curve
from mlwf_assets.evaluation.effects import Effect
from mlwf_assets.evaluation.record import Entrant, Evaluation
from mlwf_assets.evaluation.regression import RegressionView
from mlwf_assets.evaluation.report import draw, draw_rows
from mlwf_assets.evaluation.report.frame import Axis, Picture, round_ticks
from mlwf_assets.evaluation.report.numbers import amount, count, day, interval, score, share
from mlwf_assets.evaluation.report.words import model_name
from mlwf_assets.evaluation.shift import Shift
from mlwf_assets.evaluation.slices import Slice
from mlwf_assets.evaluation.story import Period
from mlwf_assets.models.truth import BASE_RATE, ENSEMBLE, PROCESS_TODAY

_TONES = {ENSEMBLE: "a", PROCESS_TODAY: "b", BASE_RATE: "r"}
_SPLIT_TONES = {"train": "r", "validation": "c", "test": "a"}
_VERDICT_TONES = {"worse": "b", "better": "c", "alike": "a", "few": "r"}


def _share_axis(title: str) -> Axis:
    return Axis(0, 1, title, share)


def _around(values: Sequence[float], *, room: float = 0.08) -> tuple[float, float]:
    """From the smallest to the largest finite value, with some room."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    space = (high - low) * room or abs(high) * room or 1.0
    return low - space, high + space


def _spread(intervals: Sequence[Interval]) -> list[float]:
    return [value for one in intervals for value in (one.value, one.low, one.high)]


def headline(evaluation: Evaluation) -> Picture:
    """The model, the process of today and the base rate on the scale of the first metric, with the goal."""
    metric, goal = evaluation.headline, evaluation.verdict.bound
    shown = [one for one in evaluation.leaderboard if one.name in _TONES and math.isfinite(one.test.value)]
    goals = [goal] if goal is not None and evaluation.verdict.metric == metric.name else []
    rows = [_model_row(one, metric.name) for one in shown]
    marks = [draw.Mark(f"goal {value:g}", x=value, tone="c") for value in goals]
    axis = _scale([one.test for one in shown], goals, metric.label)
    return draw_rows.dots(rows, x=axis, marks=marks, label=f"{metric.label} on the test rows")


def _scale(intervals: Sequence[Interval], others: Sequence[float], title: str = "") -> Axis:
    low, high = _around([*_spread(intervals), *others])
    return Axis(low, high, title)


def place(one: Entrant, evaluation: Evaluation) -> Picture:
    """A model's test score with its interval, on the scale of the whole leaderboard."""
    low, high = _around(_spread([other.test for other in evaluation.leaderboard]))
    row = _model_row(one, evaluation.subject.metric)
    return draw_rows.dot(row, low=low, high=high, label=row.title)


def _model_row(one: Entrant, metric: str) -> draw_rows.Row:
    between = interval(metric, one.test)
    value = score(metric, one.test.value)
    title = f"{model_name(one.name)}: {value}" + (f" ({between})" if between else "")
    tone = _TONES.get(one.name, "a")
    return draw_rows.Row(model_name(one.name), one.test.value, value, "", one.test.low, one.test.high, tone, title)


def label_over_time(periods: Sequence[Period], *, binary: bool, by_time: bool) -> Picture:
    """The mean label per period, split by split; splits by time stand side by side."""
    first = min(dt.date.fromisoformat(one.start) for one in periods)
    write = share if binary else amount
    drawn, bands = [], []
    for name, tone in _SPLIT_TONES.items():
        if own := [one for one in periods if one.split == name]:
            xs = [_days(first, one.start) for one in own]
            titles = [f"{day(one.start)}: {write(one.mean)} of {count(one.rows)} rows ({name})" for one in own]
            legend = "" if by_time else name
            drawn.append(draw.Line(xs, [one.mean for one in own], tone, legend, titles=titles, dots=True))
            bands += [draw.Band(xs[0], xs[-1], name)] if by_time else []
    low, high = _around([one.mean for one in periods])
    last = max(_days(first, one.start) for one in periods)
    x = Axis(0, last, "", lambda days: _date(first, days, last), _month_ticks(first, last))
    y = Axis(max(0.0, low) if binary else low, high, "", share if binary else None)
    return draw.lines(drawn, x=x, y=y, bands=bands, width=760, height=240, label="The label over time")


def _days(first: dt.date, start: str) -> float:
    return float((dt.date.fromisoformat(start) - first).days)


def _date(first: dt.date, days: float, last: float) -> str:
    date = first + dt.timedelta(days=days)
    return f"{date:%b %Y}" if last > 360 else f"{date.day} {date:%b}"


def _month_ticks(first: dt.date, last: float) -> list[float]:
    """First days of months, at most eight; of a short stretch some days."""
    if last < 60:
        return [tick for tick in round_ticks(0, last) if tick == int(tick)]
    months, date = [], first.replace(day=1)
    while (date - first).days <= last:
        if date >= first:
            months.append(float((date - first).days))
        date = (date + dt.timedelta(days=32)).replace(day=1)
    return months[:: -(-len(months) // 8)]


def shift(one: Shift) -> Picture:
    """How a feature is distributed in train (broad, pale) and test (narrow)."""
    names, ends = one.labels, None
    if one.kind != "categorical":
        low, high = map(float, one.labels)
        step = (high - low) / max(1, len(one.train))
        names = tuple(f"{low + i * step:.4g} to {low + (i + 1) * step:.4g}" for i in range(len(one.train)))
        ends = (amount(low), amount(high))
    bins = [one_bin for one_bin in zip(names, one.train, one.test, strict=True) if ends or any(one_bin[1:])]
    titles = [f"{name}: train {share(a)}, test {share(b)}" for name, a, b in bins]
    shown, train, test = zip(*bins, strict=True) if bins else ((), (), ())
    label = f"{one.name} in train and test"
    return draw.paired_bars(shown, train, test, titles=titles, ends=ends, label=label)


def _curves(curves: dict[str, Curve], x: str, y: str) -> list[draw.Line]:
    """The model's curve on top of that of the process of today."""
    drawn = []
    for name in reversed(list(curves)):
        curve = curves[name]
        pairs = zip(curve.x, curve.y, strict=True)
        titles = [f"{model_name(name)}: {x} {share(a)}, {y} {share(b)}" for a, b in pairs]
        drawn.append(draw.Line(curve.x, curve.y, _TONES[name], model_name(name), titles=titles))
    return drawn


def roc(view: BinaryView) -> Picture:
    """The ROC curve."""
    chance = draw.Line((0, 1), (0, 1), "r", "Guessing", dashed=True)
    x, y = _share_axis("false alarms among negatives"), _share_axis("positives found")
    drawn = [chance, *_curves(view.roc, "false alarms", "found")]
    return draw.lines(drawn, x=x, y=y, height=340, label="ROC curve")


def precision_recall(view: BinaryView) -> Picture:
    """The precision-recall curve."""
    chance = draw.Line((0, 1), (view.mean_observed, view.mean_observed), "r", "Guessing", dashed=True)
    x, y = _share_axis("positives found (recall)"), _share_axis("right alarms (precision)")
    drawn = [chance, *_curves(view.precision_recall, "found", "right")]
    return draw.lines(drawn, x=x, y=y, height=340, label="Precision-recall curve")


def gain(view: BinaryView) -> Picture:
    """The gain curve."""
    chance = draw.Line((0, 1), (0, 1), "r", "Guessing", dashed=True)
    x, y = _share_axis("rows looked at, highest scores first"), _share_axis("positives found")
    drawn = [chance, *_curves(view.gain, "looked at", "found")]
    return draw.lines(drawn, x=x, y=y, height=340, label="Gain chart")


def scores(view: BinaryView, words: Sequence[str]) -> Picture:
    """The scores of both classes, with the threshold."""
    negative, positive = view.scores
    bins = zip(negative.edges, negative.edges[1:], negative.shares, positive.shares, strict=False)
    titles = [f"{share(a)} to {share(b)}: {share(n)} of {words[0]}, {share(p)} of {words[1]}" for a, b, n, p in bins]
    groups = [draw.Steps(negative.shares, "r", words[0]), draw.Steps(positive.shares, "d", words[1])]
    mark = draw.Mark(f"threshold {share(view.decision.threshold)}", x=view.decision.threshold, tone="a")
    x = _share_axis("predicted probability")
    return draw.histogram(groups, x=x, marks=[mark], titles=titles, height=280, label="Scores by class")


def reliability(bins: Sequence[ReliabilityBin], *, x: str, y: str) -> Picture:
    """Predicted against observed frequency."""
    high = min(1.0, max([0.05, *(max(one.predicted, one.high) for one in bins)]) * 1.08)
    spikes = [
        draw.Spike(one.predicted, one.observed, one.low, one.high,
                   f"predicted {share(one.predicted, 1)}, happened {share(one.observed, 1)} of {count(one.rows)}")
        for one in bins
    ]  # fmt: skip
    diagonal = draw.Line((0, high), (0, high), "r", "As it should be", dashed=True)
    across, up = Axis(0, high, x, share), Axis(0, high, y, share)
    return draw.lines([diagonal], spikes=spikes, x=across, y=up, height=340, label="Reliability diagram")


def cost(view: BinaryView) -> Picture:
    """The cost of 1,000 decisions at each threshold."""
    decision, curve = view.decision, view.cost
    titles = [f"from {share(a)} on: {amount(b)}" for a, b in zip(curve.x, curve.y, strict=True)]
    marks = [
        draw.Mark(f"threshold {share(decision.threshold)}", x=decision.threshold, tone="a"),
        draw.Mark("never an alarm", y=decision.cost_never_per_1000),
    ]
    y = Axis(0, max([*curve.y, decision.cost_never_per_1000, 1e-9]) * 1.08, "cost of 1,000 decisions")
    x = _share_axis("alarm from this probability on")
    drawn = [draw.Line(curve.x, curve.y, "a", titles=titles)]
    return draw.lines(drawn, x=x, y=y, marks=marks, label="Cost by threshold")


def costs(view: BinaryView) -> Picture:
    """The cost of 1,000 decisions of the model, of the process of today, of no and of constant alarms."""
    rows = [("The model", view.decision.cost_per_1000, "a")]
    if view.decision_today is not None:
        rows.append(("Process today", view.decision_today.cost_per_1000, "b"))
    rows.append(("Never an alarm", view.decision.cost_never_per_1000, "r"))
    rows.append(("Always an alarm", view.decision.cost_always_per_1000, "r"))
    drawn = [draw_rows.Row(name, v, amount(v), tone=tone, title=f"{name}: {amount(v)}") for name, v, tone in rows]
    return draw_rows.bars(drawn, label="Cost of 1,000 decisions")


def effect(one: Effect, *, regression: bool) -> Picture:
    """How the prediction goes with a feature's value; categories as bars."""
    write = amount if regression else share
    values = one.means[one.strongest]
    titles = [f"{name}: {write(mean)}" for name, mean in zip(one.values, values, strict=True)]
    if one.kind == "numeric":
        return draw.spark(one.positions, values, titles=titles, label=f"Effect of {one.name}")
    return draw.columns(values, titles=titles, label=f"Effect of {one.name}")


def slices(found: Sequence[Slice], column: str, metric: str, overall: float) -> Picture:
    """The metric within each value of a column, against that of all rows; the same scale for all columns."""
    drawn = [_slice_row(one, metric) for one in found if one.column == column]
    mark = draw.Mark(f"all rows {score(metric, overall)}", x=overall)
    judged = [one.score for one in found if one.verdict != "few"] or [one.score for one in found]
    axis = _scale(judged, [overall])
    return draw_rows.dots(drawn, x=axis, marks=[mark], label=f"Slices by {column}")


def _slice_row(one: Slice, metric: str) -> draw_rows.Row:
    value, between = score(metric, one.score.value), interval(metric, one.score)
    title = f"{one.value}: {value}" + (f" ({between})" if between else "") + f" on {count(one.rows)} rows"
    if math.isfinite(one.actual + one.predicted):
        title += f"; predicted {amount(one.predicted)} on average, happened {amount(one.actual)}"
    score_, tone = one.score, _VERDICT_TONES[one.verdict]
    return draw_rows.Row(one.value, score_.value, value, count(one.rows), score_.low, score_.high, tone, title)


def predicted_actual(view: RegressionView, unit: str) -> Picture:
    """Predicted against actual values."""
    edges = view.density.edges
    words = f" ({unit})" if unit else ""
    x, y = Axis(edges[0], edges[-1], f"predicted{words}"), Axis(edges[0], edges[-1], f"actual{words}")
    return draw.density(edges, view.density.counts, x=x, y=y, label="Predicted against actual")


def residuals(view: RegressionView, unit: str) -> Picture:
    """How far predictions are off."""
    edges, shares = view.residuals.edges, view.residuals.shares
    written = [amount(edge, signed=True) for edge in edges]
    titles = [f"{a} to {b}: {share(s)}" for a, b, s in zip(written, written[1:], shares, strict=False)]
    x = Axis(edges[0], edges[-1], f"predicted minus actual{f' ({unit})' if unit else ''}")
    groups, marks = [draw.Steps(shares, "a")], [draw.Mark("", x=0.0)]
    return draw.histogram(groups, x=x, marks=marks, titles=titles, height=280, label="Residuals")


def prediction_bins(view: RegressionView, unit: str) -> Picture:
    """Mean of what happened against mean prediction, with the middle 80 % of what happened."""
    bins = view.bins
    low, high = _around([value for one in bins for value in (one.predicted, one.low, one.high)])
    spikes = [
        draw.Spike(one.predicted, one.actual, one.low, one.high,
                   f"predicted {amount(one.predicted)}: {amount(one.actual)} on average, {amount(one.low)} to "
                   f"{amount(one.high)} in 80 % of {count(one.rows)} rows")
        for one in bins
    ]  # fmt: skip
    words = f" ({unit})" if unit else ""
    diagonal = draw.Line((low, high), (low, high), "r", "As it should be", dashed=True)
    x, y = Axis(low, high, f"predicted{words}"), Axis(low, high, f"actual{words}")
    return draw.lines([diagonal], spikes=spikes, x=x, y=y, height=340, label="Actual by prediction")
