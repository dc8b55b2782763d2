import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_assets.errors import SourceError
from mlwf_assets.lake.connectors import source_columns
from mlwf_assets.lake.connectors.csv_files import read_csv
from mlwf_assets.lake.connectors.parts import Part
from mlwf_assets.spec.sources import CsvOptions, FilesSource
from mlwf_assets_tests.lake.connectors.toy import read, rows, types, write

CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00\r"), max_size=6)
QUOTED_CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=6)


def part(content):
    return Part("t.csv", "t.csv", "csv", lambda: io.BytesIO(content))


@given(st.data(), st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_what_was_written_is_read_back_whatever_it_holds(data, delimiter, line_end, quoted):
    width = data.draw(st.integers(1, 4))
    names = [f"c{i}" for i in range(width)]
    cells = QUOTED_CELLS if quoted else CELLS  # Python writes a lone carriage return without quotes
    written = data.draw(st.lists(st.lists(cells, min_size=width, max_size=width), max_size=8))
    out = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow(names)
    writer.writerows(written)
    table = read_csv(part(out.getvalue().encode()), CsvOptions(delimiter=delimiter, null_values=["NA"]))
    got = [[row[name] for name in names] for row in table.to_pylist()]
    assert got == [[None if cell == "NA" else cell for cell in row] for row in written]


def test_text_stays_as_it_is_written(tmp_path):
    write(tmp_path / "a.csv", "id,x\n007, 1 \n1e3,0x1F\nTRUE,2013-01-01\n")
    assert rows(tmp_path) == {"id": ["007", "1e3", "TRUE"], "x": [" 1 ", "0x1F", "2013-01-01"]}


def test_words_for_missing_become_null_quoted_or_not(tmp_path):
    write(tmp_path / "a.csv", 'a,b\nNA,""\n-,"-"\nx,NaN\n')
    assert rows(tmp_path) == {"a": [None, "-", "x"], "b": [None, "-", "NaN"]}
    assert rows(tmp_path, csv={"null_values": ["-"]}) == {"a": ["NA", None, "x"], "b": ["", None, "NaN"]}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, delimiter):
    write(tmp_path / "a.csv", "id;x\n".replace(";", delimiter) + "1;2\n".replace(";", delimiter))
    assert rows(tmp_path) == {"id": ["1"], "x": ["2"]}


def test_a_decimal_comma_does_not_pass_for_the_delimiter(tmp_path):
    write(tmp_path / "a.csv", "Ort;Preis, brutto;Menge\nKöln;1,5;2\nBonn;10,25;3\n")
    assert list(rows(tmp_path)) == ["Ort", "Preis, brutto", "Menge"]
    assert types(read(tmp_path, csv={"decimal": ","})) == {
        "Ort": "string", "Preis, brutto": "number", "Menge": "integer",
    }  # fmt: skip


def test_one_column_needs_no_delimiter(tmp_path):
    write(tmp_path / "a.csv", 'name\nBob\n""\nEve\n\n')
    assert rows(tmp_path) == {"name": ["Bob", None, "Eve"]}


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8-sig", "UTF8"])
def test_encodings_are_read(tmp_path, encoding):
    write(tmp_path / "a.csv", "straße;x\nMünchen;1\n", encoding=encoding)
    source = FilesSource(path="a.csv", csv={"encoding": encoding})
    assert rows(tmp_path, csv={"encoding": encoding}) == {"straße": ["München"], "x": ["1"]}
    assert source_columns(source, tmp_path) == ["straße", "x"]


def test_a_byte_order_mark_belongs_to_no_name(tmp_path):
    write(tmp_path / "a.csv", '\ufeff"id","x"\n1,2\n')
    assert rows(tmp_path) == {"id": ["1"], "x": ["2"]}


def test_quoted_fields_hold_delimiters_quotes_and_line_ends(tmp_path):
    write(tmp_path / "a.csv", 'id,"the\nnote"\n1,"a, ""b"""\n2,"two\nlines"\n3,5" pipe\n')
    assert rows(tmp_path) == {"id": ["1", "2", "3"], "the\nnote": ['a, "b"', "two\nlines", '5" pipe']}
    assert source_columns(FilesSource(path="a.csv"), tmp_path) == ["id", "the\nnote"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_systems_are_read(tmp_path, line_end):
    write(tmp_path / "a.csv", line_end.join(["", "a,b", "1,2", "", "3,4", ""]))
    table = read(tmp_path).table
    assert table.select(["a", "b", "_row"]).to_pydict() == {"a": ["1", "3"], "b": ["2", "4"], "_row": [0, 1]}


def test_a_header_without_rows_is_an_empty_table(tmp_path):
    write(tmp_path / "a.csv", "a,b")
    assert rows(tmp_path) == {"a": [], "b": []}
    assert types(read(tmp_path)) == {"a": "string", "b": "string"}


FAULTS = {
    "too many fields": ("a,b\n1,2\n3,4,5\n6,7\n", r"a\.csv line 3 must have 2 fields, .* however 3: '3,4,5'"),
    "too few fields": ('a,b\n1,"x\ny"\n3\n', r"a\.csv line 4 must have 2 fields, as the header has, however 1: '3'"),
    "a name twice": ("a,b,a\n1,2,3\n", r"line 1: column names must be unique, however 'a' stands twice"),
    "a name twice but for spaces": ("a,b, a\n1,2,3\n", "'a' stands twice"),
    "an empty name": (",b\n0,2\n", r"each column must have a name, however number 1 of 2 has none.*index=False"),
    "a trailing delimiter": ("\na,b,\n1,2,\n", r"line 2: each column must have a name, however number 3 of 3"),
    "blank": ("\n\n", r"must hold the names of the columns, however it is empty"),
    "empty": ("", r"a\.csv must hold data, however it is empty"),
    "a quote left open": ('a,b\n1,"x\n2,y\n3,z\n', r"""line 2: quotes must stand around a whole field, however '"x'"""),
    "a quote cut off at the end": ('a,b\n1,"x', r"line 2: quotes must stand around a whole field"),
    "a quote left open in a file of old": ('a,b\r1,"x\r2,y\r3,z\r', r"quotes must stand around a whole field"),
    "one endless line": ("x" * 200_000, r"a\.csv must begin with a line of column names, however: field larger"),
    "a quote closed too early": ('a,b\n1,"x\n2,"y",z\n3,z\n', r"line 2: quotes must stand around a whole field"),
    "bytes of another encoding": ("a,b\nx,é\n".encode("latin-1"), r"line 2 must be utf-8.*b'\\xe9'.*encoding: latin-1"),
    "utf-16": ("a,b\n1,2\n".encode("utf-16"), r"must be utf-8.*encoding: utf-16"),
    "a spreadsheet": (b"PK\x03\x04\xff\xfe", r"must be text, however it is \.zip \(or a spreadsheet\)"),
    "a packed file": (b"\x1f\x8b\x08\x00\xff", r"must be text, however it is \.gz"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_clear_error_with_its_line(tmp_path, fault):
    content, words = FAULTS[fault]
    write(tmp_path / "a.csv", content)
    with pytest.raises(SourceError, match=words):
        read(tmp_path)


@pytest.mark.parametrize("fault", ["a name twice", "an empty name", "blank", "bytes of another encoding"])
def test_faults_of_the_header_are_found_when_only_names_are_asked_for(tmp_path, fault):
    content, words = FAULTS[fault]
    write(tmp_path / "a.csv", content)
    with pytest.raises(SourceError, match=words):
        source_columns(FilesSource(path="a.csv"), tmp_path)


@given(st.data())
def test_no_row_is_swallowed_when_a_quote_is_left_open(data):
    count = data.draw(st.integers(2, 6))
    broken = data.draw(st.integers(0, count - 2))
    lines = [f'{i},"x{i}"' for i in range(count)]
    lines[broken] = f'{broken},"x'
    with pytest.raises(SourceError, match=f"line {broken + 2}: quotes"):
        read_csv(part("\n".join(["a,b", *lines, ""]).encode()), CsvOptions())


def test_types_are_found_in_more_columns_than_are_looked_at_at_once(tmp_path):
    names = [f"c{i}" for i in range(450)]
    lines = [",".join(names), *(",".join(["1.5", "x", ""][i % 3] for i in range(450)) for _ in range(3))]
    write(tmp_path / "wide.csv", "\n".join(lines) + "\n")
    assert types(read(tmp_path)) == {name: ["number", "string", "string"][i % 3] for i, name in enumerate(names)}
