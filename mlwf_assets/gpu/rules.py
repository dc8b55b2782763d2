"""Who may pay for whom: the rules of reclaim between queues, and what protects a job from being recalled."""

from collections.abc import Callable

from mlwf_assets.gpu.books import Account, is_more_served, levels_below_common, min_runtime_s
from mlwf_assets.gpu.model import Settings
from mlwf_assets.gpu.table import Recalled, Table
from mlwf_assets.gpu.work import Work


def may_reclaim(claimer: Work) -> bool:
    """Whether a job's queue stays within its fair share with it; what cannot be preempted, within `deserved`."""
    account, asked = claimer.account, claimer.request
    if account.allocated + asked > account.share:
        return False
    return claimer.job.preemptible or account.is_within_deserved(account.fixed + asked)


def may_pay(claimer: Work, work: Work) -> bool:
    """Whether another queue's running job is above what it is entitled to, so that the claimer may take from it."""
    if work.account is claimer.account or not work.job.preemptible:
        return False
    mine, yours = levels_below_common(claimer.account, work.account)
    return _pays(mine, yours, mine.allocated, yours.allocated, claimer.request)


def may_give_way(claimer: Work, work: Work) -> bool:
    """Whether a running job gives way to a more important one of its own queue."""
    return work.account is claimer.account and work.job.preemptible and work.job.priority < claimer.job.priority


def is_kept_from_reclaim(claimer: Work, work: Work, settings: Settings) -> bool:
    """Whether a job has not run its minimum yet, as seen from the claimer's side of the tree."""
    _, yours = levels_below_common(claimer.account, work.account)
    return is_protected(work, min_runtime_s(yours.chain, "reclaim_min_runtime_s"), settings)


def is_kept_from_preemption(work: Work, settings: Settings) -> bool:
    """Whether a job has not run its minimum yet, as its own queue sees it."""
    return is_protected(work, min_runtime_s(work.account.chain, "preempt_min_runtime_s"), settings)


def is_protected(work: Work, runtime_s: int, settings: Settings) -> bool:
    """Whether a job has not run that long yet; its elastic tasks above the minimum are not protected."""
    ran_s = work.job.ran_s
    if work.job.from_reservation:
        ran_s, runtime_s = ran_s or 0, max(runtime_s, settings.starvation_after_s)
    return ran_s is not None and ran_s < runtime_s and work.active <= work.minimum


def reclaim_accepts(table: Table, claimer: Work) -> Callable[[Recalled], bool]:
    """Make the check of a claimer's victims, over what the queues hold now.

    Each victim's queue must be above its allocatable share when the victim goes, or above `deserved` while the
    claimer stays within it, both taken just below the queues' lowest common ancestor; a queue within its own guarantee
    never pays for its siblings. Afterwards the claimer's side is at no level more over-served than who paid.
    """
    before = {account: account.allocated for account in table.books.accounts.values()}

    def accept(victims: Recalled) -> bool:
        left: dict[Account, int] = {}
        for work, tasks in victims:
            mine, yours = levels_below_common(claimer.account, work.account)
            held, own = left.get(yours, before[yours]), left.get(work.account, before[work.account])
            if not _pays(mine, yours, before[mine], held, claimer.request):
                return False
            if work.account.covered and work.account.is_within_deserved(own):
                return False
            for account in work.account.chain:
                left[account] = left.get(account, before[account]) - len(tasks) * work.job.size
        return not any(
            is_more_served((left.get(level, before[level]) + claimer.request, level.share), (left[other], other.share))
            for level in claimer.account.chain
            for other in left
            if other.parent is level.parent and other is not level
        )

    return accept


def _pays(mine: Account, yours: Account, my_held: int, held: int, asked: int) -> bool:
    if held > yours.allocatable:
        return True
    return mine.is_within_deserved(my_held + asked) and not yours.is_within_deserved(held)
