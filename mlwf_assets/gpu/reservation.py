"""No job waits for ever: one that is larger than its queue's fair share gets devices reserved in the end.

Such a job can take nothing back from others, and devices become free one by one. After `starvation_after_s` its
devices are reserved: the ready ones first, then those reserved for it before, then the freest. Nobody else starts on
them, while work goes on around them; so it starts at the latest when what ran on them at the time of the reservation
has ended. One reservation stands at a time, in serving order, and none for a queue that runs a job from its last one:
quotas are bent for one job of each queue, not for all.
"""

from mlwf_assets.gpu.board import Devices
from mlwf_assets.gpu.line import Line
from mlwf_assets.gpu.table import Table
from mlwf_assets.gpu.work import Work


def reserve(table: Table) -> dict[str, Devices]:
    """Start the job whose turn it is, if that is possible by now; else reserve devices for it.

    Returns:
        The job's name and its devices; nothing if nobody starves.
    """
    starving = [work for work in table.works if _is_starving(table, work)]
    keeper = next((work for work in starving if work.job.reserved), None) or Line(table.books, starving).pop()
    if keeper is None:
        return {}
    devices = _choose(table, keeper)
    table.board.kept, table.board.keeper = frozenset(devices), keeper.job.name
    reason = table.start(keeper)
    table.keep()
    if reason is None:
        table.board.kept, table.board.keeper = frozenset(), None
        return {}
    if reason in ("limit", "quota"):
        _hold_back(table, keeper)
    return {keeper.job.name: devices}


def _is_starving(table: Table, work: Work) -> bool:
    job, account, amount = work.job, work.account, work.minimum * work.job.size
    if job.waited_s < table.settings.starvation_after_s or not work.chunk or work.active >= work.minimum:
        return False
    if amount <= account.share or _devices_needed(table, work) > len(_usable(table)):
        return False
    if any(level.refuse(amount, preemptible=job.preemptible, empty=True) for level in account.chain):
        return False
    return not any(other.job.from_reservation and other.account is account for other in table.running)


def _usable(table: Table) -> list[int]:
    return [device for device in range(table.state.devices) if not table.state.taken.get(device)]


def _devices_needed(table: Table, work: Work) -> int:
    unit, size = table.state.unit, work.job.size
    return work.chunk * (size // unit) if size >= unit else -(-work.chunk // (unit // size))


def _choose(table: Table, work: Work) -> Devices:
    later, ready = table.board.later, min(table.state.unit, work.job.size)
    ordered = sorted(
        _usable(table),
        key=lambda device: (later[device] < ready, device not in work.job.reserved, -later[device], device),
    )
    return tuple(sorted(ordered[: _devices_needed(table, work)]))


def _hold_back(table: Table, keeper: Work) -> None:
    """It waits for a limit, not for devices: nothing new starts below that limit either."""
    for account in keeper.account.chain:
        if reason := account.refuse(keeper.request, preemptible=keeper.job.preemptible):
            table.held[account] = reason
