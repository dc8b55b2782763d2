"""Runs what is not fresh, as one Dagster run in this process.

One process and range runs: all stale partitions of an asset are computed in one step. The run is recorded
on the persistent instance, so that the UI shows it while it goes on.
"""

import time
from collections.abc import Iterable, Sequence
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
from mlwf_assets.assets.resources import MlwfHome
from mlwf_assets.assets.step import Step
from mlwf_assets.errors import MlwfError
from mlwf_assets.spec.workflow import Workflow

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
) -> Outcome:
    """Bring a workflow up to date through Dagster.

    Args:
        workflow: the workflow.
        home: the folder of all state; DAGSTER_HOME must point into it.
        recorder: takes stamps, outputs and progress.
        start_s: when the command began (monotonic), so that imports and planning count.
        force: compute everything that is asked for, fresh or not.
        asked: which assets and partitions.
    """
    planned = plan_workflow(workflow, home, asked)
    wanted = [one for one in planned if force or one.state != "fresh"]
    fresh = [] if force else [one for one in planned if one.state == "fresh"]
    steps = list(dict.fromkeys(one.step for one in planned))
    run_id = _launch(workflow, home, wanted, recorder, force=force, newest=not asked.partitions) if wanted else None
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
    workflow: Workflow, home: Path, wanted: Sequence[Planned], recorder: stamps.Recorder, *, force: bool, newest: bool
) -> str:
    job = workflow_definitions(workflow, MlwfHome(path=str(home))).resolve_job_def(workflow.name)
    keys = [asset_key(step, output) for step in _steps(wanted) for output in step.outputs]
    names = workflow_partitions(workflow)
    parts = sorted({names.index(one.partition) for one in wanted if one.partition is not None})
    tags = {PROCESS_TAG: process_name()}
    if newest:
        tags[NEWEST_TAG] = "true"
    if force:
        tags[FORCE_TAG] = "true"
    if parts:
        tags.update(zip(_RANGE_TAGS, (names[parts[0]], names[parts[-1]]), strict=True))
    with dg.DagsterInstance.get() as instance, stamps.recording(recorder):
        close_dead_runs(instance)
        result = job.execute_in_process(
            instance=instance,
            asset_selection=keys,
            tags=tags,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    if not result.success and not recorder.failures:
        broken = [event.event_specific_data for event in result.all_events if event.is_step_failure]
        raise MlwfError(f"the run {result.run_id} failed outside of its assets: {broken[:1]}; look at it with: mlwf up")
    return result.run_id


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
