"""From the text of a YAML file to plain data, and the line on which each part of it stands.

Scalars are read as YAML 1.2 does: `no`, `on` and dates stay text, so do numbers with leading zeros; keys
are always text. Duplicate keys, tags and circular references are mistakes. What the data means is not known here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from mlwf_assets.spec.mistakes import Mistake, Place

_MAX_NODES = 200_000
_MAX_DEPTH = 50
_REMEDIES = {
    "cannot start any token": "; indent with spaces, and put text with special signs in quotes",
    "mapping values are not allowed": "; put text that holds ': ' in quotes, and indent what belongs together alike",
    "undefined alias": "; put text that begins with '*' in quotes",
    "expected a single document": "; leave '---' out",
}
_TAG = "tag:yaml.org,2002:"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # PyYAML has no types
    """SafeLoader with YAML 1.2's few implicit types; libyaml's where PyYAML has it, for it is ten times faster."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's form)


for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,2})?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("merge", r"<<", "<"),
):
    _firsts = [c if c != "\0" else "" for c in _first]
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(f"(?:{_pattern})$"), _firsts)


@dataclass
class Parsed:
    """What a YAML text says.

    Attributes:
        data: dicts, lists, str, int, float, bool and None; None when the text is no YAML.
        lines: place -> 1-based line of its key (in a mapping) or of its beginning (in a list).
        mistakes: what is wrong with the text itself.
    """

    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)


def parse_yaml(text: str) -> Parsed:
    r"""Read one YAML document.

    Example:
        >>> parsed = parse_yaml("name: flights\nsplit:\n  from: 2013-09-01\n  on: no\n")
        >>> parsed.data, parsed.lines["split", "on"]
        ({'name': 'flights', 'split': {'from': '2013-09-01', 'on': 'no'}}, 4)
    """
    parsed = Parsed(lines={(): 1})
    try:
        if _is_too_deep(text):
            _fail(parsed, 1, f"must be nested at most {_MAX_DEPTH} deep")
            return parsed
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as problem:
        _fail(parsed, *_explain(problem, text))
        return parsed
    except yaml.reader.ReaderError as problem:
        line = text.encode()[: problem.position].count(b"\n") + 1
        _fail(parsed, line, f"must be YAML, however: character #x{problem.character:04x} is not allowed in it")
        return parsed
    parsed.data = _Builder(parsed).build(node, (), ()) if node is not None else None
    return parsed


def _explain(problem: Any, text: str) -> tuple[int, str]:
    """Return the line of a mistake of form, and words for it."""
    last = text.rstrip().count("\n")
    line = min(problem.problem_mark.line, last) if problem.problem_mark else 0
    begun = problem.context_mark.line if problem.context and problem.context_mark else line
    words = " ".join(str(part) for part in (problem.context, problem.problem) if part)
    words += f" (begun in line {begun + 1})" if begun < line else ""
    remedy = next((remedy for sign, remedy in _REMEDIES.items() if sign in words), "")
    return line + 1, f"must be YAML, however: {words}{remedy}"


def _is_too_deep(text: str) -> bool:
    """Look before composing, which recurses (and in libyaml crashes)."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            return True
    return False


def _fail(parsed: Parsed, line: int, message: str) -> None:
    parsed.lines[()] = line
    parsed.mistakes.append(Mistake((), message))


class _Builder:
    """Turns nodes into data; counts them, for a small text can stand for endlessly many."""

    def __init__(self, parsed: Parsed) -> None:
        self._parsed = parsed
        self._count = 0

    def build(self, node: yaml.Node, place: Place, above: tuple[int, ...]) -> Any:
        self._count += 1
        self._parsed.lines.setdefault(place, node.start_mark.line + 1)
        if id(node) in above:
            return self._mistake(place, "must not contain itself; write it out instead of the alias")
        if len(place) > _MAX_DEPTH:
            return self._mistake(place[:_MAX_DEPTH], f"must be nested at most {_MAX_DEPTH} deep, aliases written out")
        if self._count > _MAX_NODES:
            if self._count == _MAX_NODES + 1:
                self._mistake(place, f"the file must hold at most {_MAX_NODES} entries, aliases written out")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        below = (*above, id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*place, i), below) for i, item in enumerate(node.value)]
        return self._mapping(node, place, below)

    def _mapping(self, node: Any, place: Place, above: tuple[int, ...]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == _TAG + "merge":
                merged |= self._merged(value, place, above)
                continue
            if not isinstance(key, yaml.ScalarNode):
                self._mistake(place, "a name must be one word of text, however: a list or a mapping")
                continue
            inner, line = (*place, key.value), key.start_mark.line + 1
            if key.value in data:
                first = self._parsed.lines[inner]
                self._parsed.lines[inner] = line
                self._mistake(inner, f"is written twice, first in line {first}; keep one of the two")
                continue
            self._parsed.lines[inner] = line
            data[key.value] = self.build(value, inner, above)
        return merged | data

    def _merged(self, node: Any, place: Place, above: tuple[int, ...]) -> dict[str, Any]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        data: dict[str, Any] = {}
        for part in reversed(parts):
            if not isinstance(part, yaml.MappingNode):
                self._mistake(place, "'<<' must be followed by an alias of a mapping, e.g. '<<: *common'")
                continue
            data |= self.build(part, place, above)
        return data

    def _scalar(self, node: Any, place: Place) -> Any:
        text, kind = str(node.value), node.tag.removeprefix(_TAG)
        try:
            if kind == "bool":
                return {"true": True, "false": False}[text.lower()]
            if kind in ("int", "float"):
                return int(text) if kind == "int" else float(text)
        except (KeyError, ValueError):
            return self._mistake(place, f"does not fit its tag !!{kind}, however: {text!r}; leave the tag out")
        if kind == "null":
            return None
        if kind not in ("str", "merge"):
            return self._mistake(place, f"tags are not served, however: {node.tag}; leave it out")
        return text

    def _mistake(self, place: Place, message: str) -> None:
        self._parsed.mistakes.append(Mistake(place, message))


def scalars(data: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Walk through all scalars of plain data, keys not included.

    Example:
        >>> list(scalars({"a": [1, {"b": "x"}]}))
        [(('a', 0), 1), (('a', 1, 'b'), 'x')]
    """
    if isinstance(data, dict):
        for key, value in data.items():
            yield from scalars(value, (*place, key))
    elif isinstance(data, list):
        for position, value in enumerate(data):
            yield from scalars(value, (*place, position))
    else:
        yield place, data
