import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.features.matrix import assemble
from mlwf_assets_tests.features.toy import at

SELECTED = [
    {"name": "weight", "kind": "numeric", "words": "The weight."},
    {"name": "fast", "kind": "boolean", "words": "Fast?"},
    {"name": "grade", "kind": "categorical", "words": "The grade."},
    {"name": "temp", "kind": "numeric", "words": "The temperature."},
]


def make_examples(ids, cutoffs=None, **columns):
    labels = pa.array([i % 2 == 0 for i in ids], pa.bool_())
    times = at(list(cutoffs or ids))
    return pa.table({"id": pa.array(ids, pa.int64()), "cutoff": times, "label": labels, "time": times, **columns})


def make_features(n=6):
    one = pa.table(
        {
            "id": list(range(n)),
            "weight": pa.array([None if i == 1 else i * 1.5 for i in range(n)], pa.float64()),
            "fast": pa.array([None if i == 2 else i % 2 == 0 for i in range(n)]),
            "grade": pa.array([None if i == 3 else "AB"[i % 2] for i in range(n)]),
            "unwanted": ["x"] * n,
        }
    )
    two = pa.table({"id": list(reversed(range(n))), "temp": pa.array([float(i) for i in reversed(range(n))])})
    return [one, two]


def run(splits=None, features=None, selected=SELECTED, key=("id",)):
    splits = splits or {"train": make_examples([0, 1, 2]), "validation": make_examples([3, 4])}
    return assemble(splits, features or make_features(), selected, key=key)


def test_it_holds_who_when_what_happened_and_the_selected_features_in_order():
    result = run()
    assert result.table.column_names == ["id", "split", "cutoff", "time", "label", "weight", "fast", "grade", "temp"]
    assert result.table["id"].to_pylist() == [0, 1, 2, 3, 4]
    assert result.table["split"].to_pylist() == ["train"] * 3 + ["validation"] * 2
    assert result.key == ("id",)
    assert result.metadata == {"features": 4, "train": 3, "validation": 2}
    assert json.loads(result.files["features.json"]) == SELECTED


def test_numbers_and_switches_are_doubles_categories_text_and_gaps_null():
    table = run().table
    assert [table.schema.field(f["name"]).type for f in SELECTED] == [
        pa.float64(),
        pa.float64(),
        pa.string(),
        pa.float64(),
    ]
    assert table["weight"].to_pylist() == [0, None, 3, 4.5, 6]
    assert table["fast"].to_pylist() == [1, 0, None, 0, 1]
    assert table["grade"].to_pylist() == ["A", "B", "A", None, "A"]
    assert table["temp"].to_pylist() == [0, 1, 2, 3, 4]


def test_rows_come_in_the_order_of_time_then_key():
    table = run({"train": make_examples([2, 0, 4], [5, 5, 1]), "validation": make_examples([1], [0])}).table
    assert table["id"].to_pylist() == [1, 4, 0, 2]


@given(st.permutations(range(6)), st.permutations(range(6)))
def test_the_order_of_rows_changes_nothing(examples, features):
    one, two = make_features()
    found = run({"train": make_examples(range(6)).take(examples)}, [one.take(features), two.take(features)])
    assert found.table.equals(run({"train": make_examples(range(6))}).table)


def test_rows_of_other_splits_do_not_enter():
    table = run({"test": make_examples([5])}).table
    assert table.select(["id", "split", "temp"]).to_pylist() == [{"id": 5, "split": "test", "temp": 5.0}]


def test_what_is_done_today_and_groups_come_along_where_they_are_given():
    table = run({"train": make_examples([0, 1], process_today=[0.2, 0.3], _group=["g", "h"])}).table
    assert table.column_names[:7] == ["id", "split", "cutoff", "time", "_group", "label", "process_today"]


def test_a_workflow_without_times_is_sorted_by_key():
    examples = pa.table({"id": [2, 0, 1], "cutoff": pa.nulls(3), "label": [True] * 3, "time": pa.nulls(3)})
    assert run({"train": examples}).table["id"].to_pylist() == [0, 1, 2]
    typed = examples.set_column(1, "cutoff", pa.nulls(3, pa.timestamp("us", tz="UTC")))
    assert run({"train": typed}).table["id"].to_pylist() == [0, 1, 2]


def test_without_a_key_rows_are_named_by_their_place():
    examples = make_examples([0, 1]).rename_columns({"id": "_row_id"})
    features = [table.rename_columns({"id": "_row_id"}) for table in make_features()]
    result = run({"train": examples}, features, key=())
    assert result.key == ("_row_id",)
    assert result.table["temp"].to_pylist() == [0, 1]


def test_an_empty_split_has_the_same_columns():
    assert run({"train": make_examples([])}).table.schema == run({"train": make_examples([0])}).table.schema


def test_nothing_selected_leaves_the_examples():
    assert run(selected=[]).table.column_names == ["id", "split", "cutoff", "time", "label"]


def test_a_selected_feature_that_is_nowhere_is_an_error():
    with pytest.raises(
        SchemaError, match=r"must be in the tables of features.*\['gone'\].*recompute features/selection"
    ):
        run(selected=[{"name": "gone", "kind": "numeric"}])


@pytest.mark.parametrize("name", ["id", "label", "split"])
def test_a_feature_under_a_name_of_the_examples_own_is_an_error(name):
    features = [table.append_column("label", table["id"]) for table in make_features()[:1]]
    with pytest.raises(SchemaError, match=rf"that are not the examples' own.*\['{name}'\] are not"):
        run(features=features, selected=[{"name": name, "kind": "numeric"}])


def test_a_feature_that_stands_in_two_tables_is_an_error():
    one, two = make_features()
    with pytest.raises(SchemaError, match=r"must be its own, however: \['temp'\] stand in two tables"):
        run(features=[one.append_column("temp", two["temp"]), two])


def test_an_example_without_features_is_an_error():
    with pytest.raises(DataError, match="must hold a row for each example, however: 1 missing, the first id=9"):
        run({"train": make_examples([0, 9])})
