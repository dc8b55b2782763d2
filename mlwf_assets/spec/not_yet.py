"""The one list of fields that the workflow file knows and this release does not serve.

They are refused, never ignored. Whoever serves one of them takes its line out of the list.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from mlwf_assets.spec.mistakes import Mistake, Place


class NotYet(NamedTuple):
    """A field ('*' stands for any name), and what to do instead."""

    pattern: tuple[str, ...]
    instead: str


NOT_YET = (NotYet(("entities",), "make the entity a table of its own, with a source of its own, and relate to it"),)


def check_not_yet(attributes: Any) -> Iterator[Mistake]:
    """Find the fields that are written although nothing serves them.

    Example:
        >>> [m.message for m in check_not_yet({"entities": {"line": {"table": "trips"}}})]
        ['not yet; make the entity a table of its own, with a source of its own, and relate to it']
    """
    for item in NOT_YET:
        for place, value in _matches(attributes, item.pattern, ()):
            if value not in (None, "", [], {}):
                yield Mistake(place, f"not yet; {item.instead}")


def _matches(data: Any, pattern: tuple[str, ...], place: Place) -> Iterator[tuple[Place, Any]]:
    if not pattern:
        yield place, data
    elif isinstance(data, dict):
        for key in data if pattern[0] == "*" else [pattern[0]]:
            if key in data:
                yield from _matches(data[key], pattern[1:], (*place, key))
