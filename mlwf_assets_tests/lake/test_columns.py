"""One physical form for each logical type, and a clear word where there is none."""

import datetime as dt
import decimal

import pyarrow as pa
import pytest

from mlwf_assets.errors import SchemaError
from mlwf_assets.lake.columns import as_text, storable, storable_type

US = pa.timestamp("us")


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        (pa.dictionary(pa.int8(), pa.large_string()), pa.string()),
        (pa.string_view(), pa.string()),
        (pa.large_binary(), pa.binary()),
        (pa.binary(4), pa.binary()),
        (pa.null(), pa.string()),
        (pa.uint32(), pa.int64()),
        (pa.uint64(), pa.int64()),
        (pa.int16(), pa.int16()),
        (pa.float16(), pa.float32()),
        (pa.date64(), pa.date32()),
        (pa.timestamp("s"), US),
        (pa.timestamp("ns", "+00:00"), pa.timestamp("us", "UTC")),
        (pa.timestamp("ms", "America/New_York"), pa.timestamp("us", "America/New_York")),
        (pa.large_list(pa.uint8()), pa.list_(pa.int16())),
        (pa.struct([("a", pa.large_string())]), pa.struct([("a", pa.string())])),
        (pa.decimal128(10, 2), pa.decimal128(10, 2)),
    ],
    ids=str,
)
def test_each_type_has_one_form_which_is_its_own(kind, kept):
    assert storable_type(kind) == kept
    assert storable_type(kept) == kept


@pytest.mark.parametrize("kind", [pa.duration("s"), pa.time32("s"), pa.decimal256(40, 2), pa.month_day_nano_interval()])
def test_a_type_without_a_form_is_refused_with_its_column(kind):
    with pytest.raises(SchemaError, match=r"column 'c': the lake keeps no columns of type .*; cast it to a number"):
        storable(pa.table({"c": pa.nulls(1, kind)}))


def test_values_stay_as_they_were():
    moment = dt.datetime(2013, 1, 1, 5, tzinfo=dt.UTC)
    table = pa.table(
        {
            "text": pa.array(["x", None]).dictionary_encode(),
            "count": pa.array([255, None], pa.uint8()),
            "time": pa.array([moment, None], pa.timestamp("ns", "UTC")),
            "list": pa.array([[1, None], None], pa.large_list(pa.uint8())),
            "nothing": pa.nulls(2),
        }
    )
    kept = storable(table.replace_schema_metadata({"pandas": "{}"}))
    assert kept.to_pylist() == table.to_pylist()
    assert kept.schema.metadata is None


@pytest.mark.parametrize(
    "column", [pa.array([2**63], pa.uint64()), pa.array([1], pa.timestamp("ns"))], ids=["too large", "nanoseconds"]
)
def test_a_value_that_would_change_is_refused(column):
    with pytest.raises(SchemaError, match=r"column 'c' must fit the lake's type .*, however it is "):
        storable(pa.table({"c": column}))


def test_names_must_be_unique_and_there_must_be_some():
    with pytest.raises(SchemaError, match=r"must be unique, however: \['a'\] stand more than once"):
        storable(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]))
    with pytest.raises(SchemaError, match="must have at least one column"):
        storable(pa.table({}))


def test_nested_values_are_written_the_same_for_the_same_value():
    assert as_text({"b": 1, "a": [None, "ä"]}) == as_text({"a": [None, "ä"], "b": 1})
    assert as_text({"d": decimal.Decimal("1.50"), "b": b"\x01"}) == '{"b": "01", "d": "1.50"}'
    assert as_text(None) is None
