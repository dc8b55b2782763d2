"""Business rules, duplicates and the balance: what becomes of every row, and what is said of it."""

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_assets.cleaning import clean_table
from mlwf_assets.cleaning.counts import Counts, add_counts, check_balance
from mlwf_assets.errors import DataError
from mlwf_assets.lake import duck
from mlwf_assets.spec.tables import Table
from mlwf_assets_tests.cleaning.toy import clean, column, raw, reasons

NUMBER = {"columns": {"n": {"type": "integer"}}}


def ruled(*rules, **more):
    return {**NUMBER, "rules": list(rules), **more}


def test_rows_that_do_not_pass_go_to_quarantine_by_default_under_the_rules_name():
    cleaned = clean(ruled({"name": "big", "check": "n < 5"}), {"n": ["1", "5", "9", None]})
    assert column(cleaned, "n") == [1, None]  # null passes
    assert reasons(cleaned) == ["big", "big"]
    assert cleaned.counts.reasons == {"big": 2}


def test_dropped_rows_are_counted_under_the_first_rule_that_drops_them():
    rules = [
        {"name": name, "check": check, "otherwise": "drop"} for name, check in (("one", "n <> 1"), ("odd", "n % 2 = 0"))
    ]
    cleaned = clean(ruled(*rules), {"n": ["1", "2", "3"]})
    assert column(cleaned, "n") == [2]
    assert cleaned.counts.dropped == {"one": 1, "odd": 1}


def test_nulls_are_put_in_and_seen_by_the_rules_after():
    rules = [
        {"name": "seen before", "check": "n < 9", "otherwise": "note"},
        {"name": "too much", "check": "n < 9", "otherwise": "null", "columns": ["n", "v"]},
        {"name": "seen after", "check": "n < 9", "otherwise": "note"},
        {"name": "v gone", "check": "v IS NOT NULL", "otherwise": "note"},
    ]
    cleaned = clean(ruled(*rules), {"n": ["1", "9"], "v": ["a", "b"]})
    assert (column(cleaned, "n"), column(cleaned, "v")) == ([1, None], ["a", None])
    assert cleaned.counts.nulled == {"too much": 1}
    assert cleaned.counts.noted == {"seen before": 1, "seen after": 0, "v gone": 1}


def test_a_contract_is_held_before_nulls_are_put_in():
    spec = {"columns": {"n": {"type": "integer", "required": True}},
            "rules": [{"name": "r", "check": "n < 9", "otherwise": "null", "columns": ["n"]}]}  # fmt: skip
    cleaned = clean(spec, {"n": ["9", None]})
    assert column(cleaned, "n") == [None]
    assert reasons(cleaned) == ["t.n must not be missing"]


def test_what_is_made_of_a_column_is_made_before_nulls_are_put_in():
    spec = ruled({"name": "r", "check": "n < 9", "otherwise": "null", "columns": ["n"]})
    spec["columns"] = {**NUMBER["columns"], "double": {"sql": "n * 2"}}
    assert column(clean(spec, {"n": ["9"]}), "double") == [18]


def test_notes_only_count():
    cleaned = clean(ruled({"name": "rare", "check": "n < 5", "otherwise": "note"}), {"n": ["1", "9", None]})
    assert cleaned.counts == Counts(rows_in=3, rows_out=3, noted={"rare": 1})


def test_quarantine_goes_before_dropping_and_rules_are_counted_over_the_rows_that_stay():
    rules = [
        {"name": "drop", "check": "n <> 1", "otherwise": "drop"},
        {"name": "quarantine", "check": "n <> 1"},
        {"name": "note", "check": "n > 1", "otherwise": "note"},
        {"name": "null", "check": "n > 1", "otherwise": "null", "columns": ["v"]},
    ]
    cleaned = clean(ruled(*rules), {"n": ["1", "2"], "v": ["a", "b"]})
    assert cleaned.counts == Counts(
        rows_in=2, rows_out=1, quarantined=1, dropped={"drop": 0}, noted={"note": 0}, nulled={"null": 0},
        reasons={"quarantine": 1},
    )  # fmt: skip


def test_a_fail_rule_stops_with_the_rule_how_many_and_the_first_rows():
    spec = ruled({"name": "no negatives", "check": "n >= 0", "otherwise": "fail"})
    with pytest.raises(DataError) as caught:
        clean(
            spec,
            {"n": ["1", "-1", "-2", "-3", "-4"]},
            partition="2013-01",
            locate=lambda place: f"f.yaml:9: {place[-2:]}",
        )
    lines = str(caught.value).split("\n")
    assert lines[0] == (
        "f.yaml:9: ('rules', 0): the rule 'no negatives' must hold for every row of t 2013-01, however: 4 break it; "
        "correct the source, or give the rule another 'otherwise'. The first ones:"
    )
    assert lines[1:] == ['  a.csv, row 1: {"n": -1}', '  a.csv, row 2: {"n": -2}', '  a.csv, row 3: {"n": -3}']


def test_a_row_that_is_out_of_the_way_fails_nothing():
    rules = [{"name": "fail", "check": "n > 0", "otherwise": "fail"}, {"name": "quarantine", "check": "n > -5"},
             {"name": "drop", "check": "n <> 0", "otherwise": "drop"}]  # fmt: skip
    assert clean(ruled(*rules), {"n": ["1", "0", "-9"]}).counts.rows_out == 1


@pytest.mark.parametrize(
    ("spec", "place", "words"),
    [
        ({"columns": {"v": {"sql": "CAST(a AS INTEGER)"}}}, "tables.t.columns.v.sql", "Conversion Error.*try_cast"),
        ({"columns": {"b": {"sql": "1"}, "v": {"sql": "a + b"}}}, "tables.t.columns.v.sql",
         "(Binder|Conversion) Error"),
        ({"columns": {"v": {"sql": "year(a)"}}}, "tables.t.columns.v.sql", "Binder Error"),
        ({"rules": [{"name": "r", "check": "CAST(a AS DATE) > DATE '2013-01-01'"}]}, "tables.t.rules[0].check",
         "Conversion Error.*try_cast"),
        ({"known_at": "CAST(a AS TIMESTAMP)"}, "tables.t.known_at", "Conversion Error"),
        ({"outcomes": {"known_at": "strptime(a, '%Y')", "columns": ["a"]}}, "tables.t.outcomes[0].known_at",
         "Invalid Input Error.*try_strptime"),
    ],
)  # fmt: skip
def test_an_expression_that_cannot_be_computed_is_named_with_its_place(spec, place, words):
    text = rf"^{re.escape(place)}: must work for every row of t 2013-01, however: {words}"
    with pytest.raises(DataError, match=text) as caught:
        clean(spec, {"a": ["1", "x"]}, partition="2013-01")
    assert "\n" not in str(caught.value)


def test_a_sources_time_that_cannot_be_computed_is_named():
    with pytest.raises(DataError, match=r"^sources.u.time: must work for every row of t, however: Conversion Error"):
        clean_table(Table(sources=["t", "u"]), {"t": raw({"a": ["2013-01-01"]}), "u": raw({"a": ["x"]})}, {},
                    types={"t": {}, "u": {}}, name="t",
                    times={"t": "CAST(a AS TIMESTAMP)", "u": "CAST(a AS TIMESTAMP)"})  # fmt: skip


# Duplicates


def stacked(spec, **sources):
    rows = {name: raw(columns, file=f"{name}.csv") for name, columns in sources.items()}
    return clean_table(Table(sources=list(sources), **spec), rows, {}, types={name: {} for name in sources}, name="t")


def test_of_equal_keys_the_most_trusted_source_stays():
    cleaned = stacked({"key": ["k"]}, best={"k": ["1"], "v": ["best"]}, other={"k": ["1", "2"], "v": ["other", "two"]})
    assert column(cleaned, "v") == ["best", "two"]
    assert (cleaned.counts.duplicates, cleaned.counts.contradictions) == (1, 1)
    assert cleaned.clean.metadata["contradictory_keys"] == ["1"]


def test_then_the_one_that_was_known_last():
    spec = {"key": ["k"], "columns": {"seen": {"type": "timestamp"}}, "known_at": "seen"}
    rows = {"k": ["1"] * 3, "seen": ["2013-01-02", "2013-01-03", None], "v": ["early", "late", "unknown"]}
    assert column(stacked(spec, one=rows), "v") == ["late"]
    newer = {"k": ["1"], "seen": ["2014-01-01"], "v": ["newest, less trusted"]}
    assert column(stacked(spec, one=rows, two=newer), "v") == ["late"]


def test_then_the_last_one_in_its_files():
    cleaned = stacked({"key": ["k"]}, one={"k": ["1", "2", "1"], "v": ["first", "only", "last"]})
    assert column(cleaned, "v") == ["last", "only"]


def test_rows_that_say_the_same_are_no_contradiction():
    cleaned = stacked({"key": ["k"]}, one={"k": ["1", "1"], "v": [None, None]}, two={"k": ["1"], "v": ["x"]})
    assert (cleaned.counts.duplicates, cleaned.counts.contradictions) == (2, 1)


def test_keys_of_several_columns_and_five_contradictions_are_shown():
    keys = [str(i) for i in range(7)]
    cleaned = stacked({"key": ["a", "b"]}, one={"a": keys * 2, "b": keys * 2, "v": ["x"] * 7 + ["y"] * 7})
    assert cleaned.counts.contradictions == 7
    assert cleaned.clean.metadata["contradictory_keys"] == [f"{i} {i}" for i in range(5)]


def test_a_row_in_quarantine_takes_nobodys_place():
    spec = {"key": ["k"], "columns": {"v": {"type": "integer"}}}
    cleaned = stacked(spec, best={"k": ["1"], "v": ["broken"]}, other={"k": ["1"], "v": ["7"]})
    assert column(cleaned, "v") == [7]
    assert (cleaned.counts.quarantined, cleaned.counts.duplicates) == (1, 0)


def test_a_part_of_the_key_that_is_missing_is_a_reason():
    cleaned = clean({"key": ["k"], "columns": {"k": {"type": "integer"}}}, {"k": ["1", None, "x"]})
    assert reasons(cleaned) == [
        "t.k must not be missing, for it is part of the key",
        "t.k must be integer, however: 'x'",
    ]


def test_without_key_rows_are_named_by_their_place_and_none_is_a_duplicate():
    rows = pa.concat_tables([raw({"v": ["x", "x"]}, file="a.csv"), raw({"v": ["x"]}, file="b.csv")])
    cleaned = clean({}, rows)
    assert column(cleaned, "_row_id") == ["a.csv:0", "a.csv:1", "b.csv:0"]
    assert cleaned.clean.key == ("_row_id",)


def test_sources_with_other_columns_and_types_are_stacked():
    one, two = raw({"k": ["1"], "a": ["x"]}), raw({"k": [2], "b": [1.5]}, types={"k": pa.int64(), "b": pa.float64()})
    cleaned = clean_table(
        Table(sources=["one", "two"], key=["k"]),
        {"one": one, "two": two},
        {},
        name="t",
        types={"one": {"k": "integer", "a": "string"}, "two": {"k": "integer", "b": "number"}},
    )
    assert cleaned.clean.table.drop(["_known_at"]).to_pylist() == [
        {"k": 1, "a": "x", "b": None},
        {"k": 2, "a": None, "b": 1.5},
    ]


@pytest.mark.parametrize(
    ("found", "expected"),
    [(("integer", "number"), pa.float64()), (("integer", "string"), pa.string()), (("date", "timestamp"), pa.string())],
)
def test_where_sources_disagree_the_type_holds_the_values_of_both(found, expected):
    types = {"one": {"v": found[0]}, "two": {"v": found[1]}}
    cleaned = clean_table(Table(sources=["one", "two"]), {"one": raw({"v": ["1"]}), "two": raw({"v": ["2"]})}, {},
                          types=types, name="t")  # fmt: skip
    assert cleaned.clean.table.schema.field("v").type == expected


def test_many_partitions_may_share_a_database():
    with duck.connect() as connection:
        for value in ("1", "x", "2"):
            cleaned = clean({**NUMBER, "key": ["n"]}, {"n": [value, value]}, connection=connection)
            assert cleaned.counts.rows_in == 2
            assert cleaned.counts.quarantined == (2 if value == "x" else 0)
        assert connection.execute("SELECT count(*) FROM duckdb_views() WHERE view_name LIKE 'raw%'").fetchone() == (0,)


# The balance

VALUES = st.none() | st.sampled_from(["1", "2", "3", "x", "-1", "9", "nan", "", " 2 "])
ROWS = st.lists(st.fixed_dictionaries({"k": VALUES, "n": VALUES, "v": VALUES}), max_size=12)
CHECKS = st.sampled_from(["n > 1", "n < 3", "v <> 'x'", "k = '1' OR n = 2", "n IS NOT NULL", "NULL", "true", "false"])
RULES = st.lists(st.tuples(CHECKS, st.sampled_from(["quarantine", "drop", "null", "note"])), max_size=4)


@pytest.fixture(scope="module")
def database():
    with duck.connect() as connection:
        yield connection


@settings(max_examples=60)
@given(
    sources=st.lists(ROWS, min_size=1, max_size=3),
    rules=RULES,
    keyed=st.booleans(),
    required=st.booleans(),
    low=st.integers(0, 2),
)
def test_every_row_is_accounted_for_whatever_the_rows_and_rules(database, sources, rules, keyed, required, low):
    columns = [{name: [row[name] for row in rows] for name in "knv"} for rows in sources]
    raws = {f"s{i}": raw(one, file=f"s{i}.csv") for i, one in enumerate(columns)}
    table = Table(
        sources=list(raws),
        key=["k"] if keyed else [],
        columns={"n": {"type": "integer", "min": low}, "v": {"required": required}, "double": {"sql": "n * 2"}},
        rules=[
            {
                "name": f"rule {i}",
                "check": check,
                "otherwise": otherwise,
                "columns": ["v"] if otherwise == "null" else [],
            }
            for i, (check, otherwise) in enumerate(rules)
        ],
    )
    cleaned = clean_table(table, raws, {}, types={name: {} for name in raws}, name="t", connection=database)
    counts, kept = cleaned.counts, cleaned.clean.table
    assert counts.rows_in == sum(map(len, sources)) == counts.accounted
    assert (counts.rows_out, counts.quarantined) == (kept.num_rows, cleaned.quarantine.table.num_rows)
    assert counts.duplicates == 0 or keyed
    assert counts.contradictions <= counts.duplicates
    assert all(counts.reasons.values()) and sum(counts.reasons.values()) >= counts.quarantined  # noqa: PT018 (one fact)
    if keyed:
        keys = kept["k"].to_pylist()
        assert None not in keys
        assert keys == sorted(set(keys))
    # No row stands in two places.
    places = [(row["_file"], row["_row"]) for row in cleaned.quarantine.table.to_pylist()]
    assert len(set(places)) == len(places)
    if not keyed:
        named = {tuple(name.rsplit(":", 1)) for name in kept["_row_id"].to_pylist()}
        assert not named & {(file, str(row)) for file, row in places}


def test_lost_rows_are_an_error():
    with pytest.raises(DataError, match=r"t: 3 rows in must equal rows out \+ .*, however: 1 \+ 1 \+ 0 \+ 0;"):
        check_balance(Counts(rows_in=3, rows_out=1, quarantined=1), name="t")


def test_a_parent_whose_key_is_not_unique_would_make_rows_and_is_an_error():
    parent = pa.table({"id": ["1", "1"], "x": ["a", "b"]})
    with pytest.raises(DataError, match="a lookup or rule changes the number of rows"):
        clean_table(Table(lookups={"x": "p.x by a"}), {"t": raw({"a": ["1"]})}, {"p": parent},
                    types={"t": {}}, name="t", keys={"p": "id"})  # fmt: skip


def test_counts_of_partitions_add_up():
    one = Counts(5, 2, 1, 1, 1, dropped={"d": 1}, nulled={"n": 1}, noted={"o": 2}, reasons={"r": 1})
    two = Counts(1, 1, noted={"o": 1, "p": 4})
    assert add_counts([one, two]) == Counts(
        6, 3, 1, 1, 1, dropped={"d": 1}, nulled={"n": 1}, noted={"o": 3, "p": 4}, reasons={"r": 1}
    )
    assert add_counts([one]).as_metadata() == one.as_metadata()
    assert add_counts([]).accounted == 0
