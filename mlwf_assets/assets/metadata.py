"""What a person sees of a result in the UI: rows, schema, preview, fingerprint, seconds, links.

`for_lake` makes the JSON that is kept beside a result, so that a reused result shows the same as a computed
one; `for_dagster` turns an entry of the lake into Dagster's metadata.
"""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pyarrow as pa

from mlwf_assets.lake.result import Entry, Result

_PREVIEW_ROWS = 5
_PREVIEW_COLUMNS = 10
_CELL_CHARACTERS = 40
_PRIVATE = ("checks", "schema", "preview")
_OURS = {
    "_file": "the file that the row came from",
    "_row": "the row's position in its file, from 0",
    "_row_id": "the row's file and position",
    "_time": "the time that puts the row into its partition",
    "_known_at": "when the row can be seen",
    "_reason": "what is wrong with the row",
    "_values": "the row as it came",
    "cutoff": "when the prediction is made; nothing known later is used",
    "label": "what happened, to be predicted",
    "process_today": "what today's process says",
    "split": "train, validation or test",
    "time": "the time that the example belongs to",
    "_group": "what a split keeps together",
}


def for_lake(result: Result, columns: Mapping[str, str]) -> dict[str, Any]:
    """Add schema and preview to a result's own metadata (JSON values).

    Args:
        result: of a step.
        columns: what columns say, in words; features say it themselves, in features.json.
    """
    features = json.loads(result.files.get("features.json", b"[]"))
    words = {**_OURS, **columns, **{feature["name"]: feature.get("words", "") for feature in features}}
    schema = [
        {"name": field.name, "type": str(field.type), "description": words.get(field.name, "")}
        for field in result.table.schema
    ]
    return {**result.metadata, "schema": schema, "preview": preview(result.table)}


def preview(table: pa.Table) -> str:
    """Show the first rows as a Markdown table.

    Example:
        >>> print(preview(pa.table({"a": [1, 2]})))
        | a |
        |---|
        | 1 |
        | 2 |
    """
    columns = table.column_names[:_PREVIEW_COLUMNS]
    rows = table.select(columns).slice(0, _PREVIEW_ROWS).to_pylist()
    lines = [[_cell(row[column]) for column in columns] for row in rows]
    head = [_cell(column) for column in columns]
    more = len(table.column_names) - len(columns)
    text = "\n".join(f"| {' | '.join(line)} |" for line in [head, *lines])
    first, _, rest = text.partition("\n")
    ruled = "\n".join(part for part in (first, "|" + "---|" * len(columns), rest) if part)
    return f"{ruled}\n\n... and {more} more columns" if more > 0 else ruled


def _cell(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    text = f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
    text = text.replace("|", "\\|").replace("\n", " ")
    return text if len(text) <= _CELL_CHARACTERS else text[: _CELL_CHARACTERS - 1] + "…"


def for_dagster(entry: Entry, *, reused: bool, uri: str, links: Mapping[str, str]) -> dict[str, Any]:
    """Describe an entry of the lake in Dagster's metadata.

    Args:
        entry: what stands in the lake.
        reused: whether it stood there before.
        uri: of its table.
        links: file -> its page.
    """
    own = {name: _value(value) for name, value in entry.metadata.items() if name not in _PRIVATE}
    columns = [
        dg.TableColumn(column["name"], column["type"], column["description"] or None)
        for column in entry.metadata.get("schema", ())
    ]
    return {
        "status": "reused" if reused else "computed",
        **{file: dg.MetadataValue.url(link) for file, link in links.items()},
        **own,
        "dagster/row_count": entry.rows,
        "seconds": round(entry.seconds, 3),
        "preview": dg.MarkdownMetadataValue(entry.metadata.get("preview", "")),
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "fingerprint": entry.fingerprint,
        "recipe": entry.recipe,
        "lake version": entry.version,
        "computed by run": dg.DagsterRunMetadataValue(entry.run_id) if entry.run_id else "",
        "dagster/uri": uri,
    }


def _value(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(("http://", "https://", "/")):
        return dg.MetadataValue.url(value)
    if isinstance(value, str) and ("\n" in value or value.startswith("![")):
        return dg.MarkdownMetadataValue(value)
    if isinstance(value, dict | list):
        return dg.JsonMetadataValue(value)
    return value
