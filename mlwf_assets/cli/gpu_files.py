"""The files of `mlwf gpu simulate` and `mlwf gpu fair-share`: YAML in, states and claims out.

Every mistake is told with file, line and remedy; a field that is not known is named and left alone. What the numbers
come to is not known here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from mlwf_assets.errors import DataError, SourceError
from mlwf_assets.gpu.fair_share import Claim, fair_shares
from mlwf_assets.gpu.fields import Fields
from mlwf_assets.gpu.model import MILLI, Job, Settings, State, Task
from mlwf_assets.gpu.queue_fields import QUEUE, RUNTIMES, check_names, check_tree, read_queue
from mlwf_assets.gpu.simulation import settle
from mlwf_assets.spec.mistakes import Lines, Mistake, Place, error, suggestion
from mlwf_assets.spec.yaml_text import parse_yaml

_JOB = ("name", "queue", "priority", "preemptible", "gpus_per_task", "gpu_memory_mib", "min_member", "tasks")
_JOB_TIMES = ("waited_s", "ran_s", "stale_for_s", "idle_s", "preemption_delay_s")
_SETTINGS = ("stale_grace_s", "starvation_after_s", "idle_warn_s", "idle_reclaim_s")
_SCENARIO = ("name", "features", "gpus", "gpu_memory_mib", "queues", "jobs", "expected", *_SETTINGS)
_CASE = ("name", "unit", "total", "queues", "expected_remaining")
_CLAIM = (*QUEUE, "requested", "creation_order", "expected_fair_share")
_STATES = ("pending", "running", "releasing")


@dataclass(frozen=True)
class Scenario:
    """One scenario, and where it stands."""

    name: str
    state: State
    file: Path
    lines: Lines
    place: Place

    def settle(self) -> State:
        """Run the arbiter until nothing changes.

        Raises:
            SpecError: if what runs at the beginning has no room.
        """
        try:
            return settle(self.state)
        except DataError as problem:
            raise error(self.file, self.lines, [Mistake(self.place, str(problem))]) from None


@dataclass(frozen=True)
class Case:
    """One division; `parts` make a unit in which its numbers are given."""

    name: str
    total: int
    claims: tuple[Claim, ...]
    parts: int = MILLI

    def divide(self) -> tuple[dict[str, int], int]:
        """Each queue's share, in the file's order, and what nobody gets; in parts."""
        shares, remaining = fair_shares(self.total, self.claims, unit=self.parts)
        return {claim.name: shares[claim.name] for claim in self.claims}, remaining


def read_scenarios(file: Path) -> list[Scenario]:
    """Read a file in the form of scenarios.yaml.

    Raises:
        SourceError: if it cannot be read.
        SpecError: listing every mistake in it with line and remedy.
    """
    root = _open(file, "scenarios")
    scenarios = [
        Scenario(one.text("name"), _state(one), file, root.lines, one.place)
        for one in root.each("scenarios", _SCENARIO)
    ]
    _note(root.check(file))
    return scenarios


def read_cases(file: Path) -> list[Case]:
    """Read a file in the form of fair_share.yaml.

    Raises:
        SourceError: if it cannot be read.
        SpecError: listing every mistake in it with line and remedy.
    """
    root = _open(file, "cases")
    cases = []
    for one in root.each("cases", _CASE):
        one.choice("unit", ("gpu", "cpu_millis", "memory"), default="gpu")
        queues = one.each("queues", _CLAIM)
        claims = tuple(_claim(queue, number) for number, queue in enumerate(queues))
        check_tree(queues)
        cases.append(Case(one.text("name"), one.amount("total", MILLI) or 0, claims))
    _note(root.check(file))
    return cases


def _note(notes: list[str]) -> None:
    for note in notes:
        click.echo(note, err=True)


def _open(file: Path, top: str) -> Fields:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise SourceError(f"{file}: must be a readable UTF-8 text file, however: {problem}") from None
    parsed = parse_yaml(text)
    if parsed.mistakes:
        raise error(file, parsed.lines, parsed.mistakes)
    if not isinstance(parsed.data, dict) or not isinstance(parsed.data.get(top), list):
        message = f"must begin with '{top}:', followed by a list ('- name: ...')"
        raise error(file, parsed.lines, [Mistake((), message)])
    return Fields(parsed.data, (), parsed.lines, [])


def _state(one: Fields) -> State:
    memory = one.integer("gpu_memory_mib", default=0, least=1)
    unit = MILLI * (memory or 1)
    gpus = one.integer("gpus")
    queues = one.each("queues", (*QUEUE, *RUNTIMES))
    read = tuple(read_queue(queue, number, unit) for number, queue in enumerate(queues))
    check_tree(queues)
    jobs = one.each("jobs", (*_JOB, *_JOB_TIMES))
    leaves = {queue.name for queue in read} - {queue.parent for queue in read}
    _check_jobs(jobs, [queue.name for queue in read], leaves)
    times: dict[str, Any] = {name: s for name in _SETTINGS if (s := one.integer(name, default=None)) is not None}
    return State(
        gpus or 0,
        read,
        tuple(_job(job, number, unit, memory or 0, gpus) for number, job in enumerate(jobs)),
        unit,
        Settings(**times),
    )


def _claim(queue: Fields, number: int) -> Claim:
    return Claim(
        queue.text("name"),
        queue.amount("requested", MILLI) or 0,
        queue.amount("deserved", MILLI, default=0),
        queue.amount("limit", MILLI, default=-1),
        queue.amount("over_quota_weight", MILLI, default=1) or 0,
        queue.integer("priority", default=100, least=None) or 0,
        queue.integer("creation_order", default=number) or 0,
        parent=queue.text("parent", default=None),
    )


def _job(job: Fields, number: int, unit: int, memory: int, gpus: int | None) -> Job:
    size = _size(job, unit, memory)
    tasks = tuple(_task(task, size, unit, gpus) for task in job.each("tasks", ("state", "gpu"))) or (Task(),)
    priority = job.integer("priority", default=50, least=None) or 0
    times: dict[str, Any] = {
        name: value for name in _JOB_TIMES if (value := job.integer(name, default=None)) is not None
    }
    minimum = job.integer("min_member", default=None, least=1)
    if minimum is not None and minimum > len(tasks):
        job.mistake("min_member", f"must be at most the number of tasks, {len(tasks)}, however: {minimum}")
    return Job(
        job.text("name"),
        job.text("queue"),
        size,
        tasks,
        priority,
        job.flag("preemptible", default=priority < 100),
        minimum,
        number,
        **times,
    )


def _size(job: Fields, unit: int, memory: int) -> int:
    if job.has("gpus_per_task") == job.has("gpu_memory_mib"):
        job.mistake(None, "must say either gpus_per_task or gpu_memory_mib, and one of them alone")
        return unit
    if job.has("gpu_memory_mib"):
        mib = job.integer("gpu_memory_mib", least=1) or 1
        if not memory:
            job.mistake("gpu_memory_mib", "needs a device's memory; say gpu_memory_mib beside gpus, too")
        elif mib > memory:
            job.mistake("gpu_memory_mib", f"must be at most a device's {memory} MiB, however: {mib}")
        return min(mib * MILLI, unit)
    size = job.amount("gpus_per_task", unit)
    if not size or (size > unit and size % unit):
        job.mistake("gpus_per_task", "must be a whole number of GPUs or a fraction between 0 and 1, e.g. 2 or 0.5")
        return unit
    return size


def _task(task: Fields, size: int, unit: int, gpus: int | None) -> Task:
    state = task.choice("state", _STATES, default="pending")
    devices = tuple(_device(task, name, gpus) for name in task.entries("gpu"))
    if state == "pending":
        return Task()
    needed = max(1, size // unit)
    if devices and (len(devices) != needed or len(set(devices)) != needed):
        task.mistake("gpu", f"must name as many different devices as the task wants, {needed}; or leave it out")
    return Task(state, devices)


def _device(task: Fields, name: Any, gpus: int | None) -> int:
    if str(name).isdecimal() and (gpus is None or int(name) < gpus):
        return int(name)
    task.mistake("gpu", f"must be numbers of devices, below {gpus}, however: {name!r}")
    return 0


def _check_jobs(jobs: Sequence[Fields], queues: Sequence[str], leaves: set[str]) -> None:
    check_names(jobs)
    for job in jobs:
        queue = job.data.get("queue")
        if queue is not None and queue not in queues:
            job.mistake("queue", f"must be one of the queues, however: {queue!r}.{suggestion(str(queue), queues)}")
        elif queue is not None and queue not in leaves:
            job.mistake("queue", f"must be a queue without children, however: {queue!r} has some; name one of them")
