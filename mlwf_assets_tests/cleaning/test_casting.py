"""How values are read as types: a table of what must come out, and the types found in sources as a reference."""

import datetime as dt
import math

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_assets.cleaning.casting import fails_as, literal, quote, read_as
from mlwf_assets.lake import duck
from mlwf_assets.lake.connectors.types import found_types
from mlwf_assets_tests.cleaning.toy import clean, column, raw, reasons, utc

FAILS = object()


@pytest.fixture(scope="module")
def connection():
    with duck.connect() as opened:
        yield opened


def read_all(connection, values, type_, *, kind=None, **how):
    """Read values; FAILS where one is there but of another type."""
    connection.register("raw", pa.table({"v": pa.array(values, kind)}))
    made = f"(SELECT *, {read_as('v', type_, **how)} AS x FROM raw)"
    rows = connection.execute(f"SELECT x, {fails_as('v', 'x', type_) or 'false'} FROM {made}").fetchall()
    assert all(found is None for found, fails in rows if fails)
    return [FAILS if fails else found for found, fails in rows]


def read(connection, value, type_, **how):
    return read_all(connection, [value], type_, **how)[0]


@pytest.mark.parametrize(
    ("value", "type_", "expected"),
    [
        ("5", "integer", 5), (" 5 ", "integer", 5), ("-5", "integer", -5), ("+5", "integer", 5), ("5.0", "integer", 5),
        ("1e3", "integer", 1000), ("007", "integer", 7), ("9223372036854775807", "integer", 2**63 - 1),
        ("5.5", "integer", FAILS), ("9223372036854775808", "integer", FAILS), ("five", "integer", FAILS),
        ("", "integer", FAILS), ("0x10", "integer", FAILS), ("nan", "integer", None), ("inf", "integer", FAILS),
        (None, "integer", None),
        ("2.5", "number", 2.5), (".5", "number", 0.5), ("1e-3", "number", 0.001), ("nan", "number", None),
        ("NaN", "number", None), ("inf", "number", FAILS), ("-Infinity", "number", FAILS), ("1,5", "number", FAILS),
        ("1e999", "number", FAILS), ("12 miles", "number", FAILS),
        ("true", "boolean", True), ("False", "boolean", False), (" TRUE ", "boolean", True), ("1", "boolean", True),
        ("0", "boolean", False), ("1.0", "boolean", True), ("t", "boolean", True), ("2", "boolean", FAILS),
        ("maybe", "boolean", FAILS), (None, "boolean", None),
        ("2013-01-31", "date", dt.date(2013, 1, 31)), ("2013-02-30", "date", FAILS), ("31.01.2013", "date", FAILS),
        ("2013-01-31 10:00:00", "timestamp", utc(2013, 1, 31, 10)), ("2013-01-31", "timestamp", utc(2013, 1, 31)),
        ("2013-01-31T10:00:00Z", "timestamp", utc(2013, 1, 31, 10)),
        ("2013-01-31T10:00:00+05:30", "timestamp", utc(2013, 1, 31, 4, 30)),
        ("2013-01-31 25:00:00", "timestamp", FAILS), ("soon", "timestamp", FAILS),
        ("007", "string", "007"), ("  x ", "string", "  x "), ("", "category", ""), (None, "string", None),
    ],
)  # fmt: skip
def test_text_is_read_as_its_type_or_not_at_all(connection, value, type_, expected):
    found = read(connection, value, type_, kind=pa.string())
    assert found is FAILS if expected is FAILS else (found == expected and type(found) is type(expected))


@pytest.mark.parametrize(
    ("value", "kind", "type_", "expected"),
    [
        (5, pa.int64(), "number", 5.0), (5.0, pa.float64(), "integer", 5), (5.5, pa.float64(), "integer", FAILS),
        (math.nan, pa.float64(), "number", None), (math.inf, pa.float64(), "number", FAILS),
        (1, pa.int64(), "boolean", True),
        (3, pa.int64(), "boolean", FAILS), (True, pa.bool_(), "integer", 1), (True, pa.bool_(), "string", "true"),
        (5, pa.int64(), "string", "5"), (dt.date(2013, 1, 31), pa.date32(), "timestamp", utc(2013, 1, 31)),
        (utc(2013, 1, 31, 23), pa.timestamp("us", "UTC"), "date", dt.date(2013, 1, 31)),
        (1359608400 * 10**6, pa.timestamp("us"), "timestamp", utc(2013, 1, 31, 5)),
        (utc(2013, 1, 31, 5), pa.timestamp("us", "America/New_York"), "timestamp", utc(2013, 1, 31, 5)),
    ],
)  # fmt: skip
def test_values_that_have_a_type_already_are_read_too(connection, value, kind, type_, expected):
    found = read(connection, value, type_, kind=kind)
    assert found is FAILS if expected is FAILS else found == expected


@pytest.mark.parametrize(
    ("value", "type_", "expected"),
    [
        ("1,5", "number", 1.5), ("1.234,5", "number", 1234.5), ("-1.234.567,", "number", -1234567.0),
        (",5", "number", 0.5),
        ("15", "number", 15.0), ("1,0", "integer", 1), (" 2,5 ", "number", 2.5), ("nan", "number", None),
        ("1.5", "number", FAILS), ("1.234", "number", FAILS), ("12.34,5", "number", FAILS), ("1,5", "integer", FAILS),
        ("1,2,3", "number", FAILS),
    ],
)  # fmt: skip
def test_with_a_decimal_comma_points_only_group_thousands(connection, value, type_, expected):
    found = read(connection, value, type_, kind=pa.string(), decimal=",")
    assert found is FAILS if expected is FAILS else found == expected


@pytest.mark.parametrize(
    ("value", "type_", "how", "expected"),
    [
        ("31.01.2013", "date", {"form": "%d.%m.%Y"}, dt.date(2013, 1, 31)),
        ("2013-01-31", "date", {"form": "%d.%m.%Y"}, FAILS),
        ("30.02.2013", "date", {"form": "%d.%m.%Y"}, FAILS),
        ("31.01.2013 10:30", "timestamp", {"form": "%d.%m.%Y %H:%M"}, utc(2013, 1, 31, 10, 30)),
        ("31.01.2013 9", "timestamp", {"form": "%d.%m.%Y %H", "timezone": "Europe/Berlin"}, utc(2013, 1, 31, 8)),
        ("07/01/2013 10", "timestamp", {"form": "%m/%d/%Y %H", "timezone": "America/New_York"}, utc(2013, 7, 1, 14)),
        ("2013-01-31 10:30", "timestamp", {"timezone": "Europe/Berlin"}, utc(2013, 1, 31, 9, 30)),
        ("2013-07-31T10:30:00", "timestamp", {"timezone": "Europe/Berlin"}, utc(2013, 7, 31, 8, 30)),
        ("2013-01-31", "timestamp", {"timezone": "Europe/Berlin"}, utc(2013, 1, 30, 23)),
        ("2013-01-31T10:30:00Z", "timestamp", {"timezone": "Europe/Berlin"}, utc(2013, 1, 31, 10, 30)),
        ("2013-01-31 10:30:00-05", "timestamp", {"timezone": "Europe/Berlin"}, utc(2013, 1, 31, 15, 30)),
        ("2013-01-31 10:30:00.5+0530", "timestamp", {"timezone": "Europe/Berlin"}, utc(2013, 1, 31, 5, 0, 0, 500000)),
        ("noon", "timestamp", {"timezone": "Europe/Berlin"}, FAILS),
        (None, "timestamp", {"form": "%Y", "timezone": "Europe/Berlin"}, None),
    ],
)  # fmt: skip
def test_dates_are_read_in_their_form_and_become_utc(connection, value, type_, how, expected):
    found = read(connection, value, type_, kind=pa.string(), **how)
    assert found is FAILS if expected is FAILS else found == expected


PIECES = st.text("0123456789.,eE+- nan/:TZtrueflso", max_size=12)
LIKELY = st.one_of(
    st.integers().map(str),
    st.floats(allow_nan=True).map(str),
    st.booleans().map(str),
    st.dates().map(str),
    st.datetimes().map(str),
    st.sampled_from(["1.234,5", "0,5", "nan", "007", "-0", "1e5", " 7 ", "2013-1-5", "2013-01-01 10:00+02", "true"]),
    PIECES,
)


@settings(max_examples=60)
@given(values=st.lists(st.none() | LIKELY, min_size=1, max_size=5), decimal=st.sampled_from([".", ","]))
def test_what_is_found_in_a_source_can_be_read(connection, values, decimal):
    """The connectors' idea of a type and ours are two implementations of one."""
    type_ = found_types(pa.table({"v": pa.array(values, pa.string())}), is_text=True, decimal=decimal)["v"]
    assert FAILS not in read_all(connection, values, type_, kind=pa.string(), decimal=decimal)


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))  # YAML holds no others


@given(name=TEXT.filter(bool), value=TEXT)
def test_names_and_texts_are_quoted(connection, name, value):
    sql = f"SELECT {quote(name)} FROM (SELECT {literal(value)} AS {quote(name)})"
    assert connection.execute(sql).fetchone() == (value,)


def test_texts_of_which_the_type_is_known_are_read_as_all_others_are():
    columns = {
        "whole": ["1", " -7 ", None],
        "real": ["1e3", "nan", " .5"],
        "truth": ["true", " FALSE", None],
        "day": ["2024-02-29", None, " 2024-3-1"],
        "moment": ["2024-02-29 10:00", "2024-02-29T10:00:00+02:00", None],
        "text": ["n", "nan", " N"],
    }
    rows = raw(columns)
    types = found_types(rows.drop_columns(["_file", "_row"]), is_text=True)
    assert list(types.values()) == ["integer", "number", "boolean", "date", "timestamp", "string"]
    with_doubt, without = (clean({}, rows, types=types, found_here=known) for known in (False, True))
    assert without.clean.table.equals(with_doubt.clean.table)
    assert column(without, "real") == [1000.0, None, 0.5]


def test_numbers_that_came_as_numbers_are_doubted_wherever_their_type_was_found():
    rows = raw({"a": [1.0, float("inf")]}, types={"a": pa.float64()})
    cleaned = clean({}, rows, types={"a": "number"}, found_here=True)
    assert reasons(cleaned) == ["t.a must be number, however: 'inf'"]
