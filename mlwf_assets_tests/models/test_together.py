import json

import numpy as np
import pytest

from mlwf_assets.models.families.base import Context
from mlwf_assets.models.families.lightgbm import LightGBM
from mlwf_assets.models.families.mean import FittedMean, join, load_fitted, mean_of
from mlwf_assets.models.fits import Fits
from mlwf_assets.models.search import Course
from mlwf_assets.models.task import read_task
from mlwf_assets.models.together import choose_together, predict_together, score_together
from mlwf_assets.models.tuning import tune_trials
from mlwf_assets.spec.models import Models
from mlwf_assets_tests.models.battery import FEATURES, make_matrix, make_problem, make_rows
from mlwf_assets_tests.models.test_family import content, train


@pytest.fixture(scope="module")
def searched():
    task = read_task(make_matrix("binary", 400), FEATURES, spec=Models(folds=2), kind="binary", key=["id"])
    fits = Fits(LightGBM(), task, None, Context(threads=1))
    tried = tune_trials(fits, trials=6, seed=0, course=Course(lambda _: None, lambda: False))
    return fits, tried


def test_the_mean_of_the_chosen_is_not_worse_than_the_best_alone(searched):
    fits, tried = searched
    best = max((trial for trial in tried.trials if trial.is_complete), key=lambda trial: trial.score)
    assert tried.chosen[0] == best
    assert 1 <= len(tried.chosen) <= 3
    assert score_together(tried.chosen, fits) >= best.score == score_together([best], fits)


def test_no_more_are_chosen_than_there_is_time_for(searched):
    fits, tried = searched
    assert choose_together(tried.trials, fits, at_most=1) == tried.chosen[:1]


def test_the_predictions_of_the_chosen_are_averaged_fold_by_fold(searched):
    fits, tried = searched
    for index, said in enumerate(predict_together(tried.trials[:2], fits)):
        one, other = (fits.prediction(trial.params, index, share=1.0) for trial in tried.trials[:2])
        assert said == pytest.approx((one + other) / 2)


def test_the_final_model_predicts_what_was_judged(tmp_path):
    """Where folds go forward, on the validation rows: out of fold they were predicted by the same models."""
    matrix = make_matrix("binary")
    made = train(budget={"trials": 2}, matrix=matrix)
    assert len(json.loads(made.files["family.json"])["models"]) == 2
    for name, content_ in made.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content_)
    rows = made.table.to_pandas()
    rows = rows[rows["fold"] == rows["fold"].max()]
    frame = matrix.to_pandas().set_index("id").loc[rows["id"]]
    assert (load_fitted(LightGBM(), tmp_path / "model").predict(frame) == rows["prediction"]).all()


def test_a_replayed_list_averages_the_same_models():
    first = train(budget={"trials": 3})
    assert content(train(replay=json.loads(first.files["trials.json"]))) == content(first)


@pytest.fixture(scope="module")
def parts():
    family, problem, rows = LightGBM(), make_problem("binary"), make_rows("binary")
    return [
        family.fit(params, rows, None, problem=problem, context=Context(threads=1), rounds=4)
        for params in family.defaults(problem, rows=160)[:2]
    ]


def test_several_models_are_saved_beside_each_other_and_loaded_again(parts, tmp_path):
    joined, frame = join(parts), make_rows("binary", seed=2).frame
    joined.save(tmp_path)
    again = load_fitted(LightGBM(), tmp_path)
    assert isinstance(again, FittedMean)
    assert again.rounds == 4
    assert (again.predict(frame) == joined.predict(frame)).all()
    assert again.contributions(frame) == pytest.approx(
        (parts[0].contributions(frame) + parts[1].contributions(frame)) / 2
    )


def test_one_model_is_saved_as_itself(parts, tmp_path):
    assert join(parts[:1]) is parts[0]
    parts[0].save(tmp_path)
    assert not isinstance(load_fitted(LightGBM(), tmp_path), FittedMean)


def test_a_mean_of_several_shapes_of_models():
    assert mean_of([np.ones((2, 3)), 3 * np.ones((2, 3))]).tolist() == [[2.0] * 3] * 2
