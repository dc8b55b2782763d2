"""GPUs by quota on a cluster: a request becomes tags on the step's pod, and KAI-Scheduler decides.

The pod is the lease: what runs in it runs in a child process, to which the SIGTERM of an eviction is passed on. Dagster
itself fails a step that gets SIGTERM, and a pod that Kubernetes starts again leaves the run hanging for ever (dagster
issue 33755): Kubernetes is told to start none, and Dagster tries the step again. See docs/gpu.md.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError  # what a SIGTERM is turned into

from mlwf_assets.assets.leased import Answer, ComesAgain
from mlwf_assets.errors import ModelError

if TYPE_CHECKING:
    from mlwf_assets.gpu.entries import Request

GRACE_S = 60
_RETRIES = 1000  # evictions are no failures
_VANISHINGS = 20  # a pod without last words may be a lost node, or a training that each time takes too much memory
_RETRY_S = 10
_TAG = "dagster-k8s/config"
# K8sStepHandler sets it in the pods of steps, and nobody else does
_IN_STEP_POD = "DAGSTER_RUN_STEP_KEY"
_SIGTERMED = 128 + 15  # before it could take notice


class Evicted(ComesAgain):
    """The pod has to go; what was needed is saved."""


def pod_config(request: "Request", *, grace_s: int = GRACE_S) -> dict[str, Any]:
    """Make of a request what dagster-k8s adds to the pod of a step.

    Args:
        grace_s: from the SIGTERM of an eviction to SIGKILL.
    Raises:
        DataError: if it cannot be asked for on a cluster.
    """
    from mlwf_assets.gpu.kai import SCHEDULER, pod_labels, pod_shares

    annotations, limits = pod_shares(request)
    fraction = annotations.get("gpu-fraction")
    container = {
        **({"resources": {"limits": limits}} if limits else {}),
        **({"env": [{"name": "MLWF_GPU_MEMORY_FRACTION", "value": fraction}]} if fraction else {}),
    }
    return {
        "pod_template_spec_metadata": {"labels": pod_labels(request), "annotations": annotations},
        "pod_spec_config": {"scheduler_name": SCHEDULER, "termination_grace_period_seconds": grace_s},
        "container_config": container,
        # a pod that the Job starts again ends as if all were well, and the step never ends
        "job_spec_config": {"backoff_limit": 0},
    }


def on_cluster(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """Make of a pod's configuration what an asset's decorator takes; nothing of none.

    The retry policy is for a pod that vanished without a word: Dagster then takes the step for crashed.

    Example:
        >>> sorted(on_cluster({"job_spec_config": {"backoff_limit": 0}})), on_cluster(None)
        (['op_tags', 'retry_policy'], {})
    """
    if config is None:
        return {}
    return {"op_tags": {_TAG: config}, "retry_policy": dg.RetryPolicy(max_retries=_VANISHINGS, delay=_RETRY_S)}


def retrying(events: Iterator[Any]) -> Iterator[Any]:
    """Have an evicted step tried again, and one that fails by itself not."""
    try:
        yield from events
    except dg.RetryRequested:
        raise
    except Evicted:
        raise dg.RetryRequested(max_retries=_RETRIES, seconds_to_wait=_RETRY_S) from None
    except DagsterExecutionInterruptedError:
        if _IN_STEP_POD not in os.environ:
            raise
        raise dg.RetryRequested(max_retries=_RETRIES, seconds_to_wait=_RETRY_S) from None
    except Exception as error:
        raise dg.Failure(f"{type(error).__name__}: {error}", allow_retries=False) from error


def run_in_pod(
    request: "Request", function: str, arguments: Mapping[str, Any], *, log: Callable[[str], None]
) -> Answer:
    """Run a function in a child process, in the pod that its request was made for.

    Args:
        function: 'MODULE:NAME'; called with the arguments and `recall`.
    Raises:
        Evicted: if the pod has to go.
        ModelError: if the function fails.
    """
    from mlwf_assets.gpu.call import RECALLED, read_answer, write_call
    from mlwf_assets.gpu.child import run_child

    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mlwf-gpu-") as folder:
        command = write_call(Path(folder), function, arguments)
        # Kubernetes counts the grace itself
        code = run_child(_PodLease(), command, grace_s=0, tell=log, output=log, to_leader=True)
        if code in (RECALLED, _SIGTERMED) and _IN_STEP_POD in os.environ:
            raise Evicted
        if code:
            raise ModelError(f"{function} must end well in its pod, however: exit code {code}; see the log")
        value = read_answer(Path(folder))
    used_s = (time.monotonic() - began_s) * (request.milli or 0) / 1000
    shown = {"gpu/queue": request.queue, "gpu/pod": os.environ.get("HOSTNAME", "")}
    return Answer(value, shown if request.milli is None else {**shown, "gpu/gpu_seconds": round(used_s, 3)})


@dataclass
class _PodLease:
    """The devices that Kubernetes has given to the pod; it is called back by a signal."""

    environment: Mapping[str, str] = field(default_factory=dict)
    is_recalled: bool = False
    recall: str | None = None

    def look(self) -> None:
        """Nobody has to be asked."""

    def name_child(self, group: object) -> None:
        """Nobody has to be told."""


def find_executor() -> dg.ExecutorDefinition:
    """Choose how steps run: in the process of the run, or (MLWF_EXECUTOR=kubernetes) each in a pod of its own."""
    if os.environ.get("MLWF_EXECUTOR") == "kubernetes":
        from dagster_k8s import k8s_job_executor

        return k8s_job_executor
    # Steps are parallel inside library functions; a process for each would only import everything again.
    return dg.in_process_executor
