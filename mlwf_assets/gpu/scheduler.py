"""The arbiter: one round of decisions over a state of queues, jobs and devices.

The actions stand in their order: what was promised starts, who starves gets devices reserved, then allocate (nobody is
recalled), consolidate (fractions move), reclaim (from holders that do nothing, then between queues), preempt (inside a
queue) and the eviction of stale gangs. The rules are those of KAI-Scheduler; `docs/gpu.md` says them in plain words.
"""

from collections.abc import Callable

from mlwf_assets.gpu import rules
from mlwf_assets.gpu.alike import Alike
from mlwf_assets.gpu.line import Line
from mlwf_assets.gpu.model import Decisions, Eviction, Reason, State
from mlwf_assets.gpu.reservation import reserve
from mlwf_assets.gpu.solver import LongestIdle, make_room
from mlwf_assets.gpu.table import Table
from mlwf_assets.gpu.work import Work

_Evicting = Callable[[Table, Work, list[Work]], bool]


def schedule(state: State) -> Decisions:
    """Decide one round.

    Args:
        state: as it is now; every running task names its devices.
    Returns:
        What starts, what is promised, who is recalled and why the others wait. The same state gives the same decisions,
        in whatever order its queues and jobs are listed.
    Example:
        >>> from mlwf_assets.gpu.model import Job, Queue, State
        >>> state = State(2, (Queue("team", deserved=1000),), (Job("train", "team", 1000),))
        >>> schedule(state).starts
        (Placement(job='train', task=0, devices=(0,)),)
    """
    table = Table(state)
    table.redeem()
    reservations = reserve(table)
    _allocate(table)
    free = [work for work in table.running if work.job.preemptible]
    _for_each_waiting(
        table, _consolidate, [work for work in free if work.job.size < state.unit and work.job.restartable]
    )
    limit_s = state.settings.idle_reclaim_s
    _for_each_waiting(table, _reclaim_idle, [work for work in table.running if work.job.idle_s >= limit_s])
    _for_each_waiting(table, _reclaim, free)
    _for_each_waiting(table, _preempt, free)
    _evict_stale(table)
    return Decisions(
        starts=tuple(table.starts),
        promises=tuple(table.promises),
        evictions=tuple(table.evictions),
        reservations=reservations,
        warned=tuple(work.job.name for work in table.running if work.job.idle_s >= state.settings.idle_warn_s),
        waiting=table.waiting,
        fair_shares=table.fair_shares,
    )


def _allocate(table: Table) -> None:
    alike = Alike((work for work in table.works if work.pending), table.board.keeper)
    line = Line(table.books, alike.first())
    while (work := line.pop()) is not None:
        reason = table.start(work)
        if reason is None:
            table.keep()
            for waits in (alike.after(work), work if work.pending else None):
                if waits is not None:
                    line.push(waits)
        elif work.active < work.minimum:
            words: Reason = "too-large" if work.request > table.total else reason
            table.waiting |= dict.fromkeys((other.job.name for other in alike.all_of(work)), words)


class _Failures:
    """What a queue could get no room for: nothing that asks for as much needs to be tried again."""

    def __init__(self) -> None:
        self._failed: dict[str, list[tuple[bool, int, int]]] = {}

    def is_hopeless(self, work: Work) -> bool:
        size, chunk, preemptible = work.job.size, work.chunk, work.job.preemptible
        return any(
            size >= smaller and chunk >= fewer and (free or not preemptible)
            for free, smaller, fewer in self._failed.get(work.job.queue, ())
        )

    def add(self, work: Work) -> None:
        self._failed.setdefault(work.job.queue, []).append((work.job.preemptible, work.job.size, work.chunk))

    def clear(self) -> None:
        self._failed.clear()


def _for_each_waiting(table: Table, action: _Evicting, works: list[Work]) -> None:
    """Try an action for every job that waits, in serving order, as long as there is somebody to recall."""
    if not works:
        return
    failures = _Failures()
    alike = Alike((work for work in table.works if _may_evict(table, work)), table.board.keeper)
    line = Line(table.books, alike.first())
    while (work := line.pop()) is not None:
        if failures.is_hopeless(work):
            continue
        if action(table, work, works):
            failures.clear()
            for waits in (alike.after(work), work):
                if waits is not None and _may_evict(table, waits):
                    line.push(waits)
        else:
            failures.add(work)


def _may_evict(table: Table, work: Work) -> bool:
    return bool(work.chunk) and work.job.waited_s >= work.job.preemption_delay_s and work.request <= table.total


def _consolidate(table: Table, claimer: Work, works: list[Work]) -> bool:
    """Move fractions that can be restarted, if the job fits then and every one of them fits again."""
    job = claimer.job
    if sum(table.board.later) < claimer.request:
        return False
    if table.books.refuse(job.queue, claimer.request, preemptible=job.preemptible):
        return False
    return make_room(
        table,
        claimer,
        Line(table.books, [work for work in works if work is not claimer], giving=True),
        action="consolidate",
        may_recall=lambda work: not rules.is_protected(work, 0, table.settings),
        accept=lambda victims: not victims,
    )


def _reclaim_idle(table: Table, claimer: Work, works: list[Work]) -> bool:
    """Take devices from holders that have done nothing for too long, whoever they are."""
    return make_room(
        table,
        claimer,
        LongestIdle(work for work in works if work is not claimer),
        action="idle",
        may_recall=lambda work: True,
        accept=lambda victims: True,
        place_again=False,
    )


def _reclaim(table: Table, claimer: Work, works: list[Work]) -> bool:
    """Take back between queues."""
    if not rules.may_reclaim(claimer):
        return False
    return make_room(
        table,
        claimer,
        Line(table.books, [work for work in works if rules.may_pay(claimer, work)], giving=True),
        action="reclaim",
        may_recall=lambda work: not rules.is_kept_from_reclaim(claimer, work, table.settings),
        accept=rules.reclaim_accepts(table, claimer),
    )


def _preempt(table: Table, claimer: Work, works: list[Work]) -> bool:
    """Let more important work of a queue push out less important work of the same queue."""
    return make_room(
        table,
        claimer,
        Line(table.books, [work for work in works if rules.may_give_way(claimer, work)], giving=True),
        action="preempt",
        may_recall=lambda work: not rules.is_kept_from_preemption(work, table.settings),
        accept=lambda victims: True,
    )


def _evict_stale(table: Table) -> None:
    """Recall what is left of gangs that have been below their minimum for too long."""
    for work in table.works:
        stale_s = work.job.stale_for_s
        if not 0 < work.active < work.minimum:
            continue
        if stale_s is not None and stale_s < table.settings.stale_grace_s:
            continue
        for task, state in enumerate(work.states):
            if state == "running" and task not in work.fresh:
                table.evictions.append(Eviction(work.job.name, task, "stale"))
