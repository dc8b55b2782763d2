"""GPU-seconds: who used how much, and how long jobs usually run; from what the ledger has noted."""

import sqlite3
import statistics
import time
from collections.abc import Sequence
from typing import Any

from mlwf_assets.gpu.entries import Entry
from mlwf_assets.gpu.machine import Machine
from mlwf_assets.gpu.model import MILLI

_RECENT = 500
_BY = ("queue", "workflow", "asset", "user")


def gpu_seconds(
    connection: sqlite3.Connection, machine: Machine, entries: Sequence[Entry], *, since_s: float, now: float
) -> list[dict[str, Any]]:
    """Sum GPU-seconds by queue, workflow, asset and user.

    Args:
        entries: what still runs counts until now.
        since_s: how far back, in seconds.
    Returns:
        One dict per group with `gpu_seconds`, `waited_s` and `runs`, the largest first.
    """
    at = time.time()
    groups: dict[tuple[Any, ...], list[float]] = {}

    def add(key: tuple[Any, ...], milli: int, seconds: float, waited_s: float) -> None:
        sums = groups.setdefault(key, [0.0, 0.0, 0])
        sums[0] += seconds * milli / MILLI
        sums[1] += waited_s
        sums[2] += 1

    rows = connection.execute(
        f"SELECT {', '.join(_BY)}, parts_milli, seconds, waited_s, ended_at FROM uses WHERE ended_at > ?",
        (at - since_s,),
    )
    for *key, milli, seconds, waited_s, ended_at in rows:
        # what began before the time asked for counts from there on
        add(tuple(key), milli, min(seconds, max(0.0, ended_at - (at - since_s))), waited_s)
    for entry in entries:
        if entry.holds and entry.began_s is not None:
            request = entry.request
            key = [request.queue, request.workflow, request.asset, request.user]
            add(tuple(key), machine.milli(entry), min(since_s, max(0.0, now - entry.began_s)), entry.waited_s)
    found = [
        {**dict(zip(_BY, key, strict=True)), "gpu_seconds": sums[0], "waited_s": sums[1], "runs": int(sums[2])}
        for key, sums in groups.items()
    ]
    return sorted(found, key=lambda one: -float(one["gpu_seconds"]))


def typical_seconds(connection: sqlite3.Connection) -> dict[str, float]:
    """The median of how long a queue's last jobs ran that came to their end."""
    rows = connection.execute(
        "SELECT queue, seconds FROM uses WHERE ended = 'released' ORDER BY id DESC LIMIT ?", (_RECENT,)
    )
    lasted: dict[str, list[float]] = {}
    for queue, seconds in rows:
        lasted.setdefault(queue, []).append(seconds)
    return {queue: statistics.median(seconds) for queue, seconds in lasted.items()}
