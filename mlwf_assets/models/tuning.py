"""Tuning one family inside its budget, or repeating what an earlier run tried.

With a budget in trials every trial learns from all rows. With a budget in seconds the first trial is a small
one that shows the pace; from it follow the share of the rows on which the search is made, and what is kept for
trying the best on all rows and for the final model. A trial starts only if it should be finished in time, and
is dropped if it is not. docs/models.md tells it in full.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mlwf_assets.models.budget import Clock, Pace
from mlwf_assets.models.fits import Fits
from mlwf_assets.models.search import Course, Search
from mlwf_assets.models.together import choose_together
from mlwf_assets.models.trials import Final, Trial, Tried, best_of, refit_rounds
from mlwf_assets.spec.names import Way

# The first trial of a budget in seconds learns from about so many values (rows times features).
_PROBE_VALUES, _LEAST_PROBE_ROWS = 600_000, 300
# So many trials a search should have before fewer configurations on more rows are worth more.
_WANTED_TRIALS, _WANTED_ON_ALL_ROWS = 8, 5
_MOST_TRIALS, _MOST_FINALS = 200, 3
# What is kept, at most, of the time that is left after the first trial: for the best on more rows, and the final model.
_LATER_PART = 0.6
# How much of the time the first trial leaves, where it can end early.
_PROBE_LEAVES = 0.6
# The final model is trained without validation rows, and without waiting for a better round.
_REFIT_COST = 0.9
# What must be gained for changing to more rows.
_WORTHWHILE = 1.4
# How far into the reserve a trial may run before it is dropped.
_TOLERANCE = 0.8
# A trial on few rows says little of what one on all rows costs, for much of it is the same for any number: where
# it was cheap, one on so many times the rows tells.
_CHEAP, _SECOND_PROBE = 0.07, 4.0
# How much of the time that is left a trial on more rows may take by its estimate.
_CAUTION = 0.8


def tune_trials(fits: Fits, *, trials: int, seed: int, course: Course, way: Way = "tpe") -> Tried:
    """Try so many configurations, each on all rows.

    Raises:
        Stopped: if the course said so; going over it again finds all fits that were finished.
        ModelError: if no trial could be scored.
    """
    search = Search(fits, seed, course, way)
    while len(search.trials) < trials and not search.is_exhausted:
        search.try_next(share=1.0)
    return _concluded(search.trials, choose_together(search.trials, fits), subsample=1.0)


def tune_seconds(fits: Fits, clock: Clock, *, seed: int, course: Course, way: Way = "tpe") -> Tried:
    """Try configurations as long as there is time; what the final model needs is left over.

    Raises:
        Stopped: if the course said so.
        ModelError: if no trial could be scored.
    """
    course = replace(course, clock=clock)
    search, refit = Search(fits, seed, course, way), refit_cost(fits)
    share, pace = _find_share(search, fits, clock)
    reserve_s = plan_search(pace, clock.left_s(), refit=refit)[1] if share < 1 else refit * pace.estimate(1.0)
    while _may_go_on(search) and clock.left_s() - reserve_s >= _typical_seconds(search.trials, share):
        search.try_next(share=share, reserve_s=_TOLERANCE * reserve_s)
    if share < 1:
        _try_best_on_more_rows(search, clock, pace, share=share, fits=fits)
    best = best_of(search.trials, higher_is_better=_higher(fits))
    subsample = _final_share(best, clock, refit)
    # One final model is paid for; what is left over may pay for others to be averaged with it.
    one_s = refit * _seconds(best) * subsample / best.subsample
    chosen = choose_together(search.trials, fits, at_most=max(1, int(clock.left_s() / one_s)) if one_s else 3)
    return _concluded(search.trials, chosen, subsample=subsample)


def _may_go_on(search: Search) -> bool:
    return len(search.trials) < _MOST_TRIALS and not search.is_exhausted


def _concluded(trials: Sequence[Trial], chosen: Sequence[Trial], *, subsample: float) -> Tried:
    numbers, rounds = tuple(one.number for one in chosen), tuple(refit_rounds(one) for one in chosen)
    return Tried(tuple(trials), Final(numbers, rounds, subsample))


def _final_share(best: Trial, clock: Clock, refit: float) -> float:
    """From which share of the rows the final model can learn in the time that is left."""
    if refit == 0:
        return best.subsample
    # A fifth more than seems to fit: estimates are on the safe side, and rows are worth more than seconds.
    affordable = Pace(((best.subsample, refit * _seconds(best)),)).share_for(1.2 * clock.left_s())
    return max(_rounded(affordable), best.subsample)


def replay(tried: Tried, fits: Fits, *, course: Course) -> Tried:
    """Make the trials of a list again, each with the rounds that it had.

    Raises:
        Stopped: if the course said so.
    """
    again = []
    for listed in tried.trials:
        trial = Trial(listed.number, listed.params, listed.subsample, listed.state, (), ())
        for index, rounds in enumerate(listed.rounds[: len(fits.task.folds)]):
            made = fits.fold(
                listed.params, index, share=listed.subsample, rounds=rounds or None, should_stop=course.should_stop
            )
            trial = trial.add(made.score, made.rounds, made.seconds)
        again.append(trial)
        course.report(f"{fits.family.name}, trial {trial.number} of {len(tried.trials)} again: {trial.score:.4f}")
    return Tried(tuple(again), tried.final)


def refit_cost(fits: Fits) -> float:
    """What the final model costs, in trials; nothing where it is the last fold's."""
    task = fits.task
    return 0.0 if task.is_forward else _REFIT_COST * len(task.frame) / sum(len(fold.train) for fold in task.folds)


def plan_search(pace: Pace, left_s: float, *, refit: float) -> tuple[float, float]:
    """Choose the share of the rows for the search.

    Args:
        pace: what a trial costs by its share.
        left_s: what is left of the budget.
        refit: cost of the final model in trials.

    Returns:
        The share; seconds to be kept for what comes after the search.

    Example:
        >>> share, reserve_s = plan_search(Pace(((0.1, 2.0),)), 100.0, refit=0.5)
        >>> round(share, 2), round(reserve_s, 1)
        (0.44, 30.0)
    """
    whole_s = pace.estimate(1.0)
    if left_s >= (_WANTED_ON_ALL_ROWS + refit) * whole_s:
        return 1.0, refit * whole_s
    later_s = min((1 + refit) * whole_s, _LATER_PART * left_s)
    share = pace.share_for((left_s - later_s) / _WANTED_TRIALS)
    if share * _WORTHWHILE < 1:
        return share, later_s
    # Near to all rows, the search itself is what would be tried afterwards.
    return 1.0, refit * whole_s


def _find_share(search: Search, fits: Fits, clock: Clock) -> tuple[float, Pace]:
    """Try the first default on few rows, then on as many as the search can be made on."""
    share, pace = _first_trial(search, fits, clock)
    for _ in range(3):
        planned = _rounded(plan_search(pace, clock.left_s(), refit=refit_cost(fits))[0])
        if len(pace.points) == 1 and pace.estimate(share) <= _CHEAP * clock.budget_s:
            planned = max(planned, _rounded(min(1.0, _SECOND_PROBE * share)))
        if planned < _WORTHWHILE * share:
            break
        search.start_over()
        trial = search.try_next(share=planned, reserve_s=0.5 * clock.left_s())
        if trial is None:
            break
        share = trial.subsample
        pace = pace.add(share, _seconds(trial))
    return share, pace


def _first_trial(search: Search, fits: Fits, clock: Clock) -> tuple[float, Pace]:
    """Try the first default on few rows; on ever fewer where that takes most of the budget."""
    rows = max(len(fold.train) for fold in fits.task.folds)
    wanted = max(_LEAST_PROBE_ROWS, _PROBE_VALUES // len(fits.task.problem.features)) / rows
    share = 1.0 if wanted >= 0.5 else _rounded(wanted)
    while True:
        can_be_less = share * rows > _LEAST_PROBE_ROWS and share > _rounded(0.0)
        left_s, refit = clock.left_s(), refit_cost(fits)
        # What learns in rounds ends in time, if need be with fewer; what cannot is tried on fewer rows.
        trial = search.try_next(
            share=share,
            reserve_s=0.5 * left_s if can_be_less else None,
            end_s=(_PROBE_LEAVES if can_be_less else refit / (1 + refit)) * left_s,
        )
        if trial is not None:
            return share, Pace(((share, _seconds(trial)),))
        search.start_over()
        share = _rounded(share / 8)


def _try_best_on_more_rows(search: Search, clock: Clock, pace: Pace, *, share: float, fits: Fits) -> None:
    """Try the best of the search again on as many rows as the time allows."""
    sign = -1 if _higher(fits) else 1
    found = [trial for trial in search.trials if trial.subsample == share and trial.is_complete]
    ranked = sorted(found, key=lambda trial: (sign * trial.score, trial.number))[:_MOST_FINALS]
    more, refit = 0.0, refit_cost(fits)
    for trial in ranked:
        # How much dearer than the first default this one is.
        times = _seconds(trial) / pace.estimate(share)
        affordable = pace.share_for(_CAUTION * clock.left_s() / (times * (1 + refit)))
        more = more or _rounded(affordable)
        if more < _WORTHWHILE * share or affordable < more:
            continue
        reserve_s = refit * times * pace.estimate(more)
        search.try_fully(trial.params, share=more, reserve_s=_TOLERANCE * reserve_s)


def _typical_seconds(trials: Sequence[Trial], share: float) -> float:
    return float(np.mean([_seconds(one) for one in trials if one.subsample == share and one.state == "complete"]))


def _seconds(trial: Trial | None) -> float:
    return sum(trial.seconds) if trial is not None else 0.0


def _higher(fits: Fits) -> bool:
    return fits.task.problem.metric.higher_is_better


def _rounded(share: float) -> float:
    """Two digits, downwards: a share that people can read."""
    if share >= 0.95:
        return 1.0
    digits = 2 if share >= 0.1 else 3
    return max(float(np.floor(share * 10**digits) / 10**digits), 0.001)
