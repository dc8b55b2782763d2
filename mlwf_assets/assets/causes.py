"""Why a result is not fresh: what changed, and the way from there to the result."""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mlwf_assets.lake.result import Entry

_WORDS = {
    "code": "its code, or a library that it uses, changed",
    "settings": "its part of the workflow file changed",
}
_SHOWN = 3
# More are not followed: a result may have thousands.
KEPT = _SHOWN + 1


class Cause(NamedTuple):
    """One reason, and the results on the way from it.

    Attributes:
        name: the asset in which the cause lies.
        partition: its partition.
        words: what is the matter with it.
        way: the results that are stale because of it, in order.
    """

    name: str
    partition: str | None
    words: str
    way: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The result in which the cause lies."""
        return _named(self.name, self.partition)

    def __str__(self) -> str:
        """Write the cause and the way as people read them.

        Example:
            >>> str(Cause("clean/flights", "2013-03", "its code changed", ("datasets/examples 2013-03",)))
            'clean/flights 2013-03: its code changed → datasets/examples 2013-03'
        """
        return " → ".join([f"{self.place}: {self.words}", *self.way])


def later(causes: Sequence[Cause], name: str, partition: str | None) -> tuple[Cause, ...]:
    """Follow causes to a result that is stale because of them, so that what reads it knows the way.

    Example:
        >>> [str(cause) for cause in later([Cause("raw/a", None, "changed")], "clean/a", None)]
        ['raw/a: changed → clean/a']
    """
    here = _named(name, partition)
    return tuple(one if one.place == here else one._replace(way=(*one.way, here)) for one in causes)


def shorten(causes: Sequence[Cause]) -> list[str]:
    """Write the first few of many causes.

    Example:
        >>> shorten([Cause("raw/a", f"2013-0{n}", "changed") for n in range(1, 6)])[-2:]
        ['raw/a 2013-03: changed', 'and others']
    """
    return [*map(str, causes[:_SHOWN]), *(["and others"] if len(causes) > _SHOWN else [])]


def changes(
    entry: Entry | None, parts: Mapping[str, str], sources: Mapping[str, Sequence[Entry]], *, outside: str
) -> list[str]:
    """Say in words which parts of a recipe are not those that a result was made from.

    Args:
        entry: the result as it stands.
        parts: of the recipe that it should have.
        sources: its inputs as they stand.
        outside: what is read from outside the lake, in words.
    """
    before = entry.made_from if entry is not None else {}
    changed = [name for name in parts if before.get(name) != parts[name]]
    gone = [f"it does not read {name} any more" for name in before if name not in parts]
    if not entry or not before or not (changed or gone):
        return ["it was made by another recipe"]
    words = {**_WORDS, "outside": f"{outside} changed"}
    return [words.get(name) or _of_input(name, sources[name], entry) for name in changed] + gone


def _of_input(name: str, found: Sequence[Entry], entry: Entry) -> str:
    newer = [one for one in found if one.created_s > entry.created_s]
    if not newer:
        return f"other partitions of {name} than before are read" if len(found) > 1 else f"{name} is another one"
    last = max(newer, key=lambda one: one.created_s)
    which = _named(name, last.partition) if len(newer) == 1 else f"{name} ({len(newer)} partitions)"
    return f"{which} changed {ago(time.time() - last.created_s)}"


def ago(seconds: float) -> str:
    """Say how long ago something was.

    Example:
        >>> ago(12), ago(250), ago(9000), ago(200000)
        ('12 s ago', '4 min ago', '2 h ago', '2 days ago')
    """
    for unit, size in (("days", 2 * 86400), ("h", 5400), ("min", 100)):
        if seconds >= size:
            return f"{seconds / {'days': 86400, 'h': 3600, 'min': 60}[unit]:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"


def _named(name: str, partition: str | None) -> str:
    return f"{name} {partition}" if partition else name
