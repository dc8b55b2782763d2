import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mlwf_assets.datasets import take_sample
from mlwf_assets.lake.result import Result


def examples(**columns):
    n = len(next(iter(columns.values())))
    return Result(pa.table({**columns, "label": pa.array(np.arange(n) % 3 == 0)}), metadata={"kind": "binary"})


def test_it_is_a_share_of_the_rows_the_same_whatever_stands_beside_them():
    whole = examples(id=[f"p{i}" for i in range(4000)])
    found = take_sample(whole, 0.1, key=["id"])
    ids = found.table["id"].to_pylist()
    assert 330 < len(ids) < 470
    assert ids == sorted(ids, key=lambda name: int(name[1:]))
    half = take_sample(examples(id=whole.table["id"].slice(2000)), 0.1, key=["id"]).table["id"].to_pylist()
    assert half == ids[-len(half) :]
    assert found.metadata["examples of the whole"] == 4000
    assert found.metadata["examples"] == len(ids)


def test_a_larger_share_holds_all_of_a_smaller_one():
    whole = examples(id=range(3000))
    small, large = (set(take_sample(whole, share, key=["id"]).table["id"].to_pylist()) for share in (0.05, 0.2))
    assert small < large


def test_groups_stay_whole():
    groups = pa.array([None if i % 50 == 0 else str(i % 50) for i in range(2000)])
    whole = examples(id=range(2000), _group=groups)
    found = take_sample(whole, 0.3, key=["id"]).table
    for group in found["_group"].unique():
        alike = pc.equal if group.is_valid else lambda column, _: pc.is_null(column)
        assert pc.sum(alike(found["_group"], group)).as_py() == 40
    assert 0 < found.num_rows < 2000


@pytest.mark.parametrize("key", [["a", "b"], []])
def test_a_key_may_have_several_columns_or_be_the_rows_place(key):
    rows = {"a": [str(i // 100) for i in range(2000)], "b": [i % 100 for i in range(2000)]}
    whole = examples(**rows, _row_id=[f"x.csv:{i}" for i in range(2000)])
    assert 100 < take_sample(whole, 0.1, key=key).table.num_rows < 300
