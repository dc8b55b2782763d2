"""The search itself: how a configuration is tried fold by fold, and when it is given up.

A trial that is worse than the median of those that came as far is given up (Golovin and others, 2017); with
successive halving only the best third goes on after one, two and four folds (Li and others, 2020, with folds as the
resource). Where configurations come from stands in `proposals.py`; how many trials there are, and on how many rows, is
decided in `tuning.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlwf_assets.models.budget import Clock
from mlwf_assets.models.families.base import Params, Stopped, never
from mlwf_assets.models.fits import Fits
from mlwf_assets.models.proposals import Proposals
from mlwf_assets.models.trials import Trial
from mlwf_assets.spec.names import Way

# A trial is compared with others only when so many came as far as it did.
_LEAST_PEERS = 3
# Which share of the trials goes on after a fold; with successive halving after so many folds.
_KEPT, _KEPT_OF_HALVING, _RUNGS = 1 / 2, 1 / 3, (1, 2, 4, 8)


@dataclass(frozen=True)
class Course:
    """Who is told of the search, and who may end it.

    Attributes:
        report: called with a few words after each trial.
        should_stop: whether to leave with `Stopped`.
        clock: of a budget in seconds.
    """

    report: Callable[[str], None]
    should_stop: Callable[[], bool]
    clock: Clock | None = None

    def is_late(self, reserve_s: float | None) -> bool:
        """Say whether no more than a reserve is left of the budget."""
        return reserve_s is not None and self.clock is not None and self.clock.left_s() <= reserve_s

    def enough_by(self, end_s: float | None, trainings: int) -> Callable[[], bool]:
        """Say when a training that begins now has used its part of the time.

        Args:
            end_s: how much must be left of the budget after all trainings; None: they may take what they take.
            trainings: how many there are, this one among them.
        Example:
            >>> Course(print, lambda: False).enough_by(None, 3)()
            False
        """
        clock = self.clock
        if clock is None or end_s is None:
            return never
        now_s = clock.left_s()
        least_s = now_s - max(0.0, now_s - end_s) / trainings
        return lambda: clock.left_s() <= least_s


class Search:
    """The trials of a family so far, and the way to the next one.

    Args:
        fits: trains and remembers.
        seed: of the sampler.
        course: who is told, and who may end it.
        way: how configurations are drawn and given up.
    """

    def __init__(self, fits: Fits, seed: int, course: Course, way: Way = "tpe") -> None:
        self.trials: list[Trial] = []
        self._fits, self._seed, self._course, self._way = fits, seed, course, way
        self._proposals = Proposals(fits, seed, way)

    @property
    def is_exhausted(self) -> bool:
        """Whether all configurations were tried: the family has its defaults and draws nothing."""
        return self._proposals.is_exhausted

    def start_over(self) -> None:
        """Begin with the defaults again: scores on other shares of the rows say nothing to the sampler."""
        self._proposals = Proposals(self._fits, self._seed, self._way)

    def try_next(self, *, share: float, reserve_s: float | None = None, end_s: float | None = None) -> Trial | None:
        """Try the next configuration.

        Args:
            share: of the rows.
            reserve_s: how much of the budget must be left; the trial is dropped when it would eat into that.
            end_s: how much of it is to be left; trainings end with the rounds that they have until then.

        Returns:
            The trial; None if it was dropped.

        Raises:
            Stopped: if the course said so.
        """
        asked, params = self._proposals.draw()
        trial = self._try(params, share=share, reserve_s=reserve_s, end_s=end_s, prune=True)
        if trial is not None:
            self._proposals.learn(asked, trial)
        return trial

    def try_fully(self, params: Params, *, share: float, reserve_s: float | None = None) -> Trial | None:
        """Try a configuration on all folds, whatever comes out; see `try_next`."""
        return self._try(params, share=share, reserve_s=reserve_s, prune=False)

    def _try(
        self, params: Params, *, share: float, reserve_s: float | None, prune: bool, end_s: float | None = None
    ) -> Trial | None:
        try:
            trial = self._run(params, share=share, reserve_s=reserve_s, end_s=end_s, prune=prune)
        except Stopped:
            if self._course.should_stop() or not self._course.is_late(reserve_s):
                raise
            return None
        self.trials.append(trial)
        self._course.report(self._words(trial))
        return trial

    def _run(self, params: Params, *, share: float, reserve_s: float | None, end_s: float | None, prune: bool) -> Trial:
        task, course = self._fits.task, self._course
        trial = Trial(len(self.trials), params, share, "complete", (), ())
        for index in range(len(task.folds)):
            made = self._fits.fold(
                params, index, share=share, rounds=None,
                should_stop=lambda: course.should_stop() or course.is_late(reserve_s),
                is_enough=course.enough_by(end_s, len(task.folds) - index),
            )  # fmt: skip
            if made.recalled and course.clock is not None:
                course.clock.carried_s += made.seconds
            trial = trial.add(made.score, made.rounds, made.seconds)
            if prune and index + 1 < len(task.folds) and self._is_given_up(trial):
                return replace(trial, state="pruned")
        return trial

    def _is_given_up(self, trial: Trial) -> bool:
        higher = self._fits.task.problem.metric.higher_is_better
        if self._way != "halving":
            return is_behind(trial, self.trials, higher_is_better=higher)
        at_rung = len(trial.scores) in _RUNGS
        return at_rung and is_behind(trial, self.trials, higher_is_better=higher, kept=_KEPT_OF_HALVING)

    def _words(self, trial: Trial) -> str:
        name, clock = self._fits.task.problem.metric.name, self._course.clock
        rows = "" if trial.subsample == 1 else f" on {trial.subsample:.0%} of the rows"
        state = "" if trial.state == "complete" else f", {trial.state}"
        spent = "" if clock is None else f", {clock.used_s():.0f} of {clock.budget_s:.0f} s"
        return f"{self._fits.family.name}, trial {trial.number}{rows}: {name} {trial.score:.4f}{state}{spent}"


def is_behind(trial: Trial, others: Sequence[Trial], *, higher_is_better: bool, kept: float = _KEPT) -> bool:
    """Say whether a trial is not among the best of those that came as far, on the same share of the rows.

    Args:
        trial: on its way.
        others: before it.
        higher_is_better: of the metric.
        kept: which share of them are the best.

    Example:
        >>> others = [Trial(n, {}, 1.0, "complete", (score, 0.5), (1, 1)) for n, score in enumerate([0.6, 0.7, 0.8])]
        >>> is_behind(Trial(3, {}, 1.0, "complete", (0.65,), (1,)), others, higher_is_better=True)
        True
    """
    reached = len(trial.scores)
    peers = [
        float(np.mean(other.scores[:reached]))
        for other in others
        if other.subsample == trial.subsample and len(other.scores) >= reached
    ]
    if len(peers) < _LEAST_PEERS:
        return False
    gap = trial.score - float(np.quantile(peers, 1 - kept if higher_is_better else kept))
    return not (gap >= 0 if higher_is_better else gap <= 0)
