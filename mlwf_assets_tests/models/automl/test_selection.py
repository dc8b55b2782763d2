"""The budget, on a clock that goes on only when somebody works."""

import numpy as np
import pytest

from mlwf_assets.models.automl.selection import Selection
from mlwf_assets.models.budget import Clock
from mlwf_assets.models.families.base import Context, Family, Fitted, Stopped
from mlwf_assets_tests.models.test_tuning import Time, make_task

NAMES = ["linear", "lightgbm", "catboost", "tabm"]


class FittedShare(Fitted):
    def predict(self, frame):
        return 1 / (1 + np.exp(-frame["signal"].to_numpy()))

    def save(self, folder):
        raise NotImplementedError


class Slow(Family):
    """Needs so many seconds for a fit, in a hundred rounds, or all at once."""

    distributions = ("numpy",)

    def __init__(self, name, seconds, time, *, in_rounds):
        self.name, self._seconds, self._time, self._in_rounds = name, seconds, time, in_rounds

    def defaults(self, problem, *, rows):
        return [{"place": 0.5}]

    def suggest(self, trial, problem, *, rows):
        return {"place": trial.suggest_float("place", 0, 1)}

    def fit(self, params, train, valid, *, problem, context, rounds):
        for _ in range(100):
            self._time.now_s += self._seconds / 100
            if context.should_stop():
                raise Stopped
            if self._in_rounds and context.is_enough():
                break
        return FittedShare()

    def load(self, folder):
        raise NotImplementedError


def select(budget_s, seconds):
    """Run a budget over families that need so many seconds for a fit."""
    time, task = Time(), make_task(timed=False)
    selection = Selection(
        task, NAMES, context=Context(), folder=None, report=lambda _: None, clock=Clock(budget_s, now=time),
        find=lambda name: Slow(name, seconds[name], time, in_rounds=name != "linear"),
    )  # fmt: skip
    selection.run_seconds()
    return selection, time.now_s


@pytest.mark.parametrize("budget_s", [20, 60])
@pytest.mark.parametrize(
    "seconds",
    [
        {"linear": 0.1, "lightgbm": 0.3, "catboost": 1.0, "tabm": 3.0},
        {"linear": 3.0, "lightgbm": 20.0, "catboost": 60.0, "tabm": 200.0},
        {"linear": 500.0, "lightgbm": 100.0, "catboost": 500.0, "tabm": 500.0},
    ],
    ids=["ample", "tight", "hopeless"],
)
def test_the_budget_is_kept_whatever_a_fit_costs(budget_s, seconds):
    selection, took_s = select(budget_s, seconds)
    assert selection.usable
    assert 0.55 * budget_s <= took_s <= 1.1 * budget_s


def test_a_dear_first_family_leaves_time_for_others():
    selection, _ = select(60, {"linear": 2.0, "lightgbm": 100.0, "catboost": 10.0, "tabm": 10.0})
    assert {"lightgbm", "linear", "catboost"} <= {one.family for one in selection.usable}


def test_with_ample_time_every_family_is_tried_more_than_once():
    selection, _ = select(60, {"linear": 0.2, "lightgbm": 0.5, "catboost": 1.0, "tabm": 1.5})
    assert all(sum(one.family == name for one in selection.tried) > 1 for name in NAMES)
