"""The asset gpu/usage: who used how many GPU-seconds on each day (UTC), from what the ledger has noted.

It is the machine's, not a workflow's, and is there where the machine has a ledger that has noted something. It is not
in the lake and is not planned: the ledger is what keeps its content, reading it costs milliseconds, and its data
version is a fingerprint of what was read. A day that is not over is read as far as it has come.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlwf_assets.assets.markdown import as_table
from mlwf_assets.evaluation.report.draw import Line, Mark, as_markdown, lines
from mlwf_assets.evaluation.report.frame import Axis, Picture
from mlwf_assets.lake.fingerprint import hash_json

if TYPE_CHECKING:
    from mlwf_assets.gpu.client import Client

_KEY = dg.AssetKey(["gpu", "usage"])
_BY = ("queue", "workflow", "asset", "user")
_SUMS = ("gpu_seconds", "waited_s", "runs")
_HOUR_S, _HOURS = 3600, 24
_TONES = "abcd"


def usage_definitions() -> dg.Definitions:
    """Make the asset, and a schedule (off at first) for the day that is over; nothing where no use was noted."""
    start = _first_day()
    if start is None:
        return dg.Definitions()
    days = dg.DailyPartitionsDefinition(start, end_offset=1)

    @dg.asset(key=_KEY, partitions_def=days, group_name="gpu", kinds={"table"}, description=_DESCRIPTION)
    def usage(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from mlwf_assets.gpu.client import Client

        client = Client()
        day = dt.datetime.fromisoformat(context.partition_key).replace(tzinfo=dt.UTC)
        return _result(*read_day(client, day), devices=len(client.machine().devices))

    job = dg.define_asset_job("gpu_usage", selection=[usage])

    @dg.schedule(job=job, cron_schedule="5 0 * * *")
    def gpu_usage_daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(partition_key=f"{context.scheduled_execution_time - dt.timedelta(days=1):%Y-%m-%d}")

    return dg.Definitions(assets=[usage], jobs=[job], schedules=[gpu_usage_daily])


_DESCRIPTION = "GPU-seconds of this machine by queue, workflow, asset and user, on one day (UTC)."


def _first_day() -> str | None:
    """The day on which the first use that is noted began; None without a ledger that has noted one."""
    from mlwf_assets.errors import LedgerError
    from mlwf_assets.gpu.client import Client

    client = Client()
    try:
        first = client.first_use()
    except (LedgerError, OSError):
        return None  # of another machine's version, or not ours to read: no reason to load nothing else
    return None if first is None else f"{dt.datetime.fromtimestamp(first, dt.UTC):%Y-%m-%d}"


def read_day(client: "Client", day: dt.datetime) -> tuple[list[dict[str, Any]], list[list[dict[str, Any]]]]:
    """Read what was used on a day: groups of the whole day, and those of each hour."""
    edges = [day.timestamp() + hour * _HOUR_S for hour in range(_HOURS + 1)]
    (whole,) = client.uses_between([edges[0], edges[-1]])
    return whole, client.uses_between(edges)


def _result(
    whole: Sequence[Mapping[str, Any]], hours: Sequence[Sequence[Mapping[str, Any]]], *, devices: int
) -> dg.MaterializeResult[Any]:
    groups = [
        {**one, "gpu_seconds": round(one["gpu_seconds"], 1), "waited_s": round(one["waited_s"], 1)} for one in whole
    ]
    by_queue = _gpus_by_queue(hours)
    total_s = sum(one["gpu_seconds"] for one in groups)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(hash_json(groups)),
        metadata={
            "gpu/gpu_seconds": total_s,
            "gpu/share_of_day": round(total_s / (devices * _HOURS * _HOUR_S), 4) if devices else 0.0,
            "gpu/groups": dg.MetadataValue.json(groups),
            "gpu/table": dg.MetadataValue.md(_table(groups)),
            "gpu/plot": dg.MetadataValue.md(as_markdown(draw_day(by_queue, devices=devices), "GPUs in use by hour")),
            "dagster/row_count": len(groups),
        },
    )


def _table(groups: Sequence[Mapping[str, Any]]) -> str:
    rows = [["" if one[name] is None else str(one[name]) for name in (*_BY, *_SUMS)] for one in groups]
    return as_table([*_BY, "GPU-seconds", "waited (s)", "runs"], rows)


def _gpus_by_queue(hours: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, list[float]]:
    """GPUs in use on average in each hour, by queue, the largest first."""
    used: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(hours))
    for hour, groups in enumerate(hours):
        for one in groups:
            used[one["queue"]][hour] += one["gpu_seconds"] / _HOUR_S
    return dict(sorted(used.items(), key=lambda item: -sum(item[1])))


def draw_day(by_queue: Mapping[str, Sequence[float]], *, devices: int) -> Picture:
    """Draw how many GPUs each queue used in each hour of a day.

    Args:
        by_queue: 24 averages each; beyond the first three the others are one line.
        devices: how many there are.
    Example:
        >>> draw_day({"research": [0.5] * 24}, devices=2).startswith("<svg ")
        True
    """
    names = list(by_queue)
    shown = {name: by_queue[name] for name in names[: len(_TONES) - 1]}
    if len(names) >= len(_TONES):
        others = [by_queue[name] for name in names[len(_TONES) - 1 :]]
        shown["others" if len(others) > 1 else names[-1]] = [sum(hour) for hour in zip(*others, strict=True)]
    at = [hour + 0.5 for hour in range(_HOURS)]
    drawn = [
        Line(at, values, tone=tone, name=name) for tone, (name, values) in zip(_TONES, shown.items(), strict=False)
    ]
    return lines(
        drawn,
        x=Axis(0, _HOURS, "hour (UTC)", ticks=[0, 6, 12, 18, 24], write=lambda hour: f"{hour:g}"),
        y=Axis(0, max(1.0, devices), "GPUs in use"),
        label="GPUs in use by hour and queue",
        marks=[Mark(f"all {devices}", y=devices)] if devices else [],
    )
