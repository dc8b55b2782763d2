"""The chain of SELECTs that turns raw rows into typed, completed, judged rows.

A `Chain` holds the stages, the columns that exist after the last one, and the reasons found so far. Columns
that do not need each other are made in one stage, for each stage costs. The functions here read, look up and
derive; contract and rules have a module of their own. Only `clean.py` runs the chain.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mlwf_assets.cleaning.casting import SQL_TYPES, TEXTS, fails_as, literal, quote, read_as, read_surely
from mlwf_assets.spec.lookups import Lookup
from mlwf_assets.spec.mistakes import Place
from mlwf_assets.spec.sources import CsvOptions
from mlwf_assets.spec.sql import columns_of
from mlwf_assets.spec.tables import Column, ColumnType

# Columns of ours while cleaning; no column of a source or contract begins like this.
SOURCE, POSITION, REASON, DROPPED = "_mlwf_source", "_mlwf_position", "_mlwf_reason", "_mlwf_dropped"
WRONG, BROKEN = "_mlwf_wrong", "_mlwf_broken"
# Between what is wrong and the value that is wrong; and between the reasons of one row.
DETAIL = "\x1e"
NEXT = "\x1f"


class Part(NamedTuple):
    """One column that a stage makes: its name, its SQL, and the place in the workflow file that asks for it."""

    column: str
    sql: str
    place: Place


@dataclass
class Stage:
    """One SELECT: the columns that it makes beside (or in place of) those of the stage before it.

    Attributes:
        before: what it reads from, by name.
        parts: the columns that it makes; none of them sees another one.
        joins: JOIN clauses; a stage has either only lookups or none.
        whole: all of the SELECT, where it is not made of the rest.
    """

    before: str
    parts: list[Part] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    whole: str = ""

    def select(self, existing: Collection[str]) -> str:
        """Write the SELECT, given the columns of the stage before it."""
        replaced = [quote(part.column) for part in self.parts if part.column in existing]
        exclude = f" EXCLUDE ({', '.join(replaced)})" if replaced else ""
        made = ", ".join(f"{part.sql} AS {quote(part.column)}" for part in self.parts)
        return self.whole or f"SELECT child.*{exclude}, {made} FROM {self.source}"

    @property
    def source(self) -> str:
        """What stands behind FROM."""
        return " ".join([f"{self.before} AS child", *self.joins])


@dataclass
class Chain:
    """SELECTs that build on each other.

    Attributes:
        name: of the table, for messages.
        sources: of the table, the most trusted first.
        stages: in order; the first reads the raw rows.
        columns: the data columns after the last stage, in order.
        helpers: other columns after the last stage.
        written: column -> SQL of its value as it was written, where it was read and not made.
        unread: column -> SQL of whether its value is there, but could not be read as its type.
        unread_reasons: column -> SQL of what is said then.
    """

    name: str
    sources: Sequence[str]
    stages: list[Stage] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    helpers: list[str] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    unread_reasons: dict[str, str] = field(default_factory=dict)

    @property
    def last(self) -> str:
        """The name of the stage that was added last."""
        return f"stage_{len(self.stages) - 1}"

    def set(self, column: str, sql: str, place: Place, *, uses: Collection[str], join: str = "") -> None:
        """Make a column, in place of one of the same name; in the last stage, if that has what it uses."""
        stage = self.stages[-1]
        made = {part.column for part in stage.parts}
        if stage.whole or bool(stage.joins) != bool(join) or made & {*uses, column}:
            stage = Stage(self.last)
            self.stages.append(stage)
        stage.parts.append(Part(column, sql, place))
        self.unread.pop(column, None)
        self.written.pop(column, None)
        if join and join not in stage.joins:
            stage.joins.append(join)
        if column not in (*self.columns, *self.helpers):
            (self.helpers if column.startswith("_mlwf_") else self.columns).append(column)

    def expect(self, column: str, raw: str, type_: ColumnType) -> None:
        """Note that a column's value was read from a raw one, and may have failed to be of its type."""
        if (fails := fails_as(raw, quote(column), type_)) is not None:
            self.unread[column] = fails
            self.unread_reasons[column] = broken(f"{self.name}.{column}", f"must be {type_}", raw)

    def sql(self, *, until: int | None = None) -> str:
        """Return the whole chain as a WITH clause, or its first stages."""
        existing: set[str] = set()
        selects = []
        for stage in self.stages[:until]:
            selects.append(stage.select(existing))
            existing |= {part.column for part in stage.parts}
        return "WITH " + ", ".join(f"stage_{number} AS ({select})" for number, select in enumerate(selects))


def broken(name: str, must: str, value: str | None = None) -> str:
    """Return the SQL of a reason: what must hold, and the value that does not (a SQL expression)."""
    if value is None:
        return literal(f"{name} {must}")
    # Long values would blow up quarantine and logs.
    shown = f"left(CAST({value} AS VARCHAR), 60)"
    return f"{literal(f'{name} {must}{DETAIL}, however: ')} || chr(39) || {shown} || chr(39)"


def read_sources(
    chain: Chain,
    columns: Mapping[str, Sequence[str]],
    types: Mapping[str, ColumnType],
    *,
    contract: Mapping[str, Column],
    options: Mapping[str, CsvOptions],
    times: Mapping[str, str],
    sure: Collection[str],
) -> None:
    """Read every source's columns as their types, and stack the sources, the most trusted first.

    Args:
        chain: is appended to; `raw_i` is the i-th of its sources.
        columns: the data columns of each source.
        types: the type of each column of any source.
        contract: says how dates and times are written.
        options: how text is to be read, by source.
        times: SQL of each row's time over the raw columns, by source.
        sure: columns of texts that are all known to be of their type, so that reading cannot fail.
    """
    names = list(dict.fromkeys(column for source in chain.sources for column in columns[source]))
    kept_raw = {c: f"_mlwf_raw_{i}" for i, c in enumerate(names) if types[c] not in TEXTS and c not in sure}
    selects = []
    parts = []
    for number, source in enumerate(chain.sources):
        decimal = options[source].decimal if source in options else "."
        time = f"CAST(({times[source]}\n) AS TIMESTAMPTZ)" if source in times else "CAST(NULL AS TIMESTAMPTZ)"
        made = [Part("_time", time, ("sources", source, "time"))]
        for name in names:
            there = name in columns[source]
            raw = quote(name) if there else "NULL"
            if not there:
                value = f"CAST(NULL AS {SQL_TYPES[types[name]]})"
            elif name in sure:
                value = read_surely(raw, types[name], decimal=decimal)
            else:
                value = _read(raw, name, types[name], contract, decimal)
            made.append(Part(name, value, ("tables", chain.name, "columns", name)))
            if name in kept_raw:
                made.append(Part(kept_raw[name], f"CAST({raw} AS VARCHAR)", ("tables", chain.name, "columns", name)))
        texts = ", ".join(f"{part.sql} AS {quote(part.column)}" for part in made)
        selects.append(f"SELECT {number} AS {SOURCE}, {POSITION}, _file, _row, {texts} FROM raw_{number}")
        parts += made
    chain.stages.append(Stage("raw_0", parts, whole=" UNION ALL ".join(selects)))
    chain.columns = names
    chain.helpers = [SOURCE, POSITION, "_file", "_row", "_time", *kept_raw.values()]
    for name, raw in kept_raw.items():
        chain.written[name] = raw
        chain.expect(name, raw, types[name])


def _read(raw: str, name: str, type_: ColumnType, contract: Mapping[str, Column], decimal: str) -> str:
    own = contract.get(name, Column())
    return read_as(raw, type_, decimal=decimal, form=own.format, timezone=own.timezone)


def complete(
    chain: Chain, contract: Mapping[str, Column], lookups: Mapping[str, Lookup], keys: Mapping[str, str]
) -> None:
    """Append looked up columns as soon as their own column is there, and derived columns in order."""
    pending = _look_up(chain, lookups, contract, keys)
    for name, column in contract.items():
        if column.sql is not None:
            place: Place = ("tables", chain.name, "columns", name)
            _set_typed(chain, name, f"({column.sql}\n)", column, (*place, "sql"), uses=columns_of(column.sql))
            pending = _look_up(chain, pending, contract, keys)


def _look_up(
    chain: Chain, lookups: Mapping[str, Lookup], contract: Mapping[str, Column], keys: Mapping[str, str]
) -> dict[str, Lookup]:
    """Append the lookups that are possible now; return the others."""
    pending = {}
    for name, lookup in lookups.items():
        if lookup.by not in chain.columns:
            pending[name] = lookup
            continue
        parent = quote(f"by {lookup.by} in {lookup.table}")
        own, key = f"child.{quote(lookup.by)}", f"{parent}.{quote(keys[lookup.table])}"
        join = (
            f"LEFT JOIN {quote(f'lookup_{lookup.table}')} AS {parent} "
            f"ON CAST({key} AS VARCHAR) = CAST({own} AS VARCHAR)"
        )
        value = f"{parent}.{quote(lookup.column)}"
        place: Place = ("tables", chain.name, "lookups", name)
        _set_typed(chain, name, value, contract.get(name, Column()), place, uses=[lookup.by], join=join)
    return pending


def _set_typed(
    chain: Chain, name: str, value: str, column: Column, place: Place, *, uses: Collection[str], join: str = ""
) -> None:
    """Make a column of a value, read as the type of its contract where that names one."""
    if column.type is None:
        chain.set(name, value, place, uses=uses, join=join)
        return
    made = f"_mlwf_made_{len(chain.helpers)}"
    chain.set(made, value, place, uses=uses, join=join)
    chain.set(name, read_as(made, column.type), place, uses=[made])
    chain.expect(name, made, column.type)
