"""One row at a time: a state is found by its place in memory instead of by a join, all else is the plan's own SQL.

A calculation of many rows joins each with the running state of its group. For one row that join is the cost: here the
states stand in memory in the order of group and time, and a bisection finds the one that the row sees. The statements
around are those of the plan, over relations of one row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from mlwf_assets.features.relational.engine.values import literal, quote


@dataclass(frozen=True)
class Lookup:
    """What a statement looks up in running states.

    Args:
        states: the relation with the states.
        asked: SQL of which groups and times are asked for (`__c`, `__g`, `__key`, `__lo`, `__now`).
        results: SQL of the result columns, over what was found.
        early: columns that are taken from the beginning of the window, too; () where there is none.
        condition: SQL of which of those found count.
    """

    states: str
    asked: str
    results: str
    early: tuple[str, ...] = ()
    condition: str = "TRUE"

    def write(self, found: str) -> str:
        """Write the statement over a relation of what was found."""
        return f"SELECT __c, __g, {self.results} FROM {found} WHERE __found AND {self.condition}"


class States:
    """Running states in the order of group and time.

    Args:
        table: (n_states) group (`__g`), time (`__key`), and values.
        types: the SQL type of each column.
    """

    def __init__(self, table: pa.Table, types: Mapping[str, str]) -> None:
        self.group_type = types["__g"]
        self.types = {name: kind for name, kind in types.items() if name not in ("__g", "__key")}
        self._columns = {name: table[name].combine_chunks() for name in self.types}
        self._keys = table["__key"].to_numpy()
        groups = table["__g"].combine_chunks().dictionary_encode()
        codes = groups.indices.to_numpy()
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        ends = [*starts[1:], len(codes)]
        self._ranges = dict(zip(groups.dictionary.to_pylist(), zip(starts, ends, strict=True), strict=True))

    def find(self, group: Any, key: int, *, before: bool = False) -> int | None:
        """Give the place of a group's last state at a time (or before it); None where there is none."""
        if group not in self._ranges:
            return None
        start, end = self._ranges[group]
        place = start + int(np.searchsorted(self._keys[start:end], key, side="left" if before else "right")) - 1
        return place if place >= start else None

    def take(self, place: int | None, names: Iterable[str]) -> list[Any]:
        """Give values of a state; None where there is none."""
        return [None if place is None else self._columns[name][place].as_py() for name in names]


class Reader:
    """Calculates one row after the other, by a plan.

    Args:
        plan: the plan.
        connection: where the history is; it is not used by others meanwhile.
        key_type: the SQL type of the instances.
        time_type: the SQL type of the cutoff times.
    """

    def __init__(self, plan: Any, connection: Any, key_type: str, time_type: str) -> None:
        self._plan, self._connection = plan, connection
        self._lookups = {one.name: one.lookup for one in plan.statements if one.lookup is not None}
        self._states = {name: self._read(name) for name in {one.states for one in self._lookups.values()}}
        self._asked = list(dict.fromkeys(one.asked for one in self._lookups.values()))
        self._row_types = [*[time_type] * (1 + len(plan.windows.spans)), key_type]
        connection.execute("SET threads = 1")
        self._prepare()

    def calculate(self, moment: Sequence[float], instance: Any) -> pa.Table:
        """Calculate a row.

        Args:
            moment: the cutoff time and the starts of the plan's windows.
            instance: whose features.
        """
        values = [*moment, instance]
        wanted = self._find_wanted(values) if self._asked else {}
        types = list(self._row_types)
        for lookup in self._lookups.values():
            values += self._look_up(lookup, wanted.get(self._asked.index(lookup.asked)))
            types += self._list_types(lookup)
        return self._execute("serve_rest", values, types)

    def _execute(self, name: str, values: Sequence[Any], types: Sequence[str]) -> pa.Table:
        # Each value has its parameter's type, for else DuckDB plans the statement again.
        given = ", ".join(f"CAST({literal(value)} AS {kind})" for value, kind in zip(values, types, strict=True))
        return self._connection.execute(f"EXECUTE {name}({given})").to_arrow_table()

    def _prepare(self) -> None:
        names = ["__time", *self._plan.windows.spans, "__id"]
        columns = _write_parameters(names, self._row_types)
        begin = (
            f"WITH moments AS (SELECT CAST(0 AS BIGINT) AS __c, {', '.join(columns[:-1])}), "
            f"asked AS (SELECT CAST(0 AS BIGINT) AS __c, {columns[0]}, {columns[-1]}, CAST(0 AS BIGINT) AS __place)"
        )
        if self._asked:
            self._connection.execute(f"PREPARE serve_first AS {begin}{self._write_first()}")
        found, place = {}, len(names)
        for name, lookup in self._lookups.items():
            types = self._list_types(lookup)
            chosen = ["CAST(0 AS BIGINT) AS __c", *_write_parameters(self._list_names(lookup), types, after=place)]
            place += len(types)
            found[name] = lookup.write(f"(SELECT {', '.join(chosen)})")
        rest = self._write(lambda one: found.get(one.name, one.sql), self._plan.statements, self._plan.final)
        self._connection.execute(f"PREPARE serve_rest AS {begin}{rest}")

    def _list_names(self, lookup: Lookup) -> list[str]:
        early = [f"early {name}" for name in lookup.early]
        return ["__found", "__g", "__now", *self._states[lookup.states].types, *early]

    def _list_types(self, lookup: Lookup) -> list[str]:
        states = self._states[lookup.states]
        return [
            "BOOLEAN",
            states.group_type,
            self._row_types[0],
            *states.types.values(),
            *(states.types[n] for n in lookup.early),
        ]

    def _find_wanted(self, values: Sequence[Any]) -> dict[int, dict[str, Any]]:
        rows = self._execute("serve_first", values, self._row_types).to_pylist()
        return {row["__asked"]: row for row in rows}

    def _look_up(self, lookup: Lookup, wanted: Mapping[str, Any] | None) -> list[Any]:
        states, place, early, group, now = self._states[lookup.states], None, None, None, None
        if wanted is not None:
            group, now = wanted[f"__g{self._asked.index(lookup.asked)}"], wanted["__now"]
            place = states.find(group, wanted["__key"])
            if lookup.early:
                early = states.find(group, wanted["__lo"], before=True)
        return [place is not None, group, now, *states.take(place, states.types), *states.take(early, lookup.early)]

    def _read(self, name: str) -> States:
        relation = self._connection.execute(f"SELECT * FROM {quote(name)} ORDER BY __g, __key")
        types = {column[0]: str(column[1]) for column in relation.description}
        return States(relation.to_arrow_table(), types)

    def _write_first(self) -> str:
        """Write the statement that tells which groups are asked for."""
        branches = [
            f"SELECT {place} AS __asked, __c, __g AS __g{place}, __key, __lo, __now FROM ({sql})"
            for place, sql in enumerate(self._asked)
        ]
        last = " UNION ALL BY NAME ".join(branches)
        needed: list[Any] = []
        text = last
        for one in reversed(self._plan.statements):
            if quote(one.name) in text:
                needed.insert(0, one)
                text += one.sql
        return self._write(lambda one: one.sql, needed, last)

    def _write(self, sql_of: Callable[[Any], str], statements: Sequence[Any], last: str) -> str:
        parts = [f"{quote(one.name)} AS MATERIALIZED ({sql_of(one)})" for one in statements]
        return f", {', '.join(parts)} {last}" if parts else f" {last}"


def _write_parameters(names: Sequence[str], types: Sequence[str], *, after: int = 0) -> list[str]:
    """Write columns of a row whose values are parameters of a statement, numbered on from those before."""
    return [
        f"CAST(${place} AS {kind}) AS {quote(name)}"
        for place, (name, kind) in enumerate(zip(names, types, strict=True), start=after + 1)
    ]
