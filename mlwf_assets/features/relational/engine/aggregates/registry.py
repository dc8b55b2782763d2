"""The table of aggregations, and `Gather`: what a translation may use of the rows that it summarises.

An aggregation is two things: aggregates of SQL over the rows of a group (`Gather.take`), and an expression over them.
The
same translation serves both ways in which rows are gathered: by GROUP BY of the rows that each (cutoff, parent) sees,
and by windows over all events of a parent at once, where an aggregate is taken over a frame that ends with the cutoff.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mlwf_assets.features.relational.engine.layers import NotServed, Scope
from mlwf_assets.features.relational.engine.values import Value, quote


@dataclass
class Gather:
    """The rows of one parent at one cutoff, to be summarised.

    Args:
        row: quoted name of the row's number; also tells the order of rows.
        now: SQL of the cutoff, for the expression over the aggregates.
        scope: the rows, where they are gathered one by one (GROUP BY); None where they are taken from frames.
        events: the rows of all times, where they are taken from frames.
        growing: frames have no start: what was in the frame stays in it.
    """

    row: str
    now: str
    scope: Scope | None = None
    events: Scope | None = None
    growing: bool = True
    parts: dict[str, str] = field(default_factory=dict)

    def take(self, aggregate: str) -> str:
        """Take an aggregate; return its quoted name."""
        for name, sql in self.parts.items():
            if sql == aggregate:
                return name
        name = quote(f"part{len(self.parts) + 1}")
        self.parts[name] = aggregate
        return name

    def step(self, sql: str) -> str:
        """Compute something of each row before rows are summarised."""
        return self.rows().step(sql)

    def rows(self) -> Scope:
        """Give the rows one by one, in their order within the group."""
        if self.scope is None:
            raise NotServed("it looks at a group's rows one by one")
        return self.scope

    def growing_events(self) -> Scope:
        """Give the rows of all times, where what was seen once stays seen."""
        if self.events is None or not self.growing:
            raise NotServed("it needs frames that only grow")
        return self.events


Aggregate = Callable[[Any, list[Value], Gather], Value | list[Value]]

AGGREGATES: dict[str, Aggregate] = {}
# Translations for frames alone, where they differ.
FRAMED: dict[str, Aggregate] = {}
# Aggregations that neither see gaps nor the order of rows: a value may come late (secondary time index) without harm.
LATE: set[str] = set()


def aggregate(*names: str, late: bool = False) -> Callable[[Aggregate], Aggregate]:
    """Register a translation of one or several primitives."""

    def register(function: Aggregate) -> Aggregate:
        for name in names:
            AGGREGATES[name] = function
        if late:
            LATE.update(names)
        return function

    return register


def framed(*names: str) -> Callable[[Aggregate], Aggregate]:
    """Register a translation that holds in frames."""

    def register(function: Aggregate) -> Aggregate:
        for name in names:
            FRAMED[name] = function
        return function

    return register
