"""Who is served next, and who gives back next: jobs in line, queue by queue down the tree.

At each level the queue is chosen first, then the job inside it. For serving: under its fair share, then within
`deserved` with the job, then higher priority, then the smaller ratio of allocated (with the job) to allocatable share,
then the smaller ratio without it, the smaller allocatable share, less use in the recent past, the older queue.
Those who give back stand in the reverse order, each queue taken without what it has already given; there the first
criterion is left out, so that of two queues over quota the one of lower priority gives first.
"""

import heapq
from collections.abc import Callable, Iterable

from mlwf_assets.gpu.books import Account, Books
from mlwf_assets.gpu.work import Work

Key = tuple[object, ...]


class _Node:
    __slots__ = ("account", "below", "given", "jobs", "key", "parent", "version")

    def __init__(self, account: Account | None, parent: "_Node | None") -> None:
        self.account = account
        self.parent = parent
        self.below: list[_Node] = []
        self.jobs: list[tuple[tuple[int, int, int], int, Work]] = []
        self.given = 0
        self.key: Key = ()
        self.version = -1

    def head(self, pick: "Line") -> Work | None:
        """The job that this subtree would send next."""
        node: _Node | None = self
        while node is not None and not node.jobs:
            node = pick.best(node)
        return node.jobs[0][2] if node is not None else None


class Line:
    """Jobs in line; what they hold may change between two of them."""

    def __init__(self, books: Books, works: Iterable[Work], *, giving: bool = False) -> None:
        self._books = books
        self._giving = giving
        self._key: Callable[[_Node, Work], Key] = self._giving_key if giving else self._serving_key
        self._root = _Node(None, None)
        self._nodes: dict[str, _Node] = {}
        for work in works:
            self._node(work.account).jobs.append(self._entry(work))
        for node in self._nodes.values():
            heapq.heapify(node.jobs)

    def push(self, work: Work) -> None:
        """Put a job (back) in line."""
        node = self._node(work.account)
        heapq.heappush(node.jobs, self._entry(work))
        _touch(node)

    def pop(self) -> Work | None:
        """Take the next job out; None when the line is empty."""
        node: _Node | None = self._root
        while node is not None and not node.jobs:
            node = self.best(node)
        if node is None:
            return None
        work = heapq.heappop(node.jobs)[2]
        _touch(node)
        return work

    def give(self, work: Work, amount: int) -> None:
        """Count what a job's queue, and those above it, have given so far; the books no longer hold it."""
        node: _Node | None = self._nodes[work.account.queue.name]
        while node is not None:
            node.given += amount
            node = node.parent

    def best(self, node: _Node) -> _Node | None:
        """The child whose turn it is; None where no child has a job left."""
        best: _Node | None = None
        for child in node.below:
            account = child.account
            if account is None or (child.version == account.version and not child.key):
                continue
            if child.version != account.version:
                head = child.head(self)
                child.key = () if head is None else self._key(child, head)
                child.version = account.version
                if head is None:
                    continue
            if best is None or child.key < best.key:
                best = child
        return best

    def _node(self, account: Account) -> _Node:
        if (node := self._nodes.get(account.queue.name)) is None:
            above = self._root if account.parent is None else self._node(account.parent)
            node = self._nodes[account.queue.name] = _Node(account, above)
            above.below.append(node)
        return node

    def _entry(self, work: Work) -> tuple[tuple[int, int, int], int, Work]:
        key = (-work.job.priority, work.elastic_class, work.place)
        return (tuple(-part for part in key) if self._giving else key), work.place, work  # type: ignore[return-value]

    def _serving_key(self, node: _Node, work: Work) -> Key:
        account = node.account
        assert account is not None  # noqa: S101 - only the root has none, and nobody asks for its key
        books, asked = self._books, account.allocated + work.request
        return (
            account.allocated > account.share,
            not account.is_within_deserved(asked),
            -account.queue.priority,
            not account.allocatable and asked > 0,
            books.ratio(asked, account),
            books.ratio(account.allocated, account),
            account.allocatable,
            account.queue.usage,
            account.queue.created,
            account.queue.name,
        )

    def _giving_key(self, node: _Node, work: Work) -> Key:
        account = node.account
        assert account is not None  # noqa: S101 - as above
        books, left = self._books, account.allocated - work.next_gift
        before = account.allocated + node.given
        return (
            account.is_within_deserved(before),
            account.queue.priority,
            bool(account.allocatable or not before),
            -books.ratio(left, account),
            -books.ratio(before, account),
            -account.allocatable,
            -account.queue.usage,
            -account.queue.created,
        )


def _touch(node: _Node) -> None:
    above: _Node | None = node
    while above is not None:
        above.version = -1
        above = above.parent
