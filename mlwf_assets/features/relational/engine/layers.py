"""A relation that grows column by column: each layer is one SELECT over the one below.

`Layers` writes the SELECTs, `Scope` is what a primitive's translation may use while it makes a column: partition,
order,
the time of the calculation, and steps in between. What a primitive means stands in `transforms` and `aggregates`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from mlwf_assets.features.relational.engine.values import quote

# Stands for the layer below until it has its name.
_BELOW = "__below__"
_NAMES = re.compile(r'"(?:[^"]|"")*"')


class NotServed(Exception):  # noqa: N818 - it is a message between the parts of the engine, not a user's error
    """What a translation raises where SQL cannot give featuretools' value: then featuretools computes the feature."""


@dataclass
class Layers:
    """SELECT over SELECT.

    Args:
        source: what the first layer reads: a relation's name or a statement in parentheses.
        taken: names that columns may not have.
    """

    source: str
    taken: set[str] = field(default_factory=set)
    _done: list[str] = field(default_factory=list)
    _open: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, sql: str) -> str:
        """Add a column; return its quoted name, which differs from all others by more than capitals."""
        if self._open and self._open.keys() & set(_NAMES.findall(sql)):
            self._close()
        free, number = name, 1
        while free.lower() in self.taken:
            number += 1
            free = f"{name} #{number}"
        self.taken.add(free.lower())
        self._open[quote(free)] = sql
        return quote(free)

    def step(self, sql: str) -> str:
        """Add a column that is needed on the way."""
        return self.add("step", sql)

    def join(self, relation: str, condition: str, columns: Sequence[tuple[str, str]]) -> list[str]:
        """Left join a relation; return the quoted names of its columns here.

        Args:
            relation: a relation's name or a statement in parentheses; `other` within the condition and the columns,
                where `this` is this relation.
            condition: when a row of it belongs to a row of this.
            columns: name here and expression.
        """
        self._close()
        names = []
        chosen = []
        for name, sql in columns:
            self._open = {}
            quoted = self.add(name, sql)
            names.append(quoted)
            chosen.append(f"{sql} AS {quoted}")
        self._open = {}
        self._done.append(
            f"SELECT this.*, {', '.join(chosen)} FROM {_BELOW} AS this LEFT JOIN {relation} AS other ON {condition}"
        )
        return names

    def select(self, columns: str = "*", condition: str = "") -> str:
        """Write the whole statement."""
        self._close()
        parts, below = [], self.source
        for number, text in enumerate(self._done):
            parts.append(f"layer{number} AS ({text.replace(_BELOW, below)})")
            below = f"layer{number}"
        last = f"SELECT {columns} FROM {below}" + (f" WHERE {condition}" if condition else "")
        return f"WITH {', '.join(parts)} {last}" if parts else last

    def _close(self) -> None:
        if self._open:
            columns = ", ".join(f"{sql} AS {name}" for name, sql in self._open.items())
            self._done.append(f"SELECT *, {columns} FROM {_BELOW}")
            self._open = {}


@dataclass
class Scope:
    """What a translation sees of the relation in which it makes a column.

    Args:
        layers: the relation.
        partition: quoted columns within which rows belong together.
        time: SQL of the time of the calculation; None where a value may not depend on it.
        backwards: whether a value may depend on rows before it (their order being that of time), though not after it.
        whole: whether a value may depend on any other row of the partition.
    """

    layers: Layers
    partition: tuple[str, ...] = ()
    time: str | None = None
    backwards: bool = True
    whole: bool = True
    order: str = "__row"

    def step(self, sql: str) -> str:
        """Compute something in between; return its name."""
        return self.layers.step(sql)

    def now(self) -> str:
        """Give the time of the calculation."""
        if self.time is None:
            raise NotServed("its value changes with the time of the calculation")
        return self.time

    def before(self, frame: str = "", *, by: Sequence[str] = ()) -> str:
        """Write a window over the rows up to this one, in their order."""
        if not self.backwards:
            raise NotServed("its value depends on the rows before it")
        return self._window(frame, by)

    def around(self, frame: str = "", *, by: Sequence[str] = ()) -> str:
        """Write a window over all rows, in their order."""
        self.needs_all()
        return self._window(frame, by)

    def all_rows(self, *, by: Sequence[str] = ()) -> str:
        """Write a window over all rows at once."""
        self.needs_all()
        columns = [*self.partition, *by]
        return f"(PARTITION BY {', '.join(columns)})" if columns else "()"

    def needs_all(self) -> None:
        """Say that a value depends on all rows of the partition."""
        if not self.whole:
            raise NotServed("its value depends on rows after it")

    def _window(self, frame: str, by: Sequence[str]) -> str:
        columns = [*self.partition, *by]
        partition = f"PARTITION BY {', '.join(columns)} " if columns else ""
        return f"({partition}ORDER BY {self.order} {frame})".replace(" )", ")")
