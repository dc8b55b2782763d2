"""Which results of a step are due: a decision over plain values, without clock, lake and Dagster.

Due is what is not up to date, as long as everything that it is made from is up to date or asked for in the same
run. It is a matter of how things stand, not of what happened: nobody can miss a change, neither one during a run nor
one before a failure. What was asked for and is still not there was in vain; it is asked for again after longer and
longer waits, a few times, and then rests until what it is made from is another one.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from mlwf_assets.assets.recipes import Planned

# Seconds after which what was in vain is tried again; then it rests.
WAITS_S = (60.0, 600.0, 3600.0)
Names = tuple[str, str | None]


class Asked(NamedTuple):
    """What was asked for, and is not there yet.

    Attributes:
        recipe: what was to be made.
        times: how often.
        at_s: when last.
    """

    recipe: str
    times: int
    at_s: float


@dataclass(frozen=True)
class Memory:
    """What is remembered from one look to the next.

    Attributes:
        asked: partition ("" where there are none) -> what was asked for.
        tick_s: the last tick of the schedule that was seen; None before the first look, and without one.
        is_open: whether that tick still waits for something to come up to date.
    """

    asked: Mapping[str, Asked] = field(default_factory=dict)
    tick_s: float | None = None
    is_open: bool = False

    def write(self) -> str:
        """Write it as text.

        Example:
            >>> Memory.read(Memory({"": Asked("ab", 1, 5.0)}).write())
            Memory(asked={'': Asked(recipe='ab', times=1, at_s=5.0)}, tick_s=None, is_open=False)
        """
        return json.dumps([self.asked, self.tick_s, self.is_open])

    @classmethod
    def read(cls, text: str | None) -> "Memory":
        """Read what `write` wrote; without a text, nothing is remembered."""
        if text is None:
            return cls()
        asked, tick_s, is_open = json.loads(text)
        return cls({partition: Asked(*one) for partition, one in asked.items()}, tick_s, is_open)


def heed_tick(memory: Memory, tick_s: float) -> Memory:
    """Take note of the last tick of a schedule: what is not up to date then is wanted, and tried anew.

    Example:
        >>> heed_tick(Memory(tick_s=10.0), 20.0)
        Memory(asked={}, tick_s=20.0, is_open=True)
        >>> heed_tick(Memory(), 20.0).is_open  # the first look: the tick was before it
        False
    """
    if memory.tick_s is None:
        return replace(memory, tick_s=tick_s)
    return Memory(tick_s=tick_s, is_open=True) if tick_s > memory.tick_s else memory


def choose(
    planned: Sequence[Planned],
    memory: Memory,
    *,
    free: Collection[str | None],
    requested: Collection[Names],
    failed: Mapping[str, float],
    now_s: float,
) -> tuple[list[Planned], Memory]:
    """Choose what is due of one step, and remember it.

    Args:
        planned: how each partition of the step stands.
        memory: of the look before.
        free: partitions that nothing works at.
        requested: what the same run makes before: (output name, partition).
        failed: recipe -> when it failed last, whoever asked for it.
        now_s: seconds since 1970.
    """
    left = [one for one in planned if one.state != "fresh"]
    asked = {
        one.partition or "": known
        for one in left
        if one.recipe is not None and (known := _known(one.partition, one.recipe, memory, failed)) is not None
    }
    open_ones = [one for one in left if one.partition in free]
    due = [one for one in open_ones if _is_due(one, asked.get(one.partition or ""), requested, now_s)]
    for one in due:
        if one.recipe is not None:
            before = asked.get(one.partition or "")
            asked[one.partition or ""] = Asked(one.recipe, before.times + 1 if before else 1, now_s)
    return due, replace(memory, asked=asked, is_open=memory.is_open and bool(left))


def _known(partition: str | None, recipe: str, memory: Memory, failed: Mapping[str, float]) -> Asked | None:
    """What is known of attempts at a recipe; one that failed as part of a larger run counts, too."""
    known = memory.asked.get(partition or "")
    if known is not None and known.recipe == recipe:
        return known
    # What failed before the last tick of a schedule says nothing about the attempts since.
    counts = recipe in failed and (memory.tick_s is None or failed[recipe] >= memory.tick_s)
    return Asked(recipe, 1, failed[recipe]) if counts else None


def _is_due(one: Planned, asked: Asked | None, requested: Collection[Names], now_s: float) -> bool:
    if one.recipe is None:
        return not one.lacks and all(name in requested for waits in one.waits for name in waits)
    if asked is None:
        return True
    return asked.times <= len(WAITS_S) and now_s >= asked.at_s + WAITS_S[asked.times - 1]
