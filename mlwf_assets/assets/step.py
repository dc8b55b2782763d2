"""A step of a workflow: what it reads, what it writes, and the function between.

Steps are plain data, free of Dagster: the planner asks them what would run, `component.py` makes assets of
them, and `laziness.py` runs them. One step writes one or more tables (its outputs), for one partition, for
many in one pass, or for a table without partitions.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from mlwf_assets.assets.columns import Choice
from mlwf_assets.lake.fingerprint import hash_json
from mlwf_assets.lake.result import Entry, Result
from mlwf_assets.lake.store import Lake

Results = Iterator[tuple[str | None, Mapping[str, Result]]]


@dataclass(frozen=True, eq=False)
class Output:
    """One asset that a step writes.

    Attributes:
        name: 'GROUP/NAME', the asset's key without the workflow.
        description: what people read in the UI.
        kinds: technologies, shown as badges.
        checks: names and descriptions of the asset's checks.
        columns: what columns say, in words; shown in the schema.
        published: files of the result -> where below the workflow's reports people find them, '{partition}'
            standing for the partition's name.
    """

    name: str
    description: str
    kinds: tuple[str, ...] = ()
    checks: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Input:
    """One asset that a step reads.

    Attributes:
        name: 'GROUP/NAME'.
        back: how many earlier partitions are read along with the same one; None: all there are.
        until: whether of all there are only those up to the same one are read.
        counts: whether the result depends on its content; False: the step only comes after it.
        columns: which columns are read of those that there are; None: all.
        files: which files are read of those beside the table; None: all.
        earlier: which columns are read of earlier partitions (history), where these are others than of the same one.
    """

    name: str
    back: int | None = 0
    until: bool = False
    counts: bool = True
    columns: Choice | None = None
    files: tuple[str, ...] | None = None
    earlier: Choice | None = None

    def chosen(self, entry: Entry) -> Sequence[str] | None:
        """Name the columns of an entry that are read; None: all."""
        return _choose(self.columns, entry)

    def chosen_as_history(self, entry: Entry) -> Sequence[str] | None:
        """Name the columns of an entry that are read of it as history; None: all."""
        return _choose(self.earlier or self.columns, entry)

    def part(self, entry: Entry, *, earlier: bool = False) -> str:
        """Name the content of an entry as far as it is read: of the same partition, or of an earlier one."""
        return entry.part(self.chosen_as_history(entry) if earlier else self.chosen(entry), self.files)


def _choose(choice: Choice | None, entry: Entry) -> Sequence[str] | None:
    if choice is None or not entry.columns:
        return None
    return choice({name: kind for name, (kind, _) in entry.columns.items()})


@dataclass(frozen=True, eq=False)
class Step:
    """One unit of work, usually one asset. Each is itself alone: functions cannot be compared.

    Attributes:
        outputs: what is written.
        inputs: what is read.
        compute: the function; yields (partition, {output name: result}).
        settings: the part of the workflow file that the results depend on (JSON values).
        libraries: distributions whose versions the results depend on.
        without: modules whose code the results do not depend on, although the function reaches them by import.
        own: fingerprint of the workflow's own Python that the results depend on, if any.
        preload: modules that are imported before the clock of the work starts.
        partitioned: whether its outputs have partitions.
        external: fingerprint of what is read from outside the lake, if anything; is given the folder of all state.
        outside: what is read from there, in words.
        acts: whether it changes something outside of the lake. An older result is then not brought back but made
            again, for what it did may have been undone since.
        refuse: looks, before anything is computed, at what would make the results useless, and raises; it changes no
            result.
        newest: how many of the newest partitions a run of the workflow asks for; None: all. Older ones are made
            when somebody asks for them in Dagster, and are left alone by a run.
        workflow: whose tables and assets the outputs are: 'WORKFLOW/GROUP/NAME'.
        pod: of a step that a cluster's scheduler gives its GPUs and may evict: what dagster-k8s adds to its pod.
    """

    outputs: tuple[Output, ...]
    inputs: tuple[Input, ...]
    compute: "Callable[[Work], Results]"
    settings: Any = None
    libraries: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    own: str = ""
    preload: tuple[str, ...] = ()
    partitioned: bool = False
    external: Callable[[Path], str] | None = None
    outside: str = "what it reads from outside the lake"
    acts: bool = False
    refuse: Callable[[], None] | None = None
    newest: int | None = None
    workflow: str = ""
    pod: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The name of the step: that of its first output."""
        return self.outputs[0].name

    def wanted(self, names: Sequence[str]) -> list[str | None]:
        """Choose of a workflow's partitions those that a run asks for; [None] where the step has none.

        Example:
            >>> step = Step((), (), iter, partitioned=True, newest=1)
            >>> step.wanted(["2013-01", "2013-02"])
            ['2013-02']
        """
        if not self.partitioned:
            return [None]
        return list(names if self.newest is None else names[max(0, len(names) - self.newest) :])


def table_names(steps: Sequence[Step]) -> dict[str, str]:
    """Map 'GROUP/NAME' to 'WORKFLOW/GROUP/NAME', the table in the lake and, cut at '/', the asset's key."""
    return {output.name: f"{step.workflow}/{output.name}" for step in steps for output in step.outputs}


@dataclass(frozen=True)
class Work:
    """What a step's function is handed: the inputs, which partitions are wanted, where it runs.

    Attributes:
        workflow: the workflow's name.
        lake: the lake.
        home: the folder of all state.
        partitions: those to compute, in order; (None,) for a table without partitions.
        inputs: name -> what is read.
        sources: (input name, partition) -> the entries that the input consists of.
        recipes: partition -> the step's recipe.
        run_id: the run that does the work.
        report: called with a few words on how far the work is.

    A result's metadata may hold "checks": {name: {"passed": bool, "description": str, "metadata": {...}}}, the
    outcome of the output's checks; it stays with the result, so that a reused one still shows it.
    """

    workflow: str
    lake: Lake
    home: Path
    partitions: tuple[str | None, ...]
    inputs: Mapping[str, Input]
    sources: Mapping[tuple[str, str | None], Sequence[Entry]]
    recipes: Mapping[str | None, str]
    run_id: str
    report: Callable[[str], None] = print

    def entries(self, name: str, partition: str | None = None) -> Sequence[Entry]:
        """Return the lake's entries behind an input, as planned."""
        return self.sources[name, partition]

    def read(self, name: str, partition: str | None = None) -> pa.Table:
        """Read an input, as planned for a partition of the step: the columns that the step says it reads."""
        return self.lake.read_entries(self.entries(name, partition), columns=self.inputs[name].chosen)

    def read_own(self, name: str, *partitions: str | None) -> pa.Table:
        """Read of an input the same partitions alone, in their order, whatever it looks back to."""
        own = [self.entries(name, partition)[-1] for partition in partitions]
        return self.lake.read_entries(own, columns=self.inputs[name].chosen)

    def read_history(self, name: str, partition: str | None = None) -> pa.Table:
        """Read an input that looks back: the columns that count of earlier partitions, and of the same one."""
        return self.lake.read_entries(self.entries(name, partition), columns=self.inputs[name].chosen_as_history)

    def file(self, name: str, file: str, partition: str | None = None) -> bytes:
        """Read a file that stands beside an input; of several partitions, the last one's."""
        return self.lake.file_bytes(self.entries(name, partition)[-1], file)

    def files(self, name: str) -> dict[str, bytes]:
        """Read all files beside an input without partitions."""
        entry = self.entries(name)[0]
        return {file: self.lake.file_bytes(entry, file) for file in entry.files}

    def versions(self) -> dict[str, str]:
        """Name the contents of all inputs, in words: by fingerprints, which hang on nothing else."""
        found: dict[str, list[Entry]] = {}
        for (name, _), entries in self.sources.items():
            found.setdefault(name, []).extend(entries)
        return {name: _in_words(entries) for name, entries in found.items()}


def _in_words(entries: Sequence[Entry]) -> str:
    name = entries[0].fingerprint if len(entries) == 1 else hash_json([entry.fingerprint for entry in entries])
    return f"content {name[:12]}"


def partitions_back(span: dt.timedelta, every: str) -> int:
    """Count the earlier partitions into which a look back of `span` can reach.

    Example:
        >>> partitions_back(dt.timedelta(hours=27), "month")
        1
    """
    shortest_s = {"hour": 3600, "day": 82800, "week": 601200, "month": 28 * 86400 - 3600}[every]
    return -(-int(span.total_seconds()) // shortest_s)
