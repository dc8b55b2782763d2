"""Files: CSV, Parquet and JSON lines, in a folder or inside an installed package, packed or not.

Every row is kept, with the file that it came from and its position in it. Files of one source may differ in
their columns; the same row twice is kept twice, for duplicates are the business of cleaning.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mlwf_assets.errors import SourceError, SpecError
from mlwf_assets.lake.columns import storable
from mlwf_assets.lake.connectors.csv_files import csv_columns, read_csv
from mlwf_assets.lake.connectors.cutting import cut_source
from mlwf_assets.lake.connectors.json_lines import read_json_lines
from mlwf_assets.lake.connectors.parquet import parquet_columns, read_parquet
from mlwf_assets.lake.connectors.parts import Form, Found, Part, find_files, find_parts, hash_file, parts_of
from mlwf_assets.lake.connectors.stacking import stack
from mlwf_assets.lake.connectors.types import found_types
from mlwf_assets.lake.fingerprint import hash_json
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.partitions import Cutting
from mlwf_assets.spec.sources import CsvOptions, FilesSource

FILE, ROW = "_file", "_row"
KEY = (FILE, ROW)
_FILES_SHOWN = 50


class Stat(NamedTuple):
    """How a file lies there: where nothing of this differs, neither does its content.

    Attributes:
        name: as in `_file`.
        size: bytes.
        written_ns: when it was written last, ns since 1970; whoever writes it may say another time.
        changed_ns: when it was last touched in any way, by the machine's clock.
    """

    name: str
    size: int
    written_ns: int
    changed_ns: int


def files_fingerprint(source: FilesSource, folder: Path) -> str:
    """Name the content of all files, and their names.

    Raises:
        SpecError, SourceError: if a file is not there.
    """
    return hash_json([[name, hash_file(path)] for name, path in find_files(source, folder).items()])


def files_stats(source: FilesSource, folder: Path) -> list[Stat]:
    """List all files with their sizes and times, unread.

    Raises:
        SpecError, SourceError: if a file is not there.
    """
    found = {name: path.stat() for name, path in find_files(source, folder).items()}
    return [Stat(name, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for name, one in found.items()]


def files_columns(source: FilesSource, folder: Path) -> list[str]:
    """Return the names of the columns of all files, in the order of their first appearance.

    Raises:
        SpecError, SourceError: if a file is not there, or has no sound header.
    """
    parts = find_parts(source, folder).parts
    return list(dict.fromkeys(name for part in parts for name in _columns(part, source)))


def read_files(
    source: FilesSource, folder: Path, cut: Cutting | None, names: Sequence[str] | None
) -> dict[str | None, Result]:
    """Read all rows, by partition where there are partitions.

    Args:
        source: where the files are.
        folder: the workflow's.
        cut: how rows are cut: by `source.time`, or where partitions have names by `source.part`.
        names: the partitions that are wanted; by default all.
    Raises:
        SpecError, SourceError: if a file is not there or not sound.
    """
    found = find_parts(source, folder)
    tables = [_with_place(_read(part, source), part) for part in found.parts]
    table = storable(stack(tables))
    is_text = any(part.form == "csv" for part in found.parts)
    types = found_types(table.drop_columns(list(KEY)), is_text=is_text, decimal=source.csv.decimal)
    files = {"types.json": json.dumps(types, indent=1).encode()}
    metadata = _describe(found, tables)
    rows = cut_source(table, source, cut)
    if rows is None:
        return {None: Result(table, files, metadata, KEY, types)}
    metadata |= rows.told
    wanted = list(rows.by_partition if names is None else names)
    if unknown := [name for name in wanted if name not in rows.by_partition]:
        raise SpecError(f"there must be a partition {unknown[0]!r}, however: {list(rows.by_partition)[:3]} ...")
    return {name: Result(_take(table, rows.by_partition[name]), files, metadata, KEY, types) for name in wanted}


def read_content(name: str, content: bytes, form: Form | None, csv: CsvOptions) -> tuple[pa.Table, bool]:
    r"""Read one file that belongs to no source, from its bytes.

    Args:
        name: the file's name; it tells the form where none is given.
        content: its bytes, perhaps packed.
        form: how it is written.
        csv: how it is written, if it is CSV.
    Returns:
        Rows as a source's are, in their order, with `_file` and `_row`; and whether all values came as text.
    Raises:
        SpecError, SourceError: if the form is not known, or the file is not sound.
    Example:
        >>> read_content("new.csv", b"id,km\n7,1.5\n", None, CsvOptions())[0].to_pylist()
        [{'id': '7', 'km': '1.5', '_file': 'new.csv', '_row': 0}]
    """
    source = FilesSource(path=(name,), csv=csv)
    parts = parts_of(name, content, form)
    table = storable(stack([_with_place(_read(part, source), part) for part in parts]))
    return table, any(part.form == "csv" for part in parts)


def equal_files(source: FilesSource, folder: Path) -> list[tuple[str, str]]:
    """Find files of a source that say the same, byte for byte, each beside the first such one.

    Raises:
        SpecError, SourceError: if a file is not there.
    """
    found = find_files(source, folder)
    sizes = Counter(path.stat().st_size for path in found.values())
    first: dict[str, str] = {}
    alike = {name: path for name, path in found.items() if sizes[path.stat().st_size] > 1}
    pairs = [(first.setdefault(hash_file(path), name), name) for name, path in alike.items()]
    return [(one, other) for one, other in pairs if one != other]


def _describe(found: Found, tables: Sequence[pa.Table]) -> dict[str, Any]:
    rows = {part.name: len(table) for part, table in zip(found.parts, tables, strict=True)}
    described: dict[str, Any] = {"files": dict(list(rows.items())[:_FILES_SHOWN])}
    if len(rows) > _FILES_SHOWN:
        described["files that are not listed"] = len(rows) - _FILES_SHOWN
    return described | ({"not read, for it is no data by its name": list(found.unread)} if found.unread else {})


def _columns(part: Part, source: FilesSource) -> list[str]:
    if part.form == "csv":
        return csv_columns(part, source.csv)
    return parquet_columns(part) if part.form == "parquet" else read_json_lines(part).column_names


def _read(part: Part, source: FilesSource) -> pa.Table:
    if part.form == "csv":
        return read_csv(part, source.csv)
    return read_parquet(part) if part.form == "parquet" else read_json_lines(part)


def _with_place(table: pa.Table, part: Part) -> pa.Table:
    if taken := [column for column in table.column_names if column in KEY]:
        raise SourceError(f"{part.place} must not have a column {taken[0]!r}, a name of ours; rename it there")
    if not table.column_names:
        raise SourceError(f"{part.place} must have columns, however it has none; write the file again, or remove it")
    table = table.append_column(FILE, pa.repeat(pa.scalar(part.name, pa.string()), table.num_rows))
    return table.append_column(ROW, pa.array(np.arange(table.num_rows, dtype=np.int64)))


def _take(table: pa.Table, rows: npt.NDArray[np.int64]) -> pa.Table:
    if len(rows) and int(rows[-1] - rows[0]) + 1 == len(rows):  # rows that stand in order of time need no copy
        return table.slice(int(rows[0]), len(rows))
    return table.take(pa.array(rows))
