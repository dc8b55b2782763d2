"""What a run of a workflow would do: all of it, or the assets and partitions that somebody names."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from mlwf_assets.assets.causes import shorten
from mlwf_assets.assets.graph import workflow_partitions, workflow_steps
from mlwf_assets.assets.recipes import Planned, Planner
from mlwf_assets.assets.step import Step
from mlwf_assets.errors import SpecError
from mlwf_assets.spec.mistakes import suggestion
from mlwf_assets.spec.workflow import Workflow

_TERM = re.compile(r"(\+?)([^+\s]+)(\+?)")


@dataclass(frozen=True)
class Asked:
    """What somebody asks for; by default all that a run of the workflow looks after.

    Attributes:
        select: assets, separated by commas: 'GROUP/NAME' or a pattern with '*', with '+' before it for all that it
            is made from, and after it for all that is made from it.
        partitions: 'A..B', 'A..', '..B' or one partition.
    """

    select: str = ""
    partitions: str = ""

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return not self.select and not self.partitions


ALL = Asked()


def plan_workflow(workflow: Workflow, home: Path, asked: Asked = ALL) -> list[Planned]:
    """Say for every partition of every step that is asked for whether it is fresh.

    Raises:
        SpecError: if there is no such asset or partition, or what is asked for needs what is neither there nor asked
            for.
    """
    steps, names = workflow_steps(workflow), workflow_partitions(workflow)
    planner = Planner(steps, home, names)
    if asked.is_all:
        return planner.plan()
    chosen = select_steps(steps, asked.select) if asked.select else steps
    planned = planner.plan(chosen, choose_partitions(names, asked.partitions) if asked.partitions else None)
    blocked = [one for one in planned if one.lacks]
    if blocked and not asked.partitions:
        first = blocked[0]
        raise SpecError(
            f"--select {asked.select}: {first.step.name} needs what is not there: {'; '.join(shorten(first.because))}; "
            f"select it as well: --select '+{first.step.name}'"
        )
    # What needs all partitions waits for a run over all of them.
    left_out = {one.step for one in blocked}
    return [one for one in planned if one.step not in left_out]


def select_steps(steps: Sequence[Step], selection: str) -> list[Step]:
    """Choose steps by the names of their assets.

    Raises:
        SpecError: if there is no such asset.
    """
    writers = {output.name: step for step in steps for output in step.outputs}
    chosen: set[Step] = set()
    for term in filter(None, (part.strip() for part in selection.split(","))):
        if (match := _TERM.fullmatch(term)) is None:
            raise SpecError(f"--select must be assets such as 'features/*' or '+models/ensemble', however: {term!r}")
        named = [step for name, step in writers.items() if fnmatchcase(name, match[2])]
        if not named:
            raise SpecError(f"--select: there must be an asset {match[2]!r}.{suggestion(match[2], writers)}")
        chosen.update(named)
        if match[1]:
            chosen.update(_reached(named, lambda step: [writers[edge.name] for edge in step.inputs]))
        if match[3]:
            chosen.update(_reached(named, lambda step: [one for one in steps if _reads(one, step)]))
    return [step for step in steps if step in chosen]


def _reads(one: Step, step: Step) -> bool:
    return bool({edge.name for edge in one.inputs} & {output.name for output in step.outputs})


def _reached(first: Sequence[Step], following: Callable[[Step], Sequence[Step]]) -> set[Step]:
    reached: set[Step] = set()
    waiting = list(first)
    while waiting:
        step = waiting.pop()
        if step not in reached:
            reached.add(step)
            waiting += following(step)
    return reached


def choose_partitions(names: Sequence[str], span: str) -> list[str]:
    """Choose partitions from one to another, both included.

    Raises:
        SpecError: if there is no such partition, or none between them.
    Example:
        >>> choose_partitions(["2013-01", "2013-02", "2013-03"], "2013-02..")
        ['2013-02', '2013-03']
    """
    if not names:
        raise SpecError("--partitions is for workflows that cut their rows: this one has no partitions")
    first, dots, last = (part.strip() for part in span.partition(".."))
    last = last if dots else first
    for name in filter(None, (first, last)):
        if name not in names:
            raise SpecError(f"--partitions: there must be a partition {name!r}.{suggestion(name, names)}")
    chosen = names[names.index(first) if first else 0 : names.index(last) + 1 if last else len(names)]
    if not chosen:
        raise SpecError(f"--partitions must go from an earlier to a later one, however: {span}")
    return list(chosen)
