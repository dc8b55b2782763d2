"""Whether the files of a workflow's sources are others than before: by sizes and times first, then by content.

What was seen last is kept in `$MLWF_HOME/automation/WORKFLOW/sources.json`, so that the time since when a source has
not changed outlives the process.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlwf_assets.assets.automation.files import read_json, write_json
from mlwf_assets.errors import MlwfError
from mlwf_assets.lake.connectors import Stat, source_fingerprint, source_stats
from mlwf_assets.spec.sources import FilesSource
from mlwf_assets.spec.workflow import Workflow

_FILE = "sources.json"


@dataclass(frozen=True)
class Seen:
    """How a source was when it was looked at.

    Attributes:
        stats: of its files.
        fingerprint: of its content.
        since_s: since when the content has been this one, seconds since 1970: when that was seen; at the first look,
            when the newest file was written.
        is_new: whether the content is another one than at the look before.
        problem: why it cannot be read now, else ""; all else is then what it was.
    """

    stats: list[Stat]
    fingerprint: str
    since_s: float
    is_new: bool = False
    problem: str = ""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.stats)


def look_at_sources(workflow: Workflow, home: Path) -> dict[str, Seen]:
    """Look at each source that consists of files, and remember what was seen."""
    file = home / "automation" / workflow.name / _FILE
    before = {name: _read(one) for name, one in read_json(file).items()}
    sources = {name: source for name, source in workflow.sources.items() if isinstance(source, FilesSource)}
    seen = {name: _look(source, workflow.folder, before.get(name)) for name, source in sources.items()}
    write_json(file, {name: asdict(one) for name, one in seen.items()})
    return seen


def _look(source: FilesSource, folder: Path, before: Seen | None) -> Seen:
    try:
        stats = source_stats(source, folder)
        if before is not None and before.fingerprint and before.stats == stats:
            return Seen(stats, before.fingerprint, before.since_s)
        fingerprint = source_fingerprint(source, folder)
    except MlwfError as error:
        last = before or Seen([], "", time.time())
        return Seen(last.stats, last.fingerprint, last.since_s, problem=str(error))
    if before is not None and before.fingerprint == fingerprint:
        return Seen(stats, fingerprint, before.since_s)
    first = before is None or not before.fingerprint
    since_s = min(time.time(), max(one.written_ns for one in stats) / 1e9) if first else time.time()
    return Seen(stats, fingerprint, since_s, is_new=True)


def _read(one: Mapping[str, Any]) -> Seen:
    return Seen([Stat(*stat) for stat in one["stats"]], one["fingerprint"], one["since_s"])
