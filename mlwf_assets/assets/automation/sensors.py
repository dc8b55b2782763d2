"""What Dagster is given for a workflow that runs by itself: its sources as assets, a condition, and two sensors.

`WORKFLOW_automation` asks the conditions, which decide what runs; `WORKFLOW_watch` looks at the sources, reports what
changed, and tells people. Both run in the server that holds the definitions, as soon as a daemon runs.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from mlwf_assets.assets.automation.condition import WORKFLOW_TAG, Due, Looks, is_busy
from mlwf_assets.assets.automation.news import AUTOMATION_TAG, News, news_of_deployment, news_of_runs, news_of_sources
from mlwf_assets.assets.automation.plan import Plans
from mlwf_assets.assets.automation.sources import Seen, look_at_sources
from mlwf_assets.assets.automation.telling import tell
from mlwf_assets.assets.resources import MlwfHome
from mlwf_assets.assets.step import Step
from mlwf_assets.errors import MlwfError
from mlwf_assets.spec.loader import load
from mlwf_assets.spec.sources import FilesSource
from mlwf_assets.spec.workflow import Workflow

_EVERY_S = 30


@dataclass(frozen=True)
class Automatic:
    """What makes a workflow run by itself.

    Attributes:
        workflow: the workflow.
        looks: what its conditions share.
        plans: what both sensors share.
    """

    workflow: Workflow
    looks: Looks
    plans: Plans

    def condition(self, output: str) -> dg.AutomationCondition[dg.AssetKey] | None:
        """The condition of an asset; None where the workflow never runs by itself."""
        automation = self.workflow.automation
        if automation is None or automation.schedule is None:
            return None
        return ~dg.AutomationCondition.in_progress() & Due(output, automation, self.looks)

    def sources_of(self, step: Step) -> list[dg.AssetKey]:
        """The assets that stand for the files which a step reads."""
        names = [output.name.partition("/")[2] for output in step.outputs if output.name.startswith("raw/")]
        return [self._key(name) for name in names if isinstance(self.workflow.sources[name], FilesSource)]

    def assets(self) -> list[dg.AssetSpec]:
        """Make an asset for each source that consists of files: Dagster does not make it, but knows its versions."""
        name = self.workflow.name
        return [
            dg.AssetSpec(
                self._key(source),
                description=f"The files of {source}, as they lie there. {name}_watch notices when they change.",
                group_name=f"{name}_0_files",
                kinds={"file"},
            )
            for source, spec in self.workflow.sources.items()
            if isinstance(spec, FilesSource)
        ]

    def sensors(self, keys: list[dg.AssetKey]) -> Iterator[dg.SensorDefinition]:
        """Make the sensors.

        Args:
            keys: all assets with a condition.
        """
        name, automation = self.workflow.name, self.workflow.automation
        yield self._watch()
        if automation is not None and automation.schedule is not None:
            when = f"at {automation.cron} ({automation.timezone})" if automation.cron else "as soon as that is so"
            with warnings.catch_warnings():
                # Our own condition is known in the server with the definitions alone; asking it there is beta.
                warnings.simplefilter("ignore", dg.BetaWarning)
                yield dg.AutomationConditionSensorDefinition(
                    f"{name}_automation",
                    target=dg.AssetSelection.assets(*keys),
                    description=f"Runs what is not up to date of {name}, {when}.",
                    run_tags={WORKFLOW_TAG: name, AUTOMATION_TAG: "true"},
                    default_status=dg.DefaultSensorStatus.RUNNING,
                    minimum_interval_seconds=_EVERY_S,
                    use_user_code_server=True,
                )

    def _watch(self) -> dg.SensorDefinition:
        name = self.workflow.name

        @dg.sensor(
            name=f"{name}_watch",
            description=f"Looks whether the sources of {name} changed, and tells people what they want to know of it.",
            default_status=dg.DefaultSensorStatus.RUNNING,
            minimum_interval_seconds=_EVERY_S,
        )
        def watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
            try:
                workflow = load(self.workflow.folder)
            except MlwfError:
                workflow = self.workflow  # what is wrong with the file is told as a failure
            home = self.plans.home
            seen = look_at_sources(workflow, home)
            busy = is_busy(context.instance, name)
            news = list(news_of_sources(workflow, seen))
            news += [] if busy else self._news(workflow, home, context.instance)
            sent = tell(workflow, news, home, whole=not busy, log=context.log.warning)
            events = [self._observation(source, one) for source, one in seen.items() if one.is_new]
            return dg.SensorResult(asset_events=events, skip_reason=_in_words(seen, sent))

        return watch

    def _news(self, workflow: Workflow, home: Path, instance: dg.DagsterInstance) -> list[News]:
        return [*news_of_runs(self.plans.now(), workflow.name, instance), *news_of_deployment(workflow, home)]

    def _observation(self, source: str, seen: Seen) -> dg.AssetObservation:
        return dg.AssetObservation(
            self._key(source),
            metadata={"files": len(seen.stats), "bytes": seen.size, "fingerprint": seen.fingerprint},
            tags={"dagster/data_version": seen.fingerprint},
        )

    def _key(self, source: str) -> dg.AssetKey:
        return dg.AssetKey([self.workflow.name, "files", source])


def automatic(workflow: Workflow, home: MlwfHome) -> Automatic | None:
    """Make what makes a workflow run by itself; None where it does not say that it should."""
    if workflow.automation is None:
        return None
    plans = Plans(workflow.folder, home)
    return Automatic(workflow, Looks(workflow.name, plans), plans)


def _in_words(seen: dict[str, Seen], sent: list[str]) -> str:
    """What a look came to, for the list of ticks."""
    new = [name for name, one in seen.items() if one.is_new]
    broken = [f"{name} cannot be read: {one.problem}" for name, one in seen.items() if one.problem]
    changed = f"Changed: {', '.join(new)}." if new else "No source changed."
    told = [f"Told: {subject}." for subject in sent]
    return " ".join([changed, *broken, *told])
