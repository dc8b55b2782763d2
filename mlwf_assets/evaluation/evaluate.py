"""The whole evaluation in one call: test rows and a model in, one tree of values out.

Says what is computed and in which order; how stands in the modules beside. The only reader of test rows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any

import numpy as np
import pyarrow as pa

from mlwf_assets.errors import DataError
from mlwf_assets.evaluation.binary import BinaryView, view_binary
from mlwf_assets.evaluation.board import measure, predict_all, rank, read_before, validation_scores
from mlwf_assets.evaluation.bootstrap import Interval, draw_counts
from mlwf_assets.evaluation.looks import Asked, explain, look
from mlwf_assets.evaluation.multiclass import view_multiclass
from mlwf_assets.evaluation.record import Data, Entrant, Evaluation, LeftOut, Provenance, TestMetric, Verdict
from mlwf_assets.evaluation.regression import view_regression
from mlwf_assets.evaluation.shift import Shift, measure_shift, rows_to_compare, sample_rows
from mlwf_assets.evaluation.slices import Slice, judge_slices, slice_values
from mlwf_assets.evaluation.story import add_up, example_times, label_over_time, summarize_split, tell_odd_rows
from mlwf_assets.evaluation.subject import describe_subject, judge, list_defaults
from mlwf_assets.evaluation.usable import known_classes
from mlwf_assets.features.alignment import find_rows
from mlwf_assets.models.metrics import Array, find_metric
from mlwf_assets.models.predictor import Predictor
from mlwf_assets.models.truth import BASE_RATE, ENSEMBLE, PROCESS_TODAY, Truth, base_rate, process_today, read_truth
from mlwf_assets.spec.names import ROW_ID
from mlwf_assets.spec.workflow import Workflow

# What the figures can depend on; the versions stand at the end of the report.
_LIBRARIES = ("duckdb", "featuretools", "tsfresh", "numpy", "pandas", "scikit-learn", "lightgbm", "torch")

_NAMED = {ROW_ID: "row"}  # of a table without key: file and position


@dataclass(frozen=True)
class _Given:
    """What is evaluated: the model, and the rows in the form that all steps share.

    Attributes:
        test, truth: the test rows that can be judged, and their labels.
        matrix, known: rows of train and validation, and their labels.
        clean: key and slice columns of the test rows, in their order.
        unseen: class -> test rows that were left out.
    """

    workflow: Workflow
    predictor: Predictor
    features: Sequence[Mapping[str, Any]]
    test: pa.Table
    truth: Truth
    matrix: pa.Table
    known: Truth
    clean: pa.Table
    unseen: dict[str, int]
    seed: int

    @property
    def timezone(self) -> str:
        """In which days and months begin."""
        return self.workflow.timeline.timezone if self.workflow.timeline else "UTC"


@dataclass(frozen=True)
class _Scores:
    """How good the models are."""

    metrics: tuple[TestMetric, ...]
    board: tuple[Entrant, ...]
    gain: Interval | None
    verdict: Verdict

    @property
    def values(self) -> dict[str, float]:
        """The metrics of the ensemble by name."""
        return {one.name: one.value for one in self.metrics}


def _quiet(_: str) -> None:
    pass


def evaluate(
    workflow: Workflow,
    *,
    test: pa.Table,
    matrix: pa.Table,
    features: Sequence[Mapping[str, Any]],
    predictor: Predictor,
    leaderboard: pa.Table,
    counts: Iterable[Mapping[str, Any]],
    odd: Iterable[Mapping[str, Any]] = (),
    examples: pa.Table,
    key: Sequence[str],
    provenance: Mapping[str, str],
    selection: pa.Table | None = None,
    report: Callable[[str], None] = _quiet,
    seed: int = 0,
) -> Evaluation:
    """Judge a model on the test rows.

    Args:
        workflow: says what for, by which costs, over which slices.
        test: the test matrix: key, time, label, process_today where there is a rule, features.
        matrix: the same of train and validation, with `split`.
        features: name, kind, words and columns of each feature.
        predictor: the model.
        leaderboard: `model`, `words`, `score`, `spread`, `trials` of each model before the test.
        counts: of cleaning, for each table and partition.
        odd: the odd rows of each table, among those that models learn from.
        examples: clean rows of the examples' table; more rows than the test's do no harm.
        key: what names an example.
        provenance: table -> its content, in words.
        selection: `name`, `kept` and `reason` of each feature that was made, if the report is to tell them.
        report: called with a few words on how far the work is.
        seed: of resamples and samples.

    Raises:
        DataError: if there are no test rows, or one of them is not among the clean rows.
    """
    given = _given(workflow, test, matrix, features, predictor, examples, key, seed)
    truth, kind = given.truth, predictor.kind
    report(f"predicting {given.test.num_rows:,} test rows with {len(predictor.members)} models")
    frame = given.test.select([str(feature["name"]) for feature in features]).to_pandas()
    said = _all_said(given, predict_all(predictor, frame))
    report(f"computing metrics, with intervals from {workflow.evaluation.bootstrap} resamples")
    subject = describe_subject(workflow, kind=kind, class_words=truth.words)
    scores = _score(given, said, subject.metric, leaderboard)
    report("judging slices")
    slices = _slices(given, said[ENSEMBLE], metric=subject.metric, overall=scores.values[subject.metric])
    report("asking what the model looks at")
    asked = Asked(predictor, frame, truth, said[ENSEMBLE], features, seed)
    looks = look(asked, metric=find_metric(subject.metric, kind), own_table=workflow.examples.table)
    explanations = explain(asked, _namer(given), at_most=workflow.evaluation.explain)
    report("comparing the splits")
    return Evaluation(
        subject=subject,
        verdict=scores.verdict,
        rows=given.test.num_rows,
        resamples=workflow.evaluation.bootstrap,
        metrics=scores.metrics,
        gain=scores.gain,
        leaderboard=scores.board,
        data=_data(given, counts, odd),
        binary=_view_binary(given, said) if kind == "binary" else None,
        multiclass=view_multiclass(truth, said[ENSEMBLE]) if kind == "multiclass" else None,
        regression=view_regression(truth, said[ENSEMBLE]) if kind == "regression" else None,
        looks=looks,
        explanations=explanations,
        slices=slices,
        defaults=list_defaults(workflow, kind=kind),
        provenance=Provenance(dict(provenance), _versions()),
        left_out=_left_out(selection),
    )


def _left_out(selection: pa.Table | None) -> tuple[LeftOut, ...]:
    rows = selection.select(["name", "kept", "reason"]).to_pylist() if selection is not None else []
    return tuple(LeftOut(row["name"], row["reason"]) for row in rows if not row["kept"])


def _given(
    workflow: Workflow,
    test: pa.Table,
    matrix: pa.Table,
    features: Sequence[Mapping[str, Any]],
    predictor: Predictor,
    examples: pa.Table,
    key: Sequence[str],
    seed: int,
) -> _Given:
    kind, classes, words = predictor.kind, [str(name) for name in predictor.classes], workflow.examples.classes
    test, unseen = known_classes(test, kind=kind, classes=classes)
    if not test.num_rows:
        raise DataError("the test split must hold rows that can be judged, however: none; correct splits.test")
    truth, known = (read_truth(table, kind=kind, classes=classes, class_words=words) for table in (test, matrix))
    wanted = dict.fromkeys([*key, *workflow.evaluation.slices])
    clean = examples.select([name for name in wanted if name in examples.column_names])
    clean = clean.take(find_rows(clean, test, key=key, name="the clean rows"))
    return _Given(workflow, predictor, features, test, truth, matrix, known, clean, unseen, seed)


def _all_said(given: _Given, said: Mapping[str, Array]) -> dict[str, Array]:
    """Add what needs no training: the base rate, and the process of today where it has a rule."""
    made = {**said, BASE_RATE: base_rate(given.known, given.test.num_rows)}
    today = process_today(given.test, given.truth)
    return made if today is None else {**made, PROCESS_TODAY: today}


def _score(given: _Given, said: Mapping[str, Array], metric: str, leaderboard: pa.Table) -> _Scores:
    predictor = given.predictor
    drawn = draw_counts(given.test.num_rows, n=given.workflow.evaluation.bootstrap, seed=given.seed)
    metrics = measure(given.truth, said[ENSEMBLE], counts=drawn, threshold=predictor.threshold)
    board, gain = rank(
        given.truth,
        said,
        metric=metric,
        counts=drawn,
        threshold=predictor.threshold,
        before=read_before(leaderboard),
        weights=predictor.weights,
    )
    # Scores before the test are known by the metric that models were chosen by, and by no other.
    before = validation_scores(leaderboard)
    known = {metric: before[ENSEMBLE]} if ENSEMBLE in before else {}
    values = {one.name: one.value for one in metrics}
    verdict = judge(given.workflow.project.success, values, known, kind=predictor.kind)
    return _Scores(metrics, board, gain, verdict)


def _view_binary(given: _Given, said: Mapping[str, Array]) -> BinaryView:
    costs = given.workflow.evaluation.costs
    return view_binary(given.truth, said, threshold=given.predictor.threshold, costs=costs)


def _slices(given: _Given, p: Array, *, metric: str, overall: float) -> tuple[Slice, ...]:
    spec = given.workflow.evaluation
    columns = {name: slice_values(name, given.test, given.clean, timezone=given.timezone) for name in spec.slices}
    return judge_slices(
        columns,
        given.truth,
        p,
        metric=metric,
        overall=overall,
        n=spec.bootstrap,
        seed=given.seed,
        threshold=given.predictor.threshold,
    )


def _namer(given: _Given) -> Callable[[int], dict[str, str]]:
    """Name a row for people: key, slice columns, local time."""
    times = example_times(given.test)

    def name(position: int) -> dict[str, str]:
        row = given.clean.slice(position, 1).to_pylist()[0]
        named = {_NAMED.get(column, column): "" if value is None else str(value) for column, value in row.items()}
        if times is not None and times.notna().iloc[position]:
            named["time"] = times.iloc[position].tz_convert(given.timezone).strftime("%Y-%m-%d %H:%M")
        return named

    return name


def _data(given: _Given, counts: Iterable[Mapping[str, Any]], odd: Iterable[Mapping[str, Any]]) -> Data:
    split_of = given.matrix.column("split").to_numpy()
    # Times are all that is needed of the rows; a copy of all features would be large.
    moments = given.matrix.select([name for name in ("time", "cutoff") if name in given.matrix.column_names])
    splits: dict[str, tuple[pa.Table, Truth]] = {}
    for name in ("train", "validation"):
        here = np.flatnonzero(split_of == name)
        splits[name] = (moments.take(here), replace(given.known, y=given.known.y[here]))
    splits["test"] = (given.test, given.truth)
    return Data(
        tables=add_up(counts),
        odd=tell_odd_rows(odd),
        splits=tuple(summarize_split(name, *split, timezone=given.timezone) for name, split in splits.items()),
        by=given.workflow.splits.by,
        periods=label_over_time(splits, timezone=given.timezone),
        shifts=_shifts(given, np.flatnonzero(split_of == "train")),
        unseen=given.unseen,
    )


def _shifts(given: _Given, train: Array) -> tuple[Shift, ...]:
    at_most = rows_to_compare(len(given.features))
    before = given.matrix.take(train[sample_rows(len(train), at_most=at_most, seed=given.seed)])
    after = given.test.take(sample_rows(given.test.num_rows, at_most=at_most, seed=given.seed + 1))
    return measure_shift(before, after, given.features)


def _versions() -> dict[str, str]:
    versions = {name: _version(name) for name in _LIBRARIES}
    return {name: version for name, version in versions.items() if version}


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
