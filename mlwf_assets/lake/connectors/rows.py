"""Rows that stand in the workflow file itself: a few that a source lacks, or a small table of one's own."""

import json
from typing import Any

import pyarrow as pa

from mlwf_assets.errors import SpecError
from mlwf_assets.lake.columns import storable
from mlwf_assets.lake.connectors.json_lines import to_table
from mlwf_assets.lake.connectors.types import found_types
from mlwf_assets.lake.fingerprint import hash_json
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.sources import RowsSource

_FILE = "defs.yaml"


def rows_fingerprint(source: RowsSource) -> str:
    """Name the rows.

    Example:
        >>> rows_fingerprint(RowsSource(rows=[{"a": 1}])) == rows_fingerprint(RowsSource(rows=[{"a": 1.5}]))
        False
    """
    return hash_json(source.model_dump(mode="json"))


def rows_columns(source: RowsSource) -> list[str]:
    """Return the names over all rows, in the order of their first appearance.

    Example:
        >>> rows_columns(RowsSource(rows=[{"a": 1}, {"b": 2}]))
        ['a', 'b']
    """
    return list(dict.fromkeys(name for row in source.rows for name in row))


def read_rows(source: RowsSource) -> Result:
    """Make a table of the rows; types are told from the values.

    Raises:
        SpecError: if the rows have no columns, or one has a name of ours.
    Example:
        >>> read_rows(RowsSource(rows=[{"a": 1}, {"a": None, "b": "x"}])).table.to_pydict()
        {'a': [1, None], 'b': [None, 'x'], '_file': ['defs.yaml', 'defs.yaml'], '_row': [0, 1]}
    """
    names = rows_columns(source)
    if not names or {"_file", "_row"} & set(names):
        raise SpecError(f"rows must have columns, and none called _file or _row, however: {names}")
    plain: list[dict[str, Any]] = source.model_dump(mode="json")["rows"]
    table = to_table(plain)
    types = found_types(table, is_text=False)
    table = table.append_column("_file", pa.array([_FILE] * table.num_rows, pa.string()))
    table = table.append_column("_row", pa.array(range(table.num_rows), pa.int64()))
    files = {"types.json": json.dumps(types, indent=1).encode()}
    return Result(storable(table), files, {}, ("_file", "_row"), types)
