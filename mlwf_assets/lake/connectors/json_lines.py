"""JSON lines: one object per line; numbers, booleans and text stay what they are, nested values become JSON text.

A column whose values are of several types becomes text, for nothing else holds all of them. Names are the
union over all lines, in the order in which they first appear; a name that a line does not have is null. Arrow reads
what it reads without loss; all else is read line by line, and only there is a mistake found.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from pyarrow import json as arrow_json

from mlwf_assets.errors import SourceError
from mlwf_assets.lake.connectors.parts import Part
from mlwf_assets.lake.connectors.stacking import stack

_BLOCK_ROWS = 1 << 16
_BLOCK_BYTES = 1 << 24
_MOST_EXACT = 1 << 53  # above it, not every integer is a float


def read_json_lines(part: Part) -> pa.Table:
    """Read all rows.

    Raises:
        SourceError: if a line is not a JSON object.
    """
    content = part.read()
    if (table := _read_with_arrow(content)) is not None:
        return table
    blocks, rows = [], []
    for row in _objects(content, part.place):
        rows.append(row)
        if len(rows) == _BLOCK_ROWS:
            blocks.append(to_table(rows))
            rows = []
    return stack([*blocks, to_table(rows)])


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


def _read_with_arrow(content: bytes) -> pa.Table | None:
    """Read flat objects fast; None where Arrow fails, or where it could change a value."""
    try:
        content.decode()  # Arrow does not look
        table = _parse(content, pa.schema([]))
        # What looks like a time to Arrow is text in JSON.
        times = [field.name for field in table.schema if pt.is_timestamp(field.type)]
        if times:
            names = table.column_names
            table = _parse(content, pa.schema([(name, pa.string()) for name in times])).select(names)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    one_line_each = table.num_rows == content.count(b"\n") + (not content.endswith(b"\n"))
    return table if one_line_each and all(map(_is_exact, table.itercolumns())) else None


def _parse(content: bytes, schema: pa.Schema) -> pa.Table:
    return arrow_json.read_json(
        pa.BufferReader(content),
        # By threads, the order of columns could be another one each time.
        read_options=arrow_json.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
        parse_options=arrow_json.ParseOptions(explicit_schema=schema),
    )


def _is_exact(column: pa.ChunkedArray) -> bool:
    if pt.is_floating(column.type):
        return not pc.any(pc.greater_equal(pc.abs(column), _MOST_EXACT)).as_py()
    return not pt.is_nested(column.type)


def _to_column(values: list[Any]) -> pa.Array:
    kinds = {type(value) for value in values} - {type(None)}
    try:
        if kinds <= {bool}:
            return pa.array(values, pa.bool_() if kinds else pa.null())
        if kinds == {str}:
            return pa.array(values, pa.string())
        if kinds == {int}:
            return pa.array(values, pa.int64())
        if kinds <= {int, float}:
            return pa.array(values, pa.float64())
    except (pa.ArrowInvalid, OverflowError):
        pass  # an integer that its type does not hold; as text it keeps its digits
    return pa.array([_to_text(value) for value in values], pa.string())


def _to_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _objects(content: bytes, place: str) -> Iterator[dict[str, Any]]:
    number = 0
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            if b"\\u" in line:  # half of a surrogate pair is JSON, but no text
                json.dumps(value, ensure_ascii=False).encode()
        except ValueError as error:
            # Of a list or an object that spans lines, the first line alone is no JSON.
            hint = "write one object per line (jq -c '.[]' makes them of a list)" if number == 1 else "mend the line"
            raise SourceError(f"{place} line {number} must be a JSON object, however: {error}; {hint}") from error
        if not isinstance(value, dict):
            raise SourceError(
                f'{place} line {number} must be a JSON object such as {{"name": 1}}, however it is a '
                f"{type(value).__name__}; write one object per line"
            )
        yield value
