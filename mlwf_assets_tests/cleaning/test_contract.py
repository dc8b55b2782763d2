"""Contracts of columns: which rows go to quarantine, with which words; columns that are looked up or made."""

import pyarrow as pa
import pytest

from mlwf_assets.cleaning import clean_table
from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.spec.sources import CsvOptions
from mlwf_assets.spec.tables import Table
from mlwf_assets_tests.cleaning.toy import clean, column, raw, reasons, utc


@pytest.mark.parametrize(
    ("contract", "values", "kept", "said"),
    [
        ({"type": "integer"}, ["1", "x", None], [1, None], ["t.v must be integer, however: 'x'"]),
        ({"type": "number"}, ["1", "inf", "nan"], [1.0, None], ["t.v must be number, however: 'inf'"]),
        ({"type": "date"}, ["2013-02-28", "2013-02-29"], None, ["t.v must be date, however: '2013-02-29'"]),
        ({"required": True}, ["1", None], ["1"], ["t.v must not be missing"]),
        ({"type": "number", "required": True}, ["1", "x", "nan"], [1.0],
         ["t.v must be number, however: 'x'", "t.v must not be missing"]),
        ({"type": "integer", "min": 2}, ["1", "2", None], [2, None], ["t.v must be at least 2, however: '1'"]),
        ({"type": "integer", "min": 0.5}, ["0", "1"], [1], ["t.v must be at least 0.5, however: '0'"]),
        ({"type": "integer", "max": 2}, ["2", "3"], [2], ["t.v must be at most 2, however: '3'"]),
        ({"type": "number", "min": 0, "max": 1}, ["-0.1", "0", "1", "1.1"], [0.0, 1.0],
         ["t.v must be at least 0, however: '-0.1'", "t.v must be at most 1, however: '1.1'"]),
        ({"type": "date", "min": "2013-01-01"}, ["2012-12-31", "2013-01-01"], None,
         ["t.v must be at least 2013-01-01, however: '2012-12-31'"]),
        ({"type": "timestamp", "max": "2013-01-01"}, ["2013-01-01 00:00:01", "2013-01-01"], [utc(2013, 1, 1)],
         ["t.v must be at most 2013-01-01, however: '2013-01-01 00:00:01'"]),
        ({"type": "category", "values": ["a", "b"]}, ["a", "c", None], ["a", None],
         ["t.v must be one of a, b, however: 'c'"]),
        ({"type": "integer", "values": [1, 2]}, ["1", "3"], [1], ["t.v must be one of 1, 2, however: '3'"]),
        ({"type": "boolean", "values": [True]}, ["true", "false"], [True],
         ["t.v must be one of True, however: 'false'"]),
        ({"values": ["it's"]}, ["it's", "its"], ["it's"], ["t.v must be one of it's, however: 'its'"]),
        ({"type": "string", "min": "b"}, ["a", "b"], ["b"], ["t.v must be at least b, however: 'a'"]),
        ({"type": "integer", "min": 5, "values": [7]}, ["1"], [],
         ["t.v must be at least 5, however: '1'; t.v must be one of 7, however: '1'"]),
    ],
)  # fmt: skip
def test_a_row_that_breaks_the_contract_goes_to_quarantine_with_the_reason(contract, values, kept, said):
    cleaned = clean({"columns": {"v": contract}}, {"v": values})
    assert reasons(cleaned) == said
    assert cleaned.counts.quarantined == len(said)
    assert kept is None or column(cleaned, "v") == kept


def test_all_reasons_of_a_row_are_said_and_counted_by_kind():
    contract = {"a": {"type": "integer"}, "b": {"required": True}, "c": {"type": "number", "max": 5}}
    cleaned = clean({"columns": contract}, {"a": ["x", "y", "1"], "b": [None, "1", "1"], "c": ["9", "1", "7"]})
    assert reasons(cleaned) == [
        "t.a must be integer, however: 'x'; t.b must not be missing; t.c must be at most 5, however: '9'",
        "t.a must be integer, however: 'y'",
        "t.c must be at most 5, however: '7'",
    ]
    assert cleaned.counts.reasons == {
        "t.a must be integer": 2,
        "t.c must be at most 5": 2,
        "t.b must not be missing": 1,
    }


def test_quarantine_holds_the_row_as_it_came():
    rows = raw({"v": ["1", "x"], "w": ["ä", None]}, file="part-2.csv")
    cleaned = clean({"columns": {"v": {"type": "integer"}}}, rows)
    assert cleaned.quarantine.table.to_pylist() == [
        {"_source": "t", "_file": "part-2.csv", "_row": 1, "_reason": "t.v must be integer, however: 'x'",
         "_values": '{"v": "x", "w": null}'},
    ]  # fmt: skip


def test_long_values_are_cut_in_the_reason_and_whole_in_the_row():
    cleaned = clean({"columns": {"v": {"type": "integer"}}}, {"v": ["x" * 1000]})
    assert reasons(cleaned) == [f"t.v must be integer, however: '{'x' * 60}'"]
    assert "x" * 1000 in cleaned.quarantine.table["_values"][0].as_py()


def test_columns_without_contract_have_the_type_that_was_found():
    cleaned = clean({}, {"a": ["1", "2"], "b": ["x", "y"]}, types={"a": "integer"})
    assert cleaned.clean.table.select(["a", "b"]).to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


def test_columns_stand_in_the_order_of_the_contract_then_lookups_then_the_rest():
    spec = Table(columns={"c": {}, "m": {"sql": "a"}}, lookups={"l": "p.x by a"}, key=["b"])
    parent = pa.table({"k": ["1"], "x": ["one"]})
    cleaned = clean_table(spec, {"t": raw({"a": ["1"], "b": ["2"], "c": ["3"]})}, {"p": parent},
                          types={"t": {}}, name="t", keys={"p": "k"})  # fmt: skip
    assert cleaned.clean.table.column_names == ["c", "m", "l", "a", "b", "_known_at"]


def test_derived_columns_see_those_above_them_and_may_replace_one():
    columns = {
        "a": {"type": "integer"},
        "b": {"sql": "a * 2", "type": "integer"},
        "c": {"sql": "b + a", "type": "number"},
        "a2": {"sql": "a"},
        "d": {"sql": "upper(d)"},
    }
    cleaned = clean({"columns": columns}, {"a": ["1", "2"], "d": ["x", "y"]})
    assert column(cleaned, "c") == [3.0, 6.0]
    assert column(cleaned, "d") == ["X", "Y"]


def test_a_replaced_column_is_seen_replaced_by_those_below_and_not_by_those_above():
    columns = {"before": {"sql": "a"}, "a": {"sql": "a || '!'"}, "after": {"sql": "a"}}
    cleaned = clean({"columns": columns}, {"a": ["x"]})
    assert [column(cleaned, name) for name in columns] == [["x"], ["x!"], ["x!"]]


def test_a_derived_value_must_be_of_its_type_too():
    columns = {"v": {"sql": "a || 'x'", "type": "integer"}, "w": {"sql": "length(a)", "max": 1}}
    cleaned = clean({"columns": columns}, {"a": [None, "1", "22"]})
    assert reasons(cleaned) == [
        "t.v must be integer, however: '1x'",
        "t.v must be integer, however: '22x'; t.w must be at most 1, however: '2'",
    ]


def test_what_expressions_give_is_kept_in_one_of_few_types():
    columns = {
        "small": {"sql": "CAST(1 AS TINYINT)"}, "huge": {"sql": "CAST(1 AS HUGEINT)"}, "decimal": {"sql": "1.5"},
        "nothing": {"sql": "NULL"}, "local": {"sql": "CAST('2013-01-01' AS TIMESTAMP)"},
        "float": {"sql": "CAST(1 AS FLOAT)"},
        "day": {"sql": "CAST('2013-01-01' AS DATE)"}, "zoned": {"sql": "CAST('2013-01-01' AS TIMESTAMPTZ)"},
    }  # fmt: skip
    table = clean({"columns": columns}, {"a": ["x"]}).clean.table
    kinds = {name: str(table.schema.field(name).type) for name in columns}
    assert kinds == {
        "small": "int64", "huge": "double", "decimal": "double", "nothing": "int64", "local": "timestamp[us, tz=UTC]",
        "float": "double", "day": "date32[day]", "zoned": "timestamp[us, tz=UTC]",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("CAST('2013-01-02' AS DATE) - INTERVAL 1 DAY - CAST('2013-01-01' AS TIMESTAMP)", "month_day_nano_interval"),
        ("make_time(1, 2, 3)", "time64"),
        ("CAST('18446744073709551615' AS UBIGINT)", "uint64"),
    ],
)
def test_what_cannot_be_kept_is_an_error_with_a_remedy(sql, words):
    with pytest.raises(
        DataError, match=rf"tables.t.columns.v: must be a number, text, .* for t, however: {words}.*cast it"
    ):
        clean({"columns": {"v": {"sql": sql}}}, {"a": ["x"]})


LOOKED_UP = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "name": ["one", "two", None], "n": ["10", "x", None]})


def look_up(spec, columns):
    return clean_table(
        Table(**spec), {"t": raw(columns)}, {"p": LOOKED_UP}, types={"t": {}}, name="t", keys={"p": "id"}
    )


def test_a_lookup_gives_the_value_of_the_parent_or_nothing():
    cleaned = look_up({"lookups": {"name": "p.name by a"}}, {"a": ["1", "2", "3", "4", None, "x"]})
    assert column(cleaned, "name") == ["one", "two", None, None, None, None]
    assert cleaned.counts.rows_out == 6


def test_a_lookup_keeps_a_contract():
    spec = {"lookups": {"n": "p.n by a"}, "columns": {"n": {"type": "integer", "required": True, "min": 10}}}
    cleaned = look_up(spec, {"a": ["1", "2", "3", "9"]})
    assert column(cleaned, "n") == [10]
    assert reasons(cleaned) == [
        "t.n must be integer, however: 'x'",
        "t.n must not be missing",
        "t.n must not be missing",
    ]


def test_lookups_may_go_by_derived_columns_and_by_each_other():
    columns = {"b": {"sql": "a + 1", "type": "integer"}, "a": {"type": "integer"}}
    spec = {"columns": dict(reversed(columns.items())), "lookups": {"mine": "p.name by a", "next": "p.name by b"}}
    cleaned = look_up(spec, {"a": ["1", "2"]})
    assert (column(cleaned, "mine"), column(cleaned, "next")) == (["one", "two"], ["two", None])


def test_a_lookup_may_take_the_place_of_a_column():
    cleaned = look_up({"lookups": {"name": "p.name by a"}}, {"a": ["1"], "name": ["old"]})
    assert column(cleaned, "name") == ["one"]


def test_names_that_look_like_sql_are_names():
    odd = [
        "odd name",
        'quo"te',
        "semi;colon",
        "select",
        "ärger",
        "a.b",
        "-- x",
        "child",
        "_source",
        "stage_0",
        "'",
        "NULL",
    ]
    spec = {
        "columns": {name: {"type": "integer", "max": 5} for name in odd},
        "key": [odd[1]],
        "rules": [{"name": "it's", "check": f'"{odd[0]}" < 5', "otherwise": "null", "columns": [odd[2]]}],
    }
    cleaned = clean(spec, {name: ["1", "5", "9"] for name in odd})
    assert column(cleaned, odd[2]) == [1, None]
    assert cleaned.counts.nulled == {"it's": 1}
    assert cleaned.quarantine.table.num_rows == 1
    assert {f"t.{name} must be at most 5" for name in odd} == set(cleaned.counts.reasons)


def test_times_of_rows_are_of_the_source():
    rows = raw({"left_at": ["2013-01-01 10:00", "soon"], "v": ["1", "2"]})
    cleaned = clean_table(Table(), {"t": rows}, {}, types={"t": {}}, name="t",
                          times={"t": "TRY_CAST(left_at AS TIMESTAMP)"})  # fmt: skip
    assert column(cleaned, "_time") == [utc(2013, 1, 1, 10), None]


def test_each_group_of_outcomes_has_its_moment():
    spec = {
        "columns": {"left_at": {"type": "timestamp"}, "n": {"type": "integer"}},
        "known_at": "left_at - INTERVAL 1 DAY",
        "outcomes": [
            {"known_at": "left_at + to_minutes(n)", "columns": ["n"]},
            {"known_at": "CAST('2014-01-01' AS DATE)", "columns": ["v"]},
        ],
    }
    cleaned = clean(spec, {"left_at": ["2013-01-02 10:00"], "n": ["30"], "v": ["x"]})
    assert column(cleaned, "_known_at") == [utc(2013, 1, 1, 10)]
    assert column(cleaned, "_known_at_OUTCOME_1") == [utc(2013, 1, 2, 10, 30)]
    assert column(cleaned, "_known_at_OUTCOME_2") == [utc(2014, 1, 1)]


def test_the_form_of_dates_and_decimals_is_that_of_column_and_source():
    spec = Table(columns={"d": {"type": "date", "format": "%d.%m.%Y"}, "n": {"type": "number"},
                          "at": {"type": "timestamp", "timezone": "Europe/Berlin"}})  # fmt: skip
    rows = raw({"d": ["31.12.2013", "2013-12-31"], "n": ["1.234,5", "1,5"], "at": ["2013-07-01 12:00"] * 2})
    cleaned = clean_table(spec, {"t": rows}, {}, types={"t": {}}, name="t", read_as={"t": CsvOptions(decimal=",")})
    assert (column(cleaned, "n"), column(cleaned, "at")) == ([1234.5], [utc(2013, 7, 1, 10)])
    assert reasons(cleaned) == ["t.d must be date, however: '2013-12-31'"]


def test_a_column_of_the_contract_that_no_source_has_is_an_error():
    with pytest.raises(SchemaError, match="t: the columns x, y must be in one of its sources t, however: there are a"):
        clean({"columns": {"x": {}}, "key": ["y"]}, {"a": ["1"]})


def test_a_source_without_rows_at_all_is_an_error():
    with pytest.raises(SchemaError, match="t: there must be raw rows of each source, however: none of late"):
        clean({"sources": ["t", "late"]}, {"a": ["1"]})


def test_an_empty_partition_is_empty_and_has_its_columns():
    spec = {"columns": {"a": {"type": "integer"}, "b": {"sql": "a > 1"}}, "key": ["a"], "known_at": "NULL",
            "rules": [{"name": "r", "check": "b", "otherwise": "drop"}]}  # fmt: skip
    cleaned = clean(spec, {"a": [], "c": []})
    assert cleaned.counts.rows_in == cleaned.counts.rows_out == 0
    assert cleaned.clean.table.schema.types == [pa.int64(), pa.bool_(), pa.string(), pa.timestamp("us", "UTC")]
    assert cleaned.quarantine.table.column_names == ["_source", "_file", "_row", "_reason", "_values"]
    assert cleaned.counts.dropped == {"r": 0}
