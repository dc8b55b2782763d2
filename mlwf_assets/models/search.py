"""The search itself: where configurations come from, how one is tried fold by fold, when it is given up.

Defaults come first, then Optuna's TPE (Bergstra and others, 2011). A trial that is worse than the median of
those that came as far is given up (Golovin and others, 2017). How many trials there are, and on how many
rows, is decided in `tuning.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlwf_assets.models.budget import Clock
from mlwf_assets.models.families.base import Params, Stopped, never
from mlwf_assets.models.fits import Fits
from mlwf_assets.models.trials import Trial

if TYPE_CHECKING:
    import optuna

# A trial is compared with others only when so many came as far as it did.
_LEAST_PEERS = 3
# TPE draws at random until it knows so many trials.
_STARTUP_TRIALS = 6


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


class _Proposals:
    """Where configurations come from: the family's defaults, then TPE, which learns from what they scored.

    The sampler is made anew for each trial from seed and number, so that the n-th configuration depends on
    those before it and on nothing else.
    """

    def __init__(self, fits: Fits, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._family, self._problem, self._seed = fits.family, fits.task.problem, seed
        self._rows = max(len(fold.train) for fold in fits.task.folds)
        self._defaults = self._family.defaults(self._problem, rows=self._rows)
        higher = self._problem.metric.higher_is_better
        self._study = optuna.create_study(direction="maximize" if higher else "minimize")
        self._asked = 0
        self.is_exhausted = False

    def draw(self) -> tuple["optuna.Trial", Params]:
        """Draw the next configuration."""
        import optuna

        number, self._asked = self._asked, self._asked + 1
        self._study.sampler = optuna.samplers.TPESampler(
            seed=int(np.random.SeedSequence([self._seed, number]).generate_state(1)[0]),
            n_startup_trials=_STARTUP_TRIALS,
        )
        if number >= len(self._defaults):
            trial = self._study.ask()
            drawn = self._family.suggest(trial, self._problem, rows=self._rows)
            self.is_exhausted = not trial.distributions
            return trial, drawn
        # A default is drawn as well, so that the sampler knows where in the space it stands.
        self._study.enqueue_trial(dict(self._defaults[number]))
        trial = self._study.ask()
        self._family.suggest(trial, self._problem, rows=self._rows)
        self.is_exhausted = number + 1 == len(self._defaults) and not trial.distributions
        return trial, self._defaults[number]

    def learn(self, asked: "optuna.Trial", trial: Trial) -> None:
        """Let the sampler learn from a trial."""
        from optuna.trial import TrialState

        for step in range(len(trial.scores)):
            asked.report(float(np.mean(trial.scores[: step + 1])), step)
        if trial.is_complete:
            self._study.tell(asked, trial.score)
        else:
            self._study.tell(asked, state=TrialState.PRUNED if trial.state == "pruned" else TrialState.FAIL)


class Search:
    """The trials of a family so far, and the way to the next one.

    Args:
        fits: trains and remembers.
        seed: of the sampler.
        course: who is told, and who may end it.
    """

    def __init__(self, fits: Fits, seed: int, course: Course) -> None:
        self.trials: list[Trial] = []
        self._fits, self._seed, self._course = fits, seed, course
        self._proposals = _Proposals(fits, seed)

    @property
    def is_exhausted(self) -> bool:
        """Whether all configurations were tried: the family has its defaults and draws nothing."""
        return self._proposals.is_exhausted

    def start_over(self) -> None:
        """Begin with the defaults again: scores on other shares of the rows say nothing to the sampler."""
        self._proposals = _Proposals(self._fits, self._seed)

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
            higher = task.problem.metric.higher_is_better
            if prune and index + 1 < len(task.folds) and is_behind(trial, self.trials, higher_is_better=higher):
                return replace(trial, state="pruned")
        return trial

    def _words(self, trial: Trial) -> str:
        name, clock = self._fits.task.problem.metric.name, self._course.clock
        rows = "" if trial.subsample == 1 else f" on {trial.subsample:.0%} of the rows"
        state = "" if trial.state == "complete" else f", {trial.state}"
        spent = "" if clock is None else f", {clock.used_s():.0f} of {clock.budget_s:.0f} s"
        return f"{self._fits.family.name}, trial {trial.number}{rows}: {name} {trial.score:.4f}{state}{spent}"


def is_behind(trial: Trial, others: Sequence[Trial], *, higher_is_better: bool) -> bool:
    """Say whether a trial is worse than the median of those that came as far, on the same share of the rows.

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
    gap = trial.score - float(np.median(peers))
    return not (gap >= 0 if higher_is_better else gap <= 0)
