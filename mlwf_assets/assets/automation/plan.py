"""How a workflow stands, for whoever looks every half minute: planned anew only where something changed.

Planning reads the workflow file, hashes sources and asks the lake about every partition. Whether that could come out
another way is told from sizes and times of a few files, which costs next to nothing.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlwf_assets.assets.failures import Failure, read_failures
from mlwf_assets.assets.graph import workflow_partitions
from mlwf_assets.assets.planning import plan_workflow
from mlwf_assets.assets.recipes import Planned
from mlwf_assets.assets.resources import MlwfHome
from mlwf_assets.assets.step import Step
from mlwf_assets.errors import MlwfError
from mlwf_assets.lake.connectors import source_stats
from mlwf_assets.spec.loader import load
from mlwf_assets.spec.workflow import Workflow

_DATABASES = ("lake/.index/lake.db", "mlflow/mlflow.db")


@dataclass(frozen=True)
class Plan:
    """How a workflow stands.

    Attributes:
        workflow: as its file says now; None where the file cannot be read.
        steps: output name -> how each partition of its step stands, in order.
        failures: step name -> partition -> what failed last.
        problem: why nothing can be planned, else "".
    """

    workflow: Workflow | None = None
    steps: Mapping[str, Sequence[Planned]] = field(default_factory=dict)
    failures: Mapping[str, Mapping[str | None, Failure]] = field(default_factory=dict)
    problem: str = ""

    def failed(self) -> list[tuple[Planned, Failure]]:
        """What is not up to date because making it failed."""
        return [
            (one, failure)
            for step in dict.fromkeys(one.step for ones in self.steps.values() for one in ones)
            for one in self.steps[step.name]
            if one.state != "fresh"
            and (failure := self.failures.get(step.name, {}).get(one.partition)) is not None
            and failure.recipe == one.recipe
        ]


class Plans:
    """The plans of one workflow."""

    def __init__(self, folder: Path, home: MlwfHome) -> None:
        self._folder, self._home = folder, home
        self._lock = threading.Lock()
        self._seen: object = None
        self._plan = Plan()

    @property
    def home(self) -> Path:
        """The folder of all state."""
        return self._home.folder

    def now(self) -> Plan:
        """Plan, or say again what was planned while nothing changed since."""
        with self._lock:
            seen = self._look()
            if seen is None or seen != self._seen:
                # What changes from here on is seen by the next look, for it differs from this one.
                self._plan, self._seen = self._make(), seen
            return self._plan

    def _make(self) -> Plan:
        workflow = None
        try:
            workflow = load(self._folder)
            planned = plan_workflow(workflow, self.home)
        except MlwfError as error:
            return Plan(workflow, problem=str(error))
        by_step: dict[Step, list[Planned]] = {}
        for one in planned:
            by_step.setdefault(one.step, []).append(one)
        steps = {output.name: ones for step, ones in by_step.items() for output in step.outputs}
        return Plan(workflow, steps, {step.name: read_failures(self.home, step) for step in by_step})

    def _look(self) -> object:
        """What a plan depends on, in short; None where it cannot be told."""
        workflow = self._plan.workflow
        if workflow is None:
            return None
        try:
            stats = {name: source_stats(source, workflow.folder) for name, source in workflow.sources.items()}
        except MlwfError:
            return None
        return stats, [_stat(path) for path in self._files(workflow)], workflow_partitions(workflow)[-1:]

    def _files(self, workflow: Workflow) -> Iterator[Path]:
        yield workflow.file
        yield from (workflow.folder / name for name in workflow.python)
        for name in _DATABASES:
            yield from (self.home / f"{name}{part}" for part in ("", "-wal"))
        yield self.home / "failures" / workflow.name


def _stat(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
