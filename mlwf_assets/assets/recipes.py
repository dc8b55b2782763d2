"""What a result is made from (its recipe), and what would have to be computed (the plan).

recipe = hash(step, partition, and its parts: code, its part of the workflow file, what lies outside the lake, the
fingerprints of its inputs). Whoever knows the recipe knows whether the lake already has the result; the parts tell
why it has not. Everything here only reads the lake.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload

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
        waits: for each input, what is read of it and not fresh, as (output name, partition).
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
    waits: Sequence[Sequence[tuple[str, str | None]]] = ()


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


def recipe_parts(step: Step, inputs: Mapping[str, str], external: str) -> dict[str, str]:
    """Name each part of what a step's results are made from: what it is -> its fingerprint."""
    return {"code": step_code(step), "settings": settings_hash(step), "outside": external, **inputs}


def input_part(edge: Input, entries: Sequence[Entry], which: Sequence[str | None]) -> str:
    """Fingerprint what a step reads of an input: the columns and files that it asks for, and no others.

    Args:
        edge: the input.
        entries: what is there of it.
        which: the partitions that are read; of those before the last, the columns of history.
    """
    last = which[-1] if which else None
    return hash_json([[entry.partition, edge.part(entry, earlier=entry.partition != last)] for entry in entries])


def prefix_part(edge: Input, entries: Sequence[Entry]) -> str:
    """Fingerprint all of an input up to the last of some entries, in the way that grows step by step."""
    before = ""
    for entry in entries[:-1]:
        before = prefix_after(before, edge, entry)
    return prefix_end(before, input_part(edge, entries[-1:], [entry.partition for entry in entries[-1:]]))


def prefix_after(before: str, edge: Input, entry: Entry) -> str:
    """Take one more partition into the fingerprint of a prefix: H(p) = hash(H(p-1), content(p))."""
    return hash_json([before, entry.partition, edge.part(entry, earlier=True)])


def prefix_end(before: str, own: str) -> str:
    """End a prefix with the partition itself, of which other columns may be read than of earlier ones."""
    return hash_json([before, own])


def step_recipe(step: Step, parts: Parts, partition: str | None) -> str:
    """Hash everything that a step's result for a partition is made from."""
    return hash_json([step.name, dict(parts), partition])


@dataclass(frozen=True)
class _Read:
    """What one partition of a step reads of one input.

    Attributes:
        entries: those that are there and fresh.
        before: why others are not, the first causes.
        lacks: whether it needs what is neither there nor planned.
        part: the fingerprint of what is read; only where all of it is fresh.
        waits: what is not fresh, as (output name, partition).
    """

    entries: Sequence[Entry]
    before: Sequence[Cause]
    lacks: bool
    part: str
    waits: Sequence[tuple[str, str | None]]


class _Snapshot:
    """What the lake holds, each table asked for once, so that all steps are planned against the same state."""

    def __init__(self, lake: Lake, tables: Mapping[str, str]) -> None:
        self._lake, self._tables = lake, tables
        self._known: dict[str, Entries] = {}

    def entries(self, name: str) -> Entries:
        """Return what GROUP/NAME holds, by partition."""
        if name not in self._known:
            self._known[name] = self._lake.entries(self._tables[name])
        return self._known[name]


def _gather(
    edge: Input,
    which: Sequence[str | None],
    entries: Entries,
    not_fresh: Mapping[tuple[str, str | None], Planned],
) -> _Read:
    """Gather the entries of an input, or why they are not all fresh."""
    found: list[Entry] = []
    before: dict[Cause, None] = {}
    waits: list[tuple[str, str | None]] = []
    lacks = False
    for read in which:
        entry, planned = entries.get(read), not_fresh.get((edge.name, read))
        if entry is not None and planned is None:
            found.append(entry)
            continue
        waits.append((edge.name, read))
        lacks = lacks or planned is None or planned.lacks
        if len(before) < KEPT:
            causes = [Cause(edge.name, read, "was never computed")] if planned is None else planned.because
            before |= dict.fromkeys(causes if planned is None else later(causes, planned.step.name, read))
    part = "" if before else input_part(edge, found, which)
    return _Read(found, tuple(before), lacks, part, waits)


class _Prefix:
    """All of an input up to a partition, one partition after the other, so that n of them cost n and not its square.

    The fingerprint of a prefix is that of the one before and of what came: H(p) = hash(H(p-1), content(p)).
    """

    def __init__(
        self,
        edge: Input,
        names: Sequence[str],
        entries: Entries,
        not_fresh: Mapping[tuple[str, str | None], Planned],
    ) -> None:
        self._edge, self._names, self._entries, self._not_fresh = edge, names, entries, not_fresh
        self._found: list[Entry] = []
        self._waits: list[tuple[str, str | None]] = []
        self._before: tuple[Cause, ...] = ()
        self._lacks = False
        self._hash = ""
        self._done = 0

    def read(self, place: int) -> _Read:
        """Read up to the partition at a place; places must be asked for in their order."""
        for name in self._names[self._done : place]:
            self._take(name)
        self._done = max(self._done, place)
        own = _gather(self._edge, [self._names[place]], self._entries, self._not_fresh)
        before = tuple(dict.fromkeys([*self._before, *own.before]))[:KEPT]
        part = "" if before else prefix_end(self._hash, own.part)
        found, waits = _Slice(self._found, len(self._found), own.entries), [*self._waits, *own.waits]
        return _Read(found, before, self._lacks or own.lacks, part, waits)

    def _take(self, name: str) -> None:
        one = _gather(self._edge, [name], self._entries, self._not_fresh)
        self._found += one.entries
        self._waits += one.waits
        self._before = tuple(dict.fromkeys([*self._before, *one.before]))[:KEPT]
        self._lacks = self._lacks or one.lacks
        if not self._before:
            self._hash = prefix_after(self._hash, self._edge, one.entries[0])


class _Slice(Sequence[Entry]):
    """The first entries of a list that still grows, and some more: it holds no copy."""

    def __init__(self, first: list[Entry], size: int, more: Sequence[Entry]) -> None:
        self._first, self._size, self._more = first, size, more

    def __len__(self) -> int:
        return self._size + len(self._more)

    @overload
    def __getitem__(self, at: int) -> Entry: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Entry]: ...
    def __getitem__(self, at: int | slice) -> Entry | Sequence[Entry]:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        place = at if at >= 0 else len(self) + at
        if not 0 <= place < len(self):
            raise IndexError(at)
        return self._first[place] if place < self._size else self._more[place - self._size]


def read_partitions(
    edge: Input, source: Step, partition: str | None, names: Sequence[str], here: int
) -> Sequence[str | None]:
    """List the partitions of an input that one partition of its reader, the `here`-th one, reads."""
    if not source.partitioned:
        return [None]
    if edge.until and partition is not None:
        return names[: here + 1]
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
        lake = _Snapshot(self._lake, self._tables)
        for step in self._steps if steps is None else steps:
            wanted = step.wanted(self._names) if partitions is None or not step.partitioned else partitions
            for one in self._plan(step, wanted, lake, not_fresh):
                planned.append(one)
                if one.state != "fresh":
                    not_fresh.update({(output.name, one.partition): one for output in step.outputs})
        return planned

    def plan_step(self, step: Step, partitions: Sequence[str | None]) -> list[Planned]:
        """Plan some partitions of one step against the lake as it is now."""
        return list(self._plan(step, partitions, _Snapshot(self._lake, self._tables), {}))

    def _plan(
        self,
        step: Step,
        partitions: Sequence[str | None],
        lake: _Snapshot,
        not_fresh: Mapping[tuple[str, str | None], Planned],
    ) -> Iterator[Planned]:
        external = step.external(self._home) if step.external else ""
        # Partitions that read the same share it: else, with all of an input, years of days would cost their square.
        known: dict[tuple[str, str | None], _Read] = {}
        prefixes: dict[str, _Prefix] = {}
        for partition in sorted(partitions, key=self._place):
            reads: dict[str, _Read] = {}
            for edge in step.inputs:
                if edge.until and partition is not None and self._writers[edge.name].partitioned:
                    if edge.name not in prefixes:
                        prefixes[edge.name] = _Prefix(edge, self._names, lake.entries(edge.name), not_fresh)
                    reads[edge.name] = prefixes[edge.name].read(self._places[partition])
                    continue
                key = edge.name, None if edge.back is None or not self._writers[edge.name].partitioned else partition
                if key not in known:
                    known[key] = _gather(edge, self._which(edge, partition), lake.entries(edge.name), not_fresh)
                reads[edge.name] = known[key]
            own = [lake.entries(output.name).get(partition) for output in step.outputs]
            yield self._plan_one(step, partition, external, own, reads)

    def _place(self, partition: str | None) -> int:
        return -1 if partition is None else self._places[partition]

    def _which(self, edge: Input, partition: str | None) -> Sequence[str | None]:
        here = 0 if partition is None else self._places[partition]
        return read_partitions(edge, self._writers[edge.name], partition, self._names, here)

    def _plan_one(
        self,
        step: Step,
        partition: str | None,
        external: str,
        own: Sequence[Entry | None],
        reads: Mapping[str, _Read],
    ) -> Planned:
        state: State = "missing" if any(entry is None for entry in own) else "stale"
        if before := dict.fromkeys(cause for read in reads.values() for cause in read.before):
            lacks = any(read.lacks for read in reads.values())
            waits = [read.waits for read in reads.values() if read.waits]
            return Planned(step, partition, state, because=tuple(before)[:KEPT], lacks=lacks, waits=waits)
        sources = {name: read.entries for name, read in reads.items()}
        parts = recipe_parts(step, {edge.name: reads[edge.name].part for edge in step.inputs if edge.counts}, external)
        recipe = step_recipe(step, parts, partition)
        wanted = {output.name: output_recipe(recipe, self._tables[output.name]) for output in step.outputs}
        if all(entry and entry.recipe == wanted[output.name] for entry, output in zip(own, step.outputs, strict=True)):
            found = {output.name: entry for entry, output in zip(own, step.outputs, strict=True) if entry}
            return Planned(step, partition, "fresh", sources=sources, recipe=recipe, parts=parts, found=found)
        found = {name: entry for name, wish in wanted.items() if (entry := self._lake.find(wish)) is not None}
        words = ["was never computed"] if state == "missing" else changes(own[0], parts, sources, outside=step.outside)
        because = tuple(Cause(step.name, partition, text) for text in words)
        return Planned(step, partition, state, because, False, sources, recipe, parts, found)
