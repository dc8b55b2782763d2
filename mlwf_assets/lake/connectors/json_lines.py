"""JSON lines: one object per line; numbers, booleans and text stay what they are, nested values become JSON text.

A column whose values are of several types becomes text, for nothing else holds all of them. Names are the
union over all lines, in the order in which they first appear; a name that a line does not have is null.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from mlwf_assets.errors import SourceError
from mlwf_assets.lake.connectors.parts import Part
from mlwf_assets.lake.connectors.stacking import stack

_BLOCK_ROWS = 1 << 16


def read_json_lines(part: Part) -> pa.Table:
    """Read all rows.

    Raises:
        SourceError: if a line is not a JSON object.
    """
    blocks, rows = [], []
    for row in _objects(part):
        rows.append(row)
        if len(rows) == _BLOCK_ROWS:
            blocks.append(to_table(rows))
            rows = []
    if rows or not blocks:
        blocks.append(to_table(rows))
    return stack(blocks)


def json_columns(part: Part) -> list[str]:
    """Return the names over all lines; each line may have others.

    Raises:
        SourceError: if a line is not a JSON object.
    """
    names: dict[str, None] = {}
    for row in _objects(part):
        names.update(dict.fromkeys(row))
    return list(names)


def to_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Make columns of mappings.

    Example:
        >>> to_table([{"a": 1, "b": [1, {"c": None}]}, {"a": 2.5}]).to_pydict()
        {'a': [1.0, 2.5], 'b': ['[1, {"c": null}]', None]}
        >>> to_table([{"a": 1}, {"a": "x"}, {"a": True}]).to_pydict()
        {'a': ['1', 'x', 'true']}
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: _to_column([row.get(name) for row in rows]) for name in names})


def _to_column(values: list[Any]) -> pa.Array:
    kinds = {type(value) for value in values} - {type(None)}
    try:
        if kinds <= {bool}:
            return pa.array(values, pa.bool_() if kinds else pa.null())
        if kinds == {int}:
            return pa.array(values, pa.int64())
        if kinds <= {int, float}:
            return pa.array(values, pa.float64())
    except (pa.ArrowInvalid, OverflowError):
        pass  # an integer that is too large for its type; as text it keeps its digits
    return pa.array(map(_to_text, values), pa.string())


def _to_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _objects(part: Part) -> Iterator[dict[str, Any]]:
    content = part.read()
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line.decode("utf-8-sig"))
        except ValueError as error:
            if content.lstrip()[:1] == b"[" or number == 1:
                error = ValueError(f"{error}; a list of objects is no JSON lines: write one object per line")
            raise SourceError(f"{part.place} line {number} must be a JSON object, however: {error}") from error
        if not isinstance(value, dict):
            raise SourceError(
                f'{part.place} line {number} must be a JSON object such as {{"name": 1}}, however it is '
                f"{type(value).__name__}; write one object per line"
            )
        yield value
