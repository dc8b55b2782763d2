"""CSV: every field as the text that was written, every row or an error that names its line.

The header is read here, the rows by Arrow; where Arrow finds something wrong, Python's csv module (slower)
finds the line. Follows RFC 4180, with any delimiter, encoding and line ends; lines without any text are no
rows. Which type a column has is the business of `types.py`.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple, NoReturn

import pyarrow as pa
from pyarrow import csv as arrow_csv

from mlwf_assets.errors import SourceError, SpecError
from mlwf_assets.lake.connectors.parts import Part
from mlwf_assets.spec.sources import CsvOptions

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 100
_QUOTE = b'"'
_MAGIC = {b"PK\x03\x04": ".zip", b"\x1f\x8b": ".gz", b"PAR1": ".parquet"}


class _Header(NamedTuple):
    """Column names, the delimiter, and after how many bytes (of UTF-8) the rows begin."""

    names: list[str]
    delimiter: str
    end: int


def read_csv(part: Part, options: CsvOptions) -> pa.Table:
    """Read all rows.

    Returns:
        One text column per column of the file; null where one of `options.null_values` stands.
    Raises:
        SourceError: if the header or a row is not sound, or the text is in another encoding.
        SpecError: if there is no such encoding.
    """
    content = _to_utf8(part.read(), options.encoding, part.place)
    with io.BytesIO(content) as stream:
        header = _read_header(stream, options, part.place)
    return _read_rows(content, header, options, part.place)


def csv_columns(part: Part, options: CsvOptions) -> list[str]:
    """Return the names of the columns, reading no more than the beginning.

    Raises:
        SourceError: if there is no sound header.
    """
    _check_encoding(options.encoding)
    with part.open() as stream, codecs.getreader(options.encoding)(stream) as text:
        lines = []
        try:
            for line, _ in zip(text, range(_SAMPLE_LINES), strict=False):
                lines.append(line)
        except UnicodeError:
            return _read_header(io.BytesIO(_to_utf8(part.read(), options.encoding, part.place)), options, part.place)[0]
    return _read_header(io.BytesIO("".join(lines).encode()), options, part.place).names


def _check_encoding(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise SpecError(f"csv.encoding must be one such as utf-8 or latin-1, however: {encoding!r}") from error


def _to_utf8(content: bytes, encoding: str, place: str) -> bytes:
    _check_encoding(encoding)
    try:
        if codecs.lookup(encoding).name == "utf-8":
            content.decode()
            return content
        return content.decode(encoding).encode()
    except UnicodeError as error:
        for magic, suffix in _MAGIC.items():
            if content.startswith(magic):
                raise SourceError(f"{place} must be text, however it is {suffix}; let its name end so") from error
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = content.count(b"\n", 0, start) + 1
        raise SourceError(
            f"{place} line {line} must be {encoding}, however: {error.reason if isinstance(error, UnicodeDecodeError) else error}"
            f" ({content[start : start + 1]!r}); write its encoding in the source, e.g. "
            f"'csv: {{encoding: {_guess_encoding(content)}}}'"
        ) from error


def _guess_encoding(content: bytes) -> str:
    return "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "latin-1"


def _read_header(stream: IO[bytes], options: CsvOptions, place: str) -> _Header:
    sample = _sample(stream)
    delimiter = options.delimiter or _find_delimiter(sample)
    taken: list[str] = []
    names = next((record for record in _records(sample, delimiter, taken) if record), [])
    names = [name.removeprefix("\ufeff").strip() for name in names]
    _check_names(names, place)
    return _Header(names, delimiter, len("".join(taken).encode()))


def _sample(stream: IO[bytes]) -> list[str]:
    """The first lines, with their ends; only a header that is longer than that is not found."""
    with io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True) as text:
        return [line for line, _ in zip(text, range(_SAMPLE_LINES), strict=False)]


def _records(lines: Sequence[str], delimiter: str, taken: list[str] | None = None) -> Iterator[list[str]]:
    def take() -> Iterator[str]:
        for line in lines:
            if taken is not None:
                taken.append(line)
            yield line

    return csv.reader(take(), delimiter=delimiter)


def _find_delimiter(sample: Sequence[str]) -> str:
    """The one that cuts most lines into as many fields as the header, and the header into the most."""

    def score(delimiter: str) -> tuple[float, int]:
        try:
            fields = [len(record) for record in _records(sample, delimiter) if record]
        except csv.Error:
            return (0, 0)
        if not fields or fields[0] < 2:
            return (0, 0)
        return (sum(count == fields[0] for count in fields) / len(fields), fields[0])

    return max(_DELIMITERS, key=score)


def _check_names(names: Sequence[str], place: str) -> None:
    if not names:
        raise SourceError(f"{place} must begin with a line of column names, however there is none")
    if nameless := [i for i, name in enumerate(names, 1) if not name]:
        raise SourceError(
            f"{place} line 1: each column must have a name, however column {nameless[0]} of {len(names)} has none; "
            f"name it in the header (pandas writes one for the index: index=False)"
        )
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise SourceError(
            f"{place} line 1: column names must be unique, however {twice[0]!r} stands twice; rename one in the header"
        )


def _read_rows(content: bytes, header: _Header, options: CsvOptions, place: str) -> pa.Table:
    rows = pa.py_buffer(content).slice(header.end)
    if not rows.size:
        return pa.table({name: pa.array([], pa.string()) for name in header.names})
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(rows),
            read_options=arrow_csv.ReadOptions(column_names=header.names),
            parse_options=arrow_csv.ParseOptions(
                delimiter=header.delimiter,
                newlines_in_values=True,
                # In a file of one column an empty line is a missing value.
                ignore_empty_lines=len(header.names) > 1,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header.names, pa.string()),
                null_values=list(options.null_values),
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        _explain(content, header, place, str(error))
    lines = content.count(b"\n", header.end)
    if lines > table.num_rows and _QUOTE in content:
        _check_quotes(content, header, place)
    return table


def _check_quotes(content: bytes, header: _Header, place: str) -> None:
    """Find a quote that is never closed, or closed in the middle of a field: it would swallow rows."""
    line = 0
    try:
        reader = _strict_reader(content, header)
        for _ in reader:
            line = reader.line_num
    except csv.Error as error:
        raise SourceError(
            f"{place} line {line + 1}: quotes must stand around a whole field, however: {error}; close the quote, or "
            f"write it twice inside a field"
        ) from error


def _explain(content: bytes, header: _Header, place: str, words: str) -> NoReturn:
    """Find the line of which Arrow knows that it is wrong."""
    _check_quotes(content, header, place)
    wanted = len(header.names)
    last = 0
    for record in (reader := _strict_reader(content, header)):
        if record and len(record) != wanted:
            raise SourceError(
                f"{place} line {last + 1} must have {wanted} fields as the header has, however {len(record)}: "
                f"{_shorten(header.delimiter.join(record))}; mend the line, or put quotes around fields that hold "
                f"{header.delimiter!r}"
            )
        last = reader.line_num
    raise SourceError(f"{place} must be CSV, however: {words.splitlines()[0]}")


def _strict_reader(content: bytes, header: _Header):  # type: ignore[no-untyped-def]  # csv names no type
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    return csv.reader(text, delimiter=header.delimiter, strict=True)


def _shorten(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:79] + "…")
