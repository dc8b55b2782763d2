import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from mlwf_assets.models.families.base import Context, Problem, Rows
from mlwf_assets.models.families.linear import Linear
from mlwf_assets.models.families.linear_columns import learn_columns
from mlwf_assets.models.metrics import default_metric, find_metric

PLAIN = {"penalty": 2.0, "bins": 0, "scale": "robust"}


def make_problem(kind, classes, kinds):
    features = [{"name": f"x{i}", "kind": one} for i, one in enumerate(kinds)]
    return Problem(kind, features, classes, find_metric(default_metric(kind), kind))


def numbers(seed=0, n=400, columns=4):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.normal(size=(n, columns)), columns=[f"x{i}" for i in range(columns)])


def scaled(frame, problem):
    """What the model adds up, as scikit-learn takes it."""
    return np.stack(learn_columns(frame, problem, scale="robust", bins=0).encode(frame).dense, axis=1)


def fit(kind, classes, frame, y, params=PLAIN, kinds=("numeric",) * 4):
    problem = make_problem(kind, classes, kinds)
    fitted = Linear().fit(params, Rows(frame, y), None, problem=problem, context=Context(), rounds=None)
    return fitted, scaled(frame, problem) if "categorical" not in kinds else None


@pytest.mark.parametrize("classes", [2, 3])
def test_it_is_the_logistic_regression_of_scikit_learn(classes):
    frame, rng = numbers(), np.random.default_rng(1)
    y = np.digitize(frame["x0"] + frame["x1"] ** 2 + rng.normal(size=400), [0, 2][: classes - 1]).astype(float)
    fitted, x = fit("binary" if classes == 2 else "multiclass", classes, frame, y)
    reference = LogisticRegression(C=1 / PLAIN["penalty"], tol=1e-8, max_iter=1000).fit(x, y)
    expected = reference.predict_proba(x)
    assert fitted.predict(frame) == pytest.approx(expected[:, 1] if classes == 2 else expected, abs=2e-4)


def test_it_is_the_ridge_regression_of_scikit_learn():
    frame, rng = numbers(), np.random.default_rng(1)
    y = 1000 + 50 * (frame["x0"] - 2 * frame["x1"] + rng.normal(size=400)).to_numpy()
    fitted, x = fit("regression", 0, frame, y)
    assert fitted.predict(frame) == pytest.approx(Ridge(alpha=PLAIN["penalty"]).fit(x, y).predict(x), rel=1e-4)


def test_bins_let_it_bend():
    frame = numbers()
    y = (frame["x0"].abs() > 0.7).to_numpy().astype(float)
    straight, _ = fit("binary", 2, frame, y)
    bent, _ = fit("binary", 2, frame, y, params={**PLAIN, "bins": 16})
    assert ((straight.predict(frame) > 0.5) == y).mean() < 0.75
    assert ((bent.predict(frame) > 0.5) == y).mean() > 0.95


def test_a_frequent_category_has_its_own_weight_and_rare_ones_share_one():
    names = ["common"] * 100 + ["usual"] * 100 + [f"rare {i}" for i in range(100)]
    y = np.array([1.0] * 100 + [0.0] * 100 + [1.0] * 100)
    fitted, _ = fit("binary", 2, pd.DataFrame({"x0": names}), y, kinds=("categorical",))
    common, usual, rare, unseen = fitted.predict(pd.DataFrame({"x0": ["common", "usual", "rare 3", "new"]}))
    assert usual < 0.1
    assert common > 0.9
    assert rare == unseen > 0.9


def test_that_a_value_is_missing_may_say_something():
    frame, y = numbers(), np.tile([0.0, 1.0], 200)
    frame.loc[y == 1, "x2"] = np.nan
    fitted, _ = fit("binary", 2, frame, y)
    assert ((fitted.predict(frame) > 0.5) == y).all()


def test_gaps_in_the_same_rows_have_one_weight_between_them():
    frame = numbers()
    frame.loc[::3, ["x0", "x1"]] = np.nan
    frame.loc[::4, "x2"] = np.nan
    columns = learn_columns(frame, make_problem("binary", 2, ("numeric",) * 4), scale="robust", bins=0)
    assert columns.code_features == (0, 2)
    assert columns.levels == 4


@pytest.mark.parametrize("scale", ["robust", "quantile"])
def test_outliers_are_drawn_in(scale):
    frame = numbers()
    frame.loc[0, "x0"] = 1e9
    columns = learn_columns(frame, make_problem("binary", 2, ("numeric",) * 4), scale=scale, bins=0)
    dense = np.stack(columns.encode(frame).dense)
    assert np.abs(dense).max() <= 3
    assert 0.3 < dense.std() < 1.5
