"""The battery that every model family must pass."""

import itertools
import json
from dataclasses import replace

import numpy as np
import optuna
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from mlwf_assets.models.automl.augmented import Augmented
from mlwf_assets.models.families.base import Context, Rows, Stopped
from mlwf_assets.models.families.estimator import EstimatorFamily
from mlwf_assets.models.families.registry import family_names, find_family
from mlwf_assets.models.fits import score
from mlwf_assets_tests.models.battery import CITY, KINDS, make_problem, make_rows

CONTEXT = Context(seed=3, threads=1)
FEW = 4


class OwnTrees(EstimatorFamily):
    """What a workflow's own Python may hold."""

    name = "own_trees"

    def estimator(self, params, problem, context):
        kind = ExtraTreesRegressor if problem.kind == "regression" else ExtraTreesClassifier
        return kind(20, random_state=context.seed, n_jobs=context.threads, **params)

    def suggest(self, trial, problem, *, rows):
        return {"min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 20, log=True)}

    def defaults(self, problem, *, rows):
        return [{"min_samples_leaf": 2}, {"min_samples_leaf": 5}]


FAMILIES = [*(find_family(name) for name in family_names()), OwnTrees(), Augmented(find_family("lightgbm"))]


def pytest_generate_tests(metafunc):
    if "family" in metafunc.fixturenames:
        metafunc.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", KINDS)


def fit(family, kind, *, train=None, valid=None, rounds=FEW, context=CONTEXT, params=None, metric=None):
    problem, train = make_problem(kind, metric), train or make_rows(kind)
    params = params or family.defaults(problem, rows=len(train.y))[0]
    return family.fit(params, train, valid, problem=problem, context=context, rounds=rounds)


def brief():
    """For what early stopping must do, however long it trains: it has rounds enough after a few."""
    asked = itertools.count(1)
    return replace(CONTEXT, is_enough=lambda: next(asked) >= 2 * FEW)


def saved(fitted, folder):
    folder.mkdir()
    fitted.save(folder)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def stopped_early():
    """Models that chose their rounds themselves, each made once."""
    made = {}

    def get(family, kind):
        if (family.name, kind) not in made:
            made[family.name, kind] = fit(family, kind, valid=make_rows(kind, seed=1), rounds=None)
        return made[family.name, kind]

    return get


def test_a_family_names_itself_and_the_packages_that_it_depends_on(family):
    assert family.name in [*family_names(), "own_trees", "lightgbm+"]
    assert family.distributions


def test_it_learns(family, kind, stopped_early):
    test, metric = make_rows(kind, n=400, seed=2), make_problem(kind).metric
    prediction = stopped_early(family, kind).predict(test.frame)
    reached = score(metric, test.y, prediction)
    if family.name == "base_rate":
        assert np.ptp(prediction, axis=0) == pytest.approx(0)
        return
    needed = {"binary": 0.85, "multiclass": 0.9, "regression": 0.8 * test.y.std()}[kind]
    assert reached > needed if metric.higher_is_better else reached < needed


def test_predictions_have_the_promised_form(family, kind):
    prediction = fit(family, kind).predict(make_rows(kind, n=33, seed=2).frame)
    assert prediction.dtype == np.float64
    assert prediction.shape == ((33, 3) if kind == "multiclass" else (33,))
    assert np.isfinite(prediction).all()
    if kind != "regression":
        assert ((prediction >= 0) & (prediction <= 1)).all()
    if kind == "multiclass":
        assert prediction.sum(axis=1) == pytest.approx(np.ones(33))


def test_a_saved_model_predicts_the_same_bits(family, kind, tmp_path):
    fitted, rows = fit(family, kind), make_rows(kind, n=50, seed=2)
    first = saved(fitted, tmp_path / "one")
    again = family.load(tmp_path / "one")
    assert again.rounds == fitted.rounds
    assert (again.predict(rows.frame) == fitted.predict(rows.frame)).all()
    assert saved(again, tmp_path / "two") == first


def test_a_row_is_predicted_the_same_whatever_stands_beside_it(family, kind):
    fitted, frame = fit(family, kind), make_rows(kind, n=61, seed=2).frame
    whole = fitted.predict(frame)
    for size in (1, 3, 7, 16):
        parts = [fitted.predict(frame.iloc[i : i + size]) for i in range(0, len(frame), size)]
        assert (np.concatenate(parts) == whole).all()
    order = np.random.default_rng(0).permutation(len(frame))
    assert (fitted.predict(frame.iloc[order]) == whole[order]).all()
    many = pd.concat([frame] * 30)
    assert (fitted.predict(many) == np.concatenate([whole] * 30)).all()


def test_no_rows_give_no_predictions(family, kind):
    prediction = fit(family, kind).predict(make_rows(kind, n=5).frame.iloc[:0])
    assert prediction.shape == ((0, 3) if kind == "multiclass" else (0,))


def test_the_order_of_columns_and_other_columns_do_no_harm(family):
    fitted, frame = fit(family, "binary"), make_rows("binary", n=20, seed=2).frame
    turned = frame[list(reversed(frame.columns))].assign(other="x")
    assert (fitted.predict(turned) == fitted.predict(frame)).all()


def test_the_same_training_gives_the_same_model(family, kind, tmp_path):
    assert saved(fit(family, kind), tmp_path / "one") == saved(fit(family, kind), tmp_path / "two")


def test_what_was_remembered_of_the_rows_changes_nothing(family):
    train, valid = make_rows("binary"), make_rows("binary", seed=1)
    problem = make_problem("binary")
    defaults = family.defaults(problem, rows=160)
    first, second = defaults[0], defaults[1 % len(defaults)]
    fit(family, "binary", train=train, valid=valid, rounds=None, params=second, context=brief())
    met = fit(family, "binary", train=train, valid=valid, rounds=None, params=first, context=brief())
    fresh = fit(family, "binary", valid=make_rows("binary", seed=1), rounds=None, params=first, context=brief())
    assert met.rounds == fresh.rounds
    assert (met.predict(valid.frame) == fresh.predict(valid.frame)).all()


def test_the_rounds_that_were_chosen_give_the_same_model_again(family, kind, stopped_early, tmp_path):
    early = stopped_early(family, kind)
    again = fit(family, kind, rounds=early.rounds or None)
    assert again.rounds == early.rounds
    assert (again.predict(make_rows(kind, seed=2).frame) == early.predict(make_rows(kind, seed=2).frame)).all()
    assert saved(again, tmp_path / "again") == saved(early, tmp_path / "early")


def test_rounds_can_be_repeated_with_every_default(family):
    for params in family.defaults(make_problem("binary"), rows=160)[1:]:
        early = fit(family, "binary", valid=make_rows("binary", seed=1), rounds=None, params=params, context=brief())
        again = fit(family, "binary", rounds=early.rounds or None, params=params)
        assert (
            again.predict(make_rows("binary", seed=2).frame) == early.predict(make_rows("binary", seed=2).frame)
        ).all()


def test_the_seed_decides_what_is_random(family):
    frame = make_rows("binary", seed=2).frame
    one, other = (fit(family, "binary", context=Context(seed=seed, threads=1)).predict(frame) for seed in (1, 2))
    is_random = family.name not in {"base_rate", "linear"}
    assert (one != other).any() == is_random


def test_unseen_categories_and_missing_values_are_predicted(family, kind):
    fitted, frame = fit(family, kind), make_rows(kind, n=12, seed=2).frame
    unseen = frame.assign(**{CITY: "Springfield", "many": "nr -1", "no text": "now there is some"})
    missing = frame.assign(**dict.fromkeys(frame.columns, np.nan))
    nothing = frame.assign(**dict.fromkeys((CITY, "many", "no text")))
    for changed in (unseen, missing, nothing):
        assert np.isfinite(fitted.predict(changed)).all()
    assert (fitted.predict(missing.astype({CITY: object})) == fitted.predict(missing)).all()


def test_thirty_rows_are_enough(family, kind):
    train, valid = make_rows(kind, n=30), make_rows(kind, n=10, seed=1)
    fitted = fit(family, kind, train=train, valid=valid, rounds=None, context=brief())
    assert np.isfinite(fitted.predict(make_rows(kind, seed=2).frame)).all()


def test_a_class_that_is_missing_among_the_training_rows_keeps_its_place(family):
    rows = make_rows("multiclass")
    known = rows.y != 1
    train = Rows(rows.frame[known], rows.y[known])
    fitted = fit(family, "multiclass", train=train, valid=rows, rounds=None, context=brief())
    prediction = fitted.predict(rows.frame)
    assert prediction.shape == (160, 3)
    assert np.isfinite(prediction).all()
    assert prediction[:, 1].mean() < 0.2


def test_a_constant_value_is_learned(family):
    rows = make_rows("regression")
    fitted = fit(family, "regression", train=Rows(rows.frame, np.full(160, 42.0)))
    assert fitted.predict(rows.frame) == pytest.approx(np.full(160, 42.0), rel=0.05)


@pytest.mark.parametrize("metric", ["f1", "brier", "average_precision"])
def test_any_metric_can_be_what_counts(family, metric):
    valid = make_rows("binary", seed=1)
    fitted = fit(family, "binary", valid=valid, rounds=None, metric=metric, context=brief())
    assert np.isfinite(fitted.predict(make_rows("binary", seed=2).frame)).all()


def test_it_stops_when_it_is_told_to(family, kind):
    stopping = Context(seed=3, threads=1, should_stop=lambda: True)
    with pytest.raises(Stopped):
        fit(family, kind, context=stopping, rounds=None, valid=make_rows(kind, seed=1))


def test_configurations_are_json_and_trainable(family, kind):
    problem, study = make_problem(kind), optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [family.suggest(study.ask(), problem, rows=160) for _ in range(2)]
    defaults = list(family.defaults(problem, rows=160))
    for params in [*defaults, *drawn]:
        assert json.loads(json.dumps(params)) == params
        fitted = fit(family, kind, params=params, rounds=2)
        assert np.isfinite(fitted.predict(make_rows(kind, n=20, seed=2).frame)).all()


def test_a_default_stands_in_the_search_space(family):
    """Else the sampler would be told of a place that it cannot know."""
    problem = make_problem("binary")
    for rows in (300, 200_000):
        study = optuna.create_study()
        for params in family.defaults(problem, rows=rows):
            study.enqueue_trial(dict(params))
            assert family.suggest(study.ask(), problem, rows=rows).keys() == params.keys()


def test_contributions_add_up_to_the_prediction(family, kind):
    fitted, frame = fit(family, kind), make_rows(kind, n=40, seed=2).frame
    parts = fitted.contributions(frame)
    if kind == "multiclass" or parts is None:
        assert parts is None
        return
    assert parts.shape == (40, 9)
    prediction = fitted.predict(frame)
    scale = np.log(prediction / (1 - prediction)) if kind == "binary" else prediction
    rest = scale - parts.sum(axis=1)
    assert rest == pytest.approx(np.full(40, rest[0]), rel=1e-6, abs=1e-6)


def test_rows_that_weigh_little_are_hardly_learned_from(family):
    """Half of the rows say the opposite of the other half; the weight decides whom to believe."""
    rows, test = make_rows("binary", n=200), make_rows("binary", n=200, seed=2)
    turned = np.arange(200) % 2 == 0
    y, weight = np.where(turned, 1 - rows.y, rows.y), np.where(turned, 0.01, 1.0)
    if family.name == "own_trees":
        pytest.skip("what an estimator makes of weights is its own business")
    if family.name == "base_rate":
        same = fit(family, "binary", train=Rows(rows.frame, y, np.where(y == 1, 3.0, 1.0))).predict(test.frame)
        assert same == pytest.approx(np.full(200, 3 * y.sum() / (3 * y.sum() + (1 - y).sum())))
        return
    auc = make_problem("binary").metric
    # Trees with a row per leaf believe every row.
    params = {"max_features": 0.75, "min_samples_leaf": 40} if family.name == "extra_trees" else None
    said = [
        fit(family, "binary", train=Rows(rows.frame, y, each), rounds=30, params=params).predict(test.frame)
        for each in (weight, weight[::-1].copy())
    ]
    assert score(auc, test.y, said[0]) > 0.75
    assert score(auc, test.y, said[1]) < 0.25
