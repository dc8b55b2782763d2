"""Text columns that would be numbers or dates but for a few values: a slip in the data that costs a feature.

One value that is no number makes a column text (`types.py`), and nothing else says so. Here such columns are found
with their odd values; nothing is read in another way for it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.types as pt

from mlwf_assets.lake import duck
from mlwf_assets.lake.connectors.types import value_tests
from mlwf_assets.spec.tables import ColumnType

_TYPES: tuple[ColumnType, ...] = ("integer", "number", "date", "timestamp")
_PROBED, _MOST = 200, 0.5
_MOST_ODD = 0.1
_SHOWN, _CHARACTERS = 3, 30


def almost_typed(table: pa.Table, types: Mapping[str, ColumnType], *, decimal: str = ".") -> dict[str, dict[str, Any]]:
    """Count, for text columns of which most values read as another type, those that do not.

    Args:
        table: rows of a source, or of a part of it; where all columns are text, text may be numbers.
        types: the types found in the whole source.
        decimal: the decimal sign of numbers that came as text.
    Returns:
        Column -> `type`, `values` (that are not empty), `odd` (of them, not of the type), `examples` of the odd ones.
    Example:
        >>> rows = pa.table({"km": ["1", "2", "3", "4 km"], "name": ["a", "b", "c", "d"]})
        >>> almost_typed(rows, {"km": "string", "name": "string"})
        {'km': {'type': 'integer', 'values': 4, 'odd': 1, 'examples': ['4 km']}}
    """
    columns = [name for name in table.column_names if name not in ("_file", "_row")]
    is_text = all(pt.is_string(table.schema.field(name).type) for name in columns)
    tests = {kind: test for kind, test in value_tests(is_text=is_text, decimal=decimal).items() if kind in _TYPES}
    found = {}
    with duck.connect() as connection:
        for name in columns:
            if types.get(name) == "string" and pt.is_string(table.schema.field(name).type):
                connection.register("raw", table.select([name]).rename_columns(["v"]))
                connection.execute("CREATE OR REPLACE TEMP VIEW filled AS SELECT trim(v) AS v FROM raw WHERE v <> ''")
                if (kind := _probe(connection, tests)) is not None:
                    found[name] = _count(connection, kind, tests[kind])
    return found


def _probe(connection: duckdb.DuckDBPyConnection, tests: Mapping[ColumnType, str]) -> ColumnType | None:
    """The type that fits most of some values, and of equals the narrowest; None where it does not fit most."""
    shares = ", ".join(f"avg(coalesce({test}, false)::INT)" for test in tests.values())
    told = connection.execute(f"SELECT {shares} FROM (SELECT v FROM filled LIMIT {_PROBED})").fetchone() or ()
    shares_of = {kind: share or 0.0 for kind, share in zip(tests, told, strict=True)}
    best = max(shares_of, key=lambda kind: shares_of[kind])
    return best if shares_of[best] > _MOST else None


def _count(connection: duckdb.DuckDBPyConnection, kind: ColumnType, test: str) -> dict[str, Any]:
    odd = f"NOT coalesce({test}, false)"
    counts = connection.execute(f"SELECT count(*), count(*) FILTER ({odd}) FROM filled").fetchone() or (0, 0)
    shown = connection.execute(f"SELECT DISTINCT v FROM filled WHERE {odd} ORDER BY v LIMIT {_SHOWN}").fetchall()
    examples = [text[:_CHARACTERS] for (text,) in shown]
    return {"type": kind, "values": counts[0], "odd": counts[1], "examples": examples}


def join_almost(parts: Iterable[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Put what was found in the parts of a source together; keep columns of which at most a tenth is odd.

    Example:
        >>> part = {"km": {"type": "integer", "values": 60, "odd": 1, "examples": ["4 km"]}}
        >>> join_almost([part, part])
        {'km': {'type': 'integer', 'values': 120, 'odd': 2, 'examples': ['4 km']}}
    """
    joined: dict[str, dict[str, Any]] = {}
    for name, one in _all(parts):
        before = joined.setdefault(name, {"type": one["type"], "values": 0, "odd": 0, "examples": []})
        # A whole number is a number: the wider type holds for all.
        kinds = (before["type"], one["type"])
        joined[name] = {
            "type": kinds[0] if kinds[0] == kinds[1] else "number" if "number" in kinds else kinds[-1],
            "values": before["values"] + one["values"],
            "odd": before["odd"] + one["odd"],
            "examples": list(dict.fromkeys([*before["examples"], *one["examples"]]))[:_SHOWN],
        }
    return {name: one for name, one in joined.items() if 0 < one["odd"] <= _MOST_ODD * one["values"]}


def _all(parts: Iterable[Mapping[str, Mapping[str, Any]]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for part in parts:
        yield from part.items()
