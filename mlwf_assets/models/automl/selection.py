"""Which configuration comes next while the clock runs: strong defaults of all families first, then what TPE draws.

A trial trains a model per fold, and all of them are kept: together they are the model of that configuration, and
nothing is trained again at the end. What a fit will cost is told from the family's earlier ones, or from other
families' and what is usual; what would not end in time is not begun. The order of the defaults follows AutoGluon's
portfolio, cheap families first, so that the first seconds already give different models.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlwf_assets.models.budget import Clock
from mlwf_assets.models.families.base import Context, Family, Stopped
from mlwf_assets.models.fits import Fits
from mlwf_assets.models.metrics import Array
from mlwf_assets.models.search import Course, Search
from mlwf_assets.models.task import Task
from mlwf_assets.models.trials import Trial
from mlwf_assets.spec.names import Way

# The families in the order in which their defaults are tried.
_PORTFOLIO = (
    "lightgbm", "linear", "catboost", "lightgbm+", "extra_trees", "lightgbm", "tabm", "catboost",
    "hist_gradient_boosting", "lightgbm", "extra_trees", "tabm", "linear", "lightgbm+", "catboost",
    "hist_gradient_boosting", "linear",
)  # fmt: skip
# Afterwards: which place, by the families' best scores, has the next trial.
_TURNS = (0, 1, 0, 2, 0, 1, 3)
# What the first trial of a family costs in trials of LightGBM, until it is known.
_USUAL_COST = {
    "linear": 0.6, "lightgbm": 1.0, "lightgbm+": 3.0, "extra_trees": 1.0, "hist_gradient_boosting": 1.5,
    "catboost": 4.0, "tabm": 10.0,
}  # fmt: skip
_OTHER_COST = 2.0
# These grow a tree for each class in every round.
_BY_CLASS = ("lightgbm", "lightgbm+", "hist_gradient_boosting")
# Seconds of importing what a family needs, where a process has a core for itself.
_IMPORT_S = {
    "lightgbm": 0.3, "linear": 0.2, "extra_trees": 0.6, "hist_gradient_boosting": 0.6, "catboost": 1.0, "tabm": 3.0,
}  # fmt: skip
# What was seen on a share of the rows says less of what all of them cost.
_SCALED = 1.5
# More than so many processes on a core are not reckoned with.
_MOST_SLOWNESS = 5.0
# These end in time with the rounds that they have; a first trial is begun if so much of it fits.
_IN_ROUNDS = ("lightgbm", "lightgbm+", "catboost", "extra_trees", "hist_gradient_boosting", "tabm")
_LEAST_PART = 0.5
# Of others a trial may take longer than the mean of those before.
_CAUTION = 1.25
# How much of what is left one trial may take, and the first one of a family.
_MOST_OF_THE_REST, _MOST_OF_UNKNOWN = 0.6, 0.3
# From such a share of the budget on, what is left is worth a try of a family whose cost nobody knows.
_WORTH_TRYING = 0.1
# What is kept for weights and calibration, and for leaving in order.
_KEPT_SHARE, _KEPT_S = 0.04, 0.3
# On more values than these, the first model learns from so many of them: something must stand soon.
_MANY_VALUES, _FIRST_VALUES = 1_000_000, 400_000
_MOST_TRIALS = 500


@dataclass(frozen=True)
class Tried:
    """A trial of a family; see `Trial`."""

    family: str
    trial: Trial

    @property
    def name(self) -> str:
        """How it is called on the leaderboard."""
        return f"{self.family} {self.trial.number}"

    def to_json(self) -> dict[str, Any]:
        """Write what is content."""
        return {"family": self.family, **self.trial.to_json()}


class Selection:
    """The trials so far, over all families.

    Args:
        task: what is learned.
        names: of the families.
        find: makes a family when its first turn comes, for importing it may take seconds; None: it is not there.
        clock: of the budget.
        context: seed and threads.
        folder: where fits are kept; None: nowhere.
        report: called with a few words after each trial.
        way: how configurations are drawn and given up.
    """

    def __init__(
        self,
        task: Task,
        names: Sequence[str],
        *,
        find: Callable[[str], Family | None],
        clock: Clock,
        context: Context,
        folder: Path | None,
        report: Callable[[str], None],
        way: Way = "tpe",
    ) -> None:
        self.tried: list[Tried] = []
        self._task, self._clock, self._report, self._way = task, clock, report, way
        self._names, self._find, self._context, self._folder = list(names), find, context, folder
        self._fits: dict[str, Fits] = {}
        self._too_long: set[str] = set()
        self._cpu_s = time.process_time()
        self._searches: dict[str, Search] = {}
        self._turns = self._in_turn()
        self._kept_s = _KEPT_SHARE * clock.budget_s + _KEPT_S if np.isfinite(clock.budget_s) else 0.0

    def fits(self, name: str) -> Fits:
        """What was trained of a family.

        Raises:
            KeyError: if the family is not there.
        """
        if name not in self._fits:
            family = self._find(name)
            if family is None:
                self._names.remove(name)
                raise KeyError(name)
            folder = self._folder / name if self._folder else None
            self._fits[name] = Fits(family, self._task, folder, self._context, self._clock.now, keeps_models=True)
        return self._fits[name]

    def _search(self, name: str) -> Search:
        if name not in self._searches:
            clock = self._clock if np.isfinite(self._clock.budget_s) else None
            course = Course(self._report, self._context.should_stop, clock)
            self._searches[name] = Search(self.fits(name), self._context.seed, course, self._way)
        return self._searches[name]

    def _is_there(self, name: str) -> bool:
        """Whether a family can be asked for another configuration."""
        try:
            return name in self._names and not self._search(name).is_exhausted
        except KeyError:
            return False

    @property
    def usable(self) -> list[Tried]:
        """The trials that were scored on all folds, on the largest share of the rows that any was."""
        complete = [one for one in self.tried if one.trial.is_complete]
        most = max((one.trial.subsample for one in complete), default=1.0)
        return [one for one in complete if one.trial.subsample == most]

    def run_trials(self, count: int) -> None:
        """Try so many configurations."""
        while len(self.tried) < count and (family := next(self._turns, None)) is not None:
            if self._is_there(family):
                self._try(family, share=1.0)

    def run_seconds(self) -> None:
        """Try configurations as long as there is time for another."""
        values = len(self._task.folds[0].train) * len(self._task.problem.features)
        if values > _MANY_VALUES:
            self._try_first(_FIRST_VALUES / values)
        while len(self.tried) < _MOST_TRIALS and (family := self._next_admitted() or self._untried()) is not None:
            left_s = self._clock.left_s()
            part = _MOST_OF_THE_REST if self._seconds(family) is not None else _MOST_OF_UNKNOWN
            end_s = max(self._kept_s, left_s - max(part * left_s, self._least_seconds(family)))
            self._try(family, share=1.0, end_s=end_s)

    def run_list(self, listed: Sequence[Mapping[str, Any]]) -> None:
        """Make the trials of a list again, each with the rounds that it had."""
        for state in listed:
            trial, name = Trial.from_json(state), str(state["family"])
            again = Trial(trial.number, trial.params, trial.subsample, trial.state, (), ())
            for index, rounds in enumerate(trial.rounds):
                made = self.fits(name).fold(
                    trial.params, index, share=trial.subsample, rounds=rounds or None, should_stop=lambda: False
                )
                again = again.add(made.score, made.rounds, made.seconds)
            self.tried.append(Tried(name, again))
            self._report(f"{name}, trial {trial.number} again: {again.score:.4f}")

    def _try_first(self, share: float) -> None:
        name = next(name for name in (*_PORTFOLIO, *self._names) if self._is_there(name))
        self._try(name, share=share, end_s=0.8 * self._clock.left_s())
        self._search(name).start_over()

    def _try(self, family: str, *, share: float, end_s: float | None = None) -> None:
        reserve_s = self._kept_s * 0.8 if end_s is not None else None
        trial = self._search(family).try_next(share=share, reserve_s=reserve_s, end_s=end_s)
        if trial is not None:
            self.tried.append(Tried(family, trial))
        else:
            self._too_long.add(family)

    def _next_admitted(self) -> str | None:
        """The next family whose trial will end in time; each is asked once at most."""
        for _ in range(4 * len(_PORTFOLIO)):
            family: str | None = next(self._turns, None)
            if family is None or self._clock.left_s() <= self._kept_s:
                return None
            if family in self._too_long:
                continue
            if self._least_seconds(family) <= self._clock.left_s() - self._kept_s and self._is_there(family):
                return family
        return None

    def _least_seconds(self, family: str) -> float:
        """Seconds that a trial must have; what learns in rounds can do with fewer, a family's first trial with half."""
        if family not in _IN_ROUNDS:
            return _CAUTION * self._estimate(family)
        return (_LEAST_PART if self._seconds(family) is None else 1.0) * self._estimate(family)

    def _untried(self) -> str | None:
        """The cheapest family of which nothing is known, for the time that nothing else fits in: it may be cheaper.

        What learns in rounds ends in time anyway; another is dropped when it is late.
        """
        if self._clock.left_s() - self._kept_s < _WORTH_TRYING * self._clock.budget_s:
            return None
        unknown = [name for name in self._names if name not in self._too_long and self._seconds(name) is None]
        fitting = [
            name
            for name in sorted(unknown, key=self._usual_cost)
            if _IMPORT_S.get(name, 0.0) * self._slowness() < _MOST_OF_THE_REST * self._clock.left_s()
        ]
        return next((name for name in fitting if self._is_there(name)), None)

    def _in_turn(self) -> Iterator[str]:
        for family in (*_PORTFOLIO, *(name for name in self._names if name not in _PORTFOLIO)):
            if family in self._names:
                yield family
        turn = 0
        while ranked := [name for name in self._ranked() if self._is_there(name)]:
            yield ranked[min(_TURNS[turn % len(_TURNS)], len(ranked) - 1)]
            turn += 1

    def _ranked(self) -> list[str]:
        """Families by their best score; those that were not tried (for want of time) come last."""
        sign = -1.0 if self._task.problem.metric.higher_is_better else 1.0
        best = {
            name: min((sign * one.trial.score for one in self.usable if one.family == name), default=np.inf)
            for name in self._names
        }
        return sorted(best, key=lambda name: best[name])

    def _estimate(self, family: str) -> float:
        """Seconds that a trial of a family takes, importing it included where that is still to be done."""
        own = self._seconds(family)
        if own is not None:
            return own
        start_s = 0.0 if family in self._fits else _IMPORT_S.get(family, 0.0) * self._slowness()
        known = {name: seconds for name in self._names if (seconds := self._seconds(name)) is not None}
        if not known:
            return start_s
        units = [seconds / self._usual_cost(name) for name, seconds in known.items()]
        return start_s + float(np.median(units)) * self._usual_cost(family)

    def _usual_cost(self, family: str) -> float:
        trees = max(1.0, self._task.problem.classes / 2) if family in _BY_CLASS else 1.0
        return trees * _USUAL_COST.get(family, _OTHER_COST)

    def _slowness(self) -> float:
        """How many seconds pass for one of work; more than one on a machine that others use as well."""
        slowness = self._clock.used_s() / max(time.process_time() - self._cpu_s, 0.1)
        return float(np.clip(slowness, 1.0, _MOST_SLOWNESS))

    def _seconds(self, family: str) -> float | None:
        """Mean seconds of complete trials, as if on all rows."""
        own = [one.trial for one in self.tried if one.family == family and one.trial.state == "complete"]
        whole = [sum(trial.seconds) for trial in own if trial.subsample == 1]
        scaled = [_SCALED * sum(trial.seconds) / trial.subsample for trial in own]
        return float(np.mean(whole or scaled)) if own else None


def said(one: Tried, selection: Selection) -> Array:
    """What a configuration said out of fold: the folds' validation rows, one after the other."""
    fits, trial = selection.fits(one.family), one.trial
    folds = range(len(trial.scores))
    return np.concatenate([fits.prediction(trial.params, index, share=trial.subsample) for index in folds])


def stopped_by_hand(work: Callable[[], None], report: Callable[[str], None]) -> None:
    """Run; whoever interrupts it by hand keeps what was fitted until then."""
    try:
        work()
    except (KeyboardInterrupt, Stopped):
        report("interrupted: what was fitted until now is used")
