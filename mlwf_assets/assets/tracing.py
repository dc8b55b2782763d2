"""From a step back to everything that its inputs were made from: the exact versions of all tables, and the code.

Each result says what it was made from by fingerprints; here is found which versions they are. The current ones are
looked at first, then older ones: another run may have changed a table meanwhile.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlwf_assets import __version__
from mlwf_assets.assets.code import code_parts
from mlwf_assets.assets.graph import workflow_partitions, workflow_steps
from mlwf_assets.assets.recipes import input_part, prefix_part, read_partitions, settings_hash, step_code
from mlwf_assets.assets.records import used_libraries
from mlwf_assets.assets.step import Input, Step, Work, table_names
from mlwf_assets.deployment.provenance import MadeBy, Pinned, Provenance
from mlwf_assets.errors import LakeError
from mlwf_assets.lake.loading import entries_as_of
from mlwf_assets.lake.result import Entry
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.workflow import Workflow

_At = tuple[str | None, int]


def trace(workflow: Workflow, work: Work) -> Provenance:
    """Find all that a step's inputs were made from.

    Args:
        workflow: the workflow.
        work: of the step.
    Raises:
        LakeError: if a result was made from a version that the lake does not know.
    """
    steps, names = workflow_steps(workflow), workflow_partitions(workflow)
    found: dict[str, dict[_At, Entry]] = {}
    for (name, _), entries in work.sources.items():
        _add(found, name, entries)
    reads = _Reads(work.lake, steps, names)
    used = []
    for step in reversed(steps):
        made = [entry for output in step.outputs for entry in found.get(output.name, {}).values()]
        if not made:
            continue
        used.append(step)
        first = found.get(step.name) or next(found[output.name] for output in step.outputs if output.name in found)
        for entry in first.values():
            for name, entries in reads.of(step, entry).items():
                _add(found, name, entries)
    tables = table_names(steps)
    return _provenance(workflow, names, work.run_id, used[::-1], {tables[name]: made for name, made in found.items()})


def _add(found: dict[str, dict[_At, Entry]], name: str, entries: Iterable[Entry]) -> None:
    found.setdefault(name, {}).update({(entry.partition, entry.version): entry for entry in entries})


class _Reads:
    """Which entries an entry was made from."""

    def __init__(self, lake: Lake, steps: Sequence[Step], names: Sequence[str]) -> None:
        self._lake, self._names = lake, names
        self._tables = table_names(steps)
        self._writers = {output.name: step for step in steps for output in step.outputs}
        self._current: dict[str, Mapping[str | None, Entry]] = {}
        self._known: dict[tuple[str, str], Sequence[Entry]] = {}

    def of(self, step: Step, entry: Entry) -> dict[str, Sequence[Entry]]:
        """Return what an entry of a step was made from, by input."""
        here = self._names.index(entry.partition) if entry.partition in self._names else 0
        found = {}
        for edge in step.inputs:
            if edge.counts:
                read = read_partitions(edge, self._writers[edge.name], entry.partition, self._names, here)
                found[edge.name] = self._find(edge, entry.made_from.get(edge.name, ""), read, entry)
        return found

    def _find(self, edge: Input, wanted: str, read: Sequence[str | None], reader: Entry) -> Sequence[Entry]:
        name = edge.name
        if (name, wanted) not in self._known:
            table = self._tables[name]
            if name not in self._current:
                self._current[name] = self._lake.entries(table)
            states = (_pick(state, read) for state in self._states(name, table))
            is_prefix = edge.until and reader.partition is not None and self._writers[name].partitioned
            chosen = next(
                (
                    state
                    for state in states
                    if (prefix_part(edge, state) if is_prefix else input_part(edge, state, read)) == wanted
                ),
                None,
            )
            if chosen is None:
                raise LakeError(
                    f"{reader.table} version {reader.version} must have been made from a known version of {table}, "
                    f"however: none has the fingerprint {wanted}; run again with --force"
                )
            self._known[name, wanted] = chosen
        return self._known[name, wanted]

    def _states(self, name: str, table: str) -> Iterable[Mapping[str | None, Entry]]:
        yield self._current[name]
        history = self._lake.history(table)
        for version in sorted({entry.version for entry in history}, reverse=True):
            yield entries_as_of(history, version, table)


def _pick(state: Mapping[str | None, Entry], read: Sequence[str | None]) -> list[Entry]:
    return [state[partition] for partition in read if partition in state]


def _provenance(
    workflow: Workflow,
    names: Sequence[str],
    run_id: str,
    steps: Sequence[Step],
    found: Mapping[str, Mapping[_At, Entry]],
) -> Provenance:
    parts = {step.name: code_parts(step.compute, step.libraries, without=step.without) for step in steps}
    return Provenance(
        workflow=workflow.name,
        run_id=run_id,
        file=workflow.text,
        python=[(file.name, file.text) for file in workflow.own.files],
        partitions=list(names),
        tables={table: _pinned(made.values()) for table, made in found.items()},
        steps={step.name: made_by(step) for step in steps},
        modules={module: found for one in parts.values() for module, found in one.modules.items()},
        libraries=used_libraries(workflow, steps),
        package=__version__,
    )


def made_by(step: Step) -> MadeBy:
    """Say which code stands behind a step today."""
    parts = code_parts(step.compute, step.libraries, without=step.without)
    return MadeBy(step_code(step), settings_hash(step), parts.own, list(parts.modules))


def _pinned(entries: Iterable[Any]) -> list[Pinned]:
    made = [Pinned(entry.partition, entry.version, entry.fingerprint, entry.rows) for entry in entries]
    return sorted(made, key=lambda one: (one.partition or "", one.version))
