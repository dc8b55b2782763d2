"""Plans what a run has to do, has it done through Dagster, and says how it came out.

Where nothing has to be done, no Dagster is imported: that is most of the time of such a run. How a run is launched
stands in `launching.py`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlwf_assets.assets import stamps
from mlwf_assets.assets.planning import ALL, Asked, plan_workflow
from mlwf_assets.assets.recipes import Planned
from mlwf_assets.assets.step import Step
from mlwf_assets.spec.workflow import Workflow

if TYPE_CHECKING:
    from mlwf_assets.assets.laziness import Done


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
    done: "Sequence[Done]"
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
    run_id = None
    if wanted:
        from mlwf_assets.assets.launching import launch

        newest = not asked.partitions
        run_id = launch(workflow, home, wanted, recorder, force=force, newest=newest, processes=processes)
    end_s = time.monotonic()
    share, gaps = stamps.orchestration(recorder.stamps, start_s, end_s)
    reached = {made.output for made in recorder.done}
    skipped = [
        step.name
        for step in dict.fromkeys(one.step for one in wanted)
        if step.name not in recorder.failures and not any(output.name in reached for output in step.outputs)
    ]
    return Outcome(steps, recorder.done, fresh, recorder.failures, skipped, end_s - start_s, share, gaps[:10], run_id)
