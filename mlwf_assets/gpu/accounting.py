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
    connection: sqlite3.Connection,
    machine: Machine,
    entries: Sequence[Entry],
    *,
    begin_at: float,
    end_at: float,
    now: float,
) -> list[dict[str, Any]]:
    """Sum the GPU-seconds of a stretch of time by queue, workflow, asset and user.

    Args:
        entries: what still runs counts until now.
        begin_at: from when on, in seconds since 1970.
        end_at: until when, that moment included.
        now: in seconds since boot.
    Returns:
        One dict per group with `gpu_seconds`, and `runs` and `waited_s` of what ended in it, the largest first.
    """
    at = time.time()
    groups: dict[tuple[Any, ...], list[float]] = {}

    def add(key: tuple[Any, ...], milli: int, began_at: float, ended_at: float, waited_s: float) -> None:
        sums = groups.setdefault(key, [0.0, 0.0, 0])
        sums[0] += max(0.0, min(ended_at, end_at) - max(began_at, begin_at)) * milli / MILLI
        # each is counted once, however many stretches it reaches over
        is_last = begin_at < ended_at <= end_at
        sums[1] += waited_s * is_last
        sums[2] += is_last

    rows = connection.execute(
        f"SELECT {', '.join(_BY)}, parts_milli, seconds, waited_s, ended_at FROM uses "
        "WHERE ended_at > ? AND ended_at - seconds < ?",
        (begin_at, end_at),
    )
    for *key, milli, seconds, waited_s, ended_at in rows:
        add(tuple(key), milli, ended_at - seconds, ended_at, waited_s)
    for entry in entries:
        if entry.holds and entry.began_s is not None and begin_at < at and at - (now - entry.began_s) < end_at:
            request = entry.request
            key = [request.queue, request.workflow, request.asset, request.user]
            add(tuple(key), machine.milli(entry), at - (now - entry.began_s), at, entry.waited_s)
    found = [
        {**dict(zip(_BY, key, strict=True)), "gpu_seconds": sums[0], "waited_s": sums[1], "runs": int(sums[2])}
        for key, sums in groups.items()
    ]
    return sorted(found, key=lambda one: -float(one["gpu_seconds"]))


def first_use(connection: sqlite3.Connection) -> float | None:
    """When the first use that is noted began, in seconds since 1970; None if nothing is noted."""
    row = connection.execute("SELECT min(ended_at - seconds) FROM uses").fetchone()
    return None if row[0] is None else float(row[0])


def typical_seconds(connection: sqlite3.Connection) -> dict[str, float]:
    """The median of how long a queue's last jobs ran that came to their end."""
    rows = connection.execute(
        "SELECT queue, seconds FROM uses WHERE ended = 'released' ORDER BY id DESC LIMIT ?", (_RECENT,)
    )
    lasted: dict[str, list[float]] = {}
    for queue, seconds in rows:
        lasted.setdefault(queue, []).append(seconds)
    return {queue: statistics.median(seconds) for queue, seconds in lasted.items()}
