"""The machine in figures, as plain data: what `mlwf gpu status` shows, and the same for Prometheus."""

from collections.abc import Iterator, Mapping
from typing import Any

from mlwf_assets.gpu.client import Client, View
from mlwf_assets.gpu.devices import Device
from mlwf_assets.gpu.entries import Entry
from mlwf_assets.gpu.explain import allocated, explain, fair_share
from mlwf_assets.gpu.model import MILLI, Queue

_DAY_S = 86_400.0


def figures(view: View) -> dict[str, Any]:
    """Devices, queues and jobs as they are now; GPUs as numbers, times in seconds."""
    foreign = view.machine.foreign(view.entries)
    return {
        "devices": [_device(view, device, foreign.get(device.name, [])) for device in view.machine.devices],
        "queues": [_queue(view, queue) for queue in view.machine.quota.queues],
        "jobs": [job_figures(view, entry) for entry in view.entries],
        "problem": view.problem,
    }


def job_figures(view: View, entry: Entry) -> dict[str, Any]:
    """One job."""
    explanation = explain(view, entry)
    request = entry.request
    state = "unresponsive" if entry.holds and entry.holder.standing() == "stopped" else entry.state
    return {
        "name": request.name,
        "queue": request.queue,
        "user": request.user,
        "workflow": request.workflow,
        "asset": request.asset,
        "pid": entry.holder.pid,
        "state": state,
        "gpus": view.machine.milli(entry) / MILLI,
        "memory_mib": request.memory_mib,
        "priority": request.priority,
        "preemptible": request.preemptible,
        "devices": list(entry.devices),
        "waited_s": round(entry.waited_s + (0 if entry.holds else view.now - entry.came_s), 1),
        "ran_s": None if entry.began_s is None else round(view.now - entry.began_s, 1),
        "place": explanation.place,
        "code": explanation.code,
        "reason": explanation.words,
        "about_s": explanation.about_s,
    }


def _device(view: View, device: Device, foreign: list[int]) -> dict[str, Any]:
    holders = [entry for entry in view.entries if entry.holds and device.name in entry.devices]
    return {
        "name": device.name,
        "memory_mib": device.memory_mib,
        "used_mib": device.used_mib,
        "utilization": device.utilization,
        "allocated": sum(min(MILLI, view.machine.milli(entry)) for entry in holders) / MILLI,
        "jobs": [entry.request.name for entry in holders],
        "foreign_processes": foreign,
        "drained": device.name in view.drained,
    }


def _queue(view: View, queue: Queue) -> dict[str, Any]:
    waiting = [entry for entry in view.entries if not entry.holds and entry.request.queue == queue.name]
    return {
        "name": queue.name,
        "parent": queue.parent,
        "deserved": None if queue.deserved is None else queue.deserved / MILLI,
        "limit": None if queue.limit is None else queue.limit / MILLI,
        "fair_share": fair_share(view, queue.name) / MILLI,
        "allocated": allocated(view, queue.name) / MILLI,
        "waiting": len(waiting),
    }


def prometheus(client: Client) -> str:
    """The figures in Prometheus' text format 0.0.4.

    Raises:
        MlwfError: if the ledger or the quota file cannot be read.
    """
    found = figures(client.view())
    lines: list[str] = []
    for name, help_text, kind, samples in _families(found, client):
        lines += [f"# HELP mlwf_gpu_{name} {help_text}", f"# TYPE mlwf_gpu_{name} {kind}"]
        lines += [f"mlwf_gpu_{name}{_labels(labels)} {value:.10g}" for labels, value in samples if value is not None]
    return "\n".join(lines) + "\n"


_Samples = list[tuple[Mapping[str, Any], float | None]]


def _families(found: Mapping[str, Any], client: Client) -> Iterator[tuple[str, str, str, _Samples]]:
    devices, queues, jobs = found["devices"], found["queues"], found["jobs"]

    def of(rows: list[dict[str, Any]], label: str, field: str, scale: float = 1) -> _Samples:
        return [({label: row["name"]}, None if row[field] is None else scale * row[field]) for row in rows]

    mib = float(1 << 20)
    yield "device_memory_bytes", "Memory of a device.", "gauge", of(devices, "device", "memory_mib", mib)
    yield "device_memory_used_bytes", "Memory in use.", "gauge", of(devices, "device", "used_mib", mib)
    yield "device_utilization_ratio", "Utilization.", "gauge", of(devices, "device", "utilization", 0.01)
    yield "device_allocated_gpus", "Part of a device that is leased.", "gauge", of(devices, "device", "allocated")
    yield "device_drained", "Whether nothing new starts on it.", "gauge", of(devices, "device", "drained")
    foreign: _Samples = [({"device": row["name"]}, float(len(row["foreign_processes"]))) for row in devices]
    yield "device_foreign_processes", "Processes without a lease.", "gauge", foreign
    for field, words in (
        ("deserved", "GPUs that a queue is guaranteed."),
        ("fair_share", "GPUs that a queue is entitled to now."),
        ("allocated", "GPUs that a queue holds."),
    ):
        yield f"queue_{field}_gpus", words, "gauge", of(queues, "queue", field)
    yield "queue_waiting_jobs", "Jobs that wait.", "gauge", of(queues, "queue", "waiting")
    waited: _Samples = [
        ({"job": row["name"], "queue": row["queue"], "state": row["state"]}, row["waited_s"]) for row in jobs
    ]
    yield "job_waited_seconds", "How long a job has waited.", "gauge", waited
    used: _Samples = [
        ({by: row[by] or "" for by in ("queue", "workflow", "asset", "user")}, row["gpu_seconds"])
        for row in client.uses(_DAY_S)
    ]
    yield "used_gpu_seconds_last_day", "GPU-seconds of the last 24 hours.", "gauge", used


def _labels(labels: Mapping[str, Any]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(str(value))}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
