"""Dagster's event log, with many events in one transaction.

A run over years of days reports some ten thousand partitions, each three times over. Dagster's SQLite log opens a
database, looks at its tables and commits for every single one: ten milliseconds, which is more than most partitions
take to be computed. What is stored, and where, stays Dagster's business: this only keeps what it would make anew
each time, and its connection from one event to the next. Named by `event_log_storage` in dagster.yaml.
"""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import dagster as dg
from dagster import StringSource
from dagster._core.storage.event_log import SqliteEventLogStorage  # the class that dagster.yaml names by default
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

# So many events make a transaction: others wait for the log that long at most (a quarter of a second).
BATCH = 500
_BUSY_S = 30
_MOST_ENGINES = 8


@contextmanager
def together(instance: dg.DagsterInstance) -> Iterator[None]:
    """Store the events that this thread reports in here in one transaction, where the instance's log can do so."""
    log = instance.event_log_storage
    if isinstance(log, EventLog):
        with log.held():
            yield
    else:
        yield


class EventLog(SqliteEventLogStorage):
    """The SQLite event log of an instance, in the files that Dagster's own has there."""

    def __init__(self, folder: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        self._known: set[str] = set()
        self._here = threading.local()
        self._folder = folder
        super().__init__(os.path.join(folder, "history", "runs"), inst_data)  # noqa: PTH118 (Dagster takes text)

    @classmethod
    def config_type(cls) -> Any:
        """The setting in dagster.yaml: `folder`, the instance's."""
        return {"folder": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Make the log that dagster.yaml describes."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep a connection, and its transaction, for all that this thread does with a database in here."""
        if self._connections() is not None:
            yield
            return
        with ExitStack() as stack:
            self._here.connections, self._here.stack = {}, stack
            try:
                yield
            finally:
                self._here.connections = None

    def store_event_batch(self, events: Sequence[Any]) -> None:
        """Store events in one transaction."""
        with self.held():
            for event in events:
                self.store_event(event)

    def has_table(self, table_name: str) -> bool:
        """Tell whether there is a table; one that was found stays."""
        return self._remember(f"table {table_name}", lambda: super(EventLog, self).has_table(table_name))

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        ask = super()._has_asset_key_col_on_connection
        return self._remember(f"column {column_name}", lambda: ask(conn, column_name))

    def _remember(self, what: str, ask: Any) -> bool:
        if what not in self._known and ask():
            self._known.add(what)
        return what in self._known

    def _connections(self) -> dict[str, Connection] | None:
        return getattr(self._here, "connections", None)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        held = self._connections()
        if held is None:
            with self._db_lock, self._engine(shard).begin() as connection:
                yield connection
            return
        if shard not in held:
            held[shard] = self._here.stack.enter_context(self._engine(shard).begin())
        yield held[shard]

    def _engine(self, shard: str) -> Engine:
        """Keep the engine: it knows the statements that it has compiled."""
        if shard not in self._engines:
            if len(self._engines) == _MOST_ENGINES:  # every run is a shard, and the UI reads them all
                self._engines.pop(next(iter(self._engines)))
            address = self.conn_string_for_shard(shard)
            self._engines[shard] = create_engine(address, poolclass=NullPool, connect_args={"timeout": _BUSY_S})
        if shard not in self._initialized_dbs:
            self._initdb(self._engines[shard])
            self._initialized_dbs.add(shard)
        return self._engines[shard]
