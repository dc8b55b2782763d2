import lightgbm as lgb
import numpy as np
import pytest

from mlwf_assets.models.families.base import Context
from mlwf_assets.models.families.lightgbm import LightGBM
from mlwf_assets_tests.models.battery import CITY, make_problem, make_rows

PARAMS = {
    "bagging_fraction": 0.8,
    "lambda_l2": 1.0,
    "cat_smooth": 10.0,
    "learning_rate": 0.1,
    "extra_trees": False,
    "num_leaves": 8,
    "feature_fraction": 0.8,
    "min_data_in_leaf": 5,
}


def fit(rounds, valid=None, kind="binary", params=PARAMS):
    context = Context(threads=1)
    return LightGBM().fit(params, make_rows(kind), valid, problem=make_problem(kind), context=context, rounds=rounds)


def test_the_saved_text_is_a_model_of_lightgbm_itself(tmp_path):
    fitted = fit(20)
    fitted.save(tmp_path)
    booster = lgb.Booster(model_file=str(tmp_path / "model.txt"))
    assert booster.num_trees() == 20
    text = (tmp_path / "model.txt").read_text()
    assert "parameters:" not in text.replace("end of parameters", "")
    assert "東京" in (tmp_path / "columns.json").read_text(encoding="utf-8")


def test_it_is_what_lightgbm_trains():
    rows, frame = make_rows("binary"), make_rows("binary", seed=2).frame
    names = [feature["name"] for feature in make_problem("binary").features]

    def coded(frame):
        text = [CITY, "many", "no text"]
        known = {name: sorted(rows.frame[name].dropna().unique()) for name in text}
        columns = [
            frame[name].map({value: i for i, value in enumerate(known[name])}) if name in text else frame[name]
            for name in names
        ]
        values = np.stack([column.to_numpy(float) for column in columns], axis=1)
        return np.where(np.isfinite(values), values, np.nan)

    data = lgb.Dataset(
        coded(rows.frame), rows.y, categorical_feature=[6, 7], params={"verbose": -1, "feature_pre_filter": False}
    )
    settings = {"objective": "binary", "seed": 0, "verbose": -1, "bagging_freq": 1, "deterministic": True}
    reference = lgb.train({**settings, **PARAMS, "num_threads": 1, "force_row_wise": True}, data, 20)
    assert (fit(20).predict(frame) == reference.predict(coded(frame))).all()


def test_training_ends_when_the_validation_rows_say_so():
    early = fit(None, valid=make_rows("binary", seed=1))
    assert 1 <= early.rounds < 300


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_contributions_are_those_of_lightgbm(kind, tmp_path):
    fitted, frame = fit(10, kind=kind), make_rows(kind, n=30, seed=2).frame
    parts = fitted.contributions(frame)
    assert np.abs(parts[:, 0]).mean() > np.abs(parts[:, 2]).mean() == 0


def test_trees_that_end_for_lack_of_time_can_be_grown_again(tmp_path):
    asked = iter([False] * 6 + [True])
    context = Context(threads=1, is_enough=lambda: next(asked))
    valid = make_rows("binary", seed=1)
    ended = LightGBM().fit(
        PARAMS, make_rows("binary"), valid, problem=make_problem("binary"), context=context, rounds=None
    )
    assert 1 <= ended.rounds <= 7
    again = fit(ended.rounds)
    assert (ended.predict(valid.frame) == again.predict(valid.frame)).all()
