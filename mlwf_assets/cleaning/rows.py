"""What is done with judged rows: failing, removing duplicates, writing quarantine, counting.

Works on the DuckDB table `judged` that `clean.py` makes: the data columns, `_file`, `_row`, and columns of ours
(`stages.py` names them): the source's number, the row's position, when it became known, all that is wrong with it
or null, which rules it does not pass, and the first rule that drops it or null.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from mlwf_assets.cleaning.casting import quote
from mlwf_assets.cleaning.judging import rule_column
from mlwf_assets.cleaning.stages import DETAIL, DROPPED, NEXT, POSITION, REASON, SOURCE
from mlwf_assets.errors import DataError
from mlwf_assets.spec.mistakes import Place
from mlwf_assets.spec.tables import Rule

QUARANTINE = pa.schema(
    [
        ("_source", pa.string()),
        ("_file", pa.string()),
        ("_row", pa.int64()),
        ("_reason", pa.string()),
        ("_values", pa.string()),
    ]
)
_PASSED = f"{REASON} IS NULL AND {DROPPED} IS NULL"
_HIDDEN = ("_file", "_row")


def raise_failed(
    connection: duckdb.DuckDBPyConnection,
    rules: Sequence[Rule],
    columns: Sequence[str],
    *,
    where: str,
    place: Place,
    locate: Callable[[Place], str],
) -> None:
    """Stop where a `fail` rule does not hold for a row that is neither in quarantine nor dropped.

    Raises:
        DataError: naming the rule, how many rows break it, and the first three.
    """
    for number, rule in enumerate(rules):
        if rule.otherwise != "fail":
            continue
        condition = f"{rule_column(number)} AND {_PASSED}"
        broken = _count(connection, f"SELECT count(*) FROM judged WHERE {condition}")
        if not broken:
            continue
        shown = ", ".join(["_file", "_row", *map(quote, columns[:12])])
        first = connection.sql(f"SELECT {shown} FROM judged WHERE {condition} ORDER BY {POSITION} LIMIT 3")
        lines = [f"  {row['_file']}, row {row['_row']}: {_as_json(row)}" for row in first.to_arrow_table().to_pylist()]
        raise DataError(
            f"{locate((*place, number))}: the rule {rule.name!r} must hold for every row of {where}, however: {broken} "
            "break it; correct the source, or give the rule another 'otherwise'. The first ones:\n" + "\n".join(lines)
        )


def resolve_duplicates(
    connection: duckdb.DuckDBPyConnection, key: Sequence[str], columns: Sequence[str]
) -> tuple[int, int, list[str]]:
    """Make `kept`: one row per key, of the rows that are neither in quarantine nor dropped.

    Returns:
        How many rows were removed, how many of them say something else than the kept row, and the keys of the
        first five of the latter.
    """
    connection.execute(f"CREATE OR REPLACE TEMP VIEW passed AS SELECT * FROM judged WHERE {_PASSED}")
    by_key = ", ".join(map(quote, key))
    if not key or not connection.execute(f"SELECT 1 FROM passed GROUP BY {by_key} HAVING count(*) > 1").fetchone():
        connection.execute("CREATE OR REPLACE TEMP VIEW kept AS SELECT * FROM passed")
        return 0, 0, []
    trusted = f"{SOURCE}, _mlwf_known_at_0 DESC NULLS LAST, {POSITION} DESC"
    rank = f"row_number() OVER (PARTITION BY {by_key} ORDER BY {trusted})"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE ranked AS SELECT *, {rank} AS _mlwf_rank FROM passed")
    connection.execute("CREATE OR REPLACE TEMP VIEW kept AS SELECT * FROM ranked WHERE _mlwf_rank = 1")
    same = " AND ".join(f"lost.{quote(c)} = kept.{quote(c)}" for c in key)
    differs = " OR ".join(f"lost.{quote(c)} IS DISTINCT FROM kept.{quote(c)}" for c in columns)
    names = ", ".join(f"lost.{quote(c)}" for c in key)
    contradicting = connection.execute(
        f"SELECT concat_ws(' ', {names}) FROM ranked AS lost JOIN kept ON {same} "
        f"WHERE lost._mlwf_rank > 1 AND ({differs}) ORDER BY 1"
    ).fetchall()
    removed = _count(connection, "SELECT count(*) FROM ranked WHERE _mlwf_rank > 1")
    return removed, len(contradicting), [text for (text,) in contradicting[:5]]


def quarantine_rows(
    connection: duckdb.DuckDBPyConnection, raws: Mapping[str, pa.Table]
) -> tuple[pa.Table, dict[str, int]]:
    """Return the rows that broke the contract or a rule, as they came, and how many rows have each reason.

    Args:
        raws: the raw rows by source, in the order in which they were read.
    """
    found = connection.execute(
        f"SELECT {SOURCE}, {POSITION}, {REASON} FROM judged WHERE {REASON} IS NOT NULL ORDER BY {POSITION}"
    ).fetchall()
    counted: dict[str, int] = {}
    for _, _, text in found:
        for reason in text.split(NEXT):
            kind = reason.split(DETAIL)[0]
            counted[kind] = counted.get(kind, 0) + 1
    parts, start = [], 0
    for number, (source, raw) in enumerate(raws.items()):
        own = [(position - start, text) for place, position, text in found if place == number]
        positions = pa.array([position for position, _ in own], pa.int64())
        parts.append(_quarantine_of(source, raw.take(positions), [text for _, text in own]))
        start += raw.num_rows
    return pa.concat_tables(parts), dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _quarantine_of(source: str, rows: pa.Table, reasons: Sequence[str]) -> pa.Table:
    readable = [text.replace(DETAIL, "").replace(NEXT, "; ") for text in reasons]
    values = [_as_json(row) for row in rows.to_pylist()]
    texts = [pa.array(column, pa.string()) for column in ([source] * rows.num_rows, readable, values)]
    columns = [texts[0], rows["_file"], rows["_row"], texts[1], texts[2]]
    return pa.table(columns, names=QUARANTINE.names).cast(QUARANTINE)


def count_rules(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> dict[str, dict[str, int]]:
    """Count the rows that each rule dropped, set to null or noted; rows in quarantine are not among them."""
    counts: dict[str, dict[str, int]] = {"dropped": {}, "nulled": {}, "noted": {}}
    groups = {"drop": "dropped", "null": "nulled", "note": "noted"}
    wanted = [(i, rule) for i, rule in enumerate(rules) if rule.otherwise in groups]
    if not wanted:
        return counts
    parts = [
        f"count(*) FILTER ({REASON} IS NULL AND {DROPPED} = {i})"
        if rule.otherwise == "drop"
        else f"count(*) FILTER ({rule_column(i)} AND {_PASSED})"
        for i, rule in wanted
    ]
    numbers = connection.execute(f"SELECT {', '.join(parts)} FROM judged").fetchone() or ()
    for (_, rule), rows in zip(wanted, numbers, strict=True):
        counts[groups[rule.otherwise]][rule.name] = int(rows)
    return counts


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _as_json(row: Mapping[str, Any]) -> str:
    values = {name: value for name, value in row.items() if name not in _HIDDEN}
    return json.dumps(values, default=str, ensure_ascii=False)
