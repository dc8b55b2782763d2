"""What each run of a workflow saw and left: the versions of its tables, so that any of them can be read as of a run.

A folder for each run: what held when it began, with the workflow as it was written, and a file for each step with the
versions that it left. A version of a table stands for the state of all its partitions. Only records; whether a run
still goes on is Dagster's to say.
"""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlwf_assets.errors import LakeError
from mlwf_assets.lake.durable import writing_durably
from mlwf_assets.spec.mistakes import suggestion

_FOLDER = "runs"
_BEGIN = "run.json"
_SHORTEST = 4
Versions = Mapping[str, int]


@dataclass(frozen=True)
class Run:
    """One run of a workflow.

    Attributes:
        run_id: Dagster's.
        workflow: its name.
        began_s: when its first step began, seconds since 1970.
        file: the text of its defs.yaml.
        python: name and text of each of its own Python files.
        libraries: distribution -> version, of this package and of all that its steps name.
        before: table -> its version when the run began.
        left: table -> its version after the run's step, of the tables that the run looked after.
    """

    run_id: str
    workflow: str
    began_s: float
    file: str
    python: Sequence[tuple[str, str]]
    libraries: Mapping[str, str]
    before: Versions
    left: Versions = field(default_factory=dict)

    @property
    def versions(self) -> dict[str, int]:
        """Table -> the version that the run left or, where it did not look after it, found."""
        return {**self.before, **self.left}


def is_begun(home: Path, run_id: str) -> bool:
    """Tell whether the beginning of a run is on record.

    Example:
        >>> is_begun(Path("/no/such/home"), "ab12")
        False
    """
    return (_folder(home, run_id) / _BEGIN).exists()


def note_begin(home: Path, run: Run) -> None:
    """Write down what a run finds; of several steps that begin at once, whoever comes first."""
    if is_begun(home, run.run_id):
        return
    file = _folder(home, run.run_id) / _BEGIN
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "workflow": run.workflow,
        "began_s": run.began_s,
        "file": run.file,
        "python": [list(one) for one in run.python],
        "libraries": dict(run.libraries),
        "before": dict(run.before),
    }
    with writing_durably(file) as sink:
        sink.write(json.dumps(content).encode())


def note_step(home: Path, run_id: str, step: str, left: Versions) -> None:
    """Write down which versions a step left."""
    file = _folder(home, run_id) / f"{step.replace('/', '__')}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    with writing_durably(file) as sink:
        sink.write(json.dumps(dict(left)).encode())


def list_runs(home: Path) -> list[Run]:
    """Return all runs that are on record, the oldest first."""
    found = [read for place in (home / _FOLDER).glob("*") if (read := _read(place)) is not None]
    return sorted(found, key=lambda run: (run.began_s, run.run_id))


def find_run(home: Path, run_id: str, *, workflow: str | None = None) -> Run:
    """Return a run by its id or by the beginning of it.

    Args:
        home: the folder of all state.
        run_id: the id, or at least four characters that begin just one.
        workflow: whose run it must be; None: any workflow's.
    Raises:
        LakeError: if there is no such run, or more than one, naming the runs that there are.
    """
    runs = [run for run in list_runs(home) if workflow in (None, run.workflow)]
    same = [run for run in runs if run.run_id == run_id]
    found = same or [run for run in runs if len(run_id) >= _SHORTEST and run.run_id.startswith(run_id)]
    if len(found) == 1:
        return found[0]
    if found:
        raise LakeError(f"a run must be told from others, however {run_id!r} begins several: {_named(found)}")
    whose = f" of {workflow}" if workflow else ""
    there = f"The newest on record: {_named(runs[-5:][::-1])}" if runs else "None is on record."
    near = suggestion(run_id, [run.run_id for run in runs], shown=0)
    raise LakeError(f"there must be a run {run_id!r}{whose} in {home}, however: there is none.{near} {there}")


def forget_run(home: Path, run_id: str) -> None:
    """Delete the record of a run."""
    shutil.rmtree(_folder(home, run_id), ignore_errors=True)


def _named(runs: Sequence[Run]) -> str:
    words = (f"{run.run_id} ({run.workflow}, {time.strftime('%F %T', time.gmtime(run.began_s))} UTC)" for run in runs)
    return ", ".join(words)


def _folder(home: Path, run_id: str) -> Path:
    return home / _FOLDER / run_id


def _read(folder: Path) -> Run | None:
    """Read a record; None where its beginning was never written or is damaged: then nothing is known of the run."""
    try:
        begun: dict[str, Any] = json.loads((folder / _BEGIN).read_bytes())
        left: dict[str, int] = {}
        for file in sorted(folder.glob("*.json")):
            left |= json.loads(file.read_bytes()) if file.name != _BEGIN else {}
        python = [(name, text) for name, text in begun.pop("python")]
        return Run(run_id=folder.name, python=python, left=left, **begun)
    except (OSError, ValueError, TypeError, KeyError):
        return None
