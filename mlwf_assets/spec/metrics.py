"""Whether the metrics that a file names fit the kind of its problem.

Asked when the file is read, as far as the file tells the kind, and again once the labels are there.
"""

from collections.abc import Iterator

from mlwf_assets.spec.mistakes import Mistake, Place, listed, suggestion
from mlwf_assets.spec.names import METRICS, ONLY_BOUNDS, Kind
from mlwf_assets.spec.workflow import Workflow


def check_metrics(workflow: Workflow, kinds: set[Kind]) -> Iterator[Mistake]:
    """Find metrics that there are not, or not for a problem of these kinds.

    Args:
        workflow: the file.
        kinds: those that the problem may have.
    """
    metric, success = workflow.models.metric, workflow.project.success
    if metric is not None:
        yield from _check_metric(metric, ("models", "metric"), kinds)
        if metric in ONLY_BOUNDS:
            remedy = "tune for another one, and set a bound on it in project.success"
            yield Mistake(("models", "metric"), f"must say what a good model is, however: {metric}; {remedy}")
    if success is not None:
        yield from _check_metric(success.metric, ("project", "success"), kinds)


def _check_metric(metric: str, place: Place, kinds: set[Kind]) -> Iterator[Mistake]:
    if metric not in METRICS:
        yield Mistake(place, f"there must be a metric {metric!r}.{suggestion(metric, METRICS)}")
    elif not kinds & set(METRICS[metric]):
        fitting = [name for name, served in METRICS.items() if kinds & set(served)]
        yield Mistake(
            place,
            f"must be a metric for {listed(sorted(kinds))} problems, however: {metric}; use {listed(fitting)}",
        )
