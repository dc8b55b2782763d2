"""How much of the recent past's GPU time a queue has used: the memory of time-based fair share.

Work counts less the longer it is ago, by half every half-life, and not at all before the window. The result is what
`Queue.usage` takes: 0 for a queue that used nothing, 1 for one that used the whole machine all the time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

HALF_LIFE_S = 24 * 3600
WINDOW_S = 24 * 3600
_PARTS = 10**6


@dataclass(frozen=True, slots=True)
class Used:
    """An amount that a queue held for a while.

    Attributes:
        amount: parts held.
        began_s_ago: when it began, in seconds before now.
        ended_s_ago: when it ended; 0 if it still runs.
    """

    queue: str
    amount: int
    began_s_ago: int
    ended_s_ago: int = 0


def usage(
    used: Iterable[Used], total: int, *, half_life_s: int = HALF_LIFE_S, window_s: int = WINDOW_S
) -> dict[str, Fraction]:
    """Each queue's part of the GPU time of the window, in millionths.

    Args:
        used: what was held, in any order.
        total: parts of all devices.
    Example:
        >>> usage([Used("a", 1000, 3600), Used("b", 500, 3600)], 1000, window_s=3600)
        {'a': Fraction(1, 1), 'b': Fraction(1, 2)}
    """
    whole = total * _weight(window_s, 0, half_life_s)
    sums: dict[str, float] = {}
    for one in used:
        began, ended = min(one.began_s_ago, window_s), min(one.ended_s_ago, window_s)
        sums[one.queue] = sums.get(one.queue, 0.0) + one.amount * _weight(began, ended, half_life_s)
    return {queue: Fraction(round(_PARTS * amount / whole), _PARTS) for queue, amount in sums.items()}


def _weight(began_s_ago: float, ended_s_ago: float, half_life_s: float) -> float:
    """What the time between two moments weighs; only its ratio to the window's is used, so that its scale is free."""
    return float(2.0 ** (-ended_s_ago / half_life_s) - 2.0 ** (-began_s_ago / half_life_s))
