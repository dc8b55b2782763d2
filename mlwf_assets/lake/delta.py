"""What the lake says in a Delta log, and how it reads it again.

Each write is one commit that replaces one partition: it names the new file, carries the facts of the entry
(`mlwf` in commitInfo) and the fingerprint in two `txn` actions, which survive checkpoints and the clean-up of
the log. Files are written by `rows`, commits by delta-rs. The log's JSON files are read directly, for that is
what a reader needs at planning; everything else of the protocol is delta-rs' business.

Source: the Delta transaction log protocol, github.com/delta-io/delta/blob/master/PROTOCOL.md.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as pt

from mlwf_assets.errors import LakeError
from mlwf_assets.lake.durable import sync_folder
from mlwf_assets.lake.result import Entry

if TYPE_CHECKING:
    from deltalake import CommitProperties, DeltaTable
    from deltalake.schema import Field, Schema
    from deltalake.transaction import AddAction

PARTITION = "_partition"
LOG = "_delta_log"
_SETTINGS = {
    # A year in which an older result can be found and read again; `delta.deletedFileRetentionDuration` is
    # what keeps anybody's `vacuum` from taking its file.
    "delta.logRetentionDuration": "interval 365 days",
    "delta.deletedFileRetentionDuration": "interval 365 days",
    # Every write opens the table and reads the commits since the last checkpoint: half the time at the usual 100.
    "delta.checkpointInterval": "10",
}
_FACTS = tuple(field.name for field in fields(Entry) if field.name not in ("table", "version"))
_HALF = 1 << 64
_COLOUR = re.compile(r"\x1b\[\d*m")
_TRACE = re.compile(r"^\s*0: ", re.MULTILINE)


@dataclass(frozen=True)
class Kept:
    """An entry and the file that holds its rows.

    Attributes:
        entry: the entry.
        file: the file's path below the table's folder.
        size: of the file, bytes; 0 in the file's own footer.
    """

    entry: Entry
    file: str
    size: int


@dataclass(frozen=True)
class Commit:
    """What one version of a table's log says.

    Attributes:
        version: the version.
        kept: what the lake wrote; None for a commit of somebody else.
        removed: files whose rows are no longer part of the table.
    """

    version: int
    kept: Kept | None
    removed: Sequence[str]


class BeatenError(Exception):
    """Another writer committed first; whether that matters is for the caller to say."""


def list_versions(folder: Path) -> list[int]:
    """List the versions whose commits stand in a table's log.

    Example:
        >>> list_versions(Path("no-such-table"))
        []
    """
    try:
        with os.scandir(folder / LOG) as found:
            names = [entry.name for entry in found]
    except FileNotFoundError:
        return []
    return sorted(int(name[:20]) for name in names if len(name) == 25 and name.endswith(".json"))


def stamp(folder: Path, version: int) -> str | None:
    """Return what tells a commit's file from another one of that name; None where there is none."""
    try:
        found = os.stat(f"{folder}/{LOG}/{version:020}.json")  # noqa: PTH116 - planning asks this thousands of times
    except FileNotFoundError:
        return None
    return f"{found.st_size}-{found.st_mtime_ns}"


def read_commit(folder: Path, table: str, version: int) -> Commit:
    """Read one commit.

    Raises:
        LakeError: if its file is damaged.
    """
    path = _commit_path(folder, version)
    kept, removed = None, []
    try:
        for line in path.read_bytes().splitlines() or [b""]:
            action = json.loads(line)
            if "mlwf" in action.get("commitInfo", {}):
                kept = _kept(table, version, action["commitInfo"]["mlwf"])
            elif "remove" in action and action["remove"]["dataChange"]:
                removed.append(action["remove"]["path"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LakeError(
            f"{path} must be a whole commit of the table {table}, however: {error}; bring it back from a copy, "
            f"or delete the folder {folder}: the next run computes the table anew"
        ) from error
    return Commit(version, kept, removed)


def read_live(folder: Path, version: int) -> list[tuple[str, int, str | None]]:
    """List the files of a table at a version, their sizes, and the fingerprints that `txn` actions give.

    Delta-rs reads checkpoints too: this also knows what commits said that were cleaned up.

    Raises:
        LakeError: if the log cannot be read.
    """
    delta = _open(folder, version)
    adds = pa.table(delta.get_add_actions(flatten=True))
    partitions = adds.column(f"partition.{PARTITION}").to_pylist() if delta.metadata().partition_columns else None
    files, sizes = (adds.column(name).to_pylist() for name in ("path", "size_bytes"))
    found = []
    for file, size, partition in zip(files, sizes, partitions or [None] * len(files), strict=True):
        halves = [delta.transaction_version(name) for name in _transaction_names(partition)]
        known = [f"{half % _HALF:016x}" for half in halves if half is not None]
        found.append((file, size, "".join(known) if len(known) == len(halves) else None))
    return found


def note(kept: Kept) -> str:
    """Write the facts of an entry as JSON, for a file's footer.

    Example:
        >>> entry = Entry("w/g/n", "p", 3, "ab", "cd", "run", 1, 0.5, {}, {}, 0.0)
        >>> read_note("w/g/n", 3, note(Kept(entry, "f.parquet", 10))) == Kept(entry, "f.parquet", 10)
        True
    """
    return json.dumps(_facts(kept))


def read_note(table: str, version: int, text: str) -> Kept:
    """Read what `note` wrote."""
    return _kept(table, version, json.loads(text))


def commit(
    folder: Path,
    kept: Kept,
    *,
    schema: pa.Schema,
    adds_file: bool,
    restored_by: str | None = None,
) -> None:
    """Commit one entry as the version that it says; version 0 creates the table.

    Args:
        folder: the table's.
        kept: the entry; its version follows the newest one that the caller knows.
        schema: the columns of the whole table, for other readers.
        adds_file: whether the file comes in place of the partition's present one; otherwise that one stays and
            only facts are recorded.
        restored_by: the run that copied the entry forward.
    Raises:
        BeatenError: if another writer committed first.
        LakeError: if the disk is full or the log is damaged.
    """
    from deltalake.exceptions import CommitFailedError

    version = kept.entry.version
    try:
        if version == 0:
            _create(folder, kept, schema)
        else:
            _append(folder, kept, schema, adds_file=adds_file, restored_by=restored_by)
    except (BeatenError, LakeError):
        raise
    except Exception as error:  # delta-rs raises some of its errors as bare Exception
        # A checkpoint that fails after the commit does not undo it.
        if not _stands(folder, kept):
            if isinstance(error, CommitFailedError) or stamp(folder, version) is not None:
                raise BeatenError from error
            raise LakeError(
                f"a commit to {folder} must reach the disk, however: {_words(error)}; make room or repair what "
                "the message says, then run again: the table is as it was before"
            ) from error
    _sync(_commit_path(folder, version))


def _stands(folder: Path, kept: Kept) -> bool:
    if stamp(folder, kept.entry.version) is None:
        return False
    found = read_commit(folder, kept.entry.table, kept.entry.version).kept
    return found is not None and note(found) == note(kept)


def _create(folder: Path, kept: Kept, schema: pa.Schema) -> None:
    from deltalake.transaction import create_table_with_add_actions

    create_table_with_add_actions(
        str(folder),
        _delta_schema(schema, kept),
        [_add_action(kept)],
        mode="error",
        partition_by=_partition_by(kept),
        configuration=_SETTINGS,
        commit_properties=_properties(kept, None),
    )


def _append(folder: Path, kept: Kept, schema: pa.Schema, *, adds_file: bool, restored_by: str | None) -> None:
    delta = _open(folder, kept.entry.version - 1)
    columns = _delta_schema(schema, kept, delta.schema().fields)
    _allow_naive_times(delta, columns)
    partition = kept.entry.partition
    properties = _properties(kept, restored_by)
    if adds_file:
        # "overwrite" without a filter would replace all partitions.
        only = None if partition is None else [(PARTITION, "=", partition)]
        delta.create_write_transaction(
            [_add_action(kept)], "overwrite", columns, _partition_by(kept), only, commit_properties=properties
        )
    else:
        delta.create_write_transaction([], "append", columns, _partition_by(kept), commit_properties=properties)


def _allow_naive_times(delta: "DeltaTable", columns: "Schema") -> None:
    """Add the table feature without which Delta has no times without a time zone; that is a commit of its own.

    Raises:
        BeatenError: if there was such a commit: the version that the caller wanted is taken.
    """
    from deltalake import TableFeatures

    if "timestamp_ntz" in columns.to_json() and "timestampNtz" not in (delta.protocol().writer_features or ()):
        delta.alter.add_feature(TableFeatures.TimestampWithoutTimezone, allow_protocol_versions_increase=True)
        raise BeatenError


def _delta_schema(schema: pa.Schema, kept: Kept, present: "Sequence[Field]" = ()) -> "Schema":
    """Bring columns to what Delta allows; those that the table has stay where they are.

    Delta knows one time zone and does not tell upper from lower case: of two columns that differ in nothing
    else, other readers see the first.
    """
    from deltalake.schema import Schema

    places = {field.name: place for place, field in enumerate(present)}
    fields = sorted(schema, key=lambda field: places.get(field.name, len(places)))
    by_name = {field.name.lower(): field for field in reversed(fields)}
    fields = [field for field in fields if by_name[field.name.lower()] is field]
    arrow = pa.schema([(field.name, _delta_type(field.type)) for field in fields])
    return Schema.from_arrow(arrow if kept.entry.partition is None else arrow.append(pa.field(PARTITION, pa.string())))


def _delta_type(kind: pa.DataType) -> pa.DataType:
    if pt.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp("us", "UTC")
    if pt.is_list(kind):
        return pa.list_(_delta_type(kind.value_type))
    if pt.is_struct(kind):
        return pa.struct([(field.name, _delta_type(field.type)) for field in kind])
    return kind


def _add_action(kept: Kept) -> "AddAction":
    from deltalake.transaction import AddAction

    partition = kept.entry.partition
    return AddAction(
        path=kept.file,
        size=kept.size,
        partition_values={} if partition is None else {PARTITION: partition},
        modification_time=int(kept.entry.created_s * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": kept.entry.rows}),
    )


def _partition_by(kept: Kept) -> list[str]:
    return [] if kept.entry.partition is None else [PARTITION]


def _properties(kept: Kept, restored_by: str | None) -> "CommitProperties":
    from deltalake import CommitProperties, Transaction

    facts = _facts(kept) | ({"restored_by": restored_by} if restored_by else {})
    fingerprint = kept.entry.fingerprint
    names = _transaction_names(kept.entry.partition)
    halves = [int(half, 16) for half in (fingerprint[:16], fingerprint[16:])]
    signed = [half - _HALF if half >= _HALF // 2 else half for half in halves]
    return CommitProperties(
        custom_metadata={"mlwf": facts},
        max_commit_retries=0,  # delta-rs would look for conflicts among files; we look whose partition it is
        app_transactions=[Transaction(name, half) for name, half in zip(names, signed, strict=True)],
    )


def _transaction_names(partition: str | None) -> list[str]:
    """Name the two transactions whose versions are the halves of a fingerprint: Delta counts in 64 bits."""
    return [f"mlwf/{half}/{partition or ''}" for half in ("high", "low")]


def _facts(kept: Kept) -> dict[str, Any]:
    facts = {name: value for name, value in asdict(kept.entry).items() if name not in ("table", "version")}
    # As text: delta-rs refuses NaN, which a metric may be.
    return facts | {"metadata": json.dumps(facts["metadata"]), "file": kept.file, "size": kept.size}


def _kept(table: str, version: int, facts: Mapping[str, Any]) -> Kept:
    values = {name: facts[name] for name in _FACTS if name in facts} | {"metadata": json.loads(facts["metadata"])}
    return Kept(Entry(table=table, version=version, **values), facts["file"], facts["size"])


def _open(folder: Path, version: int) -> "DeltaTable":
    from deltalake import DeltaTable

    try:
        return DeltaTable(str(folder), version=version)
    except Exception as error:  # delta-rs raises some of its errors as bare Exception
        raise LakeError(
            f"the log of {folder} must be readable at version {version}, however: {_words(error)}; bring it back "
            "from a copy, or delete the folder: the next run computes the table anew"
        ) from error


def _commit_path(folder: Path, version: int) -> Path:
    return folder / LOG / f"{version:020}.json"


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
    sync_folder(path.parent)


def _words(error: Exception) -> str:
    """Bring what delta-rs says to one line: causes are coloured lines of a tree, and a trace may follow."""
    causes = _TRACE.split(_COLOUR.sub("", str(error)))[0].replace("↳", ":").split()
    return " ".join(causes).replace(" : ", ": ")
