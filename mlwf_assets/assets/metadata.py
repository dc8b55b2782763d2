"""What a person sees of a result in the UI: rows, schema, preview, fingerprint, seconds, links.

`for_lake` makes the JSON that is kept beside a result, so that a reused result shows the same as a computed
one; `for_dagster` turns an entry of the lake into Dagster's metadata.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from mlwf_assets.assets.markdown import as_table
from mlwf_assets.evaluation.report.draw import as_markdown, columns
from mlwf_assets.lake.result import Entry, Result

_PREVIEW_ROWS = 5
_PREVIEW_COLUMNS = 10
_PLOT_PARTITIONS = 60
_CELL_CHARACTERS = 40
_MOST_ORIGINS = 6
_PRIVATE = ("checks", "schema", "preview", "lineage")
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
_PREFIXES = {
    "_known_at_": "when the outcomes of this group can be seen",
    "probability_": "how probable the class is, by the model",
}


def for_lake(result: Result, words: Mapping[str, str]) -> dict[str, Any]:
    """Add schema and preview to a result's own metadata (JSON values).

    Args:
        result: of a step.
        words: what columns say; features say it themselves, in features.json.
    """
    features = json.loads(result.files.get("features.json", b"[]"))
    known = {**_OURS, **words, **{feature["name"]: feature.get("words", "") for feature in features}}
    schema = [
        {"name": field.name, "type": str(field.type), "description": _say(field.name, known)}
        for field in result.table.schema
    ]
    return {**result.metadata, "schema": schema, "preview": preview(result.table)}


def _say(name: str, known: Mapping[str, str]) -> str:
    of_kind = next((words for prefix, words in _PREFIXES.items() if name.startswith(prefix)), "")
    return known.get(name, of_kind)


def preview(table: pa.Table) -> str:
    """Show the first rows as a Markdown table.

    Example:
        >>> print(preview(pa.table({"a": [1, 2]})))
        | a |
        |---|
        | 1 |
        | 2 |
    """
    names = table.column_names[:_PREVIEW_COLUMNS]
    rows = table.select(names).slice(0, _PREVIEW_ROWS).to_pylist()
    shown = as_table([_cell(name) for name in names], [[_cell(row[name]) for name in names] for row in rows])
    more = len(table.column_names) - len(names)
    return f"{shown}\n\n... and {more} more columns" if more > 0 else shown


def rows_by_partition(entries: Sequence[Entry]) -> str:
    """Draw the rows of a table's partitions, the latest ones, as an image in Markdown; "" where there are none.

    Args:
        entries: what the table holds, in order.
    """
    shown = [entry for entry in entries if entry.partition is not None][-_PLOT_PARTITIONS:]
    if not shown:
        return ""
    words = f"rows by partition, {shown[0].partition} to {shown[-1].partition}"
    titles = [f"{entry.partition}: {entry.rows:,} rows" for entry in shown]
    return as_markdown(columns([entry.rows for entry in shown], label=words, titles=titles, width=420), words)


def _cell(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    text = f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
    return text if len(text) <= _CELL_CHARACTERS else text[: _CELL_CHARACTERS - 1] + "…"


def for_dagster(entry: Entry, *, reused: bool, uri: str, links: Mapping[str, str], plot: str = "") -> dict[str, Any]:
    """Describe an entry of the lake in Dagster's metadata.

    Args:
        entry: what stands in the lake.
        reused: whether it stood there before.
        uri: of its table.
        links: file -> its page.
        plot: an image in Markdown, where a result brings none of its own.
    """
    own = {
        name.replace("_", " "): _value(value)
        for name, value in entry.metadata.items()
        if name not in _PRIVATE and value not in ({}, [], "", None)
    }
    if plot:
        own.setdefault("plot", dg.MarkdownMetadataValue(plot))
    origins = entry.metadata.get("lineage", {})
    schema = [
        dg.TableColumn(
            column["name"], column["type"], with_origins(column["description"], origins.get(column["name"], ())) or None
        )
        for column in entry.metadata.get("schema", ())
    ]
    lineage = _lineage(entry)
    return {
        "status": "reused" if reused else "computed",
        **{file: dg.MetadataValue.url(link) for file, link in links.items()},
        **own,
        "dagster/row_count": entry.rows,
        "preview": dg.MarkdownMetadataValue(entry.metadata.get("preview", "")),
        "dagster/column_schema": dg.TableSchema(columns=schema),
        **({"dagster/column_lineage": lineage} if lineage.deps_by_column else {}),
        "seconds": round(entry.seconds, 3),
        "fingerprint": entry.fingerprint,
        "recipe": entry.recipe,
        "lake version": entry.version,
        "computed by run": dg.DagsterRunMetadataValue(entry.run_id) if entry.run_id else "",
        "dagster/uri": uri,
    }


def with_origins(description: str, origins: Sequence[Sequence[str]]) -> str:
    """Add to the words on a column what it is made from, for Dagster's own lineage of columns is not drawn for all.

    Example:
        >>> with_origins("The delay.", [["raw/trips", "dep"], ["raw/trips", "plan"]])
        'The delay; from raw/trips: dep, plan'
    """
    by_asset: dict[str, list[str]] = {}
    for asset, column in origins:
        by_asset.setdefault(asset, []).append(column)
    parts = [f"{asset}: {', '.join(columns[:_MOST_ORIGINS])}{', ...' * (len(columns) > _MOST_ORIGINS)}"
             for asset, columns in by_asset.items()]  # fmt: skip
    told = f"from {' and '.join(parts)}" if parts else ""
    if not told:
        return description
    return f"{description.rstrip('.')}; {told}" if description else told


def _lineage(entry: Entry) -> dg.TableColumnLineage:
    """Which columns of the assets above the columns of a table come from, of those that it has."""
    workflow, names = entry.table.split("/")[0], {column["name"] for column in entry.metadata.get("schema", ())}
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(dg.AssetKey([workflow, *asset.split("/")]), origin) for asset, origin in origins]
            for column, origins in entry.metadata.get("lineage", {}).items()
            if column in names and origins
        }
    )


def _value(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(("http://", "https://", "/")):
        return dg.MetadataValue.url(value)
    if isinstance(value, str) and ("\n" in value or value.startswith("![")):
        return dg.MarkdownMetadataValue(value)
    if isinstance(value, dict | list):
        return dg.JsonMetadataValue(value)
    return value
