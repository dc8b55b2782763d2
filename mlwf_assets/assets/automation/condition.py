"""The condition on the assets of a workflow that runs by itself: Dagster asks it every half minute.

It reacts to changed content - what the planner compares are fingerprints, which are the data versions that Dagster
shows - and never to the mere fact that something was written again. What is due stands in `due.py`.
"""

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg

from mlwf_assets.assets.automation.due import Memory as Remembered
from mlwf_assets.assets.automation.due import Names, choose, heed_tick
from mlwf_assets.assets.automation.plan import Plan, Plans
from mlwf_assets.assets.recipes import Planned
from mlwf_assets.spec.automation import Automation

if TYPE_CHECKING:
    from dagster._core.asset_graph_view.entity_subset import EntitySubset

WORKFLOW_TAG = "mlwf/workflow"
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def is_busy(instance: dg.DagsterInstance, workflow: str) -> bool:
    """Whether a run of the workflow goes on, whoever started it."""
    filters = dg.RunsFilter(statuses=_UNFINISHED, tags={WORKFLOW_TAG: workflow})
    return bool(instance.get_runs(filters=filters, limit=1))


class Look:
    """What the conditions of a workflow's assets share while they are asked, one after another in order."""

    def __init__(self, plan: Plan, *, busy: bool) -> None:
        """Begin a look."""
        self._plan, self._busy = plan, busy
        self._requested: set[Names] = set()

    def planned(self, name: str) -> Sequence[Planned] | None:
        """How the step that writes an output stands; None while nothing can be asked for."""
        return None if self._busy or self._plan.problem else self._plan.steps.get(name, ())

    def failed(self, step: str) -> Mapping[str, float]:
        """Recipe -> when it failed last."""
        return {one.recipe: one.at_s for one in self._plan.failures.get(step, {}).values()}

    def requested_with(self, one: Planned) -> set[Names]:
        """What is made in the same run, before: with partitions and without are different runs for Dagster."""
        return {name for name in self._requested if (name[1] is None) == (one.partition is None)}

    def request(self, due: Sequence[Planned]) -> None:
        """Note what is asked for."""
        self._requested.update((output.name, one.partition) for one in due for output in one.step.outputs)


class Looks:
    """Makes a look for each time at which Dagster asks."""

    def __init__(self, workflow: str, plans: Plans) -> None:
        """Make the looks of one workflow."""
        self._workflow, self._plans = workflow, plans
        self._lock = threading.Lock()
        self._at: datetime | None = None
        self._look = Look(Plan(), busy=True)

    def at(self, time: datetime, instance: dg.DagsterInstance) -> Look:
        """Return the look of a moment; all assets are asked at one and the same."""
        with self._lock:
            if self._at != time:
                busy = is_busy(instance, self._workflow)
                self._at, self._look = time, Look(Plan() if busy else self._plans.now(), busy=busy)
            return self._look


class Due(dg.AutomationCondition[dg.AssetKey]):
    """True for what is not up to date and can be made now."""

    def __init__(self, output: str, automation: Automation, looks: Looks) -> None:
        """Make the condition of one asset.

        Args:
            output: 'GROUP/NAME'.
            automation: when.
            looks: of the workflow.
        """
        self._output, self._automation, self._looks = output, automation, looks

    @property
    def name(self) -> str:
        """As the UI shows it."""
        cron = self._automation.cron
        return f"not_up_to_date(since={cron!r})" if cron else "not_up_to_date"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        """Say which partitions are due."""
        view, memory = context.asset_graph_view, Remembered.read(context.cursor)
        if (cron := self._automation.cron) is not None:
            tick = view.compute_previous_cron_tick(cron_schedule=cron, cron_timezone=self._automation.timezone)
            memory = heed_tick(memory, tick.timestamp())
        look = self._looks.at(context.evaluation_time, view.instance)
        planned = look.planned(self._output)
        if planned is None or (cron is not None and not memory.is_open):
            return dg.AutomationResult(context, context.get_empty_subset(), cursor=memory.write())
        free = context.candidate_subset.expensively_compute_partition_keys() if context.partitions_def else {None}
        due, memory = choose(
            planned,
            memory,
            free=free,
            requested=look.requested_with(planned[0]) if planned else (),
            failed=look.failed(planned[0].step.name) if planned else {},
            now_s=context.evaluation_time.timestamp(),
        )
        look.request(due)
        return dg.AutomationResult(context, self._subset(context, due), cursor=memory.write())

    def _subset(
        self, context: dg.AutomationContext[dg.AssetKey], due: Sequence[Planned]
    ) -> "EntitySubset[dg.AssetKey]":
        partitions = {one.partition for one in due if one.partition is not None}
        if context.partitions_def is None:
            return context.candidate_subset if due else context.get_empty_subset()
        return context.asset_graph_view.compute_intersection_with_partition_keys(partitions, context.candidate_subset)
