"""Which files a path holds, and which of them are pieces of one source.

Files whose names differ in digits alone (orders_2023.csv, orders_2024.csv) and whose columns are the same are one
source. The same file twice is read once. What stands in the files is the business of `reading.py`.
"""

import codecs
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlwf_assets.drafting.words import as_name
from mlwf_assets.errors import SourceError, SpecError
from mlwf_assets.lake.connectors import source_columns
from mlwf_assets.lake.connectors.csv_files import csv_delimiter
from mlwf_assets.lake.connectors.parts import SPREADSHEETS, find_parts, hash_file
from mlwf_assets.spec.loader import FILE_NAME
from mlwf_assets.spec.sources import CsvOptions, FilesSource

_ENCODINGS = ("utf-8", "cp1252", "latin-1")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


@dataclass(frozen=True)
class SourceFiles:
    """The files of one source.

    Attributes:
        name: as the workflow file calls it.
        source: how they are read; paths are absolute.
        columns: their names.
    """

    name: str
    source: FilesSource
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What a path holds: sources, and in words what was left out and why."""

    sources: tuple[SourceFiles, ...]
    left_out: tuple[str, ...]


def find_sources(path: Path) -> Found:
    """Find the sources in a file or a folder.

    Args:
        path: one file, or a folder; of a folder only the files that lie directly in it.
    Raises:
        SpecError: if there is no file of data.
        SourceError: if one cannot be read.
    """
    path = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 (links stay what they are called)
    if path.is_file():
        return Found((_open([path]),), ())
    if not path.is_dir():
        raise SpecError(f"{path} must be a file or a folder of files, however there is none; look at the name")
    left_out: list[str] = []
    files = list(_once(list(_data_files(path, left_out)), left_out))
    if not files:
        why = f" ({'; '.join(left_out)})" if left_out else ""
        raise SpecError(f"{path} must hold CSV, Parquet or JSON lines, however there is no such file{why}")
    pieces = [piece for group in _alike(files) for piece in _of_one_form(group)]
    return Found(tuple(_with_names(pieces)), tuple(left_out))


def _data_files(folder: Path, left_out: list[str]) -> Iterator[Path]:
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or file.name == FILE_NAME or not file.is_file():
            continue
        if file.suffix.lower() in SPREADSHEETS:
            left_out.append(f"{file.name} is a spreadsheet: save it as CSV")
            continue
        try:
            find_parts(FilesSource(path=(str(file),)), folder)
        except SpecError:
            continue  # no data by its name: a README, a script
        if file.suffix.lower() == ".txt" and len(_open([file]).columns) == 1:
            left_out.append(f"{file.name} is text without columns")
            continue
        yield file


def _once(files: Sequence[Path], left_out: list[str]) -> Iterator[Path]:
    seen: dict[str, Path] = {}
    for file in files:
        if (first := seen.setdefault(hash_file(file), file)) is file:
            yield file
        else:
            left_out.append(f"{file.name} holds the same as {first.name}, byte by byte")


def _stem(file: Path) -> str:
    return file.name.partition(".")[0]


def _alike(files: Sequence[Path]) -> list[list[Path]]:
    """Files whose names differ in digits alone."""
    groups: dict[tuple[str, str], list[Path]] = {}
    for file in files:
        base = re.sub(r"[\W_]*\d[\d\W_]*", "_", _stem(file)).strip("_")
        groups.setdefault((base or _stem(file), file.name.partition(".")[2]), []).append(file)
    return list(groups.values())


def _of_one_form(group: Sequence[Path]) -> list[SourceFiles]:
    """One source, if all have the same columns and are written alike."""
    each = [_open([file]) for file in group]
    same = all((set(one.columns), one.source.csv) == (set(each[0].columns), each[0].source.csv) for one in each)
    return [_open(group)] if same and len(group) > 1 else each


def _open(files: Sequence[Path]) -> SourceFiles:
    """Look at the beginning of files, and at the encoding of all of them."""
    source = FilesSource(path=tuple(str(file) for file in files))
    parts = [part for part in find_parts(source, files[0].parent).parts if part.form == "csv"]
    if parts:
        encoding = max((_encoding(part.read(), part.place) for part in parts), key=_rank)
        options = CsvOptions(encoding=encoding)
        options = CsvOptions(encoding=encoding, delimiter=csv_delimiter(parts[0], options))
        source = source.model_copy(update={"csv": options})
    columns = source_columns(source, files[0].parent)
    if parts and columns and all(map(_NUMBER.fullmatch, columns)):
        raise SourceError(
            f"{parts[0].place} must begin with a line of column names, however it begins with numbers: "
            f"{', '.join(columns[:4])}; write the names above the first row"
        )
    stem = _stem(files[0])
    base = re.sub(r"[\W_]*\d[\d\W_]*", "_", stem).strip("_") if len(files) > 1 else stem
    return SourceFiles(as_name(base), source, tuple(columns))


def _encoding(content: bytes, place: str) -> str:
    """The first encoding that reads all of it; Windows' own only where it says more than latin-1."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding in _ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text[:10_000]:
            break
        return "latin-1" if encoding == "cp1252" and text == content.decode("latin-1") else encoding
    raise SourceError(f"{place} must be text, however it holds bytes that no text has; let its name say what it is")


def _rank(encoding: str) -> int:
    return [*_ENCODINGS[:1], "latin-1", "cp1252", "utf-16"].index(encoding)


def _with_names(pieces: Sequence[SourceFiles]) -> Iterator[SourceFiles]:
    """Give each source a name of its own."""
    taken: set[str] = set()
    for piece in pieces:
        name = next(
            n for n in (piece.name, *(f"{piece.name}_{i}" for i in range(2, len(pieces) + 2))) if n not in taken
        )
        taken.add(name)
        yield SourceFiles(name, piece.source, piece.columns)
