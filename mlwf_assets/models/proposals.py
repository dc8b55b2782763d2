"""Where configurations come from: a family's defaults first, then what a sampler draws or a grid holds.

Samplers are Optuna's: TPE (Bergstra and others, 2011), which learns from what configurations scored, and chance. The
grid has the ends and the middle of each range and every choice, all combinations, in an order that goes over the
whole of it early. How a configuration is tried stands in `search.py`.
"""

from collections.abc import Mapping, Sequence
from math import gcd, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mlwf_assets.models.families.base import Params
from mlwf_assets.models.fits import Fits
from mlwf_assets.models.trials import Trial
from mlwf_assets.spec.names import Way

if TYPE_CHECKING:
    import optuna

# TPE draws at random until it knows so many trials.
_STARTUP_TRIALS = 6
_GOLDEN = 0.618


class Proposals:
    """The configurations of a family, one after the other.

    The sampler is made anew for each trial from seed and number, so that the n-th configuration depends on
    those before it and on nothing else.

    Args:
        fits: of the family.
        seed: of the sampler.
        way: tpe, random, grid, or halving, which draws as tpe does.
    """

    def __init__(self, fits: Fits, seed: int, way: Way) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._family, self._problem, self._seed, self._way = fits.family, fits.task.problem, seed, way
        self._rows = max(len(fold.train) for fold in fits.task.folds)
        self._defaults = self._family.defaults(self._problem, rows=self._rows)
        higher = self._problem.metric.higher_is_better
        self._study = optuna.create_study(direction="maximize" if higher else "minimize")
        self._grid = Grid(self._axes(), seed) if way == "grid" else None
        self._asked = 0
        self.is_exhausted = False

    def draw(self) -> tuple["optuna.Trial", Params]:
        """Draw the next configuration."""
        number, self._asked = self._asked, self._asked + 1
        self._study.sampler = self._sampler(number)
        past = number - len(self._defaults)
        if past < 0:
            # A default is drawn as well, so that the sampler knows where in the space it stands.
            self._study.enqueue_trial(dict(self._defaults[number]))
        elif self._grid is not None:
            self._study.enqueue_trial(self._grid.point(past))
        trial = self._study.ask()
        drawn = self._family.suggest(trial, self._problem, rows=self._rows)
        ends = past >= -1 and not trial.distributions
        self.is_exhausted = ends or (self._grid is not None and past + 1 >= self._grid.size)
        return trial, drawn if past >= 0 else self._defaults[number]

    def learn(self, asked: "optuna.Trial", trial: Trial) -> None:
        """Let the sampler learn from a trial."""
        from optuna.trial import TrialState

        for step in range(len(trial.scores)):
            asked.report(float(np.mean(trial.scores[: step + 1])), step)
        if trial.is_complete:
            self._study.tell(asked, trial.score)
        else:
            self._study.tell(asked, state=TrialState.PRUNED if trial.state == "pruned" else TrialState.FAIL)

    def _sampler(self, number: int) -> "optuna.samplers.BaseSampler":
        import optuna

        seed = int(np.random.SeedSequence([self._seed, number]).generate_state(1)[0])
        if self._way in {"random", "grid"}:
            return optuna.samplers.RandomSampler(seed=seed)
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=_STARTUP_TRIALS)

    def _axes(self) -> dict[str, list[Any]]:
        """The values of each parameter that the grid is made of."""
        import optuna

        trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=self._seed)).ask()
        self._family.suggest(trial, self._problem, rows=self._rows)
        return {name: _values(each) for name, each in trial.distributions.items()}


class Grid:
    """All combinations of some values, without writing them down.

    Args:
        axes: parameter -> values.
        seed: of the place where it begins.
    Example:
        >>> grid = Grid({"depth": [2, 4, 8], "rate": [0.1, 0.3]}, seed=0)
        >>> [tuple(grid.point(number).values()) for number in range(grid.size)]
        [(8, 0.3), (4, 0.3), (2, 0.3), (8, 0.1), (4, 0.1), (2, 0.1)]
    """

    def __init__(self, axes: Mapping[str, Sequence[Any]], seed: int) -> None:
        self._axes = dict(axes)
        self.size = prod(len(values) for values in self._axes.values())
        # A stride without a factor in common with the size comes by every point once.
        wanted = max(1, round(_GOLDEN * self.size))
        self._stride = next(stride for stride in range(wanted, 2 * self.size + 1) if gcd(stride, self.size) == 1)
        self._start = int(np.random.default_rng(seed).integers(self.size))

    def point(self, number: int) -> dict[str, Any]:
        """Return the number-th combination."""
        place, found = (self._start + number * self._stride) % self.size, {}
        for name, values in self._axes.items():
            place, digit = divmod(place, len(values))
            found[name] = values[digit]
        return found


def _values(distribution: "optuna.distributions.BaseDistribution") -> list[Any]:
    """The ends and the middle of a range; all choices."""
    import optuna

    if isinstance(distribution, optuna.distributions.CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, optuna.distributions.IntDistribution):
        return _whole(distribution)
    if not isinstance(distribution, optuna.distributions.FloatDistribution):
        raise TypeError(f"a range must be of numbers or choices, however: {distribution!r}")
    low, high = distribution.low, distribution.high
    middle = float(np.sqrt(low * high)) if distribution.log else (low + high) / 2
    return list(dict.fromkeys([low, middle, high]))


def _whole(distribution: "optuna.distributions.IntDistribution") -> list[int]:
    low, high, step = distribution.low, distribution.high, distribution.step
    middle = round(np.sqrt(low * high)) if distribution.log else low + (high - low) // step // 2 * step
    return list(dict.fromkeys([low, int(middle), high]))
