"""How the values of a source are written: words for 'missing', the decimal sign, the forms of dates.

A column is read as the type that all of its values have, as the lake finds it. Where a few values spoil it (one
'12 miles' among 10,000 numbers), it is read as the type of the others: a run puts such rows into quarantine,
with the reason. Codes that would lose something as numbers ('007') stay text.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from mlwf_assets.cleaning.casting import literal
from mlwf_assets.drafting.words import words_of
from mlwf_assets.lake.connectors import read_source
from mlwf_assets.lake.connectors.types import found_types, value_tests
from mlwf_assets.spec.sources import CsvOptions, FilesSource
from mlwf_assets.spec.tables import ColumnType

# Some words say 'missing' wherever they stand, others only among numbers and dates.
_MISSING = ("n/a", "#n/a", "null", "nan", "<na>", "?")
_MISSING_AMONG_OTHERS = (*_MISSING, "-", "--", ".", "none", "missing", "unknown", "k.a.")
# Days first, for more of the world writes so; what only one of them reads decides in most files.
_DATES = ("%d.%m.%y", "%d.%m.%Y", "%d/%m/%y", "%d/%m/%Y", "%m/%d/%y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y.%m.%d",
          "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y")  # fmt: skip
_CLOCKS = (" %H:%M", " %H:%M:%S", " %I:%M %p")
_COMPACT = "%Y%m%d"  # only where the name speaks of a day
_DAY_WORDS = frozenset(("date", "datum", "day", "tag"))
_FORMATS = (*_DATES, *(date + clock for date in _DATES for clock in _CLOCKS))
_YEARS = (1000, 2999)
_MOST = 0.95  # of the values must be of a type for the others to count as mistakes
_SAMPLE = 500  # distinct values in which forms of dates are looked for
# What a column must look like for its values to be tried: most are neither.
_LIKELY = 0.8
_LIKE_DATE = re.compile(r"\d{1,4}[./-]\d|\d{1,2}[ -][A-Za-z]{3}|[A-Za-z]{3,9} \d{1,2}, \d")
_LIKE_NUMBER = re.compile(r"[+-]?[\d.,]")
_OTHER_FORMAT = {"%d/%m/%Y": "%m/%d/%Y", "%d/%m/%y": "%m/%d/%y"}


@dataclass(frozen=True)
class Reading:
    """How the values of a column are read.

    Attributes:
        type: the type.
        format: how dates and times are written; None: as ISO 8601 says.
        found: whether the lake finds this by itself, so that the workflow file need not say it.
        doubt: another format that reads all values as well.
    """

    type: ColumnType
    format: str | None = None
    found: bool = True
    doubt: str | None = None


@dataclass(frozen=True)
class Read:
    """Rows as they came, and how they are to be read.

    Attributes:
        source: with all options of CSV that are needed.
        rows: raw rows.
        readings: by column, in the order of the files.
    """

    source: FilesSource
    rows: pa.Table
    readings: Mapping[str, Reading]


def read(connection: duckdb.DuckDBPyConnection, source: FilesSource, folder: Path, *, is_text: bool) -> Read:
    """Read a source, and find how its values are written.

    Args:
        connection: where values are looked at; a view `raw` comes and goes.
        source: its files, with the encoding and the delimiter of CSV.
        folder: where relative paths start.
        is_text: whether all values are text, as in CSV.
    Raises:
        SourceError: if a file is not sound.
    """
    rows, types = _rows(source, folder)
    open_types = [name for name, found in types.items() if found in ("string", "number")]  # others hold no words
    if is_text and (words := _words_for_missing(connection, rows.select(open_types))):
        known = CsvOptions().null_values
        source = _with_csv(source, null_values=(*known, *sorted(set(words) - set(known))))
        rows, types = _rows(source, folder)
    if is_text and _has_decimal_comma(connection, rows, source.csv.delimiter):
        source = _with_csv(source, decimal=",")
        types = found_types(rows, is_text=True, decimal=",")
    readings = {
        name: _reading(connection, rows, name, found, value_tests(is_text=is_text, decimal=source.csv.decimal))
        for name, found in types.items()
    }
    return Read(source, rows, readings)


def _rows(source: FilesSource, folder: Path) -> tuple[pa.Table, dict[str, ColumnType]]:
    result = read_source(source, folder)[None]
    return result.table.drop_columns(["_file", "_row"]), json.loads(result.files["types.json"])


def _with_csv(source: FilesSource, **options: object) -> FilesSource:
    return source.model_copy(update={"csv": source.csv.model_copy(update=options)})


def _texts(rows: pa.Table) -> list[str]:
    return [field.name for field in rows.schema if pt.is_string(field.type)]


def _counts(
    connection: duckdb.DuckDBPyConnection, values: pa.ChunkedArray, conditions: Iterable[str], *, sample: int = 0
) -> tuple[int, ...]:
    """Count the rows with a value, and those for whose trimmed text `v` each condition holds."""
    found = "".join(f", coalesce(sum(n) FILTER (WHERE {condition}), 0)::BIGINT" for condition in conditions)
    distinct = "SELECT trim(c) AS v, count(*) AS n FROM raw WHERE c IS NOT NULL GROUP BY 1"
    limit = f" ORDER BY hash(v) LIMIT {sample}" if sample else ""
    connection.register("raw", pa.table({"c": values}))
    row = connection.execute(f"SELECT coalesce(sum(n), 0)::BIGINT{found} FROM ({distinct}{limit})").fetchone()
    return tuple(row or ())


def _listed(words: Iterable[str]) -> str:
    return ", ".join(literal(word) for word in words)


def _words_for_missing(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> list[str]:
    """Words that stand for 'missing', as they are written."""
    found: set[str] = set()
    known = pa.array(_MISSING_AMONG_OTHERS)
    for name in _texts(rows):
        distinct = rows[name].unique()
        is_word = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(distinct)), known)
        words = distinct.filter(is_word).to_pylist()
        if words:
            sure = [word for word in words if word.strip().lower() in _MISSING]
            found.update(words if _others_are_typed(connection, rows[name]) else sure)
    return sorted(found)


def _others_are_typed(connection: duckdb.DuckDBPyConnection, values: pa.ChunkedArray) -> bool:
    word = f"lower(v) IN ({_listed(_MISSING_AMONG_OTHERS)})"
    numbers = [test for sign in ".," for kind, test in value_tests(is_text=True, decimal=sign).items()]
    dates = [_reads(form) for form in _DATES]
    rows, words, *typed = _counts(connection, values, [word, *numbers, *dates], sample=_SAMPLE)
    return max(typed) > 0 and max(typed) >= _MOST * (rows - words)


def _has_decimal_comma(connection: duckdb.DuckDBPyConnection, rows: pa.Table, delimiter: str | None) -> bool:
    """Whether more columns of numbers are written with a comma than with a point."""
    if delimiter == ",":
        return False
    comma, point = value_tests(is_text=True, decimal=","), value_tests(is_text=True)
    tests = [
        f"({comma['number']}) AND contains(v, ',')", comma["number"],
        f"({point['number']}) AND contains(v, '.')", point["number"],
    ]  # fmt: skip
    commas = points = 0
    for name in _texts(rows):
        if _share(_LIKE_NUMBER, rows[name].unique().drop_null()[:_SAMPLE].to_pylist()) < _LIKELY:
            continue
        all_, with_comma, as_comma, with_point, as_point = _counts(connection, rows[name], tests)
        commas += with_comma > 0 and as_comma >= _MOST * all_
        points += with_point > 0 and as_point >= _MOST * all_
    return commas > points


def _reading(
    connection: duckdb.DuckDBPyConnection, rows: pa.Table, name: str, found: ColumnType,
    tests: Mapping[ColumnType, str],
) -> Reading:  # fmt: skip
    values = rows[name]
    speaks_of_day = bool(_DAY_WORDS & set(words_of(name)))
    if found == "integer" and speaks_of_day and not _counts(connection, values.cast(pa.string()), [_not_compact()])[1]:
        return Reading("date", _COMPACT, found=False)
    if found != "string" or not pt.is_string(values.type) or values.null_count == len(values):
        return Reading(found)
    sample = [text.strip() for text in values.unique().drop_null()[:_SAMPLE].to_pylist()]
    if _share(_LIKE_DATE, sample) > _LIKELY and (dated := _as_date(connection, values)) is not None:
        return dated
    if _share(_LIKE_NUMBER, sample) < _LIKELY:
        return Reading("string")
    all_, *counts = _counts(connection, values, [*tests.values(), _loses_something(tests)])
    *counts, lossy = counts
    if lossy:
        return Reading("string")
    if "number" in tests:  # every integer is a number; where some are no integers, all are read as numbers
        numbers = all_ - _counts(connection, values, [_no_number(tests)])[1]
        counts[:2] = [counts[0] if counts[0] == numbers else 0, numbers]
    fitting: list[ColumnType] = [kind for kind, count in zip(tests, counts, strict=True) if count >= _MOST * all_]
    best = fitting[0] if fitting else "string"
    return Reading(best, found=best == "string")


def _share(pattern: re.Pattern[str], texts: Sequence[str]) -> float:
    return sum(pattern.match(text) is not None for text in texts) / max(len(texts), 1)


def _no_number(tests: Mapping[ColumnType, str]) -> str:
    return f"NOT (coalesce({tests['integer']}, false) OR coalesce({tests['number']}, false))"


def _loses_something(tests: Mapping[ColumnType, str]) -> str:
    """Text such as '007', which can be read as a number, but not without loss."""
    if "number" not in tests:
        return "false"
    return f"regexp_full_match(v, '[0-9]+') AND {_no_number(tests)}"


def _as_date(connection: duckdb.DuckDBPyConnection, values: pa.ChunkedArray) -> Reading | None:
    rows, *found = _counts(connection, values, [_reads(form) for form in _FORMATS], sample=_SAMPLE)
    likely = [form for form, count in zip(_FORMATS, found, strict=True) if count >= _LIKELY * rows]
    if not likely:
        return None
    rows, *found = _counts(connection, values, [_reads(form) for form in likely])
    best = max(found)
    if best < _MOST * rows:
        return None
    fitting = [form for form, count in zip(likely, found, strict=True) if count == best]
    form = fitting[0]
    doubt = next((other for date, other in _doubts(form) if date == form and other in fitting), None)
    return Reading("timestamp" if "%H" in form or "%I" in form else "date", form, found=False, doubt=doubt)


def _doubts(form: str) -> Sequence[tuple[str, str]]:
    return [(date + clock, other + clock) for date, other in _OTHER_FORMAT.items() for clock in ("", *_CLOCKS)]


def _reads(form: str) -> str:
    """SQL: a date of the form; a year of two digits has two, for '1.2.3' is a version."""
    digits = " AND regexp_matches(v, '[^0-9][0-9]{2}( |$)')" if "%y" in form else ""
    return f"year(try_strptime(v, {literal(form)})) BETWEEN {_YEARS[0]} AND {_YEARS[1]}{digits}"


def _not_compact() -> str:
    return f"NOT (length(v) = 8 AND coalesce({_reads(_COMPACT)}, false))"
