import numpy as np
import pandas as pd
import pytest

from mlwf_assets.errors import SchemaError
from mlwf_assets_tests.models.automl.test_estimator import labels, make, users_frame

NOISE = [f"noise {number}" for number in range(6)]


def noisy_frame(seed=0):
    frame, score = users_frame(seed=seed)
    noise = np.random.default_rng(seed + 1).normal(size=(len(frame), len(NOISE)))
    return pd.concat([frame, pd.DataFrame(noise, columns=NOISE)], axis=1), score


@pytest.fixture(scope="module")
def model():
    frame, score = noisy_frame()
    return make(budget_trials=1, families=["linear"], select_features=True).fit(frame, labels("binary", score))


def test_a_model_of_fewer_columns_is_offered_where_it_is_as_good(model):
    found, (new, truth) = model.reduced_, noisy_frame(seed=1)
    assert {"price", "town", "note"} <= set(found.columns)
    assert len(set(found.columns) & set(NOISE)) <= 2
    assert found.score >= found.score_of_all == model.leaderboard_["score"][0]
    assert (found.predict(new[list(found.columns)]) == labels("binary", truth)).mean() > 0.8
    assert found.predict_proba(new).shape == (len(new), 2)
    assert "fewer columns: price, " in model.summary()


def test_a_column_that_it_looks_at_must_be_there(model):
    with pytest.raises(SchemaError, match="there must be a column 'price', however"):
        model.reduced_.predict(noisy_frame()[0][NOISE])


def test_a_replay_finds_the_same_columns(model):
    frame, score = noisy_frame()
    again = make(replay=model.trials_, select_features=True).fit(frame, labels("binary", score))
    assert again.reduced_.columns == model.reduced_.columns
    assert (again.reduced_.predict_proba(frame) == model.reduced_.predict_proba(frame)).all()


def test_where_every_column_is_needed_none_is_left_out():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(420, 3)), columns=list("abc"))
    model = make(budget_trials=1, families=["linear"], select_features=True).fit(frame, frame.sum(axis=1))
    assert model.reduced_ is None
    assert "fewer columns" not in model.summary()
