"""Runs what is not fresh, as one Dagster run in this process.

One process and range runs: all stale partitions of an asset are computed in one step. The run is recorded
on the persistent instance, so that the UI shows it while it goes on.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from mlwf_assets.assets import stamps
from mlwf_assets.assets.component import asset_key, workflow_definitions
from mlwf_assets.assets.graph import workflow_partitions
from mlwf_assets.assets.launcher import PROCESS_TAG, is_running, process_name
from mlwf_assets.assets.laziness import FORCE_TAG, NEWEST_TAG, Done
from mlwf_assets.assets.planning import ALL, Asked, plan_workflow
from mlwf_assets.assets.recipes import Planned
from mlwf_assets.assets.relay import Made, listening
from mlwf_assets.assets.resources import MlwfHome
from mlwf_assets.assets.step import Step
from mlwf_assets.errors import MlwfError
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.loader import load
from mlwf_assets.spec.sample import sampled
from mlwf_assets.spec.workflow import Workflow

_LOGGERS = {"console": {"config": {"log_level": "CRITICAL"}}}
_ONE_BY_ONE = {
    "max_concurrent": 1,
    "start_method": {"forkserver": {"preload_modules": ["mlwf_assets.assets.execution"]}},
}
_RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@dataclass(frozen=True)
class Outcome:
    """How a run came out.

    Attributes:
        steps: all steps of the workflow, in order.
        done: what was computed or reused in this run.
        fresh: what needed nothing.
        failures: step name -> the error.
        skipped: steps that could not run because one before them failed.
        seconds: wall time, from before the plan to the end of the run.
        orchestration_share: share of it in which no library function ran.
        gaps: the stretches of that, the largest first.
        run_id: the Dagster run; None where none was needed.
    """

    steps: Sequence[Step]
    done: Sequence[Done]
    fresh: Sequence[Planned]
    failures: dict[str, BaseException]
    skipped: Sequence[str]
    seconds: float
    orchestration_share: float
    gaps: Sequence[stamps.Gap]
    run_id: str | None


def run_workflow(
    workflow: Workflow,
    home: Path,
    *,
    recorder: stamps.Recorder,
    start_s: float,
    force: bool = False,
    asked: Asked = ALL,
    processes: bool = False,
) -> Outcome:
    """Bring a workflow up to date through Dagster.

    Args:
        workflow: the workflow.
        home: the folder of all state; DAGSTER_HOME must point into it.
        recorder: takes stamps, outputs and progress.
        start_s: when the command began (monotonic), so that imports and planning count.
        force: compute everything that is asked for, fresh or not.
        asked: which assets and partitions.
        processes: give each step a process of its own.
    """
    planned = plan_workflow(workflow, home, asked)
    wanted = [one for one in planned if force or one.state != "fresh"]
    fresh = [] if force else [one for one in planned if one.state == "fresh"]
    steps = list(dict.fromkeys(one.step for one in planned))
    tags = {FORCE_TAG: "true"} if force else {}
    if not asked.partitions:
        tags[NEWEST_TAG] = "true"
    launch = _launch_processes if processes else _launch
    run_id = launch(workflow, home, wanted, recorder, tags) if wanted else None
    end_s = time.monotonic()
    share, gaps = stamps.orchestration(recorder.stamps, start_s, end_s)
    reached = {made.output for made in recorder.done}
    skipped = [
        step.name
        for step in dict.fromkeys(one.step for one in wanted)
        if step.name not in recorder.failures and not any(output.name in reached for output in step.outputs)
    ]
    return Outcome(steps, recorder.done, fresh, recorder.failures, skipped, end_s - start_s, share, gaps[:10], run_id)


def _launch(
    workflow: Workflow, home: Path, wanted: Sequence[Planned], recorder: stamps.Recorder, tags: Mapping[str, str]
) -> str:
    """Run what is wanted in this process."""
    job = workflow_job(workflow, home)
    with dg.DagsterInstance.get() as instance, stamps.recording(recorder):
        close_dead_runs(instance)
        result = job.execute_in_process(
            instance=instance,
            asset_selection=_keys(wanted),
            tags={**tags, **_run_tags(workflow, wanted)},
            raise_on_error=False,
            run_config={"loggers": _LOGGERS},
        )
    _check_failed_inside(result.run_id, [event for event in result.all_events if event.is_step_failure], recorder)
    return result.run_id


def _launch_processes(
    workflow: Workflow, home: Path, wanted: Sequence[Planned], recorder: stamps.Recorder, tags: Mapping[str, str]
) -> str:
    """Run what is wanted, a process for each step, one after the other: each has all cores for itself."""
    job = dg.build_reconstructable_job(
        "mlwf_assets.assets.execution",
        "job_of_folder",
        reconstructable_kwargs={"folder": str(workflow.folder), "share": workflow.share, "home": str(home)},
    )
    planned = {(output.name, one.partition): one for one in wanted for output in one.step.outputs}
    lake = Lake(home / "lake")

    def take(made: Made) -> Done | None:
        one = planned.get((made.output, made.partition))
        entry = lake.entry(f"{one.step.workflow}/{made.output}", made.partition) if one else None
        return Done(made.output, one, entry, reused=made.reused) if one and entry else None

    with dg.DagsterInstance.get() as instance, listening(recorder, take):
        close_dead_runs(instance)
        with dg.execute_job(
            job,
            instance,
            asset_selection=_keys(wanted),
            tags={**tags, **_run_tags(workflow, wanted)},
            raise_on_error=False,
            run_config={"loggers": _LOGGERS, "execution": {"config": {"multiprocess": _ONE_BY_ONE}}},
        ) as result:
            run_id = result.run_id
            failed = [event for event in result.all_events if event.is_step_failure]
    _check_failed_inside(run_id, failed, recorder)
    return run_id


def workflow_job(workflow: Workflow, home: Path) -> dg.JobDefinition:
    """Make the job of a workflow."""
    return workflow_definitions(workflow, MlwfHome(path=str(home))).resolve_job_def(workflow.name)


def job_of_folder(folder: str, share: float | None, home: str) -> dg.JobDefinition:
    """Make the job of the workflow in a folder, or of a sample of it, as the process of a step asks for it."""
    workflow = load(Path(folder))
    return workflow_job(workflow if share is None else sampled(workflow, share), Path(home))


def _keys(wanted: Iterable[Planned]) -> list[dg.AssetKey]:
    return [asset_key(step, output) for step in _steps(wanted) for output in step.outputs]


def _run_tags(workflow: Workflow, wanted: Iterable[Planned]) -> dict[str, str]:
    names = workflow_partitions(workflow)
    parts = sorted({names.index(one.partition) for one in wanted if one.partition is not None})
    ends = zip(_RANGE_TAGS, (names[parts[0]], names[parts[-1]]), strict=True) if parts else ()
    return {PROCESS_TAG: process_name(), **dict(ends)}


def _check_failed_inside(run_id: str, failed: Sequence[dg.DagsterEvent], recorder: stamps.Recorder) -> None:
    if failed and not recorder.failures:
        broken = [event.event_specific_data for event in failed]
        raise MlwfError(f"the run {run_id} failed outside of its assets: {broken[:1]}; look at it with: mlwf up")


def _steps(planned: Iterable[Planned]) -> list[Step]:
    return list(dict.fromkeys(one.step for one in planned))


def close_dead_runs(instance: dg.DagsterInstance) -> int:
    """Mark runs whose process is gone as failed; return how many there were.

    The daemon of `mlwf up` does so too, but it need not run.
    """
    unfinished = RunsFilter(statuses=[DagsterRunStatus.STARTED, DagsterRunStatus.STARTING])
    dead = [run for run in instance.get_runs(filters=unfinished) if not is_running(run)]
    for run in dead:
        instance.report_run_failed(run, message="The process of this run is gone; what it had finished is kept.")
    return len(dead)
