"""A request on a cluster: the Job that dagster-k8s builds of the step's tags, evictions, retries."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import dagster as dg
import pytest
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.step_delegating import CheckStepHealthResult, StepDelegatingExecutor, StepHandler
from dagster_k8s.job import DagsterK8sJobConfig, construct_dagster_k8s_job, get_user_defined_k8s_config

from mlwf_assets.assets.component import workflow_definitions
from mlwf_assets.assets.gpu_pod import Evicted, find_executor, on_cluster, pod_config, retrying, run_in_pod
from mlwf_assets.errors import ModelError
from mlwf_assets.gpu.leases import make_request
from mlwf_assets.spec.loader import load
from mlwf_assets_tests import small

_TRAININGS = "mlwf_assets_tests.assets.trainings"


def job_of(tags):
    """What dagster-k8s would send to Kubernetes for a step with these tags."""
    return construct_dagster_k8s_job(
        job_config=DagsterK8sJobConfig(job_image="mlwf:1", dagster_home="/opt/dagster"),
        args=["dagster", "api", "execute_step"],
        job_name="dagster-step-1",
        component="step_worker",
        user_defined_k8s_config=get_user_defined_k8s_config(tags),
        labels={"dagster/op": "fit"},
    )


def tags_of(**asked):
    config = pod_config(make_request(**{"queue": "vision", "name": "fit", **asked}), grace_s=90)

    @dg.op(tags=on_cluster(config)["op_tags"])
    def fit():
        return None

    return fit.tags


def test_the_pod_of_the_step_goes_to_the_scheduler_with_queue_priority_and_gpus():
    job = job_of(tags_of(gpus=2, priority=60))
    pod = job.spec.template
    assert pod.spec.scheduler_name == "kai-scheduler"
    assert pod.spec.termination_grace_period_seconds == 90
    assert {
        "kai.scheduler/queue": "vision", "kai.scheduler/preemptibility": "preemptible", "priorityClassName": "train",
        "dagster/op": "fit",
    }.items() <= pod.metadata.labels.items()  # fmt: skip
    assert not pod.metadata.annotations
    (container,) = pod.spec.containers
    assert container.resources.limits == {"nvidia.com/gpu": "2"}
    # neither the Job nor the pod is started again behind Dagster's back
    assert (job.spec.backoff_limit, pod.spec.restart_policy) == (0, "Never")


def test_part_of_a_gpu_is_asked_for_by_an_annotation_and_its_cap_is_told_to_the_training():
    pod = job_of(tags_of(gpus=0.5, priority=100)).spec.template
    assert pod.metadata.annotations == {"gpu-fraction": "0.5"}
    (container,) = pod.spec.containers
    assert not container.resources.limits
    assert ("MLWF_GPU_MEMORY_FRACTION", "0.5") in [(one.name, one.value) for one in container.env]
    assert pod.metadata.labels["kai.scheduler/preemptibility"] == "non-preemptible"
    assert job_of(tags_of(memory_mib=2000)).spec.template.metadata.annotations == {"gpu-memory": "2000"}


def test_of_a_workflow_the_training_on_gpus_alone_is_sent_to_the_cluster(tmp_path):
    asked = {"queue": "vision", "gpus": 0.5, "backend": "kubernetes"}
    workflow = load(small.write(tmp_path, models={"families": ["linear", "tabm"], "gpu": asked}))
    job = workflow_definitions(workflow).resolve_job_def(workflow.name)
    tagged = {node.name: node.definition for node in job.nodes if "dagster-k8s/config" in node.definition.tags}
    (name,) = tagged
    assert name.endswith("models_tabm")
    assert json.loads(tagged[name].tags["dagster-k8s/config"])["job_spec_config"] == {"backoff_limit": 0}
    assert tagged[name].retry_policy.max_retries > 0


def run(body):
    config = pod_config(make_request(queue="vision", name="fit"))
    settings = {**on_cluster(config), "retry_policy": dg.RetryPolicy(max_retries=3)}

    @dg.multi_asset(specs=[dg.AssetSpec("fit")], **settings)
    def fit():
        yield from retrying(body())

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([fit], instance=instance, raise_on_error=False)
    return result.success, sum(event.event_type_value == "STEP_UP_FOR_RETRY" for event in result.all_events)


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr("mlwf_assets.assets.gpu_pod._RETRY_S", 0)
    monkeypatch.setenv("DAGSTER_RUN_STEP_KEY", "fit")


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("end", [Evicted, DagsterExecutionInterruptedError])
def test_an_evicted_step_is_tried_again(end):
    tries = []

    def body():
        tries.append(1)
        if len(tries) == 1:
            raise end
        yield dg.MaterializeResult("fit")

    assert run(body) == (True, 1)


@pytest.mark.usefixtures("at_once")
def test_a_step_that_fails_by_itself_is_not_tried_again():
    def body():
        raise ModelError("the loss is not finite")
        yield

    assert run(body) == (False, 0)


def test_the_sigterm_of_an_eviction_reaches_the_training_which_saves_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_RUN_STEP_KEY", "fit")
    request = make_request(queue="vision", name="fit")
    arguments = {"folder": str(tmp_path), "epochs": 5, "recalled_in": 2}
    evicting = threading.Thread(target=_evict_once_it_trains, args=(tmp_path,))
    evicting.start()
    with pytest.raises(Evicted):
        run_in_pod(request, f"{_TRAININGS}:train", arguments, log=print)
    evicting.join()
    answer = run_in_pod(request, f"{_TRAININGS}:train", arguments, log=print)
    assert (tmp_path / "starts").read_text().split() == ["0", "3"]
    assert len(answer.value) == 8
    assert answer.metadata["gpu/queue"] == "vision"


def _evict_once_it_trains(folder):
    while not (folder / "starts").exists():
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_training_that_fails_in_its_pod_is_told_of():
    with pytest.raises(ModelError, match="must end well in its pod, however: exit code 1"):
        run_in_pod(make_request(queue="vision", name="fit"), f"{_TRAININGS}:fail", {}, log=print)


class Vanishing(StepHandler):
    """Pods of which the first vanishes before it has said anything, as after an eviction without a grace."""

    name = "Vanishing"

    def __init__(self):
        super().__init__()
        self.launched = []

    def launch_step(self, context):
        vanishes = not self.launched
        of_dagster = context.execute_step_args.get_command_args()[1:]
        command = ["true"] if vanishes else [sys.executable, "-m", "dagster", *of_dagster]
        environment = {
            **os.environ,
            **{one["name"]: one["value"] for one in context.execute_step_args.get_command_env()},
        }
        self.launched.append(subprocess.Popen(command, env=environment))
        yield from ()

    def check_step_health(self, context):
        vanished = len(self.launched) == 1 and self.launched[0].wait() == 0
        return CheckStepHealthResult.unhealthy("the pod is gone") if vanished else CheckStepHealthResult.healthy()

    def terminate_step(self, context):
        self.launched[-1].kill()
        yield from ()


@dg.executor
def vanishing_executor(_):
    return StepDelegatingExecutor(Vanishing(), RetryMode.ENABLED, 0.1, check_step_health_interval_seconds=0)


def vanishing_job():
    config = pod_config(make_request(queue="vision", name="fit"))

    @dg.asset(**on_cluster(config))
    def fit() -> None: ...

    defs = dg.Definitions([fit], jobs=[dg.define_asset_job("fitting")], executor=vanishing_executor)
    return defs.resolve_job_def("fitting")


@pytest.mark.usefixtures("at_once")
def test_a_pod_that_vanishes_is_replaced_by_dagster_and_the_run_comes_to_its_end(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = dg.execute_job(dg.reconstructable(vanishing_job), instance)
        kinds = [event.event_type_value for event in result.all_events]
    assert result.success
    assert (kinds.count("STEP_UP_FOR_RETRY"), kinds.count("ASSET_MATERIALIZATION")) == (1, 1)


def test_each_step_has_a_pod_where_the_cluster_is_asked_for(monkeypatch):
    assert find_executor() is dg.in_process_executor
    monkeypatch.setenv("MLWF_EXECUTOR", "kubernetes")
    assert find_executor().name == "k8s"
