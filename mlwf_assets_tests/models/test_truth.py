"""Labels and rules of today as numbers."""

import numpy as np
import pyarrow as pa
import pytest

from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.models.truth import Truth, base_rate, process_today, read_truth


def test_a_binary_label_may_be_boolean_or_0_and_1():
    yes_no = read_truth(pa.table({"label": [True, False]}), kind="binary")
    numbers = read_truth(pa.table({"label": [1, 0]}), kind="binary")
    assert yes_no.y.tolist() == numbers.y.tolist() == [1.0, 0.0]


def test_classes_are_numbered_in_the_order_of_the_predictions_columns():
    truth = read_truth(
        pa.table({"label": ["b", "a", "b"]}), kind="multiclass", classes=["a", "b"], class_words={"B": "bee"}
    )
    assert truth.y.tolist() == [1.0, 0.0, 1.0]
    assert truth.words == ("a", "bee")


def test_a_class_called_true_keeps_its_name_among_several():
    truth = read_truth(pa.table({"label": ["true", "maybe"]}), kind="multiclass", classes=["maybe", "true"])
    assert truth.words == ("maybe", "true")


def test_an_unknown_class_is_an_error_that_names_it():
    with pytest.raises(DataError, match=r"must be among the classes \['a'\], however: \['z'\]; train again"):
        read_truth(pa.table({"label": ["a", "z"]}), kind="multiclass", classes=["a"])


def test_a_missing_label_is_an_error():
    with pytest.raises(DataError, match="every row must have a label, however: 1 have none"):
        read_truth(pa.table({"label": [True, None]}), kind="binary")


def test_a_matrix_without_label_is_an_error():
    with pytest.raises(SchemaError, match="must have a column 'label'"):
        read_truth(pa.table({"id": [1]}), kind="binary")


def test_the_base_rate_of_several_classes_is_their_shares():
    truth = Truth("multiclass", np.array([0.0, 1.0, 1.0, 1.0]), ("a", "b", "c"), ("a", "b", "c"))
    assert base_rate(truth, 2).tolist() == [[0.25, 0.75, 0.0]] * 2


@pytest.mark.parametrize(
    ("kind", "y", "rule", "said"),
    [
        ("binary", [1.0, 0.0], pa.array([0.7, None]), [0.7, 0.0]),
        ("binary", [1.0, 0.0], pa.array([True, None]), [1.0, 0.0]),
        ("regression", [1.0, 3.0], pa.array([5.0, None]), [5.0, 2.0]),
    ],
)
def test_a_rule_without_an_opinion_says_the_least(kind, y, rule, said):
    table = pa.table({"process_today": rule})
    assert process_today(table, Truth(kind, np.array(y))).tolist() == said


def test_a_rule_that_names_a_class_is_nearly_certain_of_it():
    truth = Truth("multiclass", np.array([0.0, 1.0]), ("a", "b"), ("a", "b"))
    said = process_today(pa.table({"process_today": ["b", None]}), truth)
    assert said.argmax(axis=1).tolist() == [1, 0]
    assert said[0, 1] > 0.99
    assert said[1].max() < 0.01


def test_there_may_be_no_rule():
    assert process_today(pa.table({"label": [True]}), Truth("binary", np.array([1.0]))) is None
