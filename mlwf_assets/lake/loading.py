"""Reading an asset by its name, now or as it was: what `mlwf_assets.load` does.

Whatever is asked for and not there is answered by what there is. Reads the lake, and writes nothing.
"""

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from mlwf_assets.errors import LakeError
from mlwf_assets.lake.home import home_folder
from mlwf_assets.lake.result import Entry
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.mistakes import suggestion

AsOf = int | str | dt.date | None


def load_table(
    workflow: str,
    asset: str,
    partition: str | Sequence[str] | None = None,
    *,
    as_of: AsOf = None,
    home: str | os.PathLike[str] | None = None,
) -> pa.Table:
    """Read what an asset holds or held; the arguments are those of `mlwf_assets.load`.

    Raises:
        LakeError: if there is no such workflow, asset, partition or state.
    """
    folder = (home_folder() if home is None else Path(home).expanduser().absolute()) / "lake"
    _check_names(folder, workflow, asset)
    lake, table = Lake(folder), f"{workflow}/{asset}"
    entries = lake.entries(table) if as_of is None else _entries_as_of(lake.history(table), as_of, table)
    if not entries:
        raise LakeError(f"{table} must hold something in {folder}, however: nothing can be read; run it again")
    if partition is None:
        return lake.read_entries(list(entries.values()))
    wanted = [partition] if isinstance(partition, str) else list(partition)
    if missing := [name for name in wanted if name not in entries]:
        names = [name for name in entries if name is not None]
        there = suggestion(missing[0], names) if names else " It has no partitions: leave it out."
        raise LakeError(f"{table} must have a partition {missing[0]!r}, however: it has not.{there}")
    return lake.read_entries([entries[name] for name in wanted])


def _check_names(folder: Path, workflow: str, asset: str) -> None:
    """Look for the folders of workflow and asset among those that are there, so that no other path is ever made."""
    workflows = _folders(folder)
    if workflow not in workflows:
        near = suggestion(workflow, workflows)
        raise LakeError(
            f"there must be a workflow {workflow!r} in {folder}, however: there is none.{near} Run it first, or "
            f"say by MLWF_HOME or home= where it was run."
        )
    place = folder / workflow
    assets = [f"{group}/{name}" for group in _folders(place) for name in _folders(place / group)]
    if asset not in assets:
        known = suggestion(asset, assets, shown=40)
        raise LakeError(f"workflow {workflow!r} must have made an asset {asset!r}, however: it has not.{known}")


def _folders(folder: Path) -> list[str]:
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path.name for path in found if path.is_dir() and not path.name.startswith("."))


def _entries_as_of(history: Sequence[Entry], as_of: AsOf, table: str) -> dict[str | None, Entry]:
    """What each partition held after a version, or at a moment, ordered by partition."""
    if isinstance(as_of, int):
        newest = max((entry.version for entry in history), default=-1)
        if not 0 <= as_of <= newest:
            raise LakeError(f"as_of must be a version of {table}, 0 to {newest}, however: {as_of}")
        found = [entry for entry in history if entry.version <= as_of]
    else:
        moment = _moment(as_of)
        found = [entry for entry in history if entry.created_s <= moment.timestamp()]
        if not found and history:
            first = dt.datetime.fromtimestamp(min(entry.created_s for entry in history), dt.UTC)
            raise LakeError(
                f"as_of must not lie before {table} was first written, {first:%Y-%m-%d %H:%M:%S} UTC, however: {moment}"
            )
    latest = {entry.partition: entry for entry in found}
    return dict(sorted(latest.items(), key=lambda item: item[0] or ""))


def _moment(as_of: AsOf) -> dt.datetime:
    """A day means its beginning."""
    try:
        moment = dt.datetime.fromisoformat(str(as_of))
    except ValueError:
        raise LakeError(
            f"as_of must be a version (a whole number) or a moment such as '2024-05-31 18:00', however: {as_of!r}"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
