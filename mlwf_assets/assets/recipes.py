"""What a result is made from (its recipe), and what would have to be computed (the plan).

recipe = hash(step, partition, and its parts: code, its part of the workflow file, what lies outside the lake, the
fingerprints of its inputs). Whoever knows the recipe knows whether the lake already has the result; the parts tell
why it has not. Everything here only reads the lake.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlwf_assets.assets.causes import KEPT, Cause, changes, later
from mlwf_assets.assets.code import code_fingerprint
from mlwf_assets.assets.step import Input, Step, table_names
from mlwf_assets.lake.fingerprint import hash_json
from mlwf_assets.lake.result import Entry
from mlwf_assets.lake.store import Lake

State = Literal["fresh", "stale", "missing"]
Entries = Mapping[str | None, Entry]
Parts = Mapping[str, str]


@dataclass(frozen=True)
class Planned:
    """What holds for one partition of one step.

    Attributes:
        step: the step.
        partition: the partition, or None.
        state: fresh; stale (there is a result, made from something else); missing (there is none).
        because: why it is not fresh: the first causes, and the way from each to here.
        lacks: whether it needs what is neither there nor planned.
        sources: input name -> the entries read; only where all inputs are fresh.
        recipe: of the step; only where all inputs are fresh.
        parts: what the recipe consists of; only where all inputs are fresh.
        found: output name -> the entry with that recipe, where the lake has one.
    """

    step: Step
    partition: str | None
    state: State
    because: Sequence[Cause] = ()
    lacks: bool = False
    sources: Mapping[str, Sequence[Entry]] | None = None
    recipe: str | None = None
    parts: Parts | None = None
    found: Mapping[str, Entry] | None = None


@functools.cache
def step_code(step: Step) -> str:
    """Fingerprint the code behind a step."""
    code = code_fingerprint(step.compute, step.libraries, without=step.without)
    return hash_json([code, step.own]) if step.own else code


@functools.cache
def settings_hash(step: Step) -> str:
    """Hash a step's part of the workflow file."""
    return hash_json(step.settings)


def output_recipe(recipe: str, table: str) -> str:
    """Tell a step's several outputs apart, and workflows over the same files: each has tables of its own."""
    return hash_json([recipe, table])


def recipe_parts(step: Step, sources: Mapping[str, Sequence[Entry]], external: str) -> dict[str, str]:
    """Fingerprint each part of what a step's results are made from."""
    read = {edge.name: sources[edge.name] for edge in step.inputs if edge.counts}
    inputs = {name: entries_hash(found) for name, found in read.items()}
    return {"code": step_code(step), "settings": settings_hash(step), "outside": external, **inputs}


def entries_hash(entries: Sequence[Entry]) -> str:
    """Fingerprint what a step reads of an input."""
    return hash_json([[one.partition, one.fingerprint] for one in entries])


def step_recipe(step: Step, parts: Parts, partition: str | None) -> str:
    """Hash everything that a step's result for a partition is made from."""
    return hash_json([step.name, dict(parts), partition])


def read_partitions(
    edge: Input, source: Step, partition: str | None, names: Sequence[str], here: int
) -> Sequence[str | None]:
    """List the partitions of an input that one partition of its reader, the `here`-th one, reads."""
    if not source.partitioned:
        return [None]
    if partition is None or edge.back is None:
        return names
    return names[max(0, here - edge.back) : here + 1]


class Planner:
    """Says, step after step, what is fresh; reads the lake and nothing else."""

    def __init__(self, steps: Sequence[Step], home: Path, names: Sequence[str]) -> None:
        self._steps = steps
        self._home = home
        self._lake = Lake(home / "lake")
        self._names = names
        self._places = {name: place for place, name in enumerate(names)}
        self._tables = table_names(steps)
        self._writers = {output.name: step for step in steps for output in step.outputs}

    def plan(self, steps: Sequence[Step] | None = None, partitions: Sequence[str] | None = None) -> list[Planned]:
        """Plan what a run of the workflow, or of some of its steps and partitions, asks for.

        A step after one that is not fresh counts as stale.
        """
        planned: list[Planned] = []
        not_fresh: dict[tuple[str, str | None], Planned] = {}
        for step in self._steps if steps is None else steps:
            current = self._current(step)
            external = step.external(self._home) if step.external else ""
            for partition in step.wanted(self._names) if partitions is None or not step.partitioned else partitions:
                one = self._plan_one(step, partition, external, current, not_fresh)
                planned.append(one)
                if one.state != "fresh":
                    not_fresh.update({(output.name, partition): one for output in step.outputs})
        return planned

    def plan_step(self, step: Step, partitions: Sequence[str | None]) -> list[Planned]:
        """Plan some partitions of one step against the lake as it is now."""
        external = step.external(self._home) if step.external else ""
        current = self._current(step)
        return [self._plan_one(step, partition, external, current, {}) for partition in partitions]

    def _current(self, step: Step) -> dict[str, Entries]:
        tables = [output.name for output in step.outputs] + [edge.name for edge in step.inputs]
        return {name: self._lake.entries(self._tables[name]) for name in tables}

    def _reads(self, step: Step, partition: str | None) -> Iterator[tuple[str, str | None]]:
        here = self._places.get(partition or "", 0)
        for edge in step.inputs:
            source = self._writers[edge.name]
            yield from ((edge.name, name) for name in read_partitions(edge, source, partition, self._names, here))

    def _plan_one(
        self,
        step: Step,
        partition: str | None,
        external: str,
        current: Mapping[str, Entries],
        not_fresh: Mapping[tuple[str, str | None], Planned],
    ) -> Planned:
        own = [current[output.name].get(partition) for output in step.outputs]
        state: State = "missing" if any(entry is None for entry in own) else "stale"
        sources: dict[str, list[Entry]] = {edge.name: [] for edge in step.inputs}
        before: dict[Cause, None] = {}
        lacks = False
        for name, read in self._reads(step, partition):
            entry = current[name].get(read)
            if entry is not None and (name, read) not in not_fresh:
                sources[name].append(entry)
                continue
            planned = not_fresh.get((name, read))
            lacks = lacks or planned is None or planned.lacks
            if len(before) < KEPT:
                causes = [Cause(name, read, "was never computed")] if planned is None else planned.because
                before |= dict.fromkeys(causes if planned is None else later(causes, planned.step.name, read))
        if before:
            return Planned(step, partition, state, because=tuple(before)[:KEPT], lacks=lacks)
        parts = recipe_parts(step, sources, external)
        recipe = step_recipe(step, parts, partition)
        wanted = {output.name: output_recipe(recipe, self._tables[output.name]) for output in step.outputs}
        if all(entry and entry.recipe == wanted[output.name] for entry, output in zip(own, step.outputs, strict=True)):
            found = {output.name: entry for entry, output in zip(own, step.outputs, strict=True) if entry}
            return Planned(step, partition, "fresh", sources=sources, recipe=recipe, parts=parts, found=found)
        found = {name: entry for name, wish in wanted.items() if (entry := self._lake.find(wish)) is not None}
        words = ["was never computed"] if state == "missing" else changes(own[0], parts, sources, outside=step.outside)
        because = tuple(Cause(step.name, partition, text) for text in words)
        return Planned(step, partition, state, because, False, sources, recipe, parts, found)
