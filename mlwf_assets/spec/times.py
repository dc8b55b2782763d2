"""Whether partitions and splits fit each other, the sources and the calendar."""

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.mistakes import Mistake
from mlwf_assets.spec.partitions import NamedPartitions, Partitions
from mlwf_assets.spec.sources import FilesSource
from mlwf_assets.spec.timeline import span_bounds, split_dates
from mlwf_assets.spec.workflow import Workflow


def check_partitions(workflow: Workflow) -> Iterator[Mistake]:
    """Find partitions that nothing uses, times that nothing cuts, and boundaries inside a partition."""
    if isinstance(workflow.partitions, NamedPartitions):
        yield from _check_named(workflow)
        return
    yield from _check_parts_without_names(workflow)
    timed = [
        name for name, source in workflow.sources.items() if isinstance(source, FilesSource) and source.time is not None
    ]
    partitions = workflow.timeline
    if partitions is None:
        for name in timed:
            yield Mistake(("sources", name, "time"), "needs 'partitions: {every: month, start: DATE}', or leave it out")
        return
    if not timed:
        yield Mistake(("partitions",), "needs a source with a 'time: SQL', or leave it out")
    yield from _check_boundaries(partitions)


def _check_named(workflow: Workflow) -> Iterator[Mistake]:
    """Find named partitions that no source is cut by, and times of sources that are not cut."""
    files = {name: source for name, source in workflow.sources.items() if isinstance(source, FilesSource)}
    if all(source.part is None for source in files.values()):
        yield Mistake(
            ("partitions", "names"), "needs a source with a 'part: SQL' that gives a row's name, or leave it out"
        )
    if workflow.is_written(newest := ("deployment", "predictions", "partitions")):
        yield Mistake(newest, "is for partitions by time: of those that have names none is the newest; leave it out")
    for name, source in files.items():
        if source.time is not None and source.part is None:
            words = "needs a 'part: SQL' beside it, for partitions have names; or make it a column of the table"
            yield Mistake(("sources", name, "time"), words)


def _check_parts_without_names(workflow: Workflow) -> Iterator[Mistake]:
    for name, source in workflow.sources.items():
        if isinstance(source, FilesSource) and source.part is not None:
            yield Mistake(("sources", name, "part"), "needs 'partitions: {names: [NAME, ...]}', or leave it out")


def _check_boundaries(partitions: Partitions) -> Iterator[Mistake]:
    """Find days that are no beginnings of partitions, and partitions of which none is complete."""
    for name, day in (("start", partitions.start), ("end", partitions.end)):
        if day is None:
            continue
        if partitions.every == "month" and day.day != 1:
            yield Mistake(("partitions", name), f"must be the first day of a month, however: {day}")
            return
        if partitions.every == "week" and (day - partitions.start).days % 7:
            yield Mistake(("partitions", name), f"must be whole weeks after start, however: {day}")
            return
    if partitions.every == "hour" and _turns_by_minutes(partitions):
        yield Mistake(("partitions", "timezone"), f"must turn its clock by whole hours, however: {partitions.timezone}")
        return
    start, end = span_bounds(partitions)
    if start == end:
        words = f"there must be a complete {partitions.every} by now, however: {partitions.start}"
        yield Mistake(("partitions", "start"), words)


def _turns_by_minutes(partitions: Partitions) -> bool:
    zone = ZoneInfo(partitions.timezone)
    winter, summer = (dt.datetime(partitions.start.year, month, 1, tzinfo=zone).utcoffset() for month in (1, 7))
    return winter is not None and summer is not None and bool((summer - winter) % dt.timedelta(hours=1))


def check_splits(workflow: Workflow) -> Iterator[Mistake]:
    """Find splits by time without a time, outside the partitions, or in the wrong order."""
    splits, partitions = workflow.splits, workflow.timeline
    if splits.by != "time" or (partitions is not None and any(_check_boundaries(partitions))):
        return
    table = workflow.examples.table
    if workflow.examples.cutoff is None and not workflow.has_time(table):
        yield Mistake(
            ("splits", "by"),
            "a split by time needs times: give examples a 'cutoff: SQL', or the source a 'time: SQL' and the "
            "workflow partitions; or split by random",
        )
        return
    try:  # without partitions, spans and shares count back from the end of the data, which is known later
        validation, test = split_dates(splits, partitions)
    except SpecError:
        return
    yield from _check_order(workflow, validation, test)


def _check_order(workflow: Workflow, validation: dt.datetime, test: dt.datetime) -> Iterator[Mistake]:
    partitions = workflow.timeline
    zone = ZoneInfo(partitions.timezone if partitions else "UTC")
    if validation >= test:
        yield Mistake(
            ("splits", "validation"),
            f"must begin before the test, however: {_day(validation, zone)} and test {_day(test, zone)}",
        )
    if partitions is None:
        return
    start, end = span_bounds(partitions)
    span = f"{_day(start, zone)} .. {_day(end, zone)}"
    if validation <= start:
        got = _day(validation, zone)
        yield Mistake(
            ("splits", "validation"),
            f"must begin inside the partitions ({span}) and leave rows to train on, however: {got}",
        )
    if test >= end:
        yield Mistake(("splits", "test"), f"must begin inside the partitions ({span}), however: {_day(test, zone)}")


def _day(at: dt.datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return str(local.date()) if local.time() == dt.time() else f"{local:%Y-%m-%d %H:%M}"
