"""The live quota file of a machine, gpu.yaml: its devices, its queues and its times.

A file that promises more than there is is refused, with the sum and the line, unless it says `overcommit: true`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from mlwf_assets.errors import SourceError
from mlwf_assets.gpu.fields import Fields
from mlwf_assets.gpu.model import MILLI, Queue, Settings
from mlwf_assets.gpu.queue_fields import QUEUE, RUNTIMES, check_tree, read_queue
from mlwf_assets.spec.mistakes import Mistake, error
from mlwf_assets.spec.yaml_text import parse_yaml

_DEVICE = ("name", "memory_mib")
_TIMES = ("stale_grace_s", "starvation_after_s", "idle_warn_s", "idle_reclaim_s")
GRACE_S = 30


@dataclass(frozen=True)
class Declared:
    """One device that the file declares."""

    name: str
    memory_mib: int


@dataclass(frozen=True)
class Quota:
    """What the file says.

    Attributes:
        queues: in the file's order; amounts in thousandths of a GPU.
        devices: as declared; none: NVIDIA's own list counts.
        settings: times of the arbiter.
        grace_s: from a recall until the work is killed.
        overcommit: whether it may promise more than there is.
        notes: about fields that are not known.
    """

    queues: tuple[Queue, ...]
    devices: tuple[Declared, ...] = ()
    settings: Settings = field(default_factory=Settings)
    grace_s: int = GRACE_S
    overcommit: bool = False
    notes: tuple[str, ...] = ()

    @property
    def leaves(self) -> list[str]:
        """The queues in which jobs can stand."""
        parents = {queue.parent for queue in self.queues}
        return [queue.name for queue in self.queues if queue.name not in parents]


def read_text(file: Path) -> str:
    """Read the file.

    Raises:
        SourceError: if it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SourceError(
            f"{file}: must be the quota file, however: there is none; `mlwf gpu init` makes one"
        ) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise SourceError(f"{file}: must be a readable UTF-8 text file, however: {problem}") from None


def parse_quota(text: str, file: Path, *, devices: int | None = None) -> Quota:
    """Read and check the text of a quota file.

    Args:
        file: what messages name.
        devices: how many there are, where the file declares none.
    Raises:
        SpecError: listing every mistake with line and remedy.
    """
    parsed = parse_yaml(text)
    if parsed.mistakes:
        raise error(file, parsed.lines, parsed.mistakes)
    if not isinstance(parsed.data, dict):
        raise error(file, parsed.lines, [Mistake((), "must be a mapping with 'queues:', a list of '- name: ...'")])
    top = ("devices", "queues", "grace_s", "usage_weight", "overcommit", *_TIMES)
    return _read(Fields(parsed.data, (), parsed.lines, [], top), file, devices)


def _read(one: Fields, file: Path, devices: int | None) -> Quota:
    declared = tuple(
        Declared(device.text("name"), device.integer("memory_mib", least=1) or 1)
        for device in one.each("devices", _DEVICE)
    )
    _check_devices(one, declared)
    queues = one.each("queues", (*QUEUE, *RUNTIMES))
    if not queues:
        one.mistake("queues", "must name at least one queue ('- {name: research, deserved: 1}')")
    read = tuple(read_queue(queue, number, MILLI) for number, queue in enumerate(queues))
    check_tree(queues)
    overcommit = one.flag("overcommit", default=False)
    if not overcommit and not one.mistakes:
        _check_sums(queues, read, len(declared) or devices)
    times: dict[str, Any] = {name: s for name in _TIMES if (s := one.integer(name, default=None)) is not None}
    weight = one.amount("usage_weight", MILLI, default=0) or 0
    grace_s = one.integer("grace_s", default=GRACE_S)
    notes = tuple(one.check(file))
    settings = Settings(usage_weight=Fraction(weight, MILLI), **times)
    return Quota(read, declared, settings, GRACE_S if grace_s is None else grace_s, overcommit, notes)


def _check_devices(one: Fields, declared: Sequence[Declared]) -> None:
    names = [device.name for device in declared]
    for name in sorted({name for name in names if names.count(name) > 1}):
        one.mistake("devices", f"must have a name each, however: {name!r} is there twice; rename one of them")


def _check_sums(fields: Sequence[Fields], queues: Sequence[Queue], devices: int | None) -> None:
    """Refuse promises that cannot all be kept."""
    of = {queue.name: (queue, where) for queue, where in zip(queues, fields, strict=True)}
    for name in dict.fromkeys(queue.parent for queue in queues):
        children = [queue for queue in queues if queue.parent == name]
        if name is None:
            whole, whose = None if devices is None else devices * MILLI, f"the {devices} devices of this machine"
        else:
            whole, whose = of[name][0].deserved, f"the {_gpus(of[name][0].deserved or 0)} that {name!r} deserves"
        if whole is None:
            continue
        endless = [queue.name for queue in children if queue.deserved is None]
        total = sum(queue.deserved or 0 for queue in children)
        if endless or total > whole:
            words = "unlimited" if endless else " + ".join(_gpus(queue.deserved or 0) for queue in children)
            sums = words if endless or len(children) == 1 else f"{words} = {_gpus(total)}"
            of[children[-1].name][1].mistake(
                "deserved",
                f"what {', '.join(child.name for child in children)} deserve must add up to at most {whose}, "
                f"however: {sums}. Lower one of them, or say 'overcommit: true'",
            )


def _gpus(parts: int) -> str:
    return f"{parts / MILLI:g}"
