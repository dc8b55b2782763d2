"""What the lake remembers of its tables' logs: a small SQLite file beside them.

It answers at once what a Delta log answers slowly: which entries a table has, and which entry a recipe made.
It is nothing but memory: whatever it says was read from the logs, each question first looks whether a log went
on without it (two `stat` calls), and a file that is missing, damaged or of another version is made anew from
the logs. Where it cannot be written (a full disk, a lake that may only be read) it is kept in memory.
"""

import os
import shutil
import sqlite3
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from glob import glob
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from mlwf_assets.errors import LakeError
from mlwf_assets.lake import delta
from mlwf_assets.lake.delta import Commit, Kept
from mlwf_assets.lake.fingerprint import hash_bytes
from mlwf_assets.lake.result import Entry
from mlwf_assets.lake.rows import read_footer

T = TypeVar("T")

FOLDER = ".index"
_VERSION = 1
_BUSY_S = 30.0
_PAUSE_S = 0.005
_TABLES = """
CREATE TABLE tables (name TEXT PRIMARY KEY, version INTEGER NOT NULL, stamp TEXT);
CREATE TABLE entries (
  name TEXT NOT NULL, version INTEGER NOT NULL, partition TEXT, recipe TEXT NOT NULL, current INTEGER NOT NULL,
  created_s REAL NOT NULL, file TEXT NOT NULL, note TEXT NOT NULL, shape TEXT);
CREATE TABLE shapes (name TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE UNIQUE INDEX by_version ON entries (name, version, coalesce(partition, ''));
CREATE INDEX by_recipe ON entries (recipe);
CREATE INDEX by_partition ON entries (name, current, partition);
"""
_CANNOT_WRITE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}
_SELECT = "SELECT name, version, note FROM entries WHERE"


class Index:
    """The memory of one lake; safe to use from several threads and after a fork."""

    def __init__(self, lake: Path) -> None:
        self._lake = lake
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._in_memory = False

    def expect(self, table: str) -> None:
        """Note a table that is about to be begun, so that it is looked for even if nobody tells of it again."""
        self._ask((), "INSERT OR IGNORE INTO tables VALUES (?, -1, NULL)", table)

    def state(self, table: str) -> tuple[int, bool | None]:
        """Return a table's newest version and whether it has partitions; (-1, None) where there is none."""
        sql = (
            "SELECT version, (SELECT partition IS NOT NULL FROM entries WHERE entries.name = tables.name) "
            "FROM tables WHERE name = ?"
        )
        found = self._ask((table,), sql, table)
        version, partitioned = found[0] if found else (-1, None)
        return version, None if partitioned is None else bool(partitioned)

    def current(self, table: str) -> list[Kept]:
        """Return what a table holds now, ordered by partition."""
        return _kept(self._ask((table,), f"{_SELECT} name = ? AND current ORDER BY partition", table))

    def current_one(self, table: str, partition: str | None) -> Kept | None:
        """Return what a partition holds now."""
        sql = f"{_SELECT} name = ? AND current AND partition IS ?"
        return next(iter(_kept(self._ask((table,), sql, table, partition))), None)

    def history(self, table: str) -> list[Kept]:
        """Return all that a table ever held, as far as it is known, the oldest first."""
        return _kept(self._ask((table,), f"{_SELECT} name = ? ORDER BY version", table))

    def at(self, entry: Entry) -> Kept | None:
        """Return what belongs to an entry."""
        sql = f"{_SELECT} name = ? AND version = ? AND partition IS ?"
        return next(iter(_kept(self._ask((entry.table,), sql, entry.table, entry.version, entry.partition))), None)

    def made_by(self, recipe: str) -> list[Kept]:
        """Return every entry that a recipe made: first those that are current, then the newest first."""
        sql = f"{_SELECT} recipe = ? ORDER BY current DESC, created_s DESC, version DESC"

        def work(connection: sqlite3.Connection) -> list[Any]:
            found = {table for table, _, _ in connection.execute(sql, (recipe,))}
            for table, *known in connection.execute("SELECT name, version, stamp FROM tables").fetchall():
                if table in found or (not found and not _is_newest(self._lake / table, *known)):
                    with suppress(LakeError):  # a damaged table says nothing about the others
                        self._catch_up(connection, table)
            return connection.execute(sql, (recipe,)).fetchall()

        return _kept(self._guarded(work))

    def other_shapes(self, table: str, partition: str | None) -> list[pa.Schema]:
        """Return the different shapes of what a table's other partitions hold now, the oldest first."""
        sql = (
            "SELECT content FROM entries JOIN shapes ON shapes.name = shape "
            "WHERE entries.name = ? AND current AND partition IS NOT ? GROUP BY shape ORDER BY min(version)"
        )
        found = self._ask((table,), sql, table, partition)
        return [pa.ipc.read_schema(pa.py_buffer(content)) for (content,) in found]

    def _ask(self, tables: Sequence[str], sql: str, *values: Any) -> list[Any]:
        """Ask, after having looked whether the tables' logs went on."""

        def work(connection: sqlite3.Connection) -> list[Any]:
            for table in tables:
                self._catch_up(connection, table)
            return connection.execute(sql, values).fetchall()

        return self._guarded(work)

    def _guarded(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something with the database; where it is of no use with a new one, and at last with one in memory."""
        patience_s = time.monotonic() + _BUSY_S
        replaced = 0
        with self._lock:
            while True:
                try:
                    return work(self._open())
                except (sqlite3.Error, OSError) as error:
                    if _code(error) == sqlite3.SQLITE_BUSY:
                        # At once, where another process opens or closes the database; SQLite does not wait for that.
                        self._wait(patience_s, error)
                    elif self._in_memory:
                        raise
                    else:
                        self._in_memory = not self._replace(error) or replaced == 2
                        replaced += 1

    def _wait(self, until_s: float, error: Exception) -> None:
        if time.monotonic() > until_s:
            raise LakeError(
                f"the index of the lake {self._lake} must be free within {_BUSY_S:.0f} s, however: another process "
                "holds it; look for a run that hangs, then run again"
            ) from error
        time.sleep(_PAUSE_S)

    def _open(self) -> sqlite3.Connection:
        if self._process != os.getpid():
            # SQLite forbids to use a connection across a fork; closing it would drop the parent's locks.
            self._process, self._connection = os.getpid(), None
        if self._connection is None:
            if self._in_memory:
                self._connection = _connect(":memory:")
                _begin(self._connection, self._lake)
            else:
                path = self._lake / FOLDER / "lake.db"
                if not path.exists():
                    self._make(path)
                self._connection = _connect(path)
            # A connection is part of a reference cycle: without this it would stay open until a collection.
            weakref.finalize(self, _close, self._connection, self._process)
            self._connection.execute("PRAGMA synchronous = NORMAL")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version != _VERSION:
                raise sqlite3.DatabaseError(f"version {version} instead of {_VERSION}")
        return self._connection

    def _make(self, path: Path) -> None:
        """Make a database aside and move it to its place: nobody ever meets one that is half made."""
        draft = self._aside()
        draft.mkdir(parents=True)
        try:
            with closing(_connect(draft / path.name)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                _begin(connection, self._lake)
            if path.parent.exists() and not path.exists():
                self._put_aside()  # what is left of a database without its main file
            with suppress(OSError):  # another process was faster
                draft.rename(path.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _replace(self, error: sqlite3.Error | OSError) -> bool:
        """Put a database of no use aside, for it holds nothing that the logs do not say; tell whether that helps."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if _code(error) in _CANNOT_WRITE or isinstance(error, OSError):
            return False
        try:
            self._put_aside()
        except OSError:
            return False
        return True

    def _put_aside(self) -> None:
        """Take away all files of the database at once: a new one must never meet the log of an old one."""
        aside = self._aside()
        with suppress(FileNotFoundError):
            (self._lake / FOLDER).rename(aside)
            shutil.rmtree(aside, ignore_errors=True)

    def _aside(self) -> Path:
        return self._lake / f"{FOLDER}.{uuid.uuid4().hex}"

    def _catch_up(self, connection: sqlite3.Connection, table: str) -> None:
        """Read what a table's log says beyond what is known of it."""
        folder = self._lake / table
        if _is_newest(folder, *_known(connection, table)):
            return
        with _transaction(connection):
            if not _is_newest(folder, *_known(connection, table)):
                _read_log(connection, folder, table)


def _connect(path: Path | str) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


def _begin(connection: sqlite3.Connection, lake: Path) -> None:
    """Fill a new database with the names of the tables that there are."""
    # Unlike Path.glob, this skips hidden folders and minds none that vanishes.
    found = [str(Path(name).parent) for name in sorted(glob(f"*/*/*/{delta.LOG}", root_dir=lake))]  # noqa: PTH207
    with _transaction(connection):
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.executemany("INSERT INTO tables VALUES (?, -1, NULL)", [(name,) for name in found])
        connection.execute(f"PRAGMA user_version = {_VERSION}")


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _known(connection: sqlite3.Connection, table: str) -> tuple[int, str | None]:
    known = connection.execute("SELECT version, stamp FROM tables WHERE name = ?", (table,)).fetchone()
    return known or (-1, None)


def _is_newest(folder: Path, version: int, stamp: str | None) -> bool:
    """Tell whether a version is the newest one of a log, and the log is still the one it was."""
    if version < 0:
        return not delta.list_versions(folder)  # the first versions may have been cleaned up
    return delta.stamp(folder, version) == stamp and delta.stamp(folder, version + 1) is None


def _read_log(connection: sqlite3.Connection, folder: Path, table: str) -> None:
    """Apply the commits that are not known; all of them, if the known ones are not those of the log."""
    version, stamp = _known(connection, table)
    versions = delta.list_versions(folder)
    if version < 0 or delta.stamp(folder, version) != stamp:
        connection.execute("DELETE FROM entries WHERE name = ?", (table,))
        connection.execute("DELETE FROM tables WHERE name = ?", (table,))
        if not versions:
            return
        version = versions[0] - 1
        if versions[0] > 0:
            _read_live(connection, folder, table, versions[0])
    for new in [one for one in versions if one > version]:
        if new != version + 1:
            raise LakeError(
                f"the log of {folder} must be without gaps, however: version {version + 1} is missing; bring it back "
                "from a copy, or delete the folder: the next run computes the table anew"
            )
        _apply(connection, folder, delta.read_commit(folder, table, new), table)
        version = new
    connection.execute("INSERT OR REPLACE INTO tables VALUES (?, ?, ?)", (table, version, delta.stamp(folder, version)))


def _read_live(connection: sqlite3.Connection, folder: Path, table: str, version: int) -> None:
    """Learn from the files themselves what their commits, which were cleaned up, can no longer say."""
    for file, size, fingerprint in delta.read_live(folder, version):
        try:
            text = read_footer(folder / file)[1]
        except LakeError:
            continue  # what cannot be read counts as not there, and is computed anew
        if text and (kept := delta.read_note(table, version, text)).entry.fingerprint == fingerprint:
            _keep(connection, folder, replace(kept, size=size))


def _apply(connection: sqlite3.Connection, folder: Path, commit: Commit, table: str) -> None:
    if commit.kept is not None:
        _keep(connection, folder, commit.kept)
        return
    # Rows that somebody else took away are no longer what the entry says.
    connection.executemany(
        "UPDATE entries SET current = 0 WHERE name = ? AND file = ?", [(table, file) for file in commit.removed]
    )


def _keep(connection: sqlite3.Connection, folder: Path, kept: Kept) -> None:
    entry = kept.entry
    try:
        content = read_footer(folder / kept.file)[0].serialize().to_pybytes()
    except LakeError:
        shape = None  # it counts as missing, and its columns with it
    else:
        shape = hash_bytes(content)
        connection.execute("INSERT OR IGNORE INTO shapes VALUES (?, ?)", (shape, content))
    connection.execute(
        "UPDATE entries SET current = 0 WHERE name = ? AND current AND partition IS ?", (entry.table, entry.partition)
    )
    connection.execute(
        "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?)",
        (
            entry.table,
            entry.version,
            entry.partition,
            entry.recipe,
            entry.created_s,
            kept.file,
            delta.note(kept),
            shape,
        ),
    )


def _kept(rows: Sequence[tuple[str, int, str]]) -> list[Kept]:
    return [delta.read_note(*row) for row in rows]


def _close(connection: sqlite3.Connection, process: int) -> None:
    if process == os.getpid():
        connection.close()


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write alone; others wait their turn at the beginning, not in the middle."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # a full disk ends it by itself
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
