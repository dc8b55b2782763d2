"""A plan with its history in DuckDB: give it cutoffs, it gives the features' values.

The history is read once; any number of cutoffs can be asked for after that, one row or all, in the same way. Where
rows have to be held per cutoff, cutoffs are taken in parts, so that memory stays bounded whatever their number.
"""

import os
import tempfile
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlwf_assets.features.relational.engine.lookups import Reader
from mlwf_assets.features.relational.engine.plan import Plan, Statement
from mlwf_assets.features.relational.engine.tables import Tables, read_column
from mlwf_assets.features.relational.engine.values import Value, quote
from mlwf_assets.features.relational.engine.windows import list_starts

# Rows per cutoff are held in parts of about so many.
_ROWS_AT_ONCE = 5_000_000
_MEMORY = "2GB"


def connect(*, memory: str = _MEMORY) -> Any:
    """Open a DuckDB of its own, that spills to disk when it reaches its limit of memory."""
    import duckdb

    # A directory of its own, for DuckDB's files have the same names in all of them. DuckDB makes it when it first
    # spills, and takes it away when it is closed.
    spill = str(Path(tempfile.gettempdir()) / f"mlwf-duckdb-{os.getpid()}-{uuid.uuid4().hex}")
    connection = duckdb.connect(config={"memory_limit": memory, "temp_directory": spill})
    connection.execute("SET ieee_floating_point_ops = true")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET enable_progress_bar = false")
    return connection


@dataclass
class Calculator:
    """Definitions and history, ready for cutoffs.

    Args:
        features: featuretools' definitions, all of one table, all served.
        entityset: featuretools' EntitySet.
        training_window: as in featuretools; parsed.
        include_cutoff_time: as in featuretools.
        connection: where it is calculated.
        tables: the history, where it is not in the entity set's own frames (`arrow.py`).
    """

    features: Sequence[Any]
    entityset: Any
    training_window: Any = None
    include_cutoff_time: bool = True
    connection: Any = field(default_factory=connect)
    tables: Tables | None = None

    def __post_init__(self) -> None:
        tables = self.tables or Tables(self.entityset, self.connection)
        self.plan = Plan(tables, list(self.features), self.include_cutoff_time, self.training_window)
        tables.load()
        # Some of their work keeps one thread alone busy, so that two of them are made at a time.
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._make_history, self.plan.history))

    def run(
        self, ids: pd.Series, times: pd.Series, *, report: Callable[[float], None] | None = None
    ) -> tuple[pa.Table, np.ndarray]:
        """Calculate the features of instances at their cutoffs.

        Args:
            ids: (n_rows,) instances.
            times: (n_rows,) their cutoff times, or numbers where the entity set's times are.
            report: called with the share of the work that was done since it was last called.

        Returns:
            A table (n_rows, n_outputs) in the order of the rows, columns by number; and which rows (n_rows) are of
            instances that cannot be seen, and have defaults alone.
        """
        codes, unique = pd.factorize(times, sort=True)
        unique = pd.Series(unique)
        keys, _ = read_column(ids.reset_index(drop=True), where="instance_id")
        starts = list_starts(unique, self.plan.windows.spans)
        numbers = _as_numbers(unique)
        moments = pa.table(
            {"__c": np.arange(len(unique)), "__time": numbers, **{n: pa.array(v) for n, v in starts.items()}}
        )
        places = np.arange(len(ids))
        asked = pa.table({"__c": pa.array(codes), "__time": numbers.take(codes), "__id": keys, "__place": places})
        parts = []
        size = self._size(len(unique))
        steps = -(-len(unique) // size) * (len(self.plan.statements) + 1)
        for start in range(0, len(unique), size):
            within = pa.array((codes >= start) & (codes < start + size))
            parts.append(self._run_part(moments.slice(start, size), asked.filter(within), report, 1 / steps))
        table = pa.concat_tables(parts).combine_chunks()
        table = table.take(np.argsort(table["__place"].to_numpy(), kind="stable"))
        return table.drop_columns(["__place", "__unseen"]), table["__unseen"].to_numpy()

    def make_reader(self) -> Reader:
        """Make what calculates one row after the other; nothing else is calculated after that."""
        table, tables = self.entityset[self.features[0].dataframe_name], self.plan.tables
        time_type = "DOUBLE" if self.entityset.time_type == "numeric" else "BIGINT"
        return Reader(self.plan, self.connection, tables.column(table.ww.name, table.ww.index).type, time_type)

    def _size(self, moments: int) -> int:
        """Give the number of cutoff times that are calculated at once."""
        held = self.plan.count_held_rows()
        return max(1, min(moments, _ROWS_AT_ONCE // held)) if held else max(1, moments)

    def _run_part(
        self, moments: pa.Table, asked: pa.Table, report: Callable[[float], None] | None, share: float
    ) -> pa.Table:
        for name, table in (("moments", moments), ("asked", asked)):
            self.connection.register("__arrow", table)
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM __arrow")
            self.connection.unregister("__arrow")
        for statement in self.plan.statements:
            self._make(statement)
            if report is not None:
                report(share)
        table = self.connection.execute(self.plan.final).to_arrow_table()
        for statement in reversed(self.plan.statements):
            self.connection.execute(f"DROP {'TABLE' if statement.kept else 'VIEW'} {quote(statement.name)}")
        if report is not None:
            report(share)
        return table

    def _make_history(self, statement: Statement) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(f"CREATE OR REPLACE TABLE {quote(statement.name)} AS {statement.sql}")

    def _make(self, statement: Statement) -> None:
        sort = "TABLE" if statement.kept else "VIEW"
        self.connection.execute(f"CREATE OR REPLACE TEMP {sort} {quote(statement.name)} AS {statement.sql}")

    def outputs(self) -> list[tuple[str, Value]]:
        """Name the outputs in the order of the table's columns, each with what it is."""
        return self.plan.outputs


def _as_numbers(times: pd.Series) -> pa.Array:
    if times.dtype.kind == "M":
        return pa.array(times.to_numpy().astype("datetime64[ns]").view(np.int64))
    return pa.array(times.to_numpy(dtype=float))
