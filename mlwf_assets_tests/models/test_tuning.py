"""Budgets in seconds, with a family whose fits last as long as they are told to."""

import time

import numpy as np
import pytest

from mlwf_assets.models.budget import Clock
from mlwf_assets.models.families.base import Context, Family, Fitted, Stopped
from mlwf_assets.models.fits import Fits
from mlwf_assets.models.search import Course
from mlwf_assets.models.task import read_task
from mlwf_assets.models.tuning import tune_seconds, tune_trials
from mlwf_assets.spec.models import Models
from mlwf_assets_tests.models.battery import FEATURES, make_matrix

ROWS = 4000


class FittedSlow(Fitted):
    rounds = 3

    def __init__(self, slope):
        self.slope = slope

    def predict(self, frame):
        return 1 / (1 + np.exp(-self.slope * frame["signal"].to_numpy() - frame["flag"].fillna(0).to_numpy()))

    def save(self, folder):
        (folder / "slope.txt").write_text(str(self.slope))


class Slow(Family):
    """Sleeps in rounds, in proportion to the rows."""

    name = "slow"
    distributions = ("numpy",)

    def __init__(self, seconds_per_1000_rows):
        self.pace = seconds_per_1000_rows
        self.learned_from = []

    def defaults(self, problem, *, rows):
        return [{"slope": 1.0}, {"slope": -1.0}]

    def suggest(self, trial, problem, *, rows):
        return {"slope": trial.suggest_float("slope", -3, 3)}

    def fit(self, params, train, valid, *, problem, context, rounds):
        self.learned_from.append(len(train.y))
        for _ in range(10):
            if context.should_stop():
                raise Stopped
            time.sleep(self.pace * len(train.y) / 10_000)
        return FittedSlow(params["slope"])

    def load(self, folder):
        return FittedSlow(float((folder / "slope.txt").read_text()))


@pytest.fixture(scope="module")
def task():
    return read_task(make_matrix("binary", ROWS), FEATURES, spec=Models(folds=2), kind="binary", key=["id"])


def tune(task, pace, budget_s, folder=None, **course):
    family = Slow(pace)
    fits = Fits(family, task, folder, Context())
    start = time.monotonic()
    settings = {"report": lambda _: None, "should_stop": lambda: False, **course}
    tried = tune_seconds(fits, Clock(budget_s), seed=0, course=Course(**settings))
    fits.whole(tried.best.params, share=tried.refit.subsample, rounds=3, should_stop=lambda: False)
    return tried, time.monotonic() - start, family


@pytest.mark.parametrize("pace", [0.01, 0.1, 0.4, 0.8])
def test_the_budget_is_kept_whatever_a_fit_costs(task, pace):
    tried, seconds, _ = tune(task, pace, 2.0)
    assert seconds < 1.1 * 2.0 + 0.5
    assert tried.best.is_complete


def test_with_ample_time_all_trials_learn_from_all_rows_and_some_are_given_up(task):
    tried, seconds, family = tune(task, 0.01, 2.0)
    shares = [trial.subsample for trial in tried.trials]
    assert shares[-1] == 1.0
    assert len(tried.trials) > 5
    assert {trial.state for trial in tried.trials} == {"complete", "pruned"}
    assert tried.refit.subsample == 1.0
    assert family.learned_from[-1] == ROWS
    assert seconds > 1.0


def test_with_little_time_the_search_is_made_on_a_share_and_the_best_tried_on_more(task):
    tried, _, family = tune(task, 0.3, 2.0)
    shares = [trial.subsample for trial in tried.trials]
    assert min(shares) < 0.4
    assert tried.best.subsample == max(shares) > min(shares)
    assert tried.refit.subsample >= tried.best.subsample
    assert family.learned_from[-1] == pytest.approx(tried.refit.subsample * ROWS, abs=1)


def test_a_search_that_is_taken_up_does_not_get_its_time_again(task, tmp_path):
    first, seconds, _ = tune(task, 0.05, 2.0, folder=tmp_path)
    again, shorter, _ = tune(task, 0.05, 2.0, folder=tmp_path)
    assert shorter < 0.6 * seconds
    assert [trial.params for trial in again.trials[: len(first.trials)]] == [trial.params for trial in first.trials]


def test_a_stop_that_was_asked_for_is_no_deadline(task):
    start = time.monotonic()
    with pytest.raises(Stopped):
        tune(task, 0.05, 5.0, should_stop=lambda: time.monotonic() - start > 0.3)
    assert time.monotonic() - start < 2


def test_the_sampler_learns_where_it_is_good(task):
    fits = Fits(Slow(0.0), task, None, Context())
    tried = tune_trials(fits, trials=25, seed=1, course=Course(lambda _: None, lambda: False))
    slopes = np.array([trial.params["slope"] for trial in tried.trials])
    assert slopes[:2].tolist() == [1.0, -1.0]
    assert (slopes[15:] > 0).mean() > 0.7
    assert tried.best.params["slope"] > 0.8


def test_bad_configurations_cost_one_fold(task):
    fits = Fits(Slow(0.0), task, None, Context())
    tried = tune_trials(fits, trials=25, seed=1, course=Course(lambda _: None, lambda: False))
    assert all(len(trial.scores) == 1 for trial in tried.trials if trial.params["slope"] < 0 and trial.number > 4)
