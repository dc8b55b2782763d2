import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_assets.errors import SourceError
from mlwf_assets.lake.connectors import json_lines, source_columns
from mlwf_assets.lake.connectors.parts import Part
from mlwf_assets.spec.sources import FilesSource
from mlwf_assets_tests.lake.connectors.toy import read, rows, types, write

FLAT = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4)
)
OBJECTS = st.lists(st.dictionaries(st.sampled_from("abc"), FLAT, min_size=1), min_size=1, max_size=6)
NUMBERS = st.integers(-5, 5) | st.floats(-1e6, 1e6).map(lambda x: round(x, 3))


def parse(objects):
    content = "\n".join(json.dumps(one) for one in objects).encode()
    return json_lines.read_json_lines(Part("t.jsonl", "t.jsonl", "jsonl", lambda: io.BytesIO(content)))


@given(
    st.lists(
        st.fixed_dictionaries({"a": NUMBERS, "b": st.none() | st.text(max_size=4), "c": st.booleans()}), min_size=1
    )
)
def test_the_fast_and_the_careful_reader_read_the_same(objects):
    assert parse(objects).equals(json_lines.to_table(objects))


@given(OBJECTS)
def test_every_value_is_kept_whatever_its_type(objects):
    table = parse(objects)
    assert table.column_names == list(dict.fromkeys(name for one in objects for name in one))
    for position, one in enumerate(objects):
        for name in table.column_names:
            got, wanted = table[name][position].as_py(), one.get(name)
            if isinstance(got, str) and not isinstance(wanted, str):
                got = json.loads(got)  # a column of several types is text
            assert got == wanted


def test_numbers_booleans_and_text_stay_what_they_are(tmp_path):
    write(
        tmp_path / "a.jsonl",
        '{"id": "007", "n": 1, "x": 1.5, "ok": true, "at": "2013-01-01T05:00:00Z", "day": "2013-01-01"}\n',
    )
    write(tmp_path / "b.ndjson", '{"id": "8", "n": null, "x": 2, "more": {"b": [1, null], "a": "é"}}')
    assert rows(tmp_path, ["a.jsonl", "b.ndjson"]) == {
        "id": ["007", "8"],
        "n": [1, None],
        "x": [1.5, 2.0],
        "ok": [True, None],
        "at": ["2013-01-01T05:00:00Z", None],
        "day": ["2013-01-01", None],
        "more": [None, '{"b": [1, null], "a": "é"}'],
    }
    assert types(read(tmp_path)) == {
        "id": "string", "n": "integer", "x": "number", "ok": "boolean", "at": "timestamp", "day": "date",
        "more": "string",
    }  # fmt: skip


def test_a_name_of_a_late_line_is_a_column(tmp_path):
    write(tmp_path / "a.jsonl.gz", '{"a": 1}\n\n{"b": 2, "a": 3}\n')
    assert source_columns(FilesSource(path="a.jsonl.gz"), tmp_path) == ["a", "b"]
    assert rows(tmp_path) == {"a": [1, 3], "b": [None, 2]}
    assert read(tmp_path).table["_row"].to_pylist() == [0, 1]


def test_integers_that_no_number_holds_keep_their_digits(tmp_path):
    write(tmp_path / "a.jsonl", '{"a": 12345678901234567890, "b": 9007199254740993}\n{"a": 1, "b": 0.5}\n')
    assert rows(tmp_path) == {"a": ["12345678901234567890", "1"], "b": ["9007199254740993", "0.5"]}


def test_more_rows_than_a_block_stay_together(monkeypatch):
    monkeypatch.setattr(json_lines, "_BLOCK_ROWS", 2)
    objects = [{"a": [1]}, {"a": [2]}, {"b": 1}, {"b": 1.5}, {"b": math.pi}]
    assert parse(objects).to_pydict() == {"a": ["[1]", "[2]", None, None, None], "b": [None, None, 1.0, 1.5, math.pi]}


FAULTS = {
    "a list": ('[{"a": 1},\n {"a": 2}]\n', r"a\.jsonl line 1 must be a JSON object.*write one object per line"),
    "an object over lines": ('{\n "a": 1\n}\n', r"line 1 must be a JSON object.*write one object per line"),
    "two in a line": ('{"a": 1}\n{"a": 2} {"a": 3}\n', r"line 2 must be a JSON object, however: Extra data"),
    "cut off": ('{"a": 1}\n{"a": "x', r"line 2 must be a JSON object, however: .*mend the line"),
    "a number": ('{"a": 1}\n5\n', r"line 2 must be a JSON object such as .*, however it is a int"),
    "another encoding": ('{"a": "x"}\n{"a": "é"}'.encode("latin-1"), r"line 2 must be a JSON object, however: 'utf-8'"),
    "half a character": ('{"a": "x"}\n{"a": "\\ud800"}', r"line 2 must be a JSON object.*surrogates"),
    "empty": ("", r"must hold data, however it is empty"),
    "objects without names": ("{}\n{}\n", r"must have columns, however it has none"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_clear_error_with_its_line(tmp_path, fault):
    content, words = FAULTS[fault]
    write(tmp_path / "a.jsonl", content)
    with pytest.raises(SourceError, match=words):
        read(tmp_path)
