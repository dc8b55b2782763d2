"""The same quotas on a cluster: what KAI-Scheduler (the open core of Run:ai) is told of queues and of a request.

Queues follow its `Queue` of scheduling.run.ai/v2, requests its labels and annotations on a pod. Plain data; who writes
them where is not known here. Source: https://github.com/kai-scheduler/KAI-Scheduler, docs and CRDs of 2026.
"""

import re
from collections.abc import Sequence
from typing import Any

from mlwf_assets.errors import DataError
from mlwf_assets.gpu.entries import Request
from mlwf_assets.gpu.model import MILLI, Queue

SCHEDULER = "kai-scheduler"
_UNLIMITED = -1
# In KAI a limit that is not said is none at all to spend: CPU and memory, which gpu.yaml does not share out, need one.
_FREE = {"quota": _UNLIMITED, "limit": _UNLIMITED, "overQuotaWeight": 1}
_CLASSES = ((125, "inference"), (100, "build"), (75, "build-preemptible"))
_LOWEST_CLASS = "train"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def queue_manifests(queues: Sequence[Queue]) -> list[dict[str, Any]]:
    """Write queues as manifests.

    Args:
        queues: of a quota file; amounts in thousandths of a GPU.
    Raises:
        DataError: if a name is none that Kubernetes takes.
    Example:
        >>> (queue,) = queue_manifests([Queue("vision", "lab", 3000, over_quota_weight=1000)])
        >>> queue["spec"]["parentQueue"], queue["spec"]["resources"]["gpu"]
        ('lab', {'quota': 3, 'limit': -1, 'overQuotaWeight': 1})
    """
    return [
        {
            "apiVersion": "scheduling.run.ai/v2",
            "kind": "Queue",
            "metadata": {"name": _checked(queue.name)},
            "spec": _spec(queue),
        }
        for queue in queues
    ]


def _spec(queue: Queue) -> dict[str, Any]:
    gpu = {
        "quota": _amount(queue.deserved),
        "limit": _amount(queue.limit),
        "overQuotaWeight": _amount(queue.over_quota_weight),
    }
    times = {"preemptMinRuntime": queue.preempt_min_runtime_s, "reclaimMinRuntime": queue.reclaim_min_runtime_s}
    return {
        **({} if queue.parent is None else {"parentQueue": queue.parent}),
        "priority": queue.priority,
        **{name: f"{seconds}s" for name, seconds in times.items() if seconds is not None},
        "resources": {"gpu": gpu, "cpu": dict(_FREE), "memory": dict(_FREE)},
    }


def _amount(milli: int | None) -> float:
    """Whole GPUs, as an integer where they are; unlimited is -1."""
    if milli is None:
        return _UNLIMITED
    return milli / MILLI if milli % MILLI else milli // MILLI


def pod_labels(request: Request) -> dict[str, str]:
    """Name the queue that pays for a pod, whether it may be evicted, and its place among the queue's work.

    Raises:
        DataError: if the queue's name is none that Kubernetes takes.
    Example:
        >>> pod_labels(Request("fit", "vision", priority=60))["priorityClassName"]
        'train'
    """
    return {
        "kai.scheduler/queue": _checked(request.queue),
        "kai.scheduler/preemptibility": "preemptible" if request.preemptible else "non-preemptible",
        "priorityClassName": next((name for least, name in _CLASSES if request.priority >= least), _LOWEST_CLASS),
    }


def pod_shares(request: Request) -> tuple[dict[str, str], dict[str, str]]:
    """Say how much of which GPU a pod asks for.

    Returns:
        Annotations of the pod, for a part of one GPU; limits of its container, for whole ones.
    Raises:
        DataError: if it asks for more than one GPU and not for whole ones.
    Example:
        >>> pod_shares(Request("fit", "vision", milli=2000)), pod_shares(Request("fit", "vision", milli=250))
        (({}, {'nvidia.com/gpu': '2'}), ({'gpu-fraction': '0.25'}, {}))
    """
    if request.memory_mib is not None:
        return {"gpu-memory": str(request.memory_mib)}, {}
    whole, rest = divmod(request.milli or 0, MILLI)
    if whole and rest:
        raise DataError(f"GPUs must be a whole number, or a fraction of one, however: {whole + rest / MILLI:g}")
    return ({"gpu-fraction": f"{rest / MILLI:g}"}, {}) if rest else ({}, {"nvidia.com/gpu": str(whole)})


def _checked(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise DataError(
            "on a cluster a queue must have a name of at most 63 lower-case letters, digits and '-', however: "
            f"{name!r}; rename it in gpu.yaml and where it is asked for"
        )
    return name
