"""Launches what is wanted as one Dagster run, in this process or with a process for each step.

Range runs: all stale partitions of an asset are computed in one step. The run is recorded on the persistent instance,
so that the UI shows it while it goes on.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.execution.plan.objects import ErrorSource  # tells a signal from a failure

from mlwf_assets.assets import stamps
from mlwf_assets.assets.component import asset_key, workflow_definitions
from mlwf_assets.assets.graph import workflow_partitions
from mlwf_assets.assets.launcher import PROCESS_TAG, is_running, process_name
from mlwf_assets.assets.laziness import FORCE_TAG, NEWEST_TAG, Done
from mlwf_assets.assets.recipes import Planned
from mlwf_assets.assets.relay import Made, listening
from mlwf_assets.assets.resources import MlwfHome
from mlwf_assets.errors import MlwfError
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.loader import load
from mlwf_assets.spec.sample import sampled
from mlwf_assets.spec.workflow import Workflow

_LOGGERS = {"console": {"config": {"log_level": "CRITICAL"}}}
_ONE_BY_ONE = {
    "max_concurrent": 1,
    "start_method": {"forkserver": {"preload_modules": ["mlwf_assets.assets.launching"]}},
}
_RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def launch(
    workflow: Workflow,
    home: Path,
    wanted: Sequence[Planned],
    recorder: stamps.Recorder,
    *,
    force: bool = False,
    newest: bool = True,
    processes: bool = False,
) -> str:
    """Run what is wanted, and return the id of the run.

    Args:
        workflow: the workflow.
        home: the folder of all state; DAGSTER_HOME must point into it.
        wanted: what is not fresh, in order.
        recorder: takes stamps, outputs and progress.
        force: compute also what is fresh.
        newest: of assets that look after the newest partitions alone, run no others.
        processes: give each step a process of its own.
    Raises:
        MlwfError: if the run fails outside of its assets.
    """
    tags = _run_tags(workflow, wanted, force=force, newest=newest)
    with dg.DagsterInstance.get() as instance:
        close_dead_runs(instance)
        start = _in_processes if processes else _in_this_process
        run_id, failed = start(workflow, home, wanted, recorder, instance, tags)
    broken = [event.step_failure_data for event in failed]
    # A signal may come while Dagster is between two pieces of an asset's work: the run was stopped, as inside of one.
    if not recorder.failures and any(one.error_source != ErrorSource.INTERRUPT for one in broken):
        raise MlwfError(f"the run {run_id} failed outside of its assets: {broken[:1]}; look at it with: mlwf up")
    return run_id


def _in_this_process(
    workflow: Workflow,
    home: Path,
    wanted: Sequence[Planned],
    recorder: stamps.Recorder,
    instance: dg.DagsterInstance,
    tags: Mapping[str, str],
) -> tuple[str, list[dg.DagsterEvent]]:
    with stamps.recording(recorder):
        result = workflow_job(workflow, home).execute_in_process(
            instance=instance,
            asset_selection=_keys(wanted),
            tags=tags,
            raise_on_error=False,
            run_config={"loggers": _LOGGERS},
        )
    return result.run_id, [event for event in result.all_events if event.is_step_failure]


def _in_processes(
    workflow: Workflow,
    home: Path,
    wanted: Sequence[Planned],
    recorder: stamps.Recorder,
    instance: dg.DagsterInstance,
    tags: Mapping[str, str],
) -> tuple[str, list[dg.DagsterEvent]]:
    """One after the other: each has all cores for itself."""
    job = dg.build_reconstructable_job(
        "mlwf_assets.assets.launching",
        "job_of_folder",
        reconstructable_kwargs={"folder": str(workflow.folder), "share": workflow.share, "home": str(home)},
    )
    planned = {(output.name, one.partition): one for one in wanted for output in one.step.outputs}
    lake = Lake(home / "lake")

    def take(made: Made) -> Done | None:
        one = planned.get((made.output, made.partition))
        entry = lake.entry(f"{one.step.workflow}/{made.output}", made.partition) if one else None
        return Done(made.output, one, entry, reused=made.reused) if one and entry else None

    options = {"loggers": _LOGGERS, "execution": {"config": {"multiprocess": _ONE_BY_ONE}}}
    keys = _keys(wanted)
    with (
        listening(recorder, take),
        dg.execute_job(
            job, instance, asset_selection=keys, tags=dict(tags), raise_on_error=False, run_config=options
        ) as result,
    ):
        return result.run_id, [event for event in result.all_events if event.is_step_failure]


def workflow_job(workflow: Workflow, home: Path) -> dg.JobDefinition:
    """Make the job of a workflow."""
    return workflow_definitions(workflow, MlwfHome(path=str(home))).resolve_job_def(workflow.name)


def job_of_folder(folder: str, share: float | None, home: str) -> dg.JobDefinition:
    """Make the job of the workflow in a folder, or of a sample of it, as the process of a step asks for it."""
    workflow = load(Path(folder))
    return workflow_job(workflow if share is None else sampled(workflow, share), Path(home))


def _keys(wanted: Iterable[Planned]) -> list[dg.AssetKey]:
    steps = dict.fromkeys(one.step for one in wanted)
    return [asset_key(step, output) for step in steps for output in step.outputs]


def _run_tags(workflow: Workflow, wanted: Iterable[Planned], *, force: bool, newest: bool) -> dict[str, str]:
    names = workflow_partitions(workflow)
    parts = sorted({names.index(one.partition) for one in wanted if one.partition is not None})
    ends = zip(_RANGE_TAGS, (names[parts[0]], names[parts[-1]]), strict=True) if parts else ()
    asked = {FORCE_TAG: force, NEWEST_TAG: newest}
    return {PROCESS_TAG: process_name(), **{tag: "true" for tag, on in asked.items() if on}, **dict(ends)}


def close_dead_runs(instance: dg.DagsterInstance) -> int:
    """Mark runs whose process is gone as failed; return how many there were.

    The daemon of `mlwf up` does so too, but it need not run.
    """
    unfinished = RunsFilter(statuses=[DagsterRunStatus.STARTED, DagsterRunStatus.STARTING])
    dead = [run for run in instance.get_runs(filters=unfinished) if not is_running(run)]
    for run in dead:
        instance.report_run_failed(run, message="The process of this run is gone; what it had finished is kept.")
    return len(dead)
