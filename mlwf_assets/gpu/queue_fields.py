"""One queue of a quota file or a scenario, and the queues as a tree: the same fields wherever queues are written."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from mlwf_assets.gpu.fields import Fields
from mlwf_assets.gpu.model import MILLI, Queue
from mlwf_assets.spec.mistakes import suggestion

QUEUE = ("name", "parent", "deserved", "limit", "over_quota_weight", "priority")
RUNTIMES = ("preempt_min_runtime_s", "reclaim_min_runtime_s")


def read_queue(queue: Fields, number: int, unit: int) -> Queue:
    """Read one queue; amounts in parts, `unit` of them a GPU."""
    return Queue(
        queue.text("name"),
        queue.text("parent", default=None),
        queue.amount("deserved", unit, default=0),
        queue.amount("limit", unit, default=-1),
        queue.amount("over_quota_weight", MILLI, default=1) or 0,
        queue.integer("priority", default=100, least=None) or 0,
        number,
        Fraction(0),
        *(queue.integer(name, default=None) for name in RUNTIMES),
    )


def check_names(listed: Sequence[Fields]) -> None:
    """Note names that stand in a list twice."""
    seen: set[Any] = set()
    for one in listed:
        name = one.data.get("name")
        if name in seen:
            one.mistake("name", f"must be there once, however: {name!r} is there twice; rename one of them")
        seen.add(name)


def check_tree(queues: Sequence[Fields]) -> None:
    """Note what is wrong with the queues as a tree: doubles, parents that are not there, circles."""
    parents = {queue.data.get("name"): queue.data.get("parent") for queue in queues}
    check_names(queues)
    for queue in queues:
        parent = queue.data.get("parent")
        if parent is not None and parent not in parents:
            known = suggestion(str(parent), [str(one) for one in parents])
            queue.mistake("parent", f"must be one of the queues, however: {parent!r}.{known}")
        above, steps = parent, 0
        while above in parents and above is not None and steps <= len(parents):
            above, steps = parents[above], steps + 1
        if steps > len(parents):
            queue.mistake("parent", "must not lead back to the queue itself; leave one parent of the circle out")
