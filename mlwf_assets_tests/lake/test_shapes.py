"""What the columns of several partitions have in common, and what they have not."""

import pyarrow as pa
import pytest

from mlwf_assets.errors import SchemaError
from mlwf_assets.lake.shapes import align, common_shape, make_shape

NEW_YORK = pa.timestamp("us", "America/New_York")
UTC = pa.timestamp("us", "UTC")


def one(kind, *, values=True):
    return make_shape(pa.schema([("x", kind)]), [] if values else ["x"])


@pytest.mark.parametrize(
    ("kinds", "common"),
    [
        ([pa.int8(), pa.int64(), pa.int16()], pa.int64()),
        ([pa.int8(), pa.float32()], pa.float64()),
        ([pa.float32(), pa.float64()], pa.float64()),
        ([NEW_YORK, UTC], UTC),
        ([pa.list_(pa.int64()), pa.list_(pa.int64())], pa.list_(pa.int64())),
    ],
    ids=str,
)
def test_a_type_that_holds_all_values_is_taken_in_any_order(kinds, common):
    assert common_shape([one(kind) for kind in kinds]).field("x").type == common
    assert common_shape([one(kind) for kind in reversed(kinds)]).field("x").type == common


@pytest.mark.parametrize(
    "kinds",
    [
        (pa.int64(), pa.string()),
        (pa.bool_(), pa.int64()),
        (pa.timestamp("us"), UTC),
        (pa.date32(), UTC),
        (pa.decimal128(5, 2), pa.float64()),
        (pa.list_(pa.int64()), pa.list_(pa.string())),
    ],
    ids=str,
)
def test_types_that_do_not_go_together_are_an_error_or_what_the_caller_says(kinds):
    shapes = [one(kind) for kind in kinds]
    with pytest.raises(SchemaError, match=r"column 'x' must have one type .* however it is .* and .*; compute"):
        common_shape(shapes)
    assert common_shape(shapes, otherwise=pa.string()).field("x").type == pa.string()


def test_a_column_without_values_fits_every_type():
    assert common_shape([one(pa.string(), values=False), one(pa.date32())]).field("x").type == pa.date32()
    assert common_shape([one(pa.int64()), one(UTC, values=False)]).field("x").type == pa.int64()


def test_among_columns_without_values_a_type_says_more_than_text():
    shapes = [one(pa.string(), values=False), one(pa.float64(), values=False)]
    assert common_shape(shapes).field("x").type == pa.float64()
    assert common_shape(shapes[:1]).field("x").type == pa.string()


def test_columns_stand_in_the_order_of_first_appearance():
    shapes = [pa.schema([("b", pa.int64()), ("a", pa.int64())]), pa.schema([("c", pa.int64()), ("a", pa.int64())])]
    assert common_shape(shapes).names == ["b", "a", "c"]


def test_a_value_that_does_not_fit_is_never_rounded():
    with pytest.raises(SchemaError, match=r"column 'x' must fit double, the type of other partitions, however: .*9007"):
        align(pa.table({"x": [2**53 + 1]}), pa.schema([("x", pa.float64())]))


def test_aligned_tables_join():
    schema = pa.schema([("x", pa.float64()), ("y", UTC)])
    tables = [pa.table({"x": [1]}), pa.table({"y": pa.nulls(1, pa.string()), "x": [0.5]})]
    joined = pa.concat_tables([align(table, schema) for table in tables])
    assert joined.schema == schema
    assert joined.to_pylist() == [{"x": 1.0, "y": None}, {"x": 0.5, "y": None}]
