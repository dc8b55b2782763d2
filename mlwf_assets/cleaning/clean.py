"""Cleaning one partition of one table: builds the chain of stages, runs it in DuckDB, accounts for every row.

The order: read types, lookups and derived columns, contract, rules, duplicates. A row that breaks a contract
or a rule goes to quarantine with all its reasons, and quarantine goes before dropping. Of rows with one key
the one of the most trusted source stays, of those the one known last, of those the last one in its files.
"""

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from mlwf_assets.cleaning.casting import quote
from mlwf_assets.cleaning.counts import Counts, check_balance
from mlwf_assets.cleaning.judging import all_reasons, first_drop, judge_contract, judge_rules, rule_column
from mlwf_assets.cleaning.row_functions import RowFunction, table_steps
from mlwf_assets.cleaning.rows import count_rules, quarantine_rows, raise_failed, resolve_duplicates
from mlwf_assets.cleaning.stages import (
    DROPPED,
    POSITION,
    REASON,
    SOURCE,
    Chain,
    Part,
    complete,
    read_sources,
)
from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.lake import duck
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.extensions import NO_CODE, OwnCode
from mlwf_assets.spec.lookups import parse_lookup
from mlwf_assets.spec.mistakes import Place, dotted
from mlwf_assets.spec.names import ROW_ID
from mlwf_assets.spec.sources import CsvOptions
from mlwf_assets.spec.sql import columns_of
from mlwf_assets.spec.tables import Column, ColumnType, Table

_PLACE = ("_file", "_row")
_ROWS_PER_BATCH = 8192  # DuckDB gives each of its threads a batch at a time


@dataclass(frozen=True)
class Cleaned:
    """What became of a table's raw rows.

    Attributes:
        clean: the rows that keep the contract, ordered by key; and `_known_at` columns.
        quarantine: the rows that do not, with `_source`, `_file`, `_row`, `_reason`, `_values`.
        counts: how many, and why.
    """

    clean: Result
    quarantine: Result
    counts: Counts


def clean_table(
    table: Table,
    raws: Mapping[str, pa.Table],
    lookups: Mapping[str, pa.Table],
    *,
    types: Mapping[str, Mapping[str, ColumnType]],
    name: str,
    keys: Mapping[str, str] | None = None,
    read_as: Mapping[str, CsvOptions] | None = None,
    times: Mapping[str, str] | None = None,
    own: OwnCode = NO_CODE,
    partition: str | None = None,
    found_here: bool = False,
    locate: Callable[[Place], str] = dotted,
    connection: duckdb.DuckDBPyConnection | None = None,
) -> Cleaned:
    """Turn raw rows into clean ones, and say of the others why they are not among them.

    Args:
        table: what clean means.
        raws: source -> raw rows, with `_file` and `_row`; one for each of the table's sources.
        lookups: table -> clean rows of the tables that are looked up in.
        types: source -> column -> the type found in the source; used where the contract names none.
        name: the table's name.
        keys: table that is looked up in -> its key column.
        read_as: source -> how its text is written (the decimal sign).
        times: source -> SQL of a row's time over the raw columns; gives the column `_time`.
        own: the workflow's Python files, whose cleaning steps make columns.
        partition: the partition's name, for messages.
        found_here: whether `types` were found in these rows: what they say needs no second look.
        locate: writes a place of the workflow file, for messages.
        connection: a database to work in, for many partitions in turn; by default one is opened.
    Returns:
        The clean rows (contract's columns in order, then lookups, then the others as they stood in the
        sources, `_row_id` where there is no key, `_time` where there are times, `_known_at`,
        `_known_at_OUTCOME_i`; times are UTC), quarantine and counts.
    Raises:
        SchemaError: if a column of the contract or of the key is in no source.
        DataError: if a `fail` rule does not hold, an expression cannot be computed, or rows are lost.
    Example:
        >>> raw = pa.table({"id": ["1", "x", "1"], "_file": ["a.csv"] * 3, "_row": [0, 1, 2]})
        >>> spec = Table(columns={"id": {"type": "integer"}}, key=["id"])
        >>> cleaned = clean_table(spec, {"a": raw}, {}, types={"a": {"id": "string"}}, name="a")
        >>> cleaned.counts.rows_out, cleaned.counts.quarantined, cleaned.counts.duplicates
        (1, 1, 1)
        >>> cleaned.quarantine.table["_reason"].to_pylist()
        ["a.id must be integer, however: 'x'"]
    """
    started = time.perf_counter()
    sources = list(table.sources or (name,))
    where = f"{name} {partition}" if partition else name
    steps = table_steps(table, own)
    chain, asked = _build(
        table, name, sources, raws, types, keys or {}, read_as or {}, times or {}, steps, found_here=found_here
    )
    opened = duck.connect() if connection is None else contextlib.nullcontext(connection)
    with opened as database, _registered(database, [raws[source] for source in sources], lookups):
        _run_steps(database, steps, asked)
        _run(database, chain, table, where, locate)
        raise_failed(database, table.rules, chain.columns, where=where, place=("tables", name, "rules"), locate=locate)
        duplicates, contradictions, examples = resolve_duplicates(database, table.key, chain.columns)
        clean = _clean_rows(database, table, chain, where, timed=bool(times), locate=locate)
        quarantine, reasons = quarantine_rows(database, {source: raws[source] for source in sources})
        by_rule = count_rules(database, table.rules)
    counts = Counts(
        rows_in=sum(raws[source].num_rows for source in sources),
        rows_out=clean.num_rows,
        quarantined=quarantine.num_rows,
        duplicates=duplicates,
        contradictions=contradictions,
        reasons=reasons,
        **by_rule,
    )
    check_balance(counts, name=where)
    metadata: dict[str, Any] = counts.as_metadata() | {"seconds": round(time.perf_counter() - started, 3)}
    if examples:
        metadata["contradictory_keys"] = examples
    key = table.key or (ROW_ID,)
    return Cleaned(Result(clean, metadata=metadata, key=key), Result(quarantine, metadata={"reasons": reasons}), counts)


def _build(
    table: Table,
    name: str,
    sources: Sequence[str],
    raws: Mapping[str, pa.Table],
    types: Mapping[str, Mapping[str, ColumnType]],
    keys: Mapping[str, str],
    read_as: Mapping[str, CsvOptions],
    times: Mapping[str, str],
    steps: Sequence[RowFunction],
    *,
    found_here: bool,
) -> tuple[Chain, list[str]]:
    """Build the chain, and the queries for the rows that cleaning steps are called with."""
    if absent := [source for source in sources if source not in raws]:
        raise SchemaError(f"{name}: there must be raw rows of each source, however: none of {', '.join(absent)}")
    columns = {s: [c for c in raws[s].column_names if c not in _PLACE] for s in sources}
    lookups = {column: parse_lookup(text) for column, text in table.lookups.items()}
    made = {column for column, contract in table.columns.items() if contract.sql is not None or contract.step}
    found = {column for source in sources for column in columns[source]} | made | set(lookups)
    if absent := [column for column in (*table.columns, *table.key) if column not in found]:
        raise SchemaError(
            f"{name}: the columns {', '.join(dict.fromkeys(absent))} must be in one of its sources "
            f"{', '.join(sources)}, however: there are {', '.join(sorted(found))}"
        )
    column_types = _types(table, columns, types)
    chain = Chain(name, sources)
    sure = _sure_columns(table, raws, sources) if found_here else set()
    read_sources(chain, columns, column_types, contract=_as_read(table), options=read_as, times=times, sure=sure)
    asked = [_add_step(chain, step, step_table(number)) for number, step in enumerate(steps)]
    column_types |= {column: type_ for step in steps for column, type_ in step.makes.items()}
    complete(chain, table.columns, lookups, keys)
    judge_contract(chain, table.columns, column_types, table.key)
    judge_rules(chain, table.rules)
    _add_moments(chain, table)
    return chain, asked


def _as_read(table: Table) -> dict[str, Column]:
    """The contracts by which values are read: a cleaning step takes what it makes anew as it was written."""
    return {name: column for name, column in table.columns.items() if not column.step}


def step_table(number: int) -> str:
    """Name the table of what the cleaning step of that number made."""
    return f"made_{number}"


def _add_step(chain: Chain, step: RowFunction, made: str) -> str:
    """Put the columns that a step makes into the chain; return the query for what it is called with."""
    reads = ", ".join(map(quote, step.extension.reads))
    asked = f"{chain.sql()} SELECT {POSITION}, {reads} FROM {chain.last} ORDER BY {POSITION}"
    join = f"JOIN {made} ON {made}.{POSITION} = child.{POSITION}"
    for column in step.makes:
        place: Place = ("tables", chain.name, "columns", column)
        chain.set(column, f"{made}.{quote(column)}", place, uses=step.extension.reads, join=join)
    return asked


def _run_steps(connection: duckdb.DuckDBPyConnection, steps: Sequence[RowFunction], asked: Sequence[str]) -> None:
    for number, (step, query) in enumerate(zip(steps, asked, strict=True)):
        rows = connection.sql(query).to_arrow_table()
        made = step(rows).append_column(POSITION, rows[POSITION])
        connection.register("made", made)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {step_table(number)} AS FROM made")
        connection.unregister("made")


def _types(
    table: Table, columns: Mapping[str, Sequence[str]], types: Mapping[str, Mapping[str, ColumnType]]
) -> dict[str, ColumnType]:
    """The contract's types; else the one that all sources agree on; else what holds the values of all."""
    result: dict[str, ColumnType] = {}
    for source, names in columns.items():
        for column in names:
            contract = table.columns.get(column)
            if contract is not None and contract.type is not None and contract.sql is None and not contract.step:
                result[column] = contract.type
                continue
            own = types.get(source, {}).get(column, "string")
            other = result.get(column, own)
            if own != other:
                own = "number" if {own, other} == {"integer", "number"} else "string"
            result[column] = own
    return result


def _sure_columns(table: Table, raws: Mapping[str, pa.Table], sources: Sequence[str]) -> set[str]:
    """Columns of text that no contract speaks of: their types are what all of their values were found to be."""
    fields = [field for source in sources for field in raws[source].schema]
    others = {field.name for field in fields if not pa.types.is_string(field.type)}
    return {field.name for field in fields} - others - set(table.columns)


def _moments(table: Table) -> dict[str, str]:
    """The columns that say when each row, and each group of outcomes, became known: while cleaning -> in the end."""
    outcomes = {f"_mlwf_known_at_{i}": f"_known_at_OUTCOME_{i}" for i, _ in enumerate(table.outcomes, 1)}
    return {"_mlwf_known_at_0": "_known_at", **outcomes}


def _add_moments(chain: Chain, table: Table) -> None:
    place: Place = ("tables", chain.name)
    asked = [(table.known_at or "NULL", (*place, "known_at"))]
    asked += [(group.known_at, (*place, "outcomes", i, "known_at")) for i, group in enumerate(table.outcomes)]
    for column, (sql, where) in zip(_moments(table), asked, strict=True):
        chain.set(column, f"CAST(({sql}\n) AS TIMESTAMPTZ)", where, uses=columns_of(sql))


@contextlib.contextmanager
def _registered(
    connection: duckdb.DuckDBPyConnection, raws: Sequence[pa.Table], lookups: Mapping[str, pa.Table]
) -> Any:
    start = 0
    names = [f"lookup_{parent}" for parent in lookups]
    for name, rows in zip(names, lookups.values(), strict=True):
        connection.register(name, rows)
    for number, raw in enumerate(raws):
        positions = pa.array(np.arange(start, start + raw.num_rows, dtype=np.int64))
        placed = raw.append_column(POSITION, positions)
        # Many small chunks would be many small batches; a few large ones need no copy.
        is_scattered = raw.column(0).num_chunks * _ROWS_PER_BATCH > raw.num_rows
        batches = (placed.combine_chunks() if is_scattered else placed).to_batches(max_chunksize=_ROWS_PER_BATCH)
        connection.register(f"raw_{number}", pa.Table.from_batches(batches, placed.schema))
        start += raw.num_rows
        names.append(f"raw_{number}")
    try:
        yield
    finally:
        for name in names:
            connection.unregister(name)


def _run(
    connection: duckdb.DuckDBPyConnection, chain: Chain, table: Table, where: str, locate: Callable[[Place], str]
) -> None:
    """Make the table `judged`, which `rows.py` describes."""
    helpers = [SOURCE, POSITION, "_file", "_row", "_time", *_moments(table)]
    helpers += [rule_column(number) for number, _ in enumerate(table.rules)]
    columns = ", ".join([*map(quote, chain.columns), *helpers])
    select = (
        f"SELECT {columns}, {all_reasons(table.rules)} AS {REASON}, {first_drop(table.rules)} AS {DROPPED} "
        f"FROM {chain.last}"
    )
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE judged AS {chain.sql()} {select}")
    except duckdb.Error as error:
        raise DataError(_explain(connection, chain, where, error, locate)) from error


def _explain(
    connection: duckdb.DuckDBPyConnection,
    chain: Chain,
    where: str,
    error: duckdb.Error,
    locate: Callable[[Place], str],
) -> str:
    """Find the first column that cannot be made, and say where it is asked for."""
    for number, stage in enumerate(chain.stages):
        for part in stage.parts:
            if (first := _try(connection, chain, number, part)) is not None:
                words = str(first).split("\n")[0]
                remedy = "; try_cast, try_strptime and coalesce can help" if isinstance(first, _OF_VALUES) else ""
                return f"{locate(part.place)}: must work for every row of {where}, however: {words}{remedy}"
    return f"{where}: the table must be computable, however: {str(error).split(os.linesep)[0]}"


_OF_VALUES = (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException)


def _try(connection: duckdb.DuckDBPyConnection, chain: Chain, number: int, part: Part) -> duckdb.Error | None:
    stage = chain.stages[number]
    before, source = f"{chain.sql(until=number)} " if number else "", stage.source
    if stage.whole:
        if part.place[0] != "sources":
            return None  # reading values as types never fails; a source's time may
        source = f"raw_{chain.sources.index(str(part.place[1]))}"
    try:
        # Every value must be computed, but none kept.
        connection.execute(f"CREATE OR REPLACE TEMP TABLE tried AS {before}SELECT {part.sql} AS tried FROM {source}")
    except duckdb.Error as error:
        return error
    return None


def _clean_rows(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    chain: Chain,
    where: str,
    *,
    timed: bool,
    locate: Callable[[Place], str],
) -> pa.Table:
    order = dict.fromkeys([*table.columns, *table.lookups, *chain.columns])
    parts = [quote(column) for column in order]
    if not table.key:
        parts.append(f"concat(_file, ':', _row) AS {ROW_ID}")
    parts += ["_time"] * timed
    parts += [f'{column} AS "{name}"' for column, name in _moments(table).items()]
    order_by = ", ".join(quote(column) for column in table.key) or f"{SOURCE}, {POSITION}"
    rows = connection.sql(f"SELECT {', '.join(parts)} FROM kept ORDER BY {order_by}").to_arrow_table()
    columns = []
    for column in rows.schema:
        try:
            columns.append(rows[column.name].cast(_plain(column.type)))
        except (pa.ArrowInvalid, TypeError) as error:
            place = locate(("tables", chain.name, "columns", column.name))
            raise DataError(
                f"{place}: must be a number, text, true or false, a date or a time for {where}, however: "
                f"{column.type} ({str(error) or 'not kept'}); cast it, or for a duration say date_diff('minute', ...)"
            ) from error
    return pa.table(columns, names=rows.column_names)


def _plain(kind: pa.DataType) -> pa.DataType:
    """Bring what an expression gave to one of the types of a contract."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", "UTC")
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pa.float64()
    if pa.types.is_null(kind) or pa.types.is_large_string(kind) or pa.types.is_string(kind):
        return pa.string()
    if pa.types.is_boolean(kind) or pa.types.is_date32(kind):
        return kind
    raise TypeError
