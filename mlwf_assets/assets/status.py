"""How every asset and partition of a workflow stands, why, and how long a run would work: nothing is computed."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlwf_assets.assets.causes import ago, shorten
from mlwf_assets.assets.failures import Failure, read_failures
from mlwf_assets.assets.planning import plan_workflow
from mlwf_assets.assets.recipes import Planned
from mlwf_assets.assets.step import Step
from mlwf_assets.lake.result import Entry
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.workflow import Workflow


@dataclass(frozen=True)
class Status:
    """How one asset stands, or one partition of it.

    Attributes:
        workflow: the workflow's name.
        key: 'GROUP/NAME'.
        partition: the partition; None where there are none.
        state: fresh; stale (there is a result, made from something else); missing (there is none); failed (the
            last attempt to make what is wanted).
        because: why it is not fresh, each with the way from the cause.
        near: the first of them in short: the cause, where it lies here, or what comes right before on the way.
        seconds: how long it takes by what it took before; None where nobody knows, 0 where nothing is computed.
    """

    workflow: str
    key: str
    partition: str | None
    state: Literal["fresh", "stale", "missing", "failed"]
    because: tuple[str, ...]
    near: str
    seconds: float | None


def workflow_status(workflow: Workflow, home: Path) -> list[Status]:
    """Say how each asset and partition stands that a run of the workflow asks for, in the order of a run.

    Args:
        workflow: the workflow.
        home: the folder of all state.
    """
    lake, found = Lake(home / "lake"), []
    planned: dict[Step, list[Planned]] = {}
    for one in plan_workflow(workflow, home):
        planned.setdefault(one.step, []).append(one)
    for step, ones in planned.items():
        fresh = all(one.state == "fresh" for one in ones)
        failures = {} if fresh else read_failures(home, step)
        for output in step.outputs:
            # The outputs of a step come about together: its time is said once.
            timed = not fresh and output is step.outputs[0]
            pace = _Pace(lake.entries(f"{step.workflow}/{output.name}")) if timed else None
            found += [_status(output.name, one, failures.get(one.partition), pace) for one in ones]
    return found


def _status(key: str, one: Planned, failure: Failure | None, pace: "_Pace | None") -> Status:
    because, near = tuple(shorten(one.because)), _near(one)
    state: Literal["fresh", "stale", "missing", "failed"] = one.state
    if one.state != "fresh" and failure is not None and failure.recipe == one.recipe:
        state = "failed"
        near = f"failed {ago(time.time() - failure.at_s)}: {failure.words}"
        because = (near, *because)
    return Status(one.step.workflow, key, one.partition, state, because, near, pace.of(one) if pace else 0.0)


def _near(one: Planned) -> str:
    if not one.because:
        return ""
    first = one.because[0]
    if first.name == one.step.name:
        return first.words
    return f"after {first.way[-1] if first.way else first.place}"


class _Pace:
    """How long a step's results took."""

    def __init__(self, entries: Mapping[str | None, Entry]) -> None:
        self._seconds = {partition: entry.seconds for partition, entry in entries.items()}
        known = list(self._seconds.values())
        self._usual = sum(known) / len(known) if known else None

    def of(self, one: Planned) -> float | None:
        """Seconds that a result takes: as many as last time, else as the other partitions on average."""
        brought_back = one.found is not None and len(one.found) == len(one.step.outputs) and not one.step.acts
        if one.state == "fresh" or brought_back:
            return 0.0
        return self._seconds.get(one.partition, self._usual)


def work_seconds(statuses: Sequence[Status]) -> float | None:
    """How long a run would work at most; None where it is not known of some result.

    Example:
        >>> work_seconds([Status("w", "raw/a", None, "stale", (), "", 1.5)])
        1.5
    """
    known = [one.seconds for one in statuses if one.seconds is not None]
    return sum(known) if len(known) == len(statuses) else None
