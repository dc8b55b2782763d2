"""Everything that is known of a model from the test rows, as one tree of plain frozen values.

What `evaluate` returns, the page is drawn from and `evaluation.json` holds. No arrays, no models, no clock
and no paths: the same test rows and the same model give the same bytes.
"""

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any

from mlwf_assets.evaluation.binary import BinaryView
from mlwf_assets.evaluation.bootstrap import Interval
from mlwf_assets.evaluation.effects import Effect
from mlwf_assets.evaluation.explain import Explanation
from mlwf_assets.evaluation.importance import Importance
from mlwf_assets.evaluation.multiclass import MulticlassView
from mlwf_assets.evaluation.regression import RegressionView
from mlwf_assets.evaluation.shift import Shift
from mlwf_assets.evaluation.slices import Slice
from mlwf_assets.evaluation.story import OddRows, Period, SplitSummary, TableStory
from mlwf_assets.spec.names import Kind

# Sums in another order differ in the last bits; those are no content.
_DIGITS = 10


@dataclass(frozen=True)
class Subject:
    """What the model is about, as the workflow's file says it.

    Attributes:
        workflow: its name.
        label: what is predicted, in words or as SQL.
        label_is_sql: whether it is SQL.
        cutoff: when it is predicted, as SQL; "" where time plays no part.
        noun: how people call several rows, e.g. "flights".
        kind: binary, multiclass or regression.
        metric: the one that is shown first.
        class_words: how the classes are called, in order; empty for regression.
        unit: of the label's values, where it has one.
        costs: whether the workflow names what errors cost.
        registered_model: where the model goes; "" for nowhere.
    """

    workflow: str
    description: str
    question: str
    owner: str
    process_today: str
    label: str
    label_is_sql: bool
    cutoff: str
    noun: str
    kind: Kind
    metric: str
    class_words: tuple[str, ...]
    unit: str
    costs: bool
    registered_model: str


@dataclass(frozen=True)
class Verdict:
    """Whether the workflow's own condition for success is met; None where there is none or it cannot be told.

    Attributes:
        metric, bound: what is held against what; "" and None where there is no condition.
    """

    passed: bool | None
    words: str
    metric: str = ""
    bound: float | None = None


@dataclass(frozen=True)
class TestMetric:
    """One metric of the model on the test rows, with its 95 % interval."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    name: str
    label: str
    value: float
    low: float
    high: float
    higher_is_better: bool
    words: str


@dataclass(frozen=True)
class Before:
    """What is known of a model before the test, from rows that its folds were not trained on.

    Attributes:
        words: what it is.
        score: mean over folds, by the metric that models were chosen by; nan where it cannot be told.
        spread: standard deviation over folds.
        trials: how many configurations were tried; None where there were none.
    """

    words: str = ""
    score: float = float("nan")
    spread: float = float("nan")
    trials: int | None = None


@dataclass(frozen=True)
class Entrant:
    """One model of the leaderboard.

    Attributes:
        name: ensemble, a family, base_rate or process_today.
        before: what is known of it before the test.
        weight: its share in the ensemble; nan for others than members.
        test: the metric shown first, on the test rows.
        values: all metrics on the test rows; nan where one makes no sense of it.
    """

    name: str
    before: Before
    weight: float
    test: Interval
    values: dict[str, float]


@dataclass(frozen=True)
class Data:
    """The data's story.

    Attributes:
        tables: what became of each table's rows.
        odd: the odd rows of each table, among those that models learn from.
        splits: train, validation and test.
        by: how they were split.
        periods: the label over time.
        shifts: how features moved from train to test, the most shifted first.
        unseen: class -> test rows that were left out, for training never saw the class.
    """

    tables: tuple[TableStory, ...]
    odd: tuple[OddRows, ...]
    splits: tuple[SplitSummary, ...]
    by: str
    periods: tuple[Period, ...]
    shifts: tuple[Shift, ...]
    unseen: dict[str, int]


@dataclass(frozen=True)
class Looks:
    """What the model looks at.

    Attributes:
        features: how many it takes.
        rows: how many rows the sample has.
        single: of single features, the most important first.
        tables: of all features of a table together.
        effects: in which direction the most important ones pull.
    """

    features: int
    rows: int
    single: tuple[Importance, ...]
    tables: tuple[Importance, ...]
    effects: tuple[Effect, ...]


@dataclass(frozen=True)
class Provenance:
    """What it was all made from: table -> version in words, library -> version."""

    tables: dict[str, str]
    libraries: dict[str, str]


@dataclass(frozen=True)
class UsedDefault:
    """A field that the workflow's file does not say, and what was taken instead."""

    path: str
    value: str
    description: str


@dataclass(frozen=True)
class LeftOut:
    """A feature that was made and that models do not see, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Evaluation:
    """A model on the test rows.

    Attributes:
        rows: how many test rows.
        resamples: behind each interval.
        gain: the metric of the ensemble minus that of the process of today, on the same resamples; None
            without a rule.
        left_out: features that models do not see.
    """

    subject: Subject
    verdict: Verdict
    rows: int
    resamples: int
    metrics: tuple[TestMetric, ...]
    gain: Interval | None
    leaderboard: tuple[Entrant, ...]
    data: Data
    binary: BinaryView | None
    multiclass: MulticlassView | None
    regression: RegressionView | None
    looks: Looks
    explanations: tuple[Explanation, ...]
    slices: tuple[Slice, ...]
    defaults: tuple[UsedDefault, ...]
    provenance: Provenance
    left_out: tuple[LeftOut, ...] = ()

    @property
    def headline(self) -> TestMetric:
        """The metric that is shown first."""
        return self.metric(self.subject.metric)

    def metric(self, name: str) -> TestMetric:
        """The metric of that name."""
        return next(metric for metric in self.metrics if metric.name == name)


def as_json(evaluation: Evaluation) -> bytes:
    """Write the tree as JSON: fields by name, what cannot be told as null."""
    return json.dumps(_plain(dataclasses.asdict(evaluation)), ensure_ascii=False, indent=1).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value
