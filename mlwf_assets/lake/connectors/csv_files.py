"""CSV: every field as the text that was written, every row or an error that names its line.

Follows RFC 4180, with any delimiter, encoding and line ends; a line without any character is no row. The header is
read here, the rows by Arrow; what Arrow would let pass (a quote that swallows rows) or cannot place (the line)
is looked for here. Which type a column has is the business of `types.py`.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import IO, NamedTuple, NoReturn

import pyarrow as pa
from pyarrow import csv as arrow_csv

from mlwf_assets.errors import SourceError
from mlwf_assets.lake.connectors.parts import Part
from mlwf_assets.spec.sources import CsvOptions

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 100
_BOM = "\ufeff"
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")  # as rows have it, and names seldom
_OTHER_FORMS = {b"PK\x03\x04": ".zip (or a spreadsheet)", b"\x1f\x8b": ".gz", b"PAR1": ".parquet"}


class _Header(NamedTuple):
    """Column names, the delimiter, and after how many bytes (of UTF-8) the rows begin."""

    names: list[str]
    delimiter: str
    end: int


class _Record(NamedTuple):
    """Fields, and the lines (from 1) on which they begin and end."""

    fields: list[str]
    first_line: int
    last_line: int


def read_csv(part: Part, options: CsvOptions) -> pa.Table:
    """Read all rows.

    Returns:
        One text column per column of the file; null where one of `options.null_values` stands.
    Raises:
        SourceError: if the header or a row is not sound, or the text is in another encoding.
    """
    content = _to_utf8(part.read(), options.encoding, part.place)
    header = _read_header(_sample(io.BytesIO(content), "utf-8"), options, part.place)
    table = _parse(content, header, options, part.place)
    if _may_swallow(content, header.end, table.num_rows):
        _check_quotes(content, header, part.place)
    return table


def csv_columns(part: Part, options: CsvOptions) -> list[str]:
    """Return the names of the columns, reading no more than the beginning.

    Raises:
        SourceError: if there is no sound header.
    """
    return _peek(part, options).names


def csv_delimiter(part: Part, options: CsvOptions) -> str:
    """Return what stands between fields, as the options say or as it is found in the first lines.

    Raises:
        SourceError: if there is no sound header.
    """
    return _peek(part, options).delimiter


def _peek(part: Part, options: CsvOptions) -> _Header:
    """Read no more than the beginning."""
    try:
        with part.open() as stream:
            sample = _sample(stream, options.encoding)
    except UnicodeError:
        # Whoever reads everything can say where.
        sample = _sample(io.BytesIO(_to_utf8(part.read(), options.encoding, part.place)), "utf-8")
    return _read_header(sample, options, part.place)


def _to_utf8(content: bytes, encoding: str, place: str) -> bytes:
    try:
        text = content.decode(encoding)
    except UnicodeError as error:
        raise SourceError(_wrong_encoding(content, encoding, place, error)) from error
    return content if codecs.lookup(encoding).name == "utf-8" else text.encode()


def _wrong_encoding(content: bytes, encoding: str, place: str, error: UnicodeError) -> str:
    for magic, form in _OTHER_FORMS.items():
        if content.startswith(magic):
            return f"{place} must be text, however it is {form}; let its name say so, or save it as CSV"
    at = error.start if isinstance(error, UnicodeDecodeError) else 0
    line = content.count(b"\n", 0, at) + 1
    likely = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "latin-1"
    return (
        f"{place} line {line} must be {encoding}, however it holds the byte {content[at : at + 1]!r}; say how it is "
        f"written, e.g. 'csv: {{encoding: {likely}}}'"
    )


def _sample(stream: IO[bytes], encoding: str) -> list[str]:
    """The first lines, with their ends; a header must end within them."""
    # newline="": line ends stay what they are, for bytes are counted.
    with io.TextIOWrapper(stream, encoding=encoding, newline="") as text:
        return list(islice(text, _SAMPLE_LINES))


def _read_header(sample: list[str], options: CsvOptions, place: str) -> _Header:
    lines = [line.removeprefix(_BOM) if i == 0 else line for i, line in enumerate(sample)]
    delimiter = options.delimiter or _find_delimiter(lines)
    try:
        record = next((one for one in _records(lines, delimiter) if one.fields), _Record([], 1, 1))
    except csv.Error as error:
        raise SourceError(f"{place} must begin with a line of column names, however: {error}") from error
    names = [name.strip() for name in record.fields]
    _check_names(names, f"{place} line {record.first_line}")
    return _Header(names, delimiter, len("".join(sample[: record.last_line]).encode()))


def _records(lines: Iterable[str], delimiter: str) -> Iterator[_Record]:
    reader = csv.reader(lines, delimiter=delimiter)
    first = 1
    for fields in reader:
        yield _Record(fields, first, reader.line_num)
        first = reader.line_num + 1


def _find_delimiter(sample: Sequence[str]) -> str:
    """The one that cuts most lines into as many fields as the header, and the header into the most."""

    def score(delimiter: str) -> tuple[float, int]:
        try:
            fields = [len(record.fields) for record in _records(sample, delimiter) if record.fields]
        except csv.Error:
            return (0, 0)
        if not fields or fields[0] < 2:
            return (0, 0)
        return (sum(count == fields[0] for count in fields) / len(fields), fields[0])

    return max(_DELIMITERS, key=score)


def _check_names(names: Sequence[str], place: str) -> None:
    if not names:
        raise SourceError(f"{place} must hold the names of the columns, however it is empty; write them there")
    for position, name in enumerate(names):
        if not name:
            raise SourceError(
                f"{place}: each column must have a name, however number {position + 1} of {len(names)} has none; "
                f"name it there (pandas' nameless index: write with index=False)"
            )
        if name in names[:position]:
            remedy = "write a line of names above the rows" if all(map(_NUMBER.fullmatch, names)) else "rename one"
            raise SourceError(f"{place}: column names must be unique, however {name!r} stands twice; {remedy}")


def _parse(content: bytes, header: _Header, options: CsvOptions, place: str) -> pa.Table:
    rows = pa.py_buffer(content).slice(header.end)
    if not rows.size:
        return pa.table({name: pa.array([], pa.string()) for name in header.names})
    try:
        return arrow_csv.read_csv(
            pa.BufferReader(rows),
            read_options=arrow_csv.ReadOptions(column_names=header.names),
            parse_options=arrow_csv.ParseOptions(delimiter=header.delimiter, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header.names, pa.string()),
                null_values=list(options.null_values),
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        _explain(content, header, place, error)


def _may_swallow(content: bytes, start: int, rows: int) -> bool:
    """Say whether a quoted field may span lines, or be cut off: not if there is a whole line for each row."""
    lines = max(content.count(b"\n", start), content.count(b"\r", start))
    return lines != rows or not content.endswith((b"\n", b"\r"))


def _check_quotes(content: bytes, header: _Header, place: str) -> None:
    """Refuse a quote that is never closed, or closed in the middle of a field: it swallows what follows."""
    around = re.escape(header.delimiter.encode()) + rb"\r\n"
    field = rb'(?<=[%b])"(?:[^"]++|"")*+"(?=[%b]|\Z)' % (around, around)
    stray = rb'(?<![%b])"' % around  # inside a field without quotes it is a character like any other
    sound = re.compile(rb'(?:[^"]++|%b|%b)*+' % (field, stray)).match(content, header.end)
    end = sound.end() if sound else header.end
    if end < len(content):
        line = content.count(b"\n", 0, end) + 1
        raise SourceError(
            f"{place} line {line}: quotes must stand around a whole field, however {_shorten(content[end : end + 80])} "
            f"is not closed before the next {header.delimiter!r} or the line's end; close it, or write it twice inside "
            f"a field"
        )


def _explain(content: bytes, header: _Header, place: str, error: Exception) -> NoReturn:
    """Find the line of which Arrow knows only that there is one."""
    _check_quotes(content, header, place)
    wanted = len(header.names)
    with io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="") as lines, suppress(csv.Error):
        for fields, line, _ in _records(lines, header.delimiter):
            if fields and len(fields) != wanted:
                raise SourceError(
                    f"{place} line {line} must have {wanted} fields, as the header has, however {len(fields)}: "
                    f"{_shorten(header.delimiter.join(fields).encode())}; mend the line, or put quotes around a field "
                    f"that holds {header.delimiter!r}"
                ) from error
    raise SourceError(f"{place} must be CSV, however: {str(error).splitlines()[0]}") from error


def _shorten(text: bytes) -> str:
    words = text.decode(errors="replace").splitlines()[0]
    return repr(words if len(words) <= 60 else words[:59] + "…")
