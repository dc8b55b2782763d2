"""Windows over what only adds up: what was seen at the cutoff, less what was seen before the window began.

A count, a sum and a mean need no frame of their own then, but two as-of joins with running states that windows share.
Whole numbers come out exactly; other sums lose what their group's whole sum cannot hold. An infinite value would never
leave, so this serves columns alone that have none.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mlwf_assets.features.relational.engine import translate
from mlwf_assets.features.relational.engine.aggregates import Gather
from mlwf_assets.features.relational.engine.layers import NotServed
from mlwf_assets.features.relational.engine.lookups import Lookup
from mlwf_assets.features.relational.engine.tables import ROW
from mlwf_assets.features.relational.engine.values import Value, quote

_ADDITIVE = re.compile(r"(COUNT|SUM|AVG)\((?!DISTINCT)(.*)\)", re.DOTALL)


@dataclass
class _Difference(Gather):
    """Takes aggregates as differences of running ones."""

    whole: Gather = field(kw_only=True)
    used: dict[str, None] = field(default_factory=dict)

    def take(self, aggregate: str) -> str:
        """Take an aggregate over the window; return its SQL.

        Raises:
            NotServed: if it does not add up.
        """
        match = _ADDITIVE.fullmatch(aggregate)
        if match is None:
            raise NotServed("it does not add up")
        count = self._less(f"COUNT({match[2]})")
        if match[1] == "COUNT":
            return count
        total = f"CASE WHEN {count} > 0 THEN {self._less(f'SUM({match[2]})')} END"
        return total if match[1] == "SUM" else f"({total} / {count})"

    def _less(self, aggregate: str) -> str:
        name = self.whole.take(aggregate).strip('"')
        self.used[name] = None
        return f"({quote(name)} - COALESCE({quote(f'early {name}')}, 0))"


@dataclass
class Differences:
    """Aggregations over a window, from the running states of the same events.

    Args:
        name: what the statement is called.
        states: the name of the relation with the running states.
        whole: takes what the states must have.
        take_input: makes a column of the events for an input.
        write_asked: writes which cutoffs and groups are asked for, and where their windows begin.
    """

    name: str
    states: str
    whole: Gather
    take_input: Callable[[str, Value], str]
    write_asked: Callable[[str, str], str]
    results: dict[str, list[Value]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.gather = _Difference(row=ROW, now="__now", whole=self.whole)
        self._some = self.gather.take(f"COUNT({ROW})")

    def add(self, feature: Any, args: list[tuple[str, Value]]) -> None:
        """Add an aggregation of these columns.

        Raises:
            NotServed: if it does not add up.
        """
        inputs = [value.at(self.take_input(name, value)) for name, value in args]
        self.results[feature.unique_name()] = translate.aggregate(feature.primitive, inputs, self.gather)

    def look_up(self, rows: str, key: str) -> Lookup:
        """Say how the same is found for one row."""
        return Lookup(
            self.states,
            self.write_asked(rows, key),
            self._write_results(),
            tuple(self.gather.used),
            f"{self._some} > 0",
        )

    def _write_results(self) -> str:
        results = [one for values in self.results.values() for one in values]
        return ", ".join(f"{one.sql} AS {quote(f'result{place}')}" for place, one in enumerate(results))

    def write(self, rows: str, key: str) -> str:
        """Write the statement that summarises, for each row of a relation, the events of its window."""
        made = self._write_results()
        now = ", ".join(f"states.{quote(name)}" for name in self.gather.used)
        early = ", ".join(f"states.{quote(name)} AS {quote(f'early {name}')}" for name in self.gather.used)
        return (
            f"WITH asked AS ({self.write_asked(rows, key)}), "
            f"states AS (SELECT * FROM {quote(self.states)} AS e SEMI JOIN asked ON e.__g = asked.__g), "
            f"seen AS (SELECT asked.*, {now} FROM asked ASOF JOIN states "
            f"ON asked.__g = states.__g AND asked.__key >= states.__key), "
            f"both_ends AS (SELECT seen.*, {early} FROM seen ASOF LEFT JOIN states "
            f"ON seen.__g = states.__g AND seen.__lo > states.__key) "
            f"SELECT __c, __g, {made} FROM both_ends WHERE {self._some} > 0"
        )
