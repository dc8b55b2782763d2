"""Time: how a budget is split among families, what a fit will cost, what can still be afforded.

Pure arithmetic; the clock is read in `Clock` alone. What is spent on which fit is decided in `tuning.py`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

# A linear model says nearly all that it can after a few fits; trees and networks go on getting better.
_WEIGHTS = {
    "base_rate": 0.05, "linear": 1.0, "extra_trees": 1.5, "hist_gradient_boosting": 2.5, "lightgbm": 4.0,
    "catboost": 4.5, "tabm": 4.5,
}  # fmt: skip
_OTHER = 3.0
# What is left for starting up, for reading and writing.
_MARGIN = 0.96


def budget_shares(families: Sequence[str]) -> dict[str, float]:
    """Split a budget over all families.

    Example:
        >>> {name: round(share, 2) for name, share in budget_shares(["linear", "lightgbm"]).items()}
        {'linear': 0.2, 'lightgbm': 0.8}
    """
    weights = {name: _WEIGHTS.get(name, _OTHER) for name in families}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


@dataclass
class Clock:
    """How much of a budget is used.

    Attributes:
        budget_s: the budget.
        carried_s: used by an earlier process, whose fits are read back instead of made again.
        now: the time in seconds.
    """

    budget_s: float
    carried_s: float = 0.0
    now: Callable[[], float] = time.monotonic
    _start_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._start_s = self.now()

    def part(self, share: float) -> "Clock":
        """Make a clock that began with this one and has a share of its budget."""
        return replace(self, budget_s=share * self.budget_s, carried_s=self.used_s())

    def used_s(self) -> float:
        """Seconds since the start, with those of earlier processes."""
        return self.now() - self._start_s + self.carried_s

    def left_s(self) -> float:
        """Seconds that can still be spent."""
        return max(0.0, _MARGIN * self.budget_s - self.used_s())


@dataclass(frozen=True)
class Pace:
    """What a trial costs by its share of the rows.

    Attributes:
        points: (share, seconds) of the same configuration, shares ascending; at least one.
    """

    points: tuple[tuple[float, float], ...]

    def add(self, share: float, seconds: float) -> "Pace":
        """Take in another measurement."""
        return Pace(tuple(sorted({**dict(self.points), share: seconds}.items())))

    def _slope(self) -> float:
        """Seconds per share beyond the largest that was measured.

        One point: as if nothing were fixed cost, which is never too little. The line through two is not
        trusted below half of that.
        """
        share, seconds = self.points[-1]
        steepest = seconds / share
        if len(self.points) == 1:
            return steepest
        earlier, before = self.points[-2]
        return min(max((seconds - before) / (share - earlier), steepest / 2), steepest)

    def estimate(self, share: float) -> float:
        """Tell the seconds of a trial.

        Example:
            >>> Pace(((0.1, 3.0), (0.2, 5.0))).estimate(1.0)
            21.0
        """
        largest, seconds = self.points[-1]
        return max(0.0, seconds + (share - largest) * self._slope())

    def share_for(self, seconds: float) -> float:
        """Tell the largest share whose trial fits into some seconds.

        Example:
            >>> round(Pace(((0.1, 3.0), (0.2, 5.0))).share_for(13.0), 3)
            0.6
        """
        largest, known = self.points[-1]
        return min(1.0, max(0.0, largest + (seconds - known) / max(self._slope(), 1e-9)))
