"""What the figures say, in sentences: the answer, the decision, the worst slices, what the model looks at.

Plain text; the page escapes it. Sentences follow the figures alone, and say so where something cannot be
told.
"""

import math
from collections.abc import Sequence

from mlwf_assets.evaluation.binary import BinaryView
from mlwf_assets.evaluation.calibration import ReliabilityBin
from mlwf_assets.evaluation.effects import Effect
from mlwf_assets.evaluation.explain import Contribution, Explanation
from mlwf_assets.evaluation.importance import Importance
from mlwf_assets.evaluation.multiclass import MulticlassView
from mlwf_assets.evaluation.record import Entrant, Evaluation, Subject, TestMetric
from mlwf_assets.evaluation.regression import RegressionView
from mlwf_assets.evaluation.report.numbers import (
    OWN_UNIT,
    amount,
    count,
    interval,
    points,
    score,
    share,
    span,
)
from mlwf_assets.evaluation.shift import LARGE, MODERATE, Shift
from mlwf_assets.evaluation.slices import Slice, worst_slices
from mlwf_assets.evaluation.story import OddRows, SplitSummary
from mlwf_assets.models.truth import BASE_RATE, ENSEMBLE, PROCESS_TODAY
from mlwf_assets.spec.mistakes import listed

_NAMES = {
    ENSEMBLE: "The model",
    BASE_RATE: "Base rate",
    PROCESS_TODAY: "Process today",
    "lightgbm": "LightGBM",
    "tabm": "TabM",
}


def model_name(name: str) -> str:
    """How people call a model.

    Example:
        >>> model_name("lightgbm"), model_name("extra_trees")
        ('LightGBM', 'Extra trees')
    """
    return _NAMES.get(name, name.replace("_", " ").capitalize())


def quoted(words: str) -> str:
    """Set a class or value apart from the sentence around it."""
    return f"“{words}”"


def phrase(words: str) -> str:
    """Make a phrase of a sentence.

    Example:
        >>> phrase("The airline.")
        'The airline'
    """
    return words.rstrip(". ")


def number_of(rows: int) -> str:
    """Count rows in words.

    Example:
        >>> number_of(1), number_of(1200)
        ('1 row', '1,200 rows')
    """
    return f"{count(rows)} row{'s' * (rows != 1)}"


def odd_rows(tables: Sequence[OddRows]) -> str:
    """Say what odd rows are, how they were found, and of which tables none can be told.

    Example:
        >>> odd_rows([OddRows("towns", "all rows", 9, 0, "9 rows are too few to say which is odd", ())])
        'Nothing can be said of towns, which has too few rows or no values that are rare.'
    """
    told, silent = ([table.table for table in tables if bool(table.because) is side] for side in (False, True))
    sentences = []
    if told:
        sentences.append(
            f"The rows of {listed(told, joint='and')} that are least like the others, by an isolation forest that was "
            "fitted to training rows and saw no others. They are not left out: where one is wrong, write a rule that "
            "takes it out."
        )
    if silent:
        verb = "has" if len(silent) == 1 else "have"
        names = listed(silent, joint="and")
        sentences.append(f"Nothing can be said of {names}, which {verb} too few rows or no values that are rare.")
    return " ".join(sentences)


def how_split(by: str) -> str:
    """Say how rows were divided.

    Example:
        >>> how_split("random")
        'Split at random, by a hash of the key.'
    """
    return {
        "time": "Split by time.",
        "random": "Split at random, by a hash of the key.",
        "stratified": "Split at random within each class, by a hash of the key.",
        "group": "Split by group: rows of one group are in one split.",
    }[by]


def split_days(split: SplitSummary) -> str:
    """Say from when a split is; empty where time plays no part."""
    return span(split.first, split.last) if split.first else ""


def plain_metric(subject: Subject) -> str:
    """Name the metric that is said in plain words: the first one, unless people know another better.

    Example:
        >>> from mlwf_assets.evaluation.subject import describe_subject
        >>> from mlwf_assets.spec.workflow import Workflow
        >>> w = Workflow.model_validate({"name": "w", "project": {"question": "?"}, "sources": {"t": "t.csv"},
        ...     "examples": {"table": "t", "label": "y"}})
        >>> plain_metric(describe_subject(w, kind="regression", class_words=()))
        'mae'
    """
    return {"binary": subject.metric, "multiclass": "accuracy", "regression": "mae"}[subject.kind]


def second_metric(evaluation: Evaluation) -> str:
    """Name the metric that stands beside the first one on the leaderboard."""
    subject = evaluation.subject
    wanted = {"binary": "average_precision", "multiclass": "accuracy", "regression": "mae"}[subject.kind]
    if subject.metric != wanted:
        return wanted
    return {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[subject.kind]


def answer(evaluation: Evaluation) -> str:
    """Answer the question in a sentence, with the numbers that count.

    What the model reaches in plain words, beside today's process and knowing nothing, and the first metric
    with its interval.
    """
    subject, metric = evaluation.subject, evaluation.headline
    test = next(split for split in evaluation.data.splits if split.name == "test")
    when = split_days(test)
    when = f" from {when}" if when[:1].isdigit() and " to " in when else f" of {when}" if when else ""
    where = f"On the {count(evaluation.rows)} {subject.noun}{when}, which it had never seen, "
    if not math.isfinite(metric.value):
        why = "all test rows are of one class" if subject.class_words else "the test rows do not vary"
        return f"{where}{metric.label} cannot be told: {why}."
    plain = plain_metric(subject)
    said = [_comparison(evaluation, plain, name) for name in (ENSEMBLE, PROCESS_TODAY, BASE_RATE)]
    figure = f"{metric.label} {score(metric.name, metric.value)}{_between(metric)}{_unit(subject, metric.name)}"
    return f"{where}{', '.join(one for one in said if one)} ({figure})."


def _comparison(evaluation: Evaluation, plain: str, name: str) -> str:
    """What one model reaches; empty where there is no such model, or it cannot be told."""
    found = next((one for one in evaluation.leaderboard if one.name == name), None)
    if found is None or not math.isfinite(found.values[plain]):
        return ""
    value, subject = found.values[plain], evaluation.subject
    own = name == ENSEMBLE
    who = {ENSEMBLE: "the model", PROCESS_TODAY: "the process of today", BASE_RATE: _know_nothing(plain)}[name]
    if plain == "roc_auc":
        task = f" tells a case of {quoted(subject.class_words[1])} from one of {quoted(subject.class_words[0])}"
        return f"{who}{task} {_times(value)} in 100" if own else f"{who} {_times(value)}"
    if plain == "accuracy":
        task = " names the right class" if subject.kind == "multiclass" else " is right"
        return f"{who}{task} {_times(value)} in 100" if own else f"{who} {_times(value)}"
    if plain == "mae":
        task = " is off by" if own else " by"
        return f"{who}{task} {amount(value)}{_unit(subject, plain)}{' on average' if own else ''}"
    label = evaluation.metric(plain).label
    return f"{who} reaches {score(plain, value)} ({label})" if own else f"{who} {score(plain, value)}"


def _know_nothing(plain: str) -> str:
    known = {
        "roc_auc": "guessing",
        "accuracy": "always naming the most frequent class",
        "mae": "always saying the mean",
    }
    return known.get(plain, "knowing nothing but the base rate")


def _times(value: float) -> str:
    return f"{100 * value:.0f} times"


def _unit(subject: Subject, metric: str) -> str:
    return f" {subject.unit}" if subject.unit and metric in OWN_UNIT else ""


def _between(metric: TestMetric) -> str:
    if not math.isfinite(metric.low + metric.high):
        return ""
    return f" [{score(metric.name, metric.low)},\u00a0{score(metric.name, metric.high)}]"


def before(one: Entrant, metric: str) -> str:
    """Say how a model scored before the test, with the spread over folds where there were several."""
    if not one.before.spread > 0:
        return score(metric, one.before.score)
    return f"{score(metric, one.before.score)} ± {score(metric, one.before.spread)}"


def gain_over_today(evaluation: Evaluation) -> str:
    """Say whether the model beats the process of today; empty without a rule."""
    gain, metric = evaluation.gain, evaluation.headline
    if gain is None or not math.isfinite(gain.value):
        return ""
    better = gain.value if metric.higher_is_better else -gain.value
    sure = gain.low > 0 or gain.high < 0
    numbers = f"{score(metric.name, abs(gain.value))} {metric.label} (difference {interval(metric.name, gain)})"
    if not sure:
        return f"It cannot be told apart from the process of today: {numbers}."
    return f"It is {'better' if better > 0 else 'worse'} than the process of today by {numbers}."


def decision(view: BinaryView, subject: Subject) -> str:
    """Say what happens at the threshold, and what it costs."""
    d, positive = view.decision, quoted(subject.class_words[1])
    alarms, positives = d.true_positive + d.false_positive, d.true_positive + d.false_negative
    rows = alarms + d.false_negative + d.true_negative
    caught = d.true_positive / positives if positives else float("nan")
    right = d.true_positive / alarms if alarms else float("nan")
    return (
        f"Raising an alarm from a probability of {share(d.threshold)} on, it does so for {share(alarms / rows)} of "
        f"the {subject.noun}, catches {share(caught)} of the cases of {positive}, and {share(right)} of the alarms "
        "are right."
    )


def decision_costs(view: BinaryView, subject: Subject) -> str:
    """Say what the decisions cost against doing nothing, always raising the alarm, and the process of today."""
    d = view.decision
    given = "" if subject.costs else " (the workflow names no costs, so both count 1)"
    today = (
        f", {amount(view.decision_today.cost_per_1000)} for the process of today at the same threshold"
        if view.decision_today
        else ""
    )
    return (
        f"With a false alarm at {amount(d.cost_false_positive)} and a miss at {amount(d.cost_false_negative)}{given}, "
        f"1,000 decisions cost {amount(d.cost_per_1000)}, against {amount(d.cost_never_per_1000)} without alarms, "
        f"{amount(d.cost_always_per_1000)} with constant alarms{today}."
    )


def gains(view: BinaryView, subject: Subject) -> str:
    """Say what one finds by looking at the highest scores first."""
    mark = next(one for one in view.marks if one.share == 0.1)
    words = (
        f"The {share(mark.share)} of {subject.noun} with the highest scores hold {share(mark.found)} of all cases of "
        f"{quoted(subject.class_words[1])}, {mark.found / mark.share:.1f} times as many as chance would find"
    )
    if math.isfinite(mark.found_today):
        words += f"; by the process of today it is {share(mark.found_today)}"
    return words + "."


def calibration(evaluation: Evaluation, view: BinaryView) -> str:
    """Say whether probabilities can be taken at their word."""
    error = evaluation.metric("ece").value
    return (
        f"The model predicts {share(view.mean_predicted, 1)} on average, and {share(view.mean_observed, 1)} happened. "
        f"Group by group, predicted and observed frequency are {100 * error:.1f} points apart on average."
    )


def confidence(bins: Sequence[ReliabilityBin]) -> str:
    """Say whether a model of several classes is as often right as it is sure."""
    rows = sum(one.rows for one in bins)
    sure, right = (sum(getattr(one, name) * one.rows for one in bins) / rows for name in ("predicted", "observed"))
    return f"The model is {share(sure, 1)} sure of the class that it names on average, and right in {share(right, 1)}."


def shifts(found: Sequence[Shift], *, by_time: bool) -> str:
    """Say how many features moved between train and test."""
    moved = [one.moved for one in found]
    large, moderate, chance = (moved.count(how) for how in ("a lot", "moderately", "by chance"))
    if large or moderate:
        words = (
            f"Of {len(found)} features, {large or 'none'} moved a lot between train and test (PSI of {LARGE} or more) "
            f"and {moderate or 'none'} moderately ({MODERATE} to {LARGE})."
        )
    else:
        words = f"None of the {len(found)} features moved noticeably between train and test."
    if chance:
        words += f" With so few rows, the difference in {chance} of them may be chance."
    if by_time and (large or moderate):
        words += " Months, days and what goes with the season differ by construction where the split is by time."
    return words


def most_shifted(found: Sequence[Shift], *, at_most: int = 6) -> list[tuple[Shift, int]]:
    """Pick the most shifted features, one for all that are made from the same columns, and count the others.

    Features that moved less than moderately are left out, unless none moved more.
    """
    by_columns: dict[tuple[str, ...], list[Shift]] = {}
    for one in found:
        by_columns.setdefault(one.columns or (one.name,), []).append(one)
    picked = [(same[0], sum(one.moved in ("a lot", "moderately") for one in same[1:])) for same in by_columns.values()]
    moved = [pair for pair in picked if pair[0].moved in ("a lot", "moderately")]
    return (moved or picked[:3])[:at_most]


def worst(slices: Sequence[Slice], metric: TestMetric) -> str:
    """Name the slices for which the model is surely worse."""
    found = worst_slices(slices)
    overall = score(metric.name, metric.value)
    if not found:
        return f"No slice is clearly worse than all rows together ({metric.label} {overall})."
    named = [
        f"{one.column} {quoted(one.value)} ({score(metric.name, one.score.value)} "
        f"[{score(metric.name, one.score.low)}, {score(metric.name, one.score.high)}] on {count(one.rows)} rows)"
        for one in found
    ]
    listed = named[0] if len(named) == 1 else ", ".join(named[:-1]) + " and " + named[-1]
    return f"The model is worst for {listed}; on all rows {metric.label} is {overall}."


def importance(one: Importance, metric: TestMetric) -> str:
    """Say what happens to the metric where a feature is shuffled."""
    verb = "falls" if metric.higher_is_better else "rises"
    return f"{metric.label} {verb} by {score(metric.name, max(one.drop, 0.0))} when shuffled"


def effect(one: Effect, subject: Subject) -> str:
    """Say in which direction a feature pulls."""
    write = amount if subject.kind == "regression" else share
    means = one.means[one.strongest]
    several = subject.kind == "multiclass"
    what = f"The probability of {quoted(subject.class_words[one.strongest])}" if several else "The prediction"
    if one.kind == "boolean":
        return f"{what} is {write(means[-1])} on average if so, else {write(means[0])}."
    if one.kind == "categorical":
        first, last = (f"{write(means[i])} for {quoted(one.values[i])}" for i in (0, -1))
        return f"{what} is highest, {first}, and lowest, {last}."
    if one.direction:
        start, end = (f"{write(means[i])} at {one.values[i]}" for i in (0, -1))
        return f"{what} {'rises' if one.direction == 'up' else 'falls'} with it: from {start} to {end}."
    high, low = (means.index(pick(means)) for pick in (max, min))
    high_words, low_words = (f"{one.values[i]} ({write(means[i])})" for i in (high, low))
    return f"{what} is highest around {high_words} and lowest around {low_words}."


def prediction(one: Explanation, subject: Subject) -> str:
    """What the model predicted for a row."""
    if subject.kind == "regression":
        return f"{amount(one.predicted)}{_unit(subject, 'mae')}"
    if subject.kind == "binary":
        return share(one.predicted)
    return f"{one.said} ({share(one.predicted)})"


def contribution(one: Contribution, subject: Subject) -> str:
    """How much a feature's value moved a prediction."""
    if subject.kind == "regression":
        return amount(one.amount, signed=True)
    return points(one.amount)


def errors(view: RegressionView, subject: Subject) -> str:
    """Say how large errors are."""
    unit = _unit(subject, "mae")
    half, *more = view.quantiles
    rest = ", ".join(f"{share(one.share)} by at most {amount(one.error)}{unit}" for one in more)
    return f"Half of the predictions are off by at most {amount(half.error)}{unit}, {rest}."


def mixups(view: MulticlassView) -> str:
    """Name the most frequent mistakes."""
    if not view.mixups:
        return "No class was taken for another."
    named = [f"{quoted(one.actual)} for {quoted(one.predicted)} ({number_of(one.rows)})" for one in view.mixups[:3]]
    return f"Most often the model takes {', '.join(named)}."


def unseen(lost: dict[str, int]) -> str:
    """Say which test rows could not be judged."""
    named = ", ".join(f"{quoted(name)} ({number_of(rows)})" for name, rows in lost.items())
    return f"Training never saw the class {named}; the model cannot name it, and these test rows are in no figure here."
