"""A registered model's training set, made again from raw rows as they were kept, and held against the recorded one.

In a home of its own, by today's code, with the workflow's files as they were recorded: nothing of the lake or of the
workflow's folder is touched. Where today's code or libraries are others, that is said, and the fingerprints tell
whether it makes a difference.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlwf_assets.assets import stamps
from mlwf_assets.assets.code import code_parts
from mlwf_assets.assets.graph import workflow_steps
from mlwf_assets.assets.laziness import Runner
from mlwf_assets.assets.recipes import Planner, settings_hash, step_code
from mlwf_assets.assets.step import Step, table_names
from mlwf_assets.deployment.provenance import Pinned, Provenance
from mlwf_assets.errors import LakeError, MlwfError, ModelError, SpecError
from mlwf_assets.lake.connectors.files import KEY
from mlwf_assets.lake.loading import pinned_entries
from mlwf_assets.lake.result import Result
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.loader import FILE_NAME, loads
from mlwf_assets.spec.own_libraries import own_versions
from mlwf_assets.spec.workflow import Workflow

TRAINING_SET = "features/matrix"
_WANTED = (TRAINING_SET, "features/test_matrix")
_RUN = "reproduce"


@dataclass(frozen=True)
class Rebuilt:
    """One table of a model, as it came out.

    Attributes:
        name: 'GROUP/NAME'.
        partitions: how many there are; 0 where the table has none.
        rows: how many were recorded.
        different: what differs, 'PARTITION: FOUND instead of RECORDED'; empty: each fingerprint is the recorded one.
        changes: what of the code, the libraries and the reading of the workflow file is another today.
        is_raw: whether it was read back rather than made.
    """

    name: str
    partitions: int
    rows: int
    different: tuple[str, ...]
    changes: tuple[str, ...]
    is_raw: bool

    @property
    def same(self) -> bool:
        """Whether the content is the recorded one."""
        return not self.different


def restore_workflow(made: Provenance, folder: Path) -> Workflow:
    """Write a workflow's files as they were recorded, and read them.

    Args:
        made: says what stood in them.
        folder: where they go.
    Raises:
        ModelError: if today's version of this package cannot read them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in ((FILE_NAME, made.file), *made.python):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    try:
        return loads(made.file, file=folder / FILE_NAME)
    except SpecError as error:
        raise ModelError(
            f"the workflow file as it was recorded by mlwf_assets {made.package} must be one that is read today, "
            f"however: {error}; install that version and reproduce with it"
        ) from error


def reproduce(made: Provenance, lake: Lake, scratch: Path) -> Iterator[Rebuilt]:
    """Make a model's training and test set again, table by table.

    Args:
        made: what it was made from.
        lake: holds the raw rows; it is only read.
        scratch: a folder for all that is made on the way.
    Yields:
        Each table once it is there; the training set is 'features/matrix'.
    Raises:
        ModelError: if the workflow file cannot be read any more, or no training set was recorded.
        LakeError: if raw rows are gone.
    """
    workflow = restore_workflow(made, scratch / "workflow")
    steps = workflow_steps(workflow)
    names = table_names(steps)
    if names[TRAINING_SET] not in made.tables:
        raise ModelError(f"{TRAINING_SET} must be recorded, however: there are {', '.join(made.tables)}")
    rebuilder = _Rebuilder(made, workflow, steps, lake, scratch)
    for step in _needed(steps, [name for name in _WANTED if names.get(name) in made.tables]):
        yield from rebuilder.rebuild(step)


def _needed(steps: Sequence[Step], wanted: Sequence[str]) -> list[Step]:
    """Choose the steps that some assets are made from, and their own, in order."""
    needed, chosen = set(wanted), []
    for step in reversed(steps):
        if any(output.name in needed for output in step.outputs):
            chosen.append(step)
            needed.update(edge.name for edge in step.inputs if edge.counts)
    return chosen[::-1]


class _Rebuilder:
    def __init__(self, made: Provenance, workflow: Workflow, steps: Sequence[Step], lake: Lake, scratch: Path) -> None:
        self._made, self._workflow, self._lake, self._scratch = made, workflow, lake, scratch
        self._own = Lake(scratch / "lake")
        self._planner = Planner(steps, scratch, list(made.partitions))
        self._own_versions = own_versions(workflow.own)

    def rebuild(self, step: Step) -> Iterator[Rebuilt]:
        """Make the tables of one step, and compare those that the model was made from."""
        recorded = {output.name: self._recorded(step, output.name) for output in step.outputs}
        is_raw = not step.inputs
        if is_raw:
            self._read_back(step, recorded[step.name])
        else:
            self._make(step, recorded)
        changes = () if is_raw else tuple(code_changes(self._made, step, self._own_versions))
        for name, pinned in recorded.items():
            if pinned:
                different = tuple(self._differences(f"{step.workflow}/{name}", pinned))
                partitions = sum(one.partition is not None for one in pinned)
                yield Rebuilt(name, partitions, sum(one.rows for one in pinned), different, changes, is_raw)

    def _recorded(self, step: Step, name: str) -> Sequence[Pinned]:
        return self._made.tables.get(f"{step.workflow}/{name}", ())

    def _read_back(self, step: Step, pinned: Sequence[Pinned]) -> None:
        table = f"{step.workflow}/{step.name}"
        entries = pinned_entries(self._lake, table, {one.partition: one.version for one in pinned})
        for partition, entry in entries.items():
            if not self._lake.is_readable(entry):
                which = f"{table} partition {partition}" if partition else table
                raise LakeError(
                    f"version {entry.version} of {which} must be in the lake, for the model was made from it, however: "
                    "its rows or files are gone; bring them back from a copy"
                )
            files = {file: self._lake.file_bytes(entry, file) for file in entry.files}
            types = {name: kind for name, (kind, _) in entry.columns.items()}
            result = Result(self._lake.read_entries([entry]), files, entry.metadata, KEY, types)
            self._own.write(table, partition, result, recipe=entry.recipe, run_id=_RUN, seconds=0.0)

    def _make(self, step: Step, recorded: dict[str, Sequence[Pinned]]) -> None:
        partitions = {one.partition for pinned in recorded.values() for one in pinned}
        wanted: list[str | None] = [name for name in self._made.partitions if name in partitions]
        planned = self._planner.plan_step(step, wanted if step.partitioned else [None])
        try:
            Runner(step, self._own, self._scratch, _RUN, stamps.current()).run(planned, force=False)
        except MlwfError as error:
            raise ModelError(f"{step.name} must be made again by today's code, however: {error}") from error

    def _differences(self, table: str, pinned: Sequence[Pinned]) -> Iterator[str]:
        found = self._own.entries(table)
        for one in pinned:
            now = found.get(one.partition)
            if now is None or now.fingerprint != one.fingerprint:
                has = f"{now.fingerprint[:12]} ({now.rows:,} rows)" if now else "nothing"
                place = f"{one.partition}: " if one.partition else ""
                yield f"{place}{has} instead of {one.fingerprint[:12]} ({one.rows:,} rows)"


def code_changes(made: Provenance, step: Step, own: dict[str, str]) -> Iterator[str]:
    """Say what of a step's code, libraries and settings is not as recorded.

    Args:
        made: what was recorded.
        step: as it is today.
        own: distribution -> version, of what the workflow's own Python files import today.
    """
    before = made.steps.get(step.name)
    if before is None:
        yield f"the step {step.name} was not there"
        return
    if before.settings != settings_hash(step):
        yield "its part of the workflow file is read otherwise (a default changed)"
    if before.code == step_code(step):
        return
    today = code_parts(step.compute, step.libraries, without=step.without)
    if before.own != today.own:
        yield f"{step.compute.__module__} changed"
    for module, digest in today.modules.items():
        if module not in before.modules:
            yield f"{module} is reached, and was not"
        elif made.modules.get(module) != digest:
            yield f"{module} changed"
    yield from (f"{module} is not reached any more" for module in before.modules if module not in today.modules)
    for library, version in {**today.libraries, **(own if step.own else {})}.items():
        if (was := made.libraries.get(library)) != version:
            yield f"{library} {version} instead of {was or 'none'}"
