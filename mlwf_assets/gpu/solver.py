"""Making room for one job: recall others one after the other, until it fits and the rule at hand accepts who pays.

After each recall all that was recalled is placed again together with the claimer, in serving order. Who fits again
keeps its place or moves; only who does not is a victim.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from mlwf_assets.gpu.line import Line
from mlwf_assets.gpu.model import Action
from mlwf_assets.gpu.table import Recalled, Table
from mlwf_assets.gpu.work import Work


class Givers(Protocol):
    """Jobs in the order in which they give back."""

    def pop(self) -> Work | None:
        """Take the next one out."""

    def push(self, work: Work) -> None:
        """Put one back, which has more to give."""

    def give(self, work: Work, amount: int) -> None:
        """Count what one gave."""


class LongestIdle:
    """Those who do nothing, the longest idle first."""

    def __init__(self, works: Iterable[Work]) -> None:
        self._works = sorted(works, key=lambda work: (work.job.idle_s, -work.place))

    def pop(self) -> Work | None:
        """Take the next one out."""
        return self._works.pop() if self._works else None

    def push(self, work: Work) -> None:
        """Put one back."""
        self._works.append(work)

    def give(self, work: Work, amount: int) -> None:
        """Count nothing: idle work has no claim that could shrink."""


def make_room(
    table: Table,
    claimer: Work,
    givers: Givers,
    *,
    action: Action,
    may_recall: Callable[[Work], bool],
    accept: Callable[[Recalled], bool],
    place_again: bool = True,
) -> bool:
    """Recall others until a job fits.

    Args:
        table: the round; changed only where a way is found.
        claimer: the job that waits.
        givers: who may have to give back, in order.
        action: what the recalls are called.
        may_recall: whether the next tasks of a job may be recalled at all.
        accept: whether these victims may pay: (job, tasks) in the order of recall.
        place_again: whether who was recalled is placed again where there is room, before the claimer if it is its turn.
    Returns:
        Whether a way was found; the claimer is promised its devices then.
    """
    begin, size, chunk, units = table.mark(), claimer.job.size, claimer.chunk, Recalled()
    while (work := givers.pop()) is not None:
        tasks = work.next_recalled()
        if not tasks or not may_recall(work):
            continue
        for task in reversed(tasks):
            table.recall(work, task)
        units.append((work, tasks))
        givers.give(work, len(tasks) * work.job.size)
        if work.active:
            givers.push(work)
        if table.board.room(size, claimer.job.name) < chunk:
            continue
        mark = table.mark()
        if _place(table, claimer, units if place_again else []) and accept(_victims(units)):
            table.keep(action, claimer)
            return True
        table.take_back(mark)
    table.take_back(begin)
    return False


def _place(table: Table, claimer: Work, units: Recalled) -> bool:
    recalled = {work.place: work for work, _ in units}
    line = Line(table.books, [*recalled.values(), claimer])
    placed = False
    while (work := line.pop()) is not None:
        if table.start(work, later=True) is None:
            placed = placed or work is claimer
            if work is not claimer and work.chunk:
                line.push(work)
        elif work is claimer:
            return False
    return placed


def _victims(units: Recalled) -> Recalled:
    left = [(work, [task for task in tasks if work.states[task] == "pending"]) for work, tasks in units]
    return [(work, tasks) for work, tasks in left if tasks]
