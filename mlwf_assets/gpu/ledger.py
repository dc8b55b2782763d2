"""What is on disk: a SQLite file that every client reads and writes, one transaction at a time, without a daemon.

Write-ahead log, immediate transactions; whoever cannot get the lock, has no room or may not write gets an error and
no device. The tables stand here; what the rows mean is said in `entries.py`, who gets what in `rounds.py`.
"""

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mlwf_assets.errors import LedgerError

LOCK_S = 10.0
_RETRY_S = 0.002
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, queue TEXT NOT NULL,
    milli INTEGER, memory_mib INTEGER, priority INTEGER NOT NULL, preemptible INTEGER NOT NULL,
    requeue INTEGER NOT NULL, delay_s REAL NOT NULL, user TEXT NOT NULL, workflow TEXT, asset TEXT,
    holder TEXT NOT NULL, child TEXT, state TEXT NOT NULL, devices TEXT NOT NULL DEFAULT '[]',
    came_s REAL NOT NULL, waited_s REAL NOT NULL DEFAULT 0,
    began_s REAL, recalled_s REAL, recall TEXT, cancelled INTEGER NOT NULL DEFAULT 0, idle_since_s REAL,
    reserved TEXT NOT NULL DEFAULT '[]', from_reservation INTEGER NOT NULL DEFAULT 0, reason TEXT
);
CREATE TABLE IF NOT EXISTS uses (
    id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, queue TEXT NOT NULL, workflow TEXT, asset TEXT,
    user TEXT NOT NULL, devices TEXT NOT NULL, parts_milli INTEGER NOT NULL, seconds REAL NOT NULL,
    waited_s REAL NOT NULL, ended_at REAL NOT NULL, ended TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS uses_by_end ON uses (ended_at);
CREATE TABLE IF NOT EXISTS drained (device TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_VERSION = 1


def now_s() -> float:
    """Seconds since boot, the time asleep included: no clock jump changes it, and all processes see the same."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Ledger:
    """One client's way to the file.

    Args:
        file: the SQLite file; made where it is missing.
        lock_s: how long to wait for another client.
    Raises:
        LedgerError: if the file cannot be opened.
    """

    def __init__(self, file: Path, *, lock_s: float = LOCK_S) -> None:
        self.file, self._lock_s = file, lock_s
        self._own = threading.local()
        if not file.exists():
            self._create()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One immediate transaction: all of it is kept, or nothing.

        Raises:
            LedgerError: if the lock is held for too long, the disk is full or the file may not be written.
        """
        with self._telling():
            connection = self._connection()
            self._begin(connection)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Take the write lock. SQLite's own waiting sleeps ever longer, up to 0.1 s, which leaves the lock unused."""
        begin = time.monotonic()
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            while not connection.in_transaction:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError as problem:
                    waited_s = time.monotonic() - begin
                    if problem.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or waited_s > self._lock_s:
                        raise
                    time.sleep(_RETRY_S if waited_s < 1 else 10 * _RETRY_S)
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(1000 * self._lock_s)}")

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One view of the file, in which nothing changes.

        Raises:
            LedgerError: if it cannot be read.
        """
        with self._telling():
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection; one that came over a fork is left alone, as SQLite asks."""
        kept: tuple[int, sqlite3.Connection] | None = getattr(self._own, "kept", None)
        if kept is not None and kept[0] == os.getpid():
            return kept[1]
        address = f"{self.file.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(address, uri=True, timeout=self._lock_s, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = NORMAL")
        self._own.kept = (os.getpid(), connection)
        return connection

    def close(self) -> None:
        """Close this thread's connection, where there is one."""
        kept = getattr(self._own, "kept", None)
        if kept is not None and kept[0] == os.getpid():
            kept[1].close()
        self._own = threading.local()

    def _create(self) -> None:
        """Make the file elsewhere and link it: no client sees half of it, and of two that make it one is kept."""
        new = self.file.with_name(f"{self.file.name}.{time.monotonic_ns()}")
        with self._telling():
            try:
                with closing(sqlite3.connect(new, isolation_level=None)) as connection:
                    connection.executescript(f"PRAGMA journal_mode = WAL;{_SCHEMA}PRAGMA user_version = {_VERSION};")
                # who may write the folder may write the ledger; SQLite gives its side files the same rights
                new.chmod(0o660 if self.file.parent.stat().st_mode & stat.S_IWGRP else 0o600)
                self.file.hardlink_to(new)
            except FileExistsError:
                pass
            except OSError as problem:
                raise LedgerError(self._words(str(problem))) from None
            finally:
                for side in ("", "-wal", "-shm"):
                    new.with_name(new.name + side).unlink(missing_ok=True)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as problem:
            raise LedgerError(self._words(str(problem))) from problem

    def _words(self, found: str) -> str:
        if "locked" in found:
            return (
                f"{self.file}: must be free for a moment, however: another process has held its lock for "
                f"{self._lock_s:g} s. Nothing was granted; try again, and see who holds it with `fuser {self.file}`"
            )
        if "full" in found or "disk I/O" in found or "No space" in found:
            return f"{self.file}: must have room to grow, however: {found}. Nothing was granted; free some space"
        if "readonly" in found or "unable to open" in found or "Permission" in found or "Read-only" in found:
            return (
                f"{self.file}: must be a file that this user may write, in a folder that it may write, however: "
                f"{found}. Let root run `mlwf gpu init --group GROUP`, or set MLWF_GPU_HOME to a folder of your own"
            )
        return f"{self.file}: must be readable as the ledger, however: {found}"
