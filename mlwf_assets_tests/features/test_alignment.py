import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.features.alignment import find_rows, key_columns

KEYS = st.tuples(st.sampled_from(["a", "b", "", None]), st.one_of(st.none(), st.integers(-3, 3)))


@given(st.lists(KEYS, unique=True, min_size=1), st.data())
def test_each_wanted_row_is_found_by_all_columns_of_its_key_and_null_equals_null(keys, data):
    wanted = data.draw(st.lists(st.sampled_from(keys)))

    def table(rows):
        schema = pa.schema({"x": pa.string(), "y": pa.int64()})
        return pa.Table.from_pylist([{"x": x, "y": y} for x, y in rows], schema=schema)

    found = find_rows(table(keys), table(wanted), key=["x", "y"])
    assert [keys[row] for row in found] == wanted


def test_chunks_do_not_matter():
    one = pa.table({"id": pa.chunked_array([["a", "b"], ["c"]])})
    assert find_rows(one, pa.table({"id": ["c", "a"]}), key=["id"]).tolist() == [2, 0]


def test_a_lost_row_is_named():
    with pytest.raises(DataError, match=r"clean/t must hold a row for each example, however: 1 missing.*id='z'"):
        find_rows(pa.table({"id": ["a"]}), pa.table({"id": ["a", "z"]}), key=["id"], name="clean/t")


def test_a_doubled_row_is_named():
    with pytest.raises(DataError, match=r"must be unique by \['id'\], however: id='a' stands twice"):
        find_rows(pa.table({"id": ["a", "b", "a"]}), pa.table({"id": ["b"]}), key=["id"])


def test_a_missing_key_column_is_named():
    with pytest.raises(SchemaError, match=r"the examples must have the key columns \['id'\]"):
        find_rows(pa.table({"id": ["a"]}), pa.table({"x": ["a"]}), key=["id"])


def test_nothing_wanted_gives_nothing():
    assert find_rows(pa.table({"id": ["a"]}), pa.table({"id": pa.array([], pa.string())}), key=["id"]).shape == (0,)


def test_without_a_declared_key_a_row_is_named_by_its_place():
    assert key_columns(()) == ["_row_id"]
    assert key_columns(("a", "b")) == ["a", "b"]
