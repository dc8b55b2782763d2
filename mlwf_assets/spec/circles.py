"""Circles: in relationships and in lookups a table must not lead back to itself."""

from collections.abc import Mapping


def find_circle(edges: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return the names of a circle, the first one again at its end; empty when there is none.

    Example:
        >>> find_circle({"a": {"b": 0}, "b": {"a": 1}})
        ['a', 'b', 'a']
    """
    finished: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in finished:
            return []
        for target in edges.get(name, {}):
            if circle := walk(target, [*path, name]):
                return circle
        finished.add(name)
        return []

    for start in edges:
        if circle := walk(start, []):
            return circle
    return []
