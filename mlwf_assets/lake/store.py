"""The lake: versioned tables, each written result an entry under the fingerprint of its content.

A table 'WORKFLOW/GROUP/NAME' is a Delta table in that folder below the lake's; each of its partitions is one
result, replaced as a whole and at once. Rows go to the disk first (`rows`), then files (`blobs`), then the
commit that names them (`delta`); the memory of it all (`index`) follows the logs. What stops on the way leaves
the table as it was. What a result means is nothing to the lake.
"""

import json
import os
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa

from mlwf_assets.errors import ConflictError, LakeError, SchemaError
from mlwf_assets.lake import delta
from mlwf_assets.lake.blobs import REMEDY, get_blob, has_blob, put_blob
from mlwf_assets.lake.columns import storable
from mlwf_assets.lake.delta import BeatenError, Kept
from mlwf_assets.lake.fingerprint import describe_content
from mlwf_assets.lake.index import Index
from mlwf_assets.lake.result import Entry, Result
from mlwf_assets.lake.rows import read_footer, read_rows, write_rows
from mlwf_assets.lake.shapes import align, common_shape
from mlwf_assets.lake.turns import writing

_TABLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*){2}")
_ATTEMPTS = 200  # each lost attempt is another writer's success


class Lake:
    """The tables below one folder; any number of processes may read and write at the same time.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     lake = Lake(Path(folder))
        ...     entry = lake.write(
        ...         "toy/raw/a", "2013-01", Result(pa.table({"x": [1, 2]})), recipe="r", run_id="run", seconds=0.1
        ...     )
        ...     lake.read("toy/raw/a").to_pydict(), entry.rows, lake.find("r") == entry
        ({'x': [1, 2]}, 2, True)
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._index = Index(self._folder)

    def entries(self, table: str) -> dict[str | None, Entry]:
        """Return what a table holds now, by partition, from one snapshot; {} where there is no such table.

        Entries whose rows or files are gone from the disk are left out: they have to be computed anew.
        """
        _check_table(table)
        found = self._index.current(table) if self._folder.exists() else []
        return {kept.entry.partition: kept.entry for kept in found if self._is_whole(kept)}

    def history(self, table: str) -> list[Entry]:
        """Return every entry that a table ever had, the oldest first; of some the files may be gone by now."""
        _check_table(table)
        return [kept.entry for kept in self._index.history(table)] if self._folder.exists() else []

    def entry(self, table: str, partition: str | None = None) -> Entry | None:
        """Return what a partition holds now; None where there is nothing, or its rows are gone."""
        _check_table(table)
        kept = self._index.current_one(table, partition) if self._folder.exists() else None
        return kept.entry if kept and self._is_whole(kept) else None

    def version(self, table: str) -> int:
        """Return the newest version of a table; -1 where there is none."""
        _check_table(table)
        return self._index.state(table)[0] if self._folder.exists() else -1

    def is_readable(self, entry: Entry) -> bool:
        """Tell whether the rows and files of an entry, current or older, are on the disk."""
        kept = self._index.at(entry)
        return kept is not None and self._is_whole(kept)

    def find(self, recipe: str) -> Entry | None:
        """Return an entry that was made by this recipe and can still be read, current or older."""
        found = self._index.made_by(recipe) if self._folder.exists() else []
        return next((kept.entry for kept in found if self._is_whole(kept)), None)

    def write(
        self,
        table: str,
        partition: str | None,
        result: Result,
        *,
        recipe: str,
        run_id: str,
        seconds: float,
        made_from: Mapping[str, str] = MappingProxyType({}),
    ) -> Entry:
        """Replace a partition, or a table without partitions, by a result.

        Where the content is what the partition holds already, its rows stay and only the entry is new.

        Raises:
            SchemaError: if a column cannot be kept, or the result's key is not unique.
            LakeError: if a table without partitions is given one, or the reverse; if the disk is full.
            ConflictError: if another writer was faster with this partition.
        """
        _check_table(table)
        if partition == "":
            raise LakeError(f"a partition of {table} must have a name, however: ''; None means none at all")
        rows = storable(result.table)
        if any(name.lower() == delta.PARTITION for name in rows.column_names):
            raise SchemaError(f"no column of {table} may have the name {delta.PARTITION!r}: the lake uses it itself")
        self._index.expect(table)
        self._check_partitioned(table, partition)
        try:
            content = describe_content(rows, key=result.key, files=result.files)
            with writing(self._folder):
                before = self._index.current_one(table, partition)
                entry = Entry(
                    table=table,
                    partition=partition,
                    version=0,
                    fingerprint=content.fingerprint,
                    recipe=recipe,
                    run_id=run_id,
                    rows=rows.num_rows,
                    seconds=round(seconds, 3),
                    files={name: put_blob(self._folder, content) for name, content in result.files.items()},
                    metadata=json.loads(json.dumps(dict(result.metadata))),
                    created_s=_now_s(),
                    made_from=dict(made_from),
                    columns={
                        name: [result.types.get(name, kind), one] for name, (kind, one) in content.columns.items()
                    },
                )
                if before and before.entry.fingerprint == entry.fingerprint and self._is_whole(before):
                    return self._commit(replace(before, entry=entry), before)
                return self._write_rows(rows, entry, before)
        except OSError as error:
            raise LakeError(
                f"{table}{_of(partition)} must be written to the disk, however: {error}; make room in {self._folder}, "
                "then run again: the table is as it was before"
            ) from error

    def restore(self, entry: Entry, *, run_id: str) -> Entry:
        """Copy an older result forward: it becomes what its partition holds now.

        The new entry says, as the old one does, which run computed it; the commit says which run restored it.

        Raises:
            LakeError: if its rows can no longer be read.
            ConflictError: if another writer was faster with this partition.
        """
        old = self._find_kept(entry)
        with writing(self._folder):
            if not self._is_whole(old):
                raise LakeError(f"{_at(entry)} must still be on the disk, however: its file is gone; {REMEDY}")
            before = self._index.current_one(entry.table, entry.partition)
            return self._commit(replace(old, entry=replace(entry, created_s=_now_s())), before, restored_by=run_id)

    def read(self, table: str, partitions: Sequence[str] | None = None) -> pa.Table:
        """Read what a table holds now, in the order of its partitions' names, or of the partitions given.

        Raises:
            LakeError: if there is no such table or partition, or it cannot be read.
            SchemaError: if a column has types that do not go together in different partitions.
        """
        found = self.entries(table)
        if not found:
            raise LakeError(f"there must be a table {table} in {self._folder}, however: there is none; run it first")
        if partitions is None:
            return self.read_entries(list(found.values()))
        if missing := [partition for partition in partitions if partition not in found]:
            raise LakeError(
                f"{table} must have the partitions {', '.join(missing)}, however it has: "
                f"{', '.join(partition or 'none' for partition in found)}; run them first"
            )
        return self.read_entries([found[partition] for partition in partitions])

    def read_entries(
        self, entries: Sequence[Entry], *, columns: Callable[[Entry], Sequence[str] | None] | None = None
    ) -> pa.Table:
        """Read exactly the rows of some entries of one table, current or older, in the order given.

        One entry comes with exactly its own columns. Several come with the columns of all (null where an entry
        has none), each with the type that holds the values of all.

        Args:
            entries: what to read.
            columns: says which columns of an entry; None: all.
        Raises:
            LakeError: if an entry's file is missing or damaged, or none is given.
            SchemaError: if a column has types that do not go together.
        """
        if not entries:
            raise LakeError("at least one entry must be read, however: none is given")
        kept = [self._find_kept(entry) for entry in entries]
        chosen = [columns(one.entry) if columns else None for one in kept]
        tables = [
            read_rows(self._path(one), rows=one.entry.rows, columns=names)
            for one, names in zip(kept, chosen, strict=True)
        ]
        if len({table.schema for table in tables}) == 1:
            return pa.concat_tables(tables)
        shapes = [read_footer(self._path(one))[0] for one in kept]
        read = zip(shapes, tables, strict=True)
        schema = common_shape([pa.schema([shape.field(name) for name in table.column_names]) for shape, table in read])
        return pa.concat_tables([align(table, schema) for table in tables])

    def file_bytes(self, entry: Entry, name: str) -> bytes:
        """Return a file that belongs to an entry.

        Raises:
            LakeError: if the entry has no such file, or it is missing or damaged.
        """
        if name not in entry.files:
            raise LakeError(f"{_at(entry)} must have a file {name!r}, however: it has {sorted(entry.files)}")
        return get_blob(self._folder, entry.files[name])

    def _find_kept(self, entry: Entry) -> Kept:
        kept = self._index.at(entry)
        if kept is None or kept.entry.fingerprint != entry.fingerprint:
            raise LakeError(f"{_at(entry)} must be in {self._folder}, however: it is not; {REMEDY}")
        return kept

    def _path(self, kept: Kept) -> Path:
        return self._folder / kept.entry.table / kept.file

    def _is_whole(self, kept: Kept) -> bool:
        """Tell whether an entry's files are there; damage inside them shows when they are read."""
        try:
            # os.stat on text: planning asks this thousands of times.
            if os.stat(f"{self._folder}/{kept.entry.table}/{kept.file}").st_size != kept.size:  # noqa: PTH116
                return False
        except OSError:
            return False
        return all(has_blob(self._folder, name) for name in kept.entry.files.values())

    def _check_partitioned(self, table: str, partition: str | None) -> None:
        version, partitioned = self._index.state(table)
        if version >= 0 and partitioned is None:
            raise LakeError(
                f"{self._folder / table} must be a table of the lake, however: nothing in its log says so; delete the "
                "folder, or give the new table another name"
            )
        if version >= 0 and partitioned is not (partition is not None):
            raise LakeError(
                f"{table} must be written {'with' if partitioned else 'without'} a partition as it was before, "
                f"however: partition {partition!r}; delete the folder {self._folder / table} if this is a new table"
            )

    def _write_rows(self, rows: pa.Table, entry: Entry, before: Kept | None) -> Entry:
        """Write a new file and commit it; where that fails, no file stays behind."""
        kept = Kept(entry, _file_name(entry), 0)
        kept = replace(kept, size=write_rows(self._path(kept), rows, delta.note(kept)))
        try:
            return self._commit(kept, before)
        except LakeError:
            self._path(kept).unlink(missing_ok=True)
            raise

    def _commit(self, kept: Kept, before: Kept | None, *, restored_by: str | None = None) -> Entry:
        """Commit after the newest version, again and again while writers of other partitions are faster."""
        table, partition = kept.entry.table, kept.entry.partition
        shape = read_footer(self._path(kept))[0]
        for _ in range(_ATTEMPTS):
            version, _ = self._index.state(table)
            now = self._index.current_one(table, partition)
            if (now and now.entry.version) != (before and before.entry.version):
                break
            self._check_partitioned(table, partition)
            others = self._index.other_shapes(table, partition)
            kept = replace(kept, entry=replace(kept.entry, version=version + 1))
            try:
                delta.commit(
                    self._folder / table,
                    kept,
                    schema=common_shape([*others, shape], otherwise=pa.string()),
                    adds_file=before is None or before.file != kept.file,
                    restored_by=restored_by,
                )
            except BeatenError:
                continue
            return kept.entry
        raise ConflictError(
            f"{table}{_of(partition)} must be written by one writer at a time, however: another one was faster; "
            "look whether its result is the one you want before you write again"
        )


def _check_table(table: str) -> None:
    if not _TABLE.fullmatch(table):
        raise LakeError(
            f"a table's name must be WORKFLOW/GROUP/NAME of letters, digits, '_', '-' and '.', however: {table!r}"
        )


def _file_name(entry: Entry) -> str:
    """Name a new file; the folder is for people, what counts is what the log says."""
    name = f"{entry.fingerprint[:8]}-{uuid.uuid4().hex}.parquet"
    if entry.partition is None:
        return name
    return f"{delta.PARTITION}={re.sub(r'[^A-Za-z0-9_.-]', '_', entry.partition)[:100]}/{name}"


def _now_s() -> float:
    return round(time.time(), 3)  # delta-rs keeps 15 digits of a number, not all 17


def _of(partition: str | None) -> str:
    return "" if partition is None else f" partition {partition}"


def _at(entry: Entry) -> str:
    return f"{entry.table}{_of(entry.partition)} version {entry.version}"
