"""Reading an asset by its name, now or as it was: what `mlwf_assets.load` does.

Whatever is asked for and not there is answered by what there is. Reads the lake, and writes nothing.
"""

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from mlwf_assets.errors import LakeError
from mlwf_assets.lake.home import home_folder
from mlwf_assets.lake.result import Entry
from mlwf_assets.lake.runs import Run, find_run
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.mistakes import suggestion

AsOf = int | str | dt.date | None


def load_table(
    workflow: str,
    asset: str,
    partition: str | Sequence[str] | None = None,
    *,
    as_of: AsOf = None,
    run: str | None = None,
    version: int | None = None,
    pinned: Mapping[str | None, int] | None = None,
    home: str | os.PathLike[str] | None = None,
) -> pa.Table:
    """Read what an asset holds or held; the arguments are those of `mlwf_assets.load`.

    Args:
        workflow: the workflow's name.
        asset: 'GROUP/NAME'.
        partition: one, or several; by default all.
        as_of: a version or a moment.
        run: the run that left, or found, what is read.
        version: of the table.
        pinned: partition -> the version in which it was written, for what a model was made from.
        home: the folder of all state.
    Raises:
        LakeError: if there is no such workflow, asset, partition, run or state, or its rows are gone.
    """
    root = home_folder() if home is None else Path(home).expanduser().absolute()
    folder = root / "lake"
    check_names(folder, workflow, asset)
    lake, table = Lake(folder), f"{workflow}/{asset}"
    if pinned is not None:
        entries = pinned_entries(lake, table, pinned)
    elif run is not None:
        entries = entries_as_of(lake.history(table), run_version(find_run(root, run), table), table)
    elif version is not None:
        entries = entries_as_of(lake.history(table), version, table, name="version")
    elif as_of is not None:
        entries = entries_as_of(lake.history(table), as_of, table)
    else:
        entries = lake.entries(table)
    if not entries:
        raise LakeError(f"{table} must hold something in {folder}, however: nothing can be read; run it again")
    return _read(lake, table, entries, partition)


def refuse_several(given: Mapping[str, object]) -> None:
    """Refuse more than one way of naming an earlier state.

    Raises:
        LakeError: naming those that are given.
    Example:
        >>> refuse_several({"as_of": 3, "run": None})
    """
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise LakeError(f"one of {', '.join(given)} may be given, however: {' and '.join(named)} are")


def _read(
    lake: Lake, table: str, entries: Mapping[str | None, Entry], partition: str | Sequence[str] | None
) -> pa.Table:
    wanted = list(entries) if partition is None else [partition] if isinstance(partition, str) else list(partition)
    if missing := [name for name in wanted if name not in entries]:
        names = [name for name in entries if name is not None]
        there = suggestion(missing[0] or "", names) if names else " It has no partitions: leave it out."
        raise LakeError(f"{table} must have a partition {missing[0]!r}, however: it has not.{there}")
    chosen = [entries[name] for name in wanted]
    if gone := [entry for entry in chosen if not lake.is_readable(entry)]:
        raise _gone(lake, table, gone[0])
    return lake.read_entries(chosen)


def _gone(lake: Lake, table: str, entry: Entry) -> LakeError:
    left = sorted({one.version for one in lake.history(table) if lake.is_readable(one)})
    which = f" partition {entry.partition}" if entry.partition else ""
    return LakeError(
        f"version {entry.version} of {table}{which} must still be on the disk, however: its rows are gone (mlwf gc "
        f"takes away what no model and no recent run needs). Of its versions these can be read: "
        f"{', '.join(map(str, left)) or 'none'}"
    )


def pinned_entries(lake: Lake, table: str, pinned: Mapping[str | None, int]) -> dict[str | None, Entry]:
    """Find the entries of some partitions by the versions in which they were written.

    Raises:
        LakeError: if the log does not know one of them.
    """
    known = {(entry.partition, entry.version): entry for entry in lake.history(table)}
    if missing := [(name, version) for name, version in pinned.items() if (name, version) not in known]:
        raise LakeError(
            f"{table} must have a version {missing[0][1]}, however: its log does not know it; bring it back from a copy"
        )
    return {name: known[name, version] for name, version in pinned.items()}


def run_version(run: Run, table: str) -> int:
    """Return the version of a table that a run left or found.

    Raises:
        LakeError: if the table was not there, naming those that were.
    """
    if table not in run.versions:
        known = suggestion(table, run.versions, shown=40)
        raise LakeError(f"run {run.run_id} must have left or found {table}, however: it has not.{known}")
    return run.versions[table]


def check_names(folder: Path, workflow: str, asset: str) -> None:
    """Look for the folders of workflow and asset among those that are there, so that no other path is ever made.

    Raises:
        LakeError: if there is none, naming those that there are.
    """
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


def entries_as_of(history: Sequence[Entry], as_of: AsOf, table: str, *, name: str = "as_of") -> dict[str | None, Entry]:
    """Return what each partition held after a version, or at a moment, ordered by partition.

    Raises:
        LakeError: if there is no such version, or nothing had been written by then.
    """
    if isinstance(as_of, int):
        newest = max((entry.version for entry in history), default=-1)
        if not 0 <= as_of <= newest:
            raise LakeError(f"{name} must be a version of {table}, 0 to {newest}, however: {as_of}")
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
