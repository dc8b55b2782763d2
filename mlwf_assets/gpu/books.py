"""What each queue holds while a round is being worked out, and whether it may hold more.

What a job holds counts for its queue and for every queue above it. Limits hold at every level; work that cannot be
preempted must fit within `deserved` at every level, too.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from mlwf_assets.gpu.fair_share import Claim, fair_shares
from mlwf_assets.gpu.model import Queue, Reason, Settings

_RATIO = 10**9  # a share is compared as so many parts of its whole: equal ratios stay equal, and integers are fast


class Account:
    """One queue's amounts, in parts.

    Attributes:
        chain: this account and those above it, from the queue to the top.
        allocated: what its running and promised work holds.
        fixed: the part of it that cannot be preempted.
        requested: what it holds and what it waits for.
        share: its fair share.
        version: changes with every change of `allocated`.
        covered: whether what its ancestors deserve covers what their children deserve.
    """

    __slots__ = (
        "allocatable",
        "allocated",
        "chain",
        "children",
        "covered",
        "fixed",
        "parent",
        "queue",
        "requested",
        "share",
        "version",
    )

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.parent: Account | None = None
        self.children: list[Account] = []
        self.chain: tuple[Account, ...] = (self,)
        self.allocated = self.fixed = self.requested = self.share = self.allocatable = self.version = 0
        self.covered = True

    def is_within_deserved(self, amount: int) -> bool:
        """Whether an amount is no more than the guaranteed share."""
        return self.queue.deserved is None or amount <= self.queue.deserved

    def refuse(self, amount: int, *, preemptible: bool, empty: bool = False) -> Reason | None:
        """Say which of this queue's own rules forbids so much more; `empty`: even if it held nothing."""
        limit = self.queue.limit
        if limit is not None and (0 if empty else self.allocated) + amount > limit:
            return "limit"
        if not preemptible and not self.is_within_deserved((0 if empty else self.fixed) + amount):
            return "quota"
        return None


class Books:
    """The accounts of all queues.

    Attributes:
        accounts: name -> account, in the order of creation.
        total: parts of all devices.
    """

    def __init__(self, queues: Iterable[Queue], total: int) -> None:
        self.total = total
        ordered = sorted(queues, key=lambda queue: (queue.created, queue.name))
        self.accounts = {queue.name: Account(queue) for queue in ordered}
        for account in self.accounts.values():
            if account.queue.parent is not None:
                account.parent = self.accounts[account.queue.parent]
                account.parent.children.append(account)
        for account in self.accounts.values():
            chain = [account]
            while (above := chain[-1].parent) is not None:
                chain.append(above)
            account.chain = tuple(chain)
        for account in self.accounts.values():
            account.covered = all(_covers(above) for above in account.chain[1:])

    def ask(self, queue: str, amount: int) -> None:
        """Count what a job asks for, held or not."""
        for account in self.accounts[queue].chain:
            account.requested += amount

    def add(self, queue: str, amount: int, *, preemptible: bool) -> None:
        """Count what a job holds from now on; a negative amount is what it no longer holds."""
        for account in self.accounts[queue].chain:
            account.allocated += amount
            account.version += 1
            if not preemptible:
                account.fixed += amount

    def share_out(self, unit: int, settings: Settings) -> dict[str, int]:
        """Work out every queue's fair share of what is asked for."""
        claims = [
            Claim(
                account.queue.name,
                account.requested,
                account.queue.deserved,
                account.queue.limit,
                account.queue.over_quota_weight,
                account.queue.priority,
                account.queue.created,
                account.queue.usage,
                account.queue.parent,
            )
            for account in self.accounts.values()
        ]
        shares, _ = fair_shares(self.total, claims, unit=unit, usage_weight=settings.usage_weight)
        for name, account in self.accounts.items():
            account.share = shares[name]
            account.allocatable = self._allocatable(account)
        return shares

    def _allocatable(self, account: Account) -> int:
        """The most that a queue may hold without being over-served: its fair share, or what it deserves if more."""
        deserved, limit = account.queue.deserved, account.queue.limit
        most = self.total if deserved is None else max(deserved, account.share)
        return most if limit is None else min(most, limit)

    def refuse(self, queue: str, amount: int, *, preemptible: bool) -> Reason | None:
        """Say which rule forbids a job to hold so much more; None if none does."""
        for account in self.accounts[queue].chain:
            if reason := account.refuse(amount, preemptible=preemptible):
                return reason
        return None

    def ratio(self, amount: int, account: Account) -> int:
        """How much of its allocatable share an amount is; without a share, a thousand times the amount itself."""
        whole = account.allocatable or max(self.total, 1)
        return amount * _RATIO * (1 if account.allocatable else 1000) // whole


def levels_below_common(one: Account, other: Account) -> tuple[Account, Account]:
    """Find the two queues just below the lowest common ancestor of two others, one on each side."""
    left, right = one.chain[::-1], other.chain[::-1]
    for mine, yours in zip(left, right, strict=False):
        if mine is not yours:
            return mine, yours
    shorter = min(len(left), len(right)) - 1
    return left[shorter], right[shorter]


def min_runtime_s(chain: Sequence[Account], field: str) -> int:
    """Find the nearest minimum runtime up a chain of queues."""
    for account in chain:
        value: int | None = getattr(account.queue, field)
        if value is not None:
            return value
    return 0


def is_more_served(claimer: tuple[int, int], victim: tuple[int, int]) -> bool:
    """Whether a claimer would be more over-served than its victim; each is (allocated, fair share) in parts.

    Example:
        >>> is_more_served((3, 2), (2, 2)), is_more_served((2, 2), (1, 2)), is_more_served((3, 2), (4, 2))
        (True, False, False)
    """
    held, share = claimer
    others, other_share = victim
    if held <= share or not other_share:
        return False
    return not share or Fraction(held, share) >= Fraction(others, other_share)


def _covers(account: Account) -> bool:
    deserved = account.queue.deserved
    if deserved is None:
        return True
    parts = [child.queue.deserved for child in account.children]
    return None not in parts and sum(part for part in parts if part is not None) <= deserved
