"""Cleaning one partition of one table: builds the chain of stages, runs it in DuckDB, accounts for every row.

The order: read types, lookups and derived columns, contract, rules, duplicates. A row that breaks a contract
or a rule goes to quarantine with all its reasons, and quarantine goes before dropping. Of rows with one key
the one of the most trusted source stays, of those the one known last, of those the last one in its files.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from mlwf_assets.cleaning.casting import quote
from mlwf_assets.cleaning.counts import Counts, check_balance
from mlwf_assets.cleaning.judging import judge_contract, judge_rules
from mlwf_assets.cleaning.rows import count_rules, quarantine_rows, raise_failed, resolve_duplicates
from mlwf_assets.cleaning.stages import Chain, complete, read_sources
from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.lake import duck
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.lookups import parse_lookup
from mlwf_assets.spec.names import ROW_ID
from mlwf_assets.spec.sources import CsvOptions
from mlwf_assets.spec.tables import ColumnType, Rule, Table

_PLACE = ("_file", "_row")


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
    partition: str | None = None,
) -> Cleaned:
    """Turn raw rows into clean ones, and say of the others why they are not among them.

    Args:
        table: what clean means.
        raws: source -> raw rows, with `_file` and `_row`; one for each of the table's sources.
        lookups: table -> clean rows of the tables that are looked up in.
        types: source -> column -> the type found in the source; used where the contract names none.
        name: the table's name, for messages.
        keys: table that is looked up in -> its key column.
        read_as: source -> how its text is written (the decimal sign).
        times: source -> SQL of a row's time over the raw columns; gives the column `_time`.
        partition: the partition's name, for messages.
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
    chain, column_types = _build(table, name, sources, raws, types, keys or {}, read_as or {}, times or {})
    with duck.connect() as connection:
        _register(connection, sources, raws, lookups)
        _run(connection, chain, table.rules, where)
        raise_failed(connection, table.rules, chain.columns, where=where)
        duplicates, contradictions, examples = resolve_duplicates(connection, table.key, chain.columns)
        clean = _clean_rows(connection, table, chain.columns, column_types, timed=bool(times))
        quarantine, reasons = quarantine_rows(connection, {source: raws[source] for source in sources})
        by_rule = count_rules(connection, table.rules)
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
) -> tuple[Chain, dict[str, ColumnType]]:
    if absent := [source for source in sources if source not in raws]:
        raise SchemaError(f"{name}: there must be raw rows of each source, however: none of {', '.join(absent)}")
    columns = {s: [c for c in raws[s].column_names if c not in _PLACE] for s in sources}
    lookups = {column: parse_lookup(text) for column, text in table.lookups.items()}
    made = {column for column, contract in table.columns.items() if contract.sql is not None}
    found = {column for source in sources for column in columns[source]} | made | set(lookups)
    if absent := [column for column in (*table.columns, *table.key) if column not in found]:
        raise SchemaError(
            f"{name}: the columns {', '.join(dict.fromkeys(absent))} must be in one of its sources "
            f"{', '.join(sources)}, however: there are {', '.join(sorted(found))}"
        )
    column_types = _types(table, columns, types)
    chain = Chain(name)
    read_sources(chain, sources, columns, column_types, options=read_as, times=times)
    complete(chain, table.columns, lookups, keys)
    judge_contract(chain, table.columns, column_types, table.key)
    judge_rules(chain, table.rules)
    _add_moments(chain, table)
    return chain, column_types


def _types(
    table: Table, columns: Mapping[str, Sequence[str]], types: Mapping[str, Mapping[str, ColumnType]]
) -> dict[str, ColumnType]:
    """The contract's types; else the one that all sources agree on; else what holds the values of all."""
    result: dict[str, ColumnType] = {}
    for source, names in columns.items():
        for column in names:
            contract = table.columns.get(column)
            if contract is not None and contract.type is not None and contract.sql is None:
                result[column] = contract.type
                continue
            own = types.get(source, {}).get(column, "string")
            other = result.get(column, own)
            if own != other:
                own = "number" if {own, other} == {"integer", "number"} else "string"
            result[column] = own
    return result


def _add_moments(chain: Chain, table: Table) -> None:
    """Append when each row, and each group of outcomes, became known."""
    moments = [("_known_at", table.known_at)]
    moments += [(f"_known_at_OUTCOME_{i}", group.known_at) for i, group in enumerate(table.outcomes, 1)]
    parts = [f"CAST(({sql or 'NULL'}\n) AS TIMESTAMPTZ) AS {quote(column)}" for column, sql in moments]
    chain.add(f"SELECT *, {', '.join(parts)} FROM {chain.last}", "telling when values become known")


def _register(
    connection: duckdb.DuckDBPyConnection,
    sources: Sequence[str],
    raws: Mapping[str, pa.Table],
    lookups: Mapping[str, pa.Table],
) -> None:
    start = 0
    for number, source in enumerate(sources):
        raw = raws[source]
        positions = pa.array(range(start, start + raw.num_rows), pa.int64())
        connection.register(f"raw_{number}", raw.append_column("_position", positions))
        start += raw.num_rows
    for parent, rows in lookups.items():
        connection.register(f"lookup_{parent}", rows)


def _run(connection: duckdb.DuckDBPyConnection, chain: Chain, rules: Sequence[Rule], where: str) -> None:
    """Make the table `judged`: `_reason` holds all reasons of a row, `_dropped` the rule that drops it."""
    reasons = ", ".join(chain.reasons)
    drops = " ".join(f"WHEN _rule_{i} THEN {i}" for i, rule in enumerate(rules) if rule.otherwise == "drop")
    dropped = f"CASE {drops} END" if drops else "CAST(NULL AS INTEGER)"
    select = (
        f"SELECT * EXCLUDE ({reasons}), nullif(concat_ws(chr(31), {reasons}), '') AS _reason, "
        f"{dropped} AS _dropped FROM {chain.last}"
    )
    try:
        connection.execute(f"CREATE TEMP TABLE judged AS {chain.sql()} {select}")
    except duckdb.Error as error:
        raise DataError(_explain(connection, chain, where, error)) from error


def _explain(connection: duckdb.DuckDBPyConnection, chain: Chain, where: str, error: duckdb.Error) -> str:
    """Find the first stage that fails, and say what it was for."""
    purpose = chain.selects[-1][1]
    for number in range(1, len(chain.selects) + 1):
        try:
            # Every column must be computed, but none kept.
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE tried AS {chain.sql(until=number)} SELECT * FROM stage_{number - 1}"
            )
        except duckdb.Error as first:
            purpose, error = chain.selects[number - 1][1], first
            break
    words = str(error).split("\n")[0]
    return f"{where}: {purpose} must work for every row, however: {words}; try_cast and coalesce can help"


def _clean_rows(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    columns: Sequence[str],
    types: Mapping[str, ColumnType],
    *,
    timed: bool,
) -> pa.Table:
    order = [*table.columns, *table.lookups, *columns]
    parts = [quote(column) for column in dict.fromkeys(order)]
    if not table.key:
        parts.append(f"concat(_file, ':', _row) AS {ROW_ID}")
    parts += ["_time"] * timed + ["_known_at"]
    parts += [f'"_known_at_OUTCOME_{i}"' for i, _ in enumerate(table.outcomes, 1)]
    order_by = ", ".join(quote(column) for column in table.key) or "_source, _position"
    rows = connection.sql(f"SELECT {', '.join(parts)} FROM kept ORDER BY {order_by}").to_arrow_table()
    return rows.cast(pa.schema([(field.name, _plain(field.type)) for field in rows.schema]))


def _plain(kind: pa.DataType) -> pa.DataType:
    """Bring what an expression gave to one of the types of a contract."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", "UTC")
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pa.float64()
    return pa.string() if pa.types.is_null(kind) or pa.types.is_large_string(kind) else kind
