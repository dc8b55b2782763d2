"""The check must find what the splits never do: here the made tables are spoilt by hand."""

import pyarrow as pa
import pytest

from mlwf_assets.datasets.leaks import check_leaks, example_times
from mlwf_assets.errors import DataError
from mlwf_assets_tests.datasets.toy import US, at, examples


@pytest.fixture
def tables():
    whole = examples([float(i) for i in range(9)], days=range(9), groups=list("aaabbbccc"))
    return {name: whole.slice(3 * i, 3) for i, name in enumerate(("train", "validation", "test"))}


def check(tables, by="time", rows=9):
    return check_leaks(tables, key=["id"], by=by, rows=rows)


@pytest.mark.parametrize("by", ["time", "group", "random", "stratified"])
def test_sound_splits_pass(tables, by):
    assert check(tables, by)["passed"]


def test_the_same_example_in_two_splits_is_found(tables):
    tables["test"] = pa.concat_tables([tables["test"], tables["train"].slice(0, 1)])
    found = check(tables, "random")
    assert not found["passed"]
    assert found["description"] == "1 examples are in two splits; 1 more examples than there were"
    assert found["metadata"] == {"examples in two splits": 1, "examples lost or added": 1}


def test_a_lost_example_is_found(tables):
    tables["train"] = tables["train"].slice(1)
    assert check(tables, "random")["description"] == "1 fewer examples than there were"


@pytest.mark.parametrize("day", [3, 4, 8])
def test_a_training_example_that_is_not_before_validation_is_found(tables, day):
    times = pa.array([at(0), at(1), at(day)], US)
    tables["train"] = tables["train"].set_column(3, "time", times)
    found = check(tables)
    assert not found["passed"]
    assert f"train reaches to {at(day)}, though validation begins at {at(3)}" in found["description"]
    assert found["metadata"]["spans"]["train"] == [str(at(0)), str(at(day))]


def test_a_group_in_two_splits_is_found(tables):
    tables["test"] = tables["test"].set_column(4, "_group", pa.array(["a", "a", "c"]))
    found = check(tables, "group")
    assert (found["passed"], found["description"]) == (False, "1 groups are in two splits")


def test_a_missing_group_in_two_splits_is_found(tables):
    for name in ("train", "test"):
        tables[name] = tables[name].set_column(4, "_group", pa.array([None, "x" + name, None], pa.string()))
    assert check(tables, "group")["metadata"]["groups in two splits"] == 1


def test_examples_without_any_time_are_an_error():
    with pytest.raises(DataError, match="however 2 of 2 have none"):
        example_times(pa.table({"id": [1, 2], "cutoff": pa.nulls(2, US)}))
