"""What all kinds of sources have in common: rows of the file, and files that differ."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from mlwf_assets.cleaning import clean_table
from mlwf_assets.errors import SchemaError, SpecError
from mlwf_assets.lake.connectors import read_source, source_columns, source_fingerprint
from mlwf_assets.lake.connectors.stacking import stack
from mlwf_assets.lake.connectors.types import found_types
from mlwf_assets.spec.sources import CsvOptions, RowsSource
from mlwf_assets.spec.tables import Table
from mlwf_assets_tests.lake.connectors.toy import read, rows, types, write


def test_files_with_different_columns_are_matched_by_name(tmp_path):
    write(tmp_path / "a.csv", "id,x\n1,2\n")
    write(tmp_path / "b.csv", "y;id\n5;6\n")
    assert rows(tmp_path) == {"id": ["1", "6"], "x": ["2", None], "y": [None, "5"]}


def test_a_type_is_told_from_all_files(tmp_path):
    write(tmp_path / "a.csv", "id\n1\n")
    write(tmp_path / "b.csv", "id\nB2\n")
    assert types(read(tmp_path, "a.csv")) == {"id": "integer"}
    assert types(read(tmp_path)) == {"id": "string"}


def test_files_of_different_forms_are_stacked_as_what_holds_both(tmp_path):
    write(tmp_path / "a.csv", "id,x\n007,1\n")
    write(tmp_path / "b.jsonl", '{"id": 8, "x": true}\n')
    write(tmp_path / "c.jsonl", '{"id": 9, "x": 1.5}\n')
    assert rows(tmp_path) == {"id": ["007", "8", "9"], "x": ["1", "true", "1.5"]}


STACKED = {
    "nulls take any type": (pa.nulls(1), pa.array([1], pa.int16()), [None, 1], pa.int16()),
    "integers": (pa.array([1], pa.int8()), pa.array([2], pa.int64()), [1, 2], pa.int64()),
    "integers and floats": (pa.array([1]), pa.array([0.5], pa.float32()), [1.0, 0.5], pa.float64()),
    "decimals and floats": (pa.array([Decimal("1.10")]), pa.array([0.5]), [1.1, 0.5], pa.float64()),
    "too large for a float": (pa.array([2**53 + 1]), pa.array([0.5]), ["9007199254740993", "0.5"], pa.string()),
    "units of time": (
        pa.array([1_000_000_000], pa.timestamp("ns", "Europe/Berlin")), pa.array([2], pa.timestamp("s", "UTC")),
        [dt.datetime(1970, 1, 1, 0, 0, s, tzinfo=dt.UTC) for s in (1, 2)], pa.timestamp("us", "UTC"),
    ),
    "times with and without a zone": (
        pa.array([1], pa.timestamp("s")), pa.array([2], pa.timestamp("s", "UTC")),
        ["1970-01-01 00:00:01", "1970-01-01 00:00:02Z"], pa.string(),
    ),
    "truth and numbers": (pa.array([True]), pa.array([2]), ["true", "2"], pa.string()),
}  # fmt: skip


@pytest.mark.parametrize("case", STACKED)
def test_columns_of_different_types_become_what_holds_both(case):
    one, other, values, kind = STACKED[case]
    stacked = stack([pa.table({"a": one}), pa.table({"b": [7]}), pa.table({"a": other})])
    assert (stacked["a"].to_pylist(), stacked["a"].type) == ([values[0], None, values[1]], kind)
    assert stacked["b"].to_pylist() == [None, 7, None]


def test_rows_of_the_workflow_file_are_typed_by_their_values(tmp_path):
    source = RowsSource(rows=[{"id": "007", "n": 1, "x": 1}, {"id": "8", "x": 1.5, "day": "2013-01-01", "ok": True}])
    result = read_source(source, tmp_path)[None]
    assert result.table.to_pylist() == [
        {"id": "007", "n": 1, "x": 1.0, "day": None, "ok": None, "_file": "defs.yaml", "_row": 0},
        {"id": "8", "n": None, "x": 1.5, "day": "2013-01-01", "ok": True, "_file": "defs.yaml", "_row": 1},
    ]
    assert types(result) == {"id": "string", "n": "integer", "x": "number", "day": "date", "ok": "boolean"}
    assert source_columns(source, tmp_path) == ["id", "n", "x", "day", "ok"]
    assert source_fingerprint(source, tmp_path) != source_fingerprint(RowsSource(rows=source.rows[:1]), tmp_path)


@pytest.mark.parametrize("row", [{}, {"_row": 1}])
def test_rows_must_have_columns_of_their_own(tmp_path, row):
    with pytest.raises(SpecError, match="rows must have columns, and none called _file or _row"):
        read_source(RowsSource(rows=[row]), tmp_path)


def test_an_integer_that_the_lake_does_not_hold_names_its_column(tmp_path):
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"big": pa.array([2**64 - 1], pa.uint64())}), tmp_path / "a.parquet")
    with pytest.raises(SchemaError, match="column 'big' must fit the lake's type int64"):
        read(tmp_path)


TEXT = {
    "integer": [["1", "-2", "+3", "0", None], [" 7 "], ["9223372036854775807"]],
    "number": [["1", "2.5"], ["1e3", ".5", "5."], ["nan", "1"], ["5.0"], ["0.1234567890123456789"]],
    "boolean": [["true", "FALSE"]],
    "date": [["2013-01-31"], ["2013-1-5"]],
    "timestamp": [["2013-01-01T05:00:00Z"], ["2013-01-01 05:00", "2013-01-01 05:00:00.5+02:00"]],
    "string": [
        ["007", "1"], ["1", "x"], ["2013-02-30"], ["31.12.2013"], ["2013-01-01", "2013-01-01 05:00"], ["yes", "no"],
        ["T", "F"], ["9223372036854775808"], ["inf", "1"], ["1_000"], ["0x1F"], ["1,5"], [None, None], ["1", "true"],
        ["2013-01-01 25:00"], ["123456789012345678e1"],
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "values"), [(kind, values) for kind, cases in TEXT.items() for values in cases])
def test_the_type_of_text_is_the_one_that_loses_nothing(kind, values):
    assert found_types(pa.table({"a": pa.array(values, pa.string())}), is_text=True) == {"a": kind}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("number", ["1,5", "2", "1.234,56", ",5"]), ("integer", ["1", "12"]), ("string", ["1.5", "2"]),
        ("string", ["1.234"]), ("string", ["1,5", "1.23,4"]), ("string", ["007,5"]),
    ],
)  # fmt: skip
def test_numbers_with_a_decimal_comma_are_found_as_cleaning_reads_them(kind, values):
    assert found_types(pa.table({"a": values}), is_text=True, decimal=",") == {"a": kind}


@pytest.mark.parametrize("decimal", [".", ","])
def test_cleaning_reads_every_value_of_the_type_that_was_found(decimal):
    cases = [values for all_values in TEXT.values() for values in all_values]
    cases += [["1,5", "2", "1.234,56", ",5", "1,"]] if decimal == "," else []
    length = max(map(len, cases))
    table = pa.table({f"c{i}": pa.array(v + [None] * (length - len(v)), pa.string()) for i, v in enumerate(cases)})
    found = {"t": found_types(table, is_text=True, decimal=decimal)}
    raw = table.append_column("_file", pa.array(["t.csv"] * length)).append_column("_row", pa.array(range(length)))
    cleaned = clean_table(Table(), {"t": raw}, {}, types=found, name="t", read_as={"t": CsvOptions(decimal=decimal)})
    assert cleaned.quarantine.table.to_pylist() == []
    assert cleaned.counts.rows_out == length


def test_a_type_holds_for_all_values_not_for_the_first_ones_alone():
    many = 10_000
    rows = pa.table(
        {
            "spoilt": [str(n) for n in range(many)] + ["x"],
            "mixed": ["1"] * many + ["1.5"],
            "late": [None] * many + ["2024-01-01"],
            "never": pa.nulls(many + 1, pa.string()),
            "ids": [str(n) for n in range(many + 1)],
        }
    )
    assert found_types(rows, is_text=True) == {
        "spoilt": "string", "mixed": "number", "late": "date", "never": "string", "ids": "integer",
    }  # fmt: skip
