"""Files: CSV, Parquet and JSON lines, in a folder or inside an installed package, packed or not.

Every row is kept, with the file that it came from and its position in it. Files of one source may differ in
their columns; the same row twice is kept twice, for duplicates are the business of cleaning.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from mlwf_assets.errors import SourceError
from mlwf_assets.lake.columns import storable
from mlwf_assets.lake.connectors.csv_files import csv_columns, read_csv
from mlwf_assets.lake.connectors.cutting import cut_rows
from mlwf_assets.lake.connectors.json_lines import json_columns, read_json_lines
from mlwf_assets.lake.connectors.parquet import parquet_columns, read_parquet
from mlwf_assets.lake.connectors.parts import Part, find_files, find_parts
from mlwf_assets.lake.connectors.stacking import stack
from mlwf_assets.lake.connectors.types import found_types
from mlwf_assets.lake.fingerprint import hash_bytes, hash_json
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.partitions import Partitions
from mlwf_assets.spec.sources import FilesSource

FILE, ROW = "_file", "_row"
KEY = (FILE, ROW)


def files_fingerprint(source: FilesSource, folder: Path) -> str:
    """Name the content of all files, and their names.

    Raises:
        SpecError, SourceError: if a file is not there.
    """
    return hash_json([[name, hash_bytes(path.read_bytes())] for name, path in find_files(source, folder)])


def files_columns(source: FilesSource, folder: Path) -> list[str]:
    """Return the names of the columns of all files, in the order of their first appearance.

    Raises:
        SpecError, SourceError: if a file is not there, or has no sound header.
    """
    names: dict[str, None] = {}
    for part in find_parts(source, folder):
        names.update(dict.fromkeys(_columns(part, source)))
    return list(names)


def read_files(
    source: FilesSource, folder: Path, cut: Partitions | None, names: Sequence[str] | None
) -> dict[str | None, Result]:
    """Read all rows, by partition where there are partitions.

    Args:
        source: where the files are.
        folder: the workflow's.
        cut: how time is cut; needs `source.time`.
        names: the partitions that are wanted; by default all.
    Raises:
        SpecError, SourceError: if a file is not there or not sound.
    """
    parts = find_parts(source, folder)
    tables = [_with_place(_read(part, source), part.name) for part in parts]
    table = storable(stack(tables))
    is_text = all(part.form == "csv" for part in parts)
    types = found_types(table.drop_columns(list(KEY)), is_text=is_text, decimal=source.csv.decimal)
    files = {"types.json": json.dumps(types, indent=1).encode()}
    metadata = {"files": {part.name: len(rows) for part, rows in zip(parts, tables, strict=True)}}
    if cut is None or source.time is None:
        return {None: Result(table, files, metadata, KEY)}
    found = cut_rows(table, source.time, cut)
    metadata |= {
        "rows before the first partition": found.before,
        "rows after the last partition": found.after,
        "rows without a time": found.timeless,
    }
    wanted = list(found.rows if names is None else names)
    if unknown := [name for name in wanted if name not in found.rows]:
        raise SourceError(f"partitions must be among {list(found.rows)[:3]} ..., however: {unknown[:3]}")
    return {name: Result(_take(table, found.rows[name]), files, metadata, KEY) for name in wanted}


def _columns(part: Part, source: FilesSource) -> list[str]:
    if part.form == "csv":
        return csv_columns(part, source.csv)
    return parquet_columns(part) if part.form == "parquet" else json_columns(part)


def _read(part: Part, source: FilesSource) -> pa.Table:
    if part.form == "csv":
        return read_csv(part, source.csv)
    return read_parquet(part) if part.form == "parquet" else read_json_lines(part)


def _with_place(table: pa.Table, name: str) -> pa.Table:
    if taken := [column for column in KEY if column in table.column_names]:
        raise SourceError(f"{name} must not have a column {taken[0]!r}, a name of ours; rename it in the file")
    rows = table.num_rows
    table = table.append_column(FILE, pa.repeat(pa.scalar(name, pa.string()), rows))
    return table.append_column(ROW, pa.array(np.arange(rows, dtype=np.int64)))


def _take(table: pa.Table, rows: np.ndarray) -> pa.Table:
    if len(rows) and int(rows[-1] - rows[0]) + 1 == len(rows):
        return table.slice(int(rows[0]), len(rows))
    return table.take(pa.array(rows))
