"""Fingerprints against a slow reference: two tables have the same one exactly where they say the same."""

import collections
import datetime as dt
import decimal
import math

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from mlwf_assets.errors import SchemaError
from mlwf_assets.lake.fingerprint import check_key, describe_content, fingerprint, hash_json
from mlwf_assets.lake.result import Entry

# Few values, so that tables are often equal.
VALUES = {
    pa.int64(): [0, 1, -1],
    pa.float64(): [0.0, -0.0, math.nan, 1.5, math.inf],
    pa.float32(): [0.0, -0.0, math.nan, 0.5],
    pa.string(): ["", "a", "ä", "aa"],
    pa.binary(): [b"", b"a", b"\x00"],
    pa.bool_(): [True, False],
    pa.date32(): [dt.date(2013, 1, 1), dt.date(1969, 12, 31)],
    pa.timestamp("us", "UTC"): [dt.datetime(2013, 1, 1, tzinfo=dt.UTC)],
    pa.decimal128(5, 2): [decimal.Decimal("1.50"), decimal.Decimal("-1.50")],
    pa.list_(pa.int64()): [[], [1], [1, None]],
    pa.struct([("a", pa.string())]): [{"a": "x"}, {"a": None}],
}


@st.composite
def tables(draw, min_rows=0):
    kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=3))
    count = draw(st.integers(min_rows, 5))
    columns = [
        pa.array(draw(st.lists(st.sampled_from([None, *VALUES[kind]]), min_size=count, max_size=count)), kind)
        for kind in kinds
    ]
    return pa.table(columns, names=[f"c{i}" for i in range(len(kinds))])


def canonical(value):
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value + 0.0
    return str(value) if isinstance(value, list | dict) else value


def says_the_same(one, other):
    """The reference: the same columns, and each row as often in one as in the other."""
    counts = [
        collections.Counter(tuple(map(canonical, row.values())) for row in table.to_pylist()) for table in (one, other)
    ]
    return one.schema.equals(other.schema) and counts[0] == counts[1]


def part(table, names, key=()):
    """Name some columns of a table, as their reader does."""
    content = describe_content(table, key=key)
    entry = Entry("w/g/n", None, 0, content.fingerprint, "", "", table.num_rows, 0, {}, {}, 0, columns=content.columns)
    return entry.part(names, ())


@given(tables(), tables(), st.data())
@settings(max_examples=150, deadline=None)
def test_columns_named_alike_say_the_same(one, other, data):
    """The other way round it holds only where the order of rows is the same, which costs a computation at most."""
    names = data.draw(st.lists(st.sampled_from(one.column_names), unique=True))
    if set(names) <= set(other.column_names) and part(one, names) == part(other, names):
        assert says_the_same(one.select(names), other.select(names))


@given(tables(), st.data())
@settings(max_examples=100, deadline=None)
def test_a_column_that_is_not_read_does_not_count(table, data):
    """With a key, whatever the other columns hold; without one, as long as they stand at the end."""
    added = data.draw(st.lists(st.integers(0, 3), min_size=table.num_rows, max_size=table.num_rows))
    wider = table.append_column("added", pa.array(added, pa.int64()))
    assert part(wider, table.column_names) == part(table, table.column_names)
    keyed = table.add_column(0, "id", pa.array(range(table.num_rows), pa.int64()))
    moved = keyed.add_column(1, "added", pa.array(added, pa.int64()))
    assert part(moved, keyed.column_names, ["id"]) == part(keyed, keyed.column_names, ["id"])
    assert part(moved, None, ["id"]) != part(keyed, None, ["id"])


@given(tables(), tables())
@settings(max_examples=150, deadline=None)
def test_equal_exactly_where_the_reference_says_so(one, other):
    assert (fingerprint(one) == fingerprint(other)) == says_the_same(one, other)


@given(tables(min_rows=1), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_order_chunks_and_offsets_of_rows_do_not_count(table, random):
    order = list(range(table.num_rows))
    random.shuffle(order)
    shuffled = table.take(order)
    cut = random.randint(0, table.num_rows)
    padded = pa.concat_tables([table, shuffled]).slice(table.num_rows)
    assert fingerprint(shuffled) == fingerprint(table)
    assert fingerprint(pa.concat_tables([shuffled.slice(cut), shuffled.slice(0, cut)])) == fingerprint(table)
    assert fingerprint(padded) == fingerprint(table)


@given(tables(min_rows=1), st.data())
@settings(max_examples=100, deadline=None)
def test_another_value_is_another_content(table, data):
    column = data.draw(st.integers(0, table.num_columns - 1))
    row = data.draw(st.integers(0, table.num_rows - 1))
    values = table.column(column).to_pylist()
    kind = table.schema.field(column).type
    other = [value for value in [None, *VALUES[kind]] if canonical(value) != canonical(values[row])]
    values[row] = data.draw(st.sampled_from(other))
    changed = table.set_column(column, table.schema.field(column), pa.array(values, kind))
    assert (fingerprint(changed) == fingerprint(table)) == says_the_same(changed, table)


def test_encodings_and_compression_do_not_count(tmp_path):
    table = pa.table({"s": ["b", "a", None, "b"], "x": [1.5, None, math.nan, -0.0], "t": pa.array([1, 2, 3, None])})
    wanted = fingerprint(table)
    for compression in ("none", "snappy", "zstd"):
        pq.write_table(table, tmp_path / "f.parquet", compression=compression, row_group_size=2)
        assert fingerprint(pq.read_table(tmp_path / "f.parquet")) == wanted
    encoded = table.set_column(0, "s", table["s"].dictionary_encode())
    large = table.set_column(0, "s", table["s"].cast(pa.large_string()))
    view = table.set_column(0, "s", table["s"].cast(pa.string_view()))
    assert {fingerprint(one) for one in (encoded, large, view)} == {wanted}


def test_bytes_behind_nulls_and_metadata_do_not_count():
    mask = pa.array([True, False])
    hidden = pa.array(np.array([7, 1])), pa.array(np.array([9, 1]))
    one, other = (pa.Array.from_buffers(pa.int64(), 2, [_validity(mask), array.buffers()[1]]) for array in hidden)
    assert fingerprint(pa.table({"a": one})) == fingerprint(pa.table({"a": other}))
    noted = pa.table({"a": [1]}).replace_schema_metadata({"note": "x"})
    assert fingerprint(noted) == fingerprint(pa.table({"a": [1]}))


def _validity(is_null):
    return pa.array([None if null.as_py() else 0 for null in is_null], pa.int64()).buffers()[0]


def test_nan_and_null_differ_and_all_nans_are_equal():
    other_nan = np.array([0x7FF8000000000001], np.uint64).view(np.float64)
    assert fingerprint(pa.table({"a": [math.nan]})) == fingerprint(pa.table({"a": other_nan}))
    assert fingerprint(pa.table({"a": [math.nan]})) != fingerprint(pa.table({"a": pa.nulls(1, pa.float64())}))


@pytest.mark.parametrize(
    "other",
    [
        pa.table({"a": [1], "b": [2]}).rename_columns(["b", "a"]),
        pa.table({"b": [2], "a": [1]}),
        pa.table({"a": pa.array([1], pa.int32()), "b": [2]}),
        pa.table({"a": [1.0], "b": [2]}),
        pa.table({"a": [1]}),
    ],
    ids=["names", "order of columns", "width", "type", "fewer columns"],
)
def test_the_schema_counts(other):
    assert fingerprint(other) != fingerprint(pa.table({"a": [1], "b": [2]}))


def test_neighbouring_texts_do_not_run_into_each_other():
    assert fingerprint(pa.table({"a": ["ab", "c"]})) != fingerprint(pa.table({"a": ["a", "bc"]}))


def test_files_count_by_name_and_content():
    table = pa.table({"a": [1]})
    names = [{}, {"f": b"x"}, {"f": b"y"}, {"g": b"x"}, {"f": b"x", "g": b"x"}]
    assert len({fingerprint(table, files=files) for files in names}) == len(names)
    assert fingerprint(table, files={"a": b"1", "b": b"2"}) == fingerprint(table, files={"b": b"2", "a": b"1"})


def test_many_blocks_say_the_same_in_any_order():
    numbers = np.arange(200_000)
    table = pa.table({"id": numbers, "text": pa.array(numbers % 977).cast(pa.string())})
    shuffled = table.take(np.random.default_rng(0).permutation(numbers))
    assert fingerprint(table) == fingerprint(shuffled)
    assert fingerprint(table, key=["id"]) == fingerprint(shuffled, key=["id"])


def test_the_definition_does_not_change():
    """Whatever was computed before stays known only as long as these names stay."""
    table = pa.table({"a": [2, 1, None], "b": ["x", None, "y"], "c": [0.5, math.nan, -0.0], "d": [True, None, False]})
    assert fingerprint(table) == "21e3bf6dc7520ff26eebf93b322ce3ee"
    assert fingerprint(table, key=["a"], files={"f": b"x"}) == "e57884dcf8525c20ad3a14268352f5ec"
    assert hash_json({"b": [1, None, "ä"], "a": 1.5}) == "e161a280231f385c878c14d809d0c052"


@pytest.mark.parametrize("values", [[1, 1], [None, None], [math.nan, math.nan], [0.0, -0.0]])
def test_a_key_must_be_unique_also_where_it_is_missing(values):
    table = pa.table({"k": pa.array(values), "v": [1, 2]})
    with pytest.raises(SchemaError, match=r"the key \('k',\) must be unique, however: \{'k': .*\} stands in 2"):
        fingerprint(table, key=["k"])
    check_key(table, ["k", "v"])


def test_a_key_must_consist_of_columns():
    with pytest.raises(SchemaError, match=r"the key \('z',\) must consist of columns, however: \['z'\] not in"):
        check_key(pa.table({"a": [1]}), ["z"])
