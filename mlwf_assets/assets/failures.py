"""What failed last, and with which recipe: a file per step, for `mlwf status`; Dagster holds the traces.

A failure is told as long as the same recipe is what is wanted: a change of code, file or data makes it one of the
past. Whatever cannot be written or read here hinders no run.
"""

import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

from mlwf_assets.assets.step import Step


class Failure(NamedTuple):
    """How a step failed for a partition.

    Attributes:
        recipe: what was to be made.
        words: the error's.
        run_id: the Dagster run.
        at_s: when, seconds since 1970.
    """

    recipe: str
    words: str
    run_id: str
    at_s: float


def note_failure(home: Path, step: Step, partition: str | None, *, recipe: str, error: Exception, run_id: str) -> None:
    """Write down that a step failed."""
    words = f"{type(error).__name__}: {error}".partition("\n")[0]
    failure = Failure(recipe, words, run_id, round(time.time(), 3))
    known = read_failures(home, step) | {partition: failure}
    content = [[name, *one] for name, one in known.items()]
    try:
        file = _file(home, step)
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.write_text(json.dumps(content), encoding="utf-8")
        draft.replace(file)
    except OSError:
        return


def read_failures(home: Path, step: Step) -> dict[str | None, Failure]:
    """Return the last failure of each partition of a step."""
    try:
        found: list[Any] = json.loads(_file(home, step).read_bytes())
        return {partition: Failure(*one) for partition, *one in found}
    except (OSError, ValueError, TypeError):
        return {}


def _file(home: Path, step: Step) -> Path:
    return home / "failures" / step.workflow / f"{step.name.replace('/', '__')}.json"
