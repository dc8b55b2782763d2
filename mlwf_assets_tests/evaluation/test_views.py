"""What is shown of one kind of problem alone."""

import numpy as np
import pytest
from sklearn import metrics as reference

from mlwf_assets.evaluation.binary import view_binary
from mlwf_assets.evaluation.multiclass import OTHERS, view_multiclass
from mlwf_assets.evaluation.regression import view_regression
from mlwf_assets.models.truth import Truth
from mlwf_assets.spec.outputs import Costs


def several(classes=4, n=600, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.choice(classes, n, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum()).astype(float)
    p = rng.dirichlet(np.ones(classes), n)
    p[np.arange(n), y.astype(int)] += 0.4
    names = tuple(f"c{k}" for k in range(classes))
    return Truth("multiclass", y, names, names), p / p.sum(axis=1, keepdims=True)


def test_each_class_has_scikit_learns_figures():
    truth, p = several()
    precision, recall, f1, rows = reference.precision_recall_fscore_support(truth.y, p.argmax(axis=1))
    for one in view_multiclass(truth, p).classes:
        k = truth.words.index(one.name)
        assert (one.precision, one.recall, one.f1, one.rows) == pytest.approx((precision[k], recall[k], f1[k], rows[k]))
        assert one.roc_auc == pytest.approx(reference.roc_auc_score(truth.y == k, p[:, k]))


def test_the_confusion_matrix_is_scikit_learns_most_frequent_class_first():
    truth, p = several()
    view = view_multiclass(truth, p)
    order = [truth.words.index(name) for name in view.labels]
    expected = reference.confusion_matrix(truth.y, p.argmax(axis=1), labels=order)
    assert np.array_equal(view.confusion, expected)
    assert [one.rows for one in view.classes] == sorted((one.rows for one in view.classes), reverse=True)


def test_rare_classes_beyond_a_dozen_are_put_together():
    truth, p = several(classes=40)
    view = view_multiclass(truth, p)
    assert len(view.labels) == len(view.confusion) == 12
    assert view.labels[-1] == OTHERS
    assert sum(map(sum, view.confusion)) == 600
    assert len(view.classes) == 40


def test_a_class_without_rows_and_predictions_is_a_dash_and_no_error():
    truth = Truth("multiclass", np.zeros(4), ("a", "b"), ("a", "b"))
    empty = view_multiclass(truth, np.tile([0.9, 0.1], (4, 1))).classes[1]
    assert empty.rows == 0
    assert np.isnan([empty.precision, empty.recall, empty.f1, empty.roc_auc]).all()


def test_the_most_frequent_mistake_is_named_first():
    truth = Truth("multiclass", np.array([0, 0, 0, 1, 2.0]), tuple("abc"), tuple("abc"))
    p = np.eye(3)[[1, 1, 0, 1, 0]]
    view = view_multiclass(truth, p)
    assert [(m.actual, m.predicted, m.rows) for m in view.mixups] == [("a", "b", 2), ("c", "a", 1)]


def test_errors_bins_and_cells_hold_all_rows():
    rng = np.random.default_rng(0)
    y = rng.normal(10, 3, 1000)
    p = y + rng.normal(size=1000)
    view = view_regression(Truth("regression", y), p)
    assert [one.error for one in view.quantiles] == pytest.approx(np.quantile(np.abs(p - y), [0.5, 0.8, 0.9, 0.95]))
    assert sum(one.rows for one in view.bins) == sum(map(sum, view.density.counts)) == 1000
    assert sum(view.residuals.shares) == pytest.approx(1)
    assert np.average([one.actual for one in view.bins], weights=[one.rows for one in view.bins]) == pytest.approx(
        y.mean()
    )


@pytest.mark.parametrize("y", [[5.0], [5.0, 5.0, 5.0]])
def test_a_regression_without_variety_is_drawn(y):
    view = view_regression(Truth("regression", np.array(y)), np.array(y))
    assert view.bins[0].predicted == 5.0
    assert sum(map(sum, view.density.counts)) == len(y)


def test_a_rule_that_only_says_yes_and_no_has_curves_but_no_decision_at_the_threshold():
    truth = Truth("binary", np.array([0.0, 1.0, 1.0]), ("false", "true"), ("no", "yes"))
    said = {"ensemble": np.array([0.2, 0.4, 0.9]), "process_today": np.array([0.0, 0.0, 1.0])}
    view = view_binary(truth, said, threshold=0.3, costs=Costs())
    assert set(view.roc) == set(view.gain) == set(said)
    assert view.decision_today is None
    assert view.marks[-1].found_today > 0.5


def test_without_a_rule_only_the_model_is_drawn():
    truth = Truth("binary", np.array([0.0, 1.0]), ("false", "true"), ("no", "yes"))
    said = {"ensemble": np.array([0.2, 0.4]), "base_rate": np.full(2, 0.5)}
    view = view_binary(truth, said, threshold=0.3, costs=Costs())
    assert list(view.roc) == ["ensemble"]
    assert np.isnan(view.marks[0].found_today)
