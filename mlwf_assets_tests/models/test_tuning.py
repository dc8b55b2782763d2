"""Budgets in seconds, with a family whose fits last as long as they are told to, on a clock of their own."""

import numpy as np
import pytest

from mlwf_assets.models import task as task_module
from mlwf_assets.models import tuning
from mlwf_assets.models.budget import Clock
from mlwf_assets.models.families.base import Context, Family, Fitted, Stopped
from mlwf_assets.models.fits import Fits
from mlwf_assets.models.search import Course
from mlwf_assets.models.task import draw_affordable, read_task
from mlwf_assets.models.tuning import tune_seconds, tune_trials
from mlwf_assets.spec.models import Models
from mlwf_assets.spec.names import WAYS
from mlwf_assets_tests.models.battery import FEATURES, make_matrix

ROWS = 4000


class Time:
    """Goes on only when somebody works."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


class FittedSlow(Fitted):
    rounds = 3

    def __init__(self, slope):
        self.slope = slope

    def predict(self, frame):
        return 1 / (1 + np.exp(-self.slope * frame["signal"].to_numpy() - frame["flag"].fillna(0).to_numpy()))

    def save(self, folder):
        (folder / "slope.txt").write_text(str(self.slope))


class Slow(Family):
    """Works in rounds, in proportion to the rows, and a little for every fit."""

    name = "slow"
    distributions = ("numpy",)

    def __init__(self, seconds_per_1000_rows, time):
        self.pace = seconds_per_1000_rows
        self.time = time
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
            self.time.now_s += self.pace * len(train.y) / 10_000 + 0.001
        return FittedSlow(params["slope"])

    def load(self, folder):
        return FittedSlow(float((folder / "slope.txt").read_text()))


def make_task(*, timed):
    return read_task(
        make_matrix("binary", ROWS, timed=timed), FEATURES, spec=Models(folds=2), kind="binary", key=["id"]
    )


@pytest.fixture(scope="module", params=[True, False], ids=["forward", "pool"])
def task(request):
    return make_task(timed=request.param)


def tune(task, pace, budget_s, folder=None, **course):
    time = Time()
    family = Slow(pace, time)
    fits = Fits(family, task, folder, Context(), now=time)
    settings = {"report": lambda _: None, "should_stop": lambda: False, **course}
    tried = tune_seconds(fits, Clock(budget_s, now=time), seed=0, course=Course(**settings))
    for one in tried.chosen:
        fits.whole(one.params, share=tried.final.subsample, rounds=3, should_stop=lambda: False)
    return tried, time.now_s, family


@pytest.mark.parametrize("budget_s", [5, 20])
@pytest.mark.parametrize("pace", [0.01, 0.1, 0.4, 1.5, 10])
def test_the_budget_is_kept_whatever_a_fit_costs(task, pace, budget_s):
    tried, seconds, _ = tune(task, pace, budget_s)
    assert tried.chosen[0].is_complete
    least_s = 2 * (pace * 0.6 + 0.02)  # what two folds of the fewest rows cost
    assert seconds <= max(1.1 * budget_s, 3 * least_s)
    if len(tried.trials) < 200:
        assert seconds >= 0.6 * budget_s


def test_with_ample_time_all_trials_learn_from_all_rows_and_some_are_given_up(task):
    tried, _, _ = tune(task, 0.01, 10)
    assert {trial.subsample for trial in tried.trials} == {1.0}
    assert len(tried.trials) > 20
    assert {trial.state for trial in tried.trials} == {"complete", "pruned"}
    assert tried.final.subsample == 1.0


def test_with_little_time_the_search_is_made_on_a_share_of_the_rows_and_the_final_model_on_more(task):
    tried, _, family = tune(task, 4.0, 25)
    shares = [trial.subsample for trial in tried.trials]
    assert min(shares) < 0.4
    assert tried.chosen[0].subsample == max(shares)
    assert tried.final.subsample >= max(shares)
    assert tried.final.subsample > min(shares)
    learned = tried.final.subsample * (0.8 * ROWS if task.is_forward else ROWS)
    assert family.learned_from[-1] == pytest.approx(learned, abs=1)


def test_where_folds_go_forward_the_final_model_is_the_one_that_was_validated():
    tried, _, family = tune(make_task(timed=True), 0.1, 20)
    assert len(family.learned_from) == sum(len(trial.scores) for trial in tried.trials)
    pooled, _, family = tune(make_task(timed=False), 0.1, 20)
    assert len(family.learned_from) == 1 + sum(len(trial.scores) for trial in pooled.trials)
    assert family.learned_from[-1] == ROWS


def test_a_search_that_is_taken_up_does_not_get_its_time_again(task, tmp_path):
    first, seconds, _ = tune(task, 0.1, 10, folder=tmp_path)
    again, shorter, _ = tune(task, 0.1, 10, folder=tmp_path)
    assert shorter < 0.4 * seconds
    assert [trial.to_json() for trial in again.trials] == [trial.to_json() for trial in first.trials]


def test_a_stop_that_was_asked_for_is_no_deadline(task):
    asked = []

    def stop():
        asked.append(1)
        return len(asked) > 100

    with pytest.raises(Stopped):
        tune(task, 0.1, 100, should_stop=stop)


def search_of(trials, task, way="tpe"):
    fits = Fits(Slow(0.0, Time()), task, None, Context())
    return tune_trials(fits, trials=trials, seed=1, course=Course(lambda _: None, lambda: False), way=way)


def test_the_sampler_learns_where_it_is_good(task):
    tried = search_of(25, task)
    slopes = np.array([trial.params["slope"] for trial in tried.trials])
    assert slopes[:2].tolist() == [1.0, -1.0]
    assert (slopes[15:] > 0).mean() > 0.7
    assert tried.chosen[0].params["slope"] > 0.8


@pytest.mark.parametrize("way", WAYS)
def test_every_way_tries_the_defaults_first_and_gives_the_same_trials_again(task, way):
    tried, again = search_of(8, task, way), search_of(8, task, way)
    assert [trial.params["slope"] for trial in tried.trials[:2]] == [1.0, -1.0]
    assert [trial.to_json() for trial in again.trials] == [trial.to_json() for trial in tried.trials]


def test_a_grid_has_the_ends_and_the_middle_and_then_an_end(task):
    tried = search_of(25, task, "grid")
    assert sorted(trial.params["slope"] for trial in tried.trials[2:]) == [-3.0, 0.0, 3.0]


def test_chance_does_not_learn(task):
    slopes = np.array([trial.params["slope"] for trial in search_of(40, task, "random").trials])
    assert 0.25 < (slopes[2:] > 0).mean() < 0.75


def test_with_successive_halving_the_best_third_goes_on(task):
    tried = search_of(20, task, "halving").trials
    for trial in tried[3:]:
        before = [other.scores[0] for other in tried[: trial.number]]
        assert trial.is_complete == (trial.scores[0] >= np.quantile(before, 2 / 3))


def test_bad_configurations_cost_one_fold(task):
    tried = search_of(25, task)
    assert all(len(trial.scores) == 1 for trial in tried.trials if trial.params["slope"] < 0 and trial.number > 4)


def test_a_first_trial_that_never_fits_is_made_nevertheless(task, monkeypatch):
    # On the fewest rows that are ever tried, of very many, a fit may cost more than the budget.
    monkeypatch.setattr(tuning, "_LEAST_PROBE_ROWS", 1)
    tried, _, family = tune(task, 1e6, 1)
    assert tried.chosen[0].is_complete
    assert min(family.learned_from) <= 5


def test_rounds_end_when_the_time_of_a_fold_is_used():
    clock = Clock(100, now=(time := Time()))
    is_enough = Course(print, lambda: False, clock).enough_by(36.0, 3)  # 96 seconds are left: 20 for each of three
    time.now_s = 19
    assert not is_enough()
    time.now_s = 20.5
    assert is_enough()


def test_from_millions_of_rows_those_are_drawn_that_the_budget_can_read(monkeypatch):
    monkeypatch.setattr(task_module, "_ALWAYS_READ", 100)
    monkeypatch.setattr(task_module, "_ROWS_PER_SECOND", 20)
    matrix = make_matrix("binary", 1000, timed=False)
    few, more, all_ = (draw_affordable(matrix, Models(budget=budget)) for budget in ("10 s", "20 s", "1 min"))
    assert (few.num_rows, more.num_rows) == (200, 400)
    assert set(few["id"].to_pylist()) < set(more["id"].to_pylist())
    assert all_ is matrix
    assert draw_affordable(matrix, Models(budget={"trials": 3})) is matrix


def test_of_very_large_folds_a_sample_is_judged_and_they_go_forward_as_before(monkeypatch):
    monkeypatch.setattr(task_module, "_MOST_JUDGED", 50)
    task = make_task(timed=True)
    assert [len(fold.valid) for fold in task.folds] == [50] * len(task.folds)
    assert task.is_forward
