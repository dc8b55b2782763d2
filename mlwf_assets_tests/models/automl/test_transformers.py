import json

import numpy as np
import pandas as pd
import pytest

from mlwf_assets.models.automl.transformers import Lookup, Pair, Transformers, learn_transformers
from mlwf_assets.models.families.base import Problem, Rows
from mlwf_assets.models.metrics import find_metric

FEATURES = [
    {"name": "a", "kind": "numeric"},
    {"name": "b", "kind": "numeric"},
    {"name": "town", "kind": "categorical"},
    {"name": "street", "kind": "categorical"},
]
PROBLEM = Problem("regression", FEATURES, 0, find_metric("rmse", "regression"))


def rows(label, n=600, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": rng.uniform(1, 9, n),
            "b": rng.uniform(1, 9, n),
            "town": rng.choice(list("ABCDEF"), n),
            "street": rng.choice(list("uvwxyz"), n),
        }
    )
    return Rows(frame, np.asarray(label(frame), dtype=float))


@pytest.mark.parametrize(
    ("label", "found"),
    [
        (lambda frame: frame["a"] / frame["b"], "a / b"),
        (lambda frame: frame["a"] * frame["b"], "a * b"),
        (lambda frame: (frame["town"].map(ord) * frame["street"].map(ord)) % 7, "target by town and street"),
        (lambda frame: frame["a"] - frame.groupby("town")["a"].transform("mean"), "a minus mean of a by town"),
    ],
)
def test_the_column_that_the_label_was_made_of_is_found(label, found):
    transformers, _ = learn_transformers(rows(label), PROBLEM, seed=0)
    assert found in [one.name for one in transformers.each][:6]


def test_noise_gives_few_columns():
    noise = np.random.default_rng(5)
    transformers, _ = learn_transformers(rows(lambda frame: noise.normal(size=len(frame))), PROBLEM, seed=0)
    assert len(transformers.each) <= 12


def test_target_encoding_of_training_rows_comes_from_other_rows():
    """Of values that stand in one row each nothing can be learned; encoded by themselves they would tell all."""
    rng = np.random.default_rng(0)
    town = [f"t{number // 3}" for number in range(600)]
    frame = pd.DataFrame({"a": rng.normal(size=600), "b": rng.normal(size=600), "town": town, "street": "s"})
    y = rng.normal(size=600)
    transformers, more = learn_transformers(Rows(frame, y), PROBLEM, seed=0)
    for one in transformers.each:
        if one.name.startswith("target"):
            assert abs(np.corrcoef(more[one.name], y)[0, 1]) < 0.3
    alone = Lookup("target", ("town",), pd.Series(y).groupby(town).mean().to_dict(), 0.0).make(frame)
    assert np.corrcoef(alone, y)[0, 1] > 0.5


def test_a_row_alone_becomes_the_same_also_after_saving():
    train = rows(lambda frame: frame["a"] / frame["b"] + frame["town"].map(ord))
    transformers, _ = learn_transformers(train, PROBLEM, seed=0)
    new = rows(lambda frame: frame["a"], n=20, seed=1).frame
    new.loc[3, ["a", "town"]] = [np.nan, "nowhere"]
    read = Transformers.from_json(json.loads(json.dumps(transformers.to_json())))
    whole = read.add(new)
    pd.testing.assert_frame_equal(whole, transformers.add(new))
    for row in range(20):
        pd.testing.assert_frame_equal(read.add(new.iloc[[row]]), whole.iloc[[row]])


def test_what_cannot_be_divided_is_missing():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [0.0, 4.0]})
    assert np.array_equal(Pair("/", "a", "b").make(frame), [np.nan, 0.5], equal_nan=True)
