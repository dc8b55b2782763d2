"""Queues and requests as KAI-Scheduler takes them.

The form of a Queue follows its CRD (github.com/kai-scheduler/KAI-Scheduler, Apache-2.0,
deployments/kai-scheduler/crds/scheduling.run.ai_queues.yaml, v2); the API server drops fields that it does not know, so
that here they are refused. Names are those of Kubernetes (RFC 1123), times Go's durations.
"""

import jsonschema
import pytest

from mlwf_assets.errors import DataError
from mlwf_assets.gpu.entries import Request
from mlwf_assets.gpu.kai import pod_labels, pod_shares, queue_manifests
from mlwf_assets.gpu.quota_file import parse_quota


def closed(required=(), **properties):
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


NUMBER, NAME = {"type": "number"}, {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}
DURATION = {"type": "string", "pattern": "^([0-9]+(h|m|s|ms))+$"}
SHARES = closed(quota=NUMBER, limit=NUMBER, overQuotaWeight=NUMBER)
QUEUE = closed(
    ("apiVersion", "kind", "metadata", "spec"),
    apiVersion={"const": "scheduling.run.ai/v2"},
    kind={"const": "Queue"},
    metadata=closed(("name",), name=NAME),
    spec=closed(
        displayName={"type": "string"},
        parentQueue=NAME,
        preemptMinRuntime=DURATION,
        reclaimMinRuntime=DURATION,
        priority={"type": "integer"},
        resources=closed(cpu=SHARES, gpu=SHARES, memory=SHARES),
    ),
)
FILE = """
overcommit: true
queues:
  - {name: lab, deserved: 4}
  - {name: vision, parent: lab, deserved: 2.5, priority: 200, over_quota_weight: 0, reclaim_min_runtime_s: 600}
  - {name: text, parent: lab, deserved: 1, limit: 2, over_quota_weight: 1.5, preempt_min_runtime_s: 0}
  - {name: rest, deserved: -1}
"""


def test_the_queues_of_the_quota_file_are_queues_of_the_cluster(tmp_path):
    found = queue_manifests(parse_quota(FILE, tmp_path / "gpu.yaml").queues)
    for manifest in found:
        jsonschema.validate(manifest, QUEUE)
    specs = {manifest["metadata"]["name"]: manifest["spec"] for manifest in found}
    assert {name: spec["resources"]["gpu"] for name, spec in specs.items()} == {
        "lab": {"quota": 4, "limit": -1, "overQuotaWeight": 1},
        "vision": {"quota": 2.5, "limit": -1, "overQuotaWeight": 0},
        "text": {"quota": 1, "limit": 2, "overQuotaWeight": 1.5},
        "rest": {"quota": -1, "limit": -1, "overQuotaWeight": 1},
    }
    # what is not said would be a limit of nothing
    assert all(spec["resources"][one]["limit"] == -1 for spec in specs.values() for one in ("cpu", "memory"))
    assert {name: spec.get("parentQueue") for name, spec in specs.items()} == {
        "lab": None, "vision": "lab", "text": "lab", "rest": None
    }  # fmt: skip
    assert [spec["priority"] for spec in specs.values()] == [100, 200, 100, 100]
    assert (specs["vision"]["reclaimMinRuntime"], specs["text"]["preemptMinRuntime"]) == ("600s", "0s")
    assert "preemptMinRuntime" not in specs["vision"]


@pytest.mark.parametrize("name", ["Vision", "vision_a", "-vision", "büro", "v" * 64])
def test_a_name_that_kubernetes_does_not_take_is_refused(name):
    with pytest.raises(DataError, match="lower-case letters, digits and '-', however"):
        pod_labels(Request("fit", name))
    with pytest.raises(DataError, match="rename it in gpu"):
        queue_manifests(parse_quota(f"overcommit: true\nqueues: [{{name: {name}}}]", "gpu.yaml").queues)


@pytest.mark.parametrize(
    ("priority", "named"),
    [
        (10, "train"),
        (50, "train"),
        (75, "build-preemptible"),
        (99, "build-preemptible"),
        (100, "build"),
        (125, "inference"),
    ],
)
def test_a_priority_is_the_highest_class_that_is_not_above_it(priority, named):
    assert pod_labels(Request("fit", "vision", priority=priority))["priorityClassName"] == named


def test_part_of_a_gpu_is_an_annotation_and_whole_ones_are_limits():
    assert pod_shares(Request("fit", "vision", milli=125)) == ({"gpu-fraction": "0.125"}, {})
    assert pod_shares(Request("fit", "vision", milli=None, memory_mib=2000)) == ({"gpu-memory": "2000"}, {})
    assert pod_shares(Request("fit", "vision", milli=3000)) == ({}, {"nvidia.com/gpu": "3"})
    with pytest.raises(DataError, match=r"a fraction of one, however: 1\.5"):
        pod_shares(Request("fit", "vision", milli=1500))
