"""What a result is made from (its recipe), and what would have to be computed (the plan).

recipe = hash(step, code, its part of the workflow file, fingerprints of its inputs, partition). Whoever
knows the recipe knows whether the lake already has the result. Everything here only reads the lake.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlwf_assets.assets.code import code_fingerprint
from mlwf_assets.assets.step import Input, Step, table_names
from mlwf_assets.lake.fingerprint import hash_json
from mlwf_assets.lake.result import Entry
from mlwf_assets.lake.store import Lake

State = Literal["fresh", "stale", "missing"]
Entries = Mapping[str | None, Entry]


@dataclass(frozen=True)
class Planned:
    """What holds for one partition of one step.

    Attributes:
        step: the step.
        partition: the partition, or None.
        state: fresh; stale (there is a result, made from something else); missing (there is none).
        because: in words, why it is not fresh.
        sources: input name -> the entries read; only where all inputs are fresh.
        recipe: of the step; only where all inputs are fresh.
        found: output name -> the entry with that recipe, where the lake has one.
    """

    step: Step
    partition: str | None
    state: State
    because: str = ""
    sources: Mapping[str, Sequence[Entry]] | None = None
    recipe: str | None = None
    found: Mapping[str, Entry] | None = None


@functools.cache
def step_code(step: Step) -> str:
    """Fingerprint the code behind a step."""
    code = code_fingerprint(step.compute, step.libraries)
    return hash_json([code, step.own]) if step.own else code


def output_recipe(recipe: str, table: str) -> str:
    """Tell a step's several outputs apart, and workflows over the same files: each has tables of its own."""
    return hash_json([recipe, table])


def step_recipe(step: Step, sources: Mapping[str, Sequence[Entry]], partition: str | None, external: str) -> str:
    """Hash everything that a step's result for a partition is made from."""
    read = [edge.name for edge in step.inputs if edge.counts]
    inputs = {name: [[entry.partition, entry.fingerprint] for entry in sources[name]] for name in read}
    return hash_json([step.name, step_code(step), step.settings, inputs, partition, external])


def read_partitions(edge: Input, source: Step, partition: str | None, names: Sequence[str]) -> list[str | None]:
    """List the partitions of an input that one partition of its reader reads."""
    if not source.partitioned:
        return [None]
    if partition is None or edge.back is None:
        return list(names)
    here = names.index(partition)
    return list(names[max(0, here - edge.back) : here + 1])


class Planner:
    """Says, step after step, what is fresh; reads the lake and nothing else."""

    def __init__(self, steps: Sequence[Step], home: Path, names: Sequence[str]) -> None:
        self._steps = steps
        self._home = home
        self._lake = Lake(home / "lake")
        self._names = names
        self._tables = table_names(steps)
        self._writers = {output.name: step for step in steps for output in step.outputs}

    def plan(self) -> list[Planned]:
        """Plan what a run of the workflow asks for; a step after one that is not fresh counts as stale."""
        planned: list[Planned] = []
        not_fresh: dict[tuple[str, str | None], str] = {}
        for step in self._steps:
            current = self._current(step)
            external = step.external(self._home) if step.external else ""
            for partition in step.wanted(self._names):
                one = self._plan_one(step, partition, external, current, not_fresh)
                planned.append(one)
                if one.state != "fresh":
                    because = one.because if one.recipe is None else f"{step.name} {one.because}"
                    not_fresh.update({(output.name, partition): because for output in step.outputs})
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
        for edge in step.inputs:
            source = self._writers[edge.name]
            yield from ((edge.name, name) for name in read_partitions(edge, source, partition, self._names))

    def _plan_one(
        self,
        step: Step,
        partition: str | None,
        external: str,
        current: Mapping[str, Entries],
        not_fresh: Mapping[tuple[str, str | None], str],
    ) -> Planned:
        own = [current[output.name].get(partition) for output in step.outputs]
        state: State = "missing" if any(entry is None for entry in own) else "stale"
        sources: dict[str, list[Entry]] = {edge.name: [] for edge in step.inputs}
        for name, read in self._reads(step, partition):
            entry = current[name].get(read)
            if entry is None or (name, read) in not_fresh:
                why = not_fresh.get((name, read), f"{name} is missing")
                return Planned(step, partition, state, because=why)
            sources[name].append(entry)
        recipe = step_recipe(step, sources, partition, external)
        wanted = {output.name: output_recipe(recipe, self._tables[output.name]) for output in step.outputs}
        if all(entry and entry.recipe == wanted[output.name] for entry, output in zip(own, step.outputs, strict=True)):
            found = {output.name: entry for entry, output in zip(own, step.outputs, strict=True) if entry}
            return Planned(step, partition, "fresh", sources=sources, recipe=recipe, found=found)
        found = {name: entry for name, wish in wanted.items() if (entry := self._lake.find(wish)) is not None}
        because = "was never computed" if state == "missing" else "was made from other inputs, settings or code"
        return Planned(step, partition, state, because, sources, recipe, found)
