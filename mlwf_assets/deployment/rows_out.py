"""Tables as files for people and other programs: CSV, JSON lines or Parquet, told by the file's name.

Numbers keep all their digits. Nothing here knows what the rows are.
"""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlwf_assets.errors import SpecError
from mlwf_assets.lake.connectors.parts import Form

_FORMS: dict[str, Form] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_ROWS_AT_ONCE = 10_000


def told_form(name: str) -> Form:
    """Tell from a file's name how it is to be written.

    Raises:
        SpecError: if the name does not say it.
    Example:
        >>> told_form("out/predictions.jsonl")
        'jsonl'
    """
    if (form := _FORMS.get(Path(name).suffix.lower())) is None:
        raise SpecError(f"{name}: the name must end in {', '.join(_FORMS)}, however it does not; choose one")
    return form


def write_rows(table: pa.Table, stream: IO[bytes], form: Form) -> None:
    """Write a table; of CSV the delimiter is ',', the decimal sign '.', missing values are empty.

    Example:
        >>> stream = io.BytesIO()
        >>> write_rows(pa.table({"a": [0.1, None], "b": [True, False]}), stream, "csv")
        >>> stream.getvalue().decode().splitlines()
        ['a,b', '0.1,true', ',false']
    """
    if form == "parquet":
        pq.write_table(table, stream)
        return
    # Text is written through a wrapper that must not close what it was given.
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    if form == "csv":
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table.column_names)
        writer.writerows([_as_text(value) for value in row.values()] for row in _rows(table))
    else:
        text.writelines(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in _rows(table))
    text.detach()


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=_ROWS_AT_ONCE):
        yield from batch.to_pylist()


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
