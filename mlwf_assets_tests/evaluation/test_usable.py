"""What can be judged."""

import pyarrow as pa

from mlwf_assets.evaluation.usable import known_classes


def test_rows_of_classes_that_training_never_saw_are_counted_and_left_out():
    table = pa.table({"label": ["a", "z", "z", "b"], "id": [1, 2, 3, 4]})
    rows, lost = known_classes(table, kind="multiclass", classes=["a", "b"])
    assert rows.column("id").to_pylist() == [1, 4]
    assert lost == {"z": 2}


def test_only_several_classes_can_be_unknown():
    table = pa.table({"label": [1.5, 2.5]})
    assert known_classes(table, kind="regression", classes=[]) == (table, {})
