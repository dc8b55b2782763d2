"""The chain of SELECTs that turns raw rows into typed, completed, judged rows.

A `Chain` holds the SELECTs, the columns that exist after the last one, and the reasons found so far. Each
function appends its part: reading, lookups and derived columns here; contract and rules in their own
modules. Only `clean.py` runs it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mlwf_assets.cleaning.casting import SQL_TYPES, literal, quote, read_as
from mlwf_assets.spec.lookups import Lookup
from mlwf_assets.spec.sources import CsvOptions
from mlwf_assets.spec.tables import Column, ColumnType

# Between what is wrong and the value that is wrong; and between the reasons of one row.
DETAIL = "\x1e"
NEXT = "\x1f"


@dataclass
class Chain:
    """SELECTs that build on each other.

    Attributes:
        name: of the table, for messages.
        selects: the SQL of stage i, which reads from stage i - 1 (named by `last`), and what it is for.
        columns: the data columns after the last stage, in order.
        reasons: columns that hold a reason or null.
    """

    name: str
    selects: list[tuple[str, str]] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def last(self) -> str:
        """The name of the stage that was added last."""
        return f"stage_{len(self.selects) - 1}"

    def add(self, select: str, purpose: str) -> None:
        """Append a stage."""
        self.selects.append((select, purpose))

    def add_reasons(self, conditions: Iterable[tuple[str, str]], purpose: str) -> None:
        """Append a stage with one reason column per (SQL of when it is wrong, SQL of the reason)."""
        parts = []
        for condition, reason in conditions:
            column = f"_reason_{len(self.reasons)}"
            self.reasons.append(column)
            parts.append(f"CASE WHEN {condition} THEN {reason} END AS {column}")
        if parts:
            self.add(f"SELECT *, {', '.join(parts)} FROM {self.last}", purpose)

    def sql(self, *, until: int | None = None) -> str:
        """Return the whole chain as a WITH clause, or its first stages."""
        selects = self.selects[:until]
        stages = ", ".join(f"stage_{i} AS ({select})" for i, (select, _) in enumerate(selects))
        return f"WITH {stages}"


def broken(name: str, must: str, value: str | None = None) -> str:
    """Return the SQL of a reason: what must hold, and the value that does not (a SQL expression)."""
    if value is None:
        return literal(f"{name} {must}")
    # Long values would blow up quarantine and logs.
    shown = f"left(CAST({value} AS VARCHAR), 60)"
    return f"{literal(f'{name} {must}{DETAIL}, however: ')} || chr(39) || {shown} || chr(39)"


def read_sources(
    chain: Chain,
    sources: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    types: Mapping[str, ColumnType],
    *,
    options: Mapping[str, CsvOptions],
    times: Mapping[str, str],
) -> None:
    """Read every source's columns as their types, and stack the sources, the most trusted first.

    Args:
        chain: is appended to.
        sources: names, the most trusted first; `raw_i` is the i-th.
        columns: the data columns of each source.
        types: the type of each column of any source.
        options: how text is to be read, by source.
        times: SQL of each row's time over the raw columns, by source.
    """
    names = list(dict.fromkeys(column for source in sources for column in columns[source]))
    # Row positions that came as integers stay; the reasons of all columns go into one, for speed.
    parts = []
    for number, source in enumerate(sources):
        decimal = options[source].decimal if source in options else "."
        readings = {c: read_as(quote(c), types[c], decimal=decimal) for c in columns[source]}
        values = [
            f"{readings[c].value if c in readings else f'CAST(NULL AS {SQL_TYPES[types[c]]})'} AS {quote(c)}"
            for c in names
        ]
        wrong = [
            f"CASE WHEN {reading.fails} THEN {broken(f'{chain.name}.{c}', f'must be {types[c]}', quote(c))} END"
            for c, reading in readings.items()
            if reading.fails != "false"
        ]
        reason = f"nullif(concat_ws(chr(31), {', '.join(wrong)}), '')" if wrong else "CAST(NULL AS VARCHAR)"
        time = f"CAST(({times[source]}\n) AS TIMESTAMPTZ)" if source in times else "CAST(NULL AS TIMESTAMPTZ)"
        parts.append(
            f"SELECT {number} AS _source, _position, _file, _row, {time} AS _time, "
            f"{', '.join([*values, f'{reason} AS _reason_0'])} FROM raw_{number}"
        )
    chain.columns = names
    chain.reasons.append("_reason_0")
    chain.add(" UNION ALL ".join(parts), "reading the columns")


def complete(
    chain: Chain, contract: Mapping[str, Column], lookups: Mapping[str, Lookup], keys: Mapping[str, str]
) -> None:
    """Append looked up columns as soon as their own column is there, and derived columns in order."""
    pending = _look_up(chain, lookups, keys)
    for name, column in contract.items():
        if column.sql is None:
            continue
        _set(chain, name, f"SELECT {{others}}, ({column.sql}\n) AS {quote(name)} FROM {{last}}")
        if column.type is not None:
            reading = read_as(quote(name), column.type)
            if reading.fails != "false":
                must = broken(f"{chain.name}.{name}", f"must be {column.type}", quote(name))
                chain.add_reasons([(reading.fails, must)], f"reading {name}")
            chain.add(f"SELECT * REPLACE ({reading.value} AS {quote(name)}) FROM {chain.last}", f"reading {name}")
        pending = _look_up(chain, pending, keys)


def _look_up(chain: Chain, lookups: Mapping[str, Lookup], keys: Mapping[str, str]) -> dict[str, Lookup]:
    """Append the lookups that are possible now; return the others."""
    pending = {}
    for name, lookup in lookups.items():
        if lookup.by not in chain.columns:
            pending[name] = lookup
            continue
        parent = f"lookup_{lookup.table}"
        on = f"CAST(parent.{quote(keys[lookup.table])} AS VARCHAR) = CAST(child.{quote(lookup.by)} AS VARCHAR)"
        _set(
            chain,
            name,
            f"SELECT {{child}}, parent.{quote(lookup.column)} AS {quote(name)} "
            f"FROM {{last}} AS child LEFT JOIN {quote(parent)} AS parent ON {on}",
        )
    return pending


def _set(chain: Chain, name: str, template: str) -> None:
    """Append a stage that makes a column, in place of one of the same name."""
    exclude = f" EXCLUDE ({quote(name)})" if name in chain.columns else ""
    select = template.replace("{others}", f"*{exclude}").replace("{child}", f"child.*{exclude}")
    chain.add(select.replace("{last}", chain.last), f"making {name}")
    if name not in chain.columns:
        chain.columns.append(name)
