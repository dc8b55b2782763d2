"""Whether the metrics that a file names fit the kind of its problem.

Asked when the file is read, as far as the file tells the kind, and again once the labels are there.
"""

from collections.abc import Iterator, Mapping

from mlwf_assets.spec.extensions import Metric
from mlwf_assets.spec.mistakes import Mistake, Place, listed, suggestion
from mlwf_assets.spec.names import METRICS, ONLY_BOUNDS, Kind
from mlwf_assets.spec.workflow import Workflow

Metrics = Mapping[str, tuple[Kind, ...]]


def check_metrics(workflow: Workflow, kinds: set[Kind]) -> Iterator[Mistake]:
    """Find metrics that there are not, or not for a problem of these kinds.

    Args:
        workflow: the file.
        kinds: those that the problem may have.
    """
    metric, success = workflow.models.metric, workflow.project.success
    known = known_metrics(workflow)
    if metric is not None:
        yield from _check_metric(metric, ("models", "metric"), kinds, known)
        if metric in ONLY_BOUNDS:
            remedy = "tune for another one, and set a bound on it in project.success"
            yield Mistake(("models", "metric"), f"must say what a good model is, however: {metric}; {remedy}")
    if success is not None:
        yield from _check_metric(success.metric, ("project", "success"), kinds, known)


def known_metrics(workflow: Workflow) -> Metrics:
    """Return the metrics that a workflow may name, its own ones among them, each with the kinds that it judges."""
    return {**METRICS, **{metric.name: metric.kinds for metric in workflow.own.of(Metric)}}


def _check_metric(metric: str, place: Place, kinds: set[Kind], known: Metrics) -> Iterator[Mistake]:
    if metric not in known:
        yield Mistake(place, f"there must be a metric {metric!r}.{suggestion(metric, known)}")
    elif not kinds & set(known[metric]):
        fitting = [name for name, served in known.items() if kinds & set(served)]
        yield Mistake(
            place,
            f"must be a metric for {listed(sorted(kinds))} problems, however: {metric}; use {listed(fitting)}",
        )
