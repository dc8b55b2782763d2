"""Why a job waits: in words with numbers, and as a code. The reasons are the arbiter's; here they get their figures."""

from collections.abc import Iterator
from dataclasses import dataclass

from mlwf_assets.gpu.client import View
from mlwf_assets.gpu.entries import Entry
from mlwf_assets.gpu.model import MILLI, Queue


@dataclass(frozen=True)
class Explanation:
    """What is said of one job.

    Attributes:
        code: the arbiter's reason, or `running` or `recalled`.
        place: among the jobs that wait in its queue, from 1; None if it does not wait.
        about_s: how long it may still take; None where nothing is known.
    """

    code: str
    words: str
    place: int | None = None
    about_s: float | None = None


def explain(view: View, entry: Entry) -> Explanation:
    """Say why a job waits, or since when it runs."""
    needs = _gpus(view.machine.milli(entry))
    if entry.state == "running":
        since = duration(view.now - (entry.began_s or view.now))
        return Explanation("running", f"runs on {', '.join(entry.devices)} for {since}{_idle(view, entry)}")
    if entry.state == "releasing":
        left = view.machine.quota.grace_s - (view.now - (entry.recalled_s or view.now))
        when = f"is killed in {duration(left)} unless it leaves" if left > 0 else "the grace is over"
        return Explanation("recalled", f"was called back ({entry.recall}) from {', '.join(entry.devices)}; {when}")
    code = entry.reason or "no-room"
    words = {
        "promised": lambda: _promised(view, entry),
        "limit": lambda: _capped(view, entry, "limit"),
        "quota": lambda: _capped(view, entry, "quota"),
        "too-large": lambda: f"this machine has {_gpus(_usable(view))} that can be used",
        "reserved": lambda: _reserved(view),
        "no-queue": lambda: f"queue {entry.request.queue} is not in gpu.yaml any more",
    }.get(code, lambda: _no_room(view, entry))()
    about_s = _about_s(view, entry) if code in ("promised", "no-room", "reserved") else None
    about = "" if about_s is None else f"; about {duration(about_s)}"
    return Explanation(code, f"needs {needs}; {words}{about}", _place(view, entry), about_s)


def duration(seconds: float) -> str:
    """Write a length of time as people do.

    Example:
        >>> duration(42), duration(250), duration(9000)
        ('42 s', '4 min', '2.5 h')
    """
    if seconds < 90:
        return f"{max(0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def allocated(view: View, queue: str) -> int:
    """Thousandths of a GPU that a queue and those below it hold or are promised."""
    below = set(_below(view, queue))
    held = [entry for entry in view.entries if entry.request.queue in below and entry.state in ("running", "promised")]
    return sum(view.machine.milli(entry) for entry in held)


def fair_share(view: View, queue: str) -> int:
    """A queue's fair share in thousandths of a GPU."""
    return round(view.decisions.fair_shares.get(queue, 0) * MILLI / view.machine.unit(view.entries))


def _no_room(view: View, entry: Entry) -> str:
    queue, needed = entry.request.queue, view.machine.milli(entry)
    free = _free(view)
    words = [f"{_gpus(free)} of {len(view.machine.devices)} free"]
    words.append(f"{queue} holds {_gpus(allocated(view, queue))} of its fair share {_gpus(fair_share(view, queue))}")
    missing = needed - free
    if giver := _giver(view, entry):
        words.append(f"would run if {giver} gave back {_gpus(max(missing, min(needed, MILLI)))}")
    return "; ".join(words)


def _giver(view: View, entry: Entry) -> str | None:
    """Of the queues that hold anything, the one furthest above its fair share; where none is, the job's own."""
    over = {
        name: held - fair_share(view, name) for name in view.machine.quota.leaves if (held := allocated(view, name))
    }
    furthest = max(over, key=lambda name: (over[name], name), default=None)
    if furthest is not None and over[furthest] <= 0 and entry.request.queue in over:
        return entry.request.queue
    return furthest


def _promised(view: View, entry: Entry) -> str:
    leaving = [one for one in view.entries if one.state == "releasing" and set(one.devices) & set(entry.devices)]
    names = ", ".join(one.request.name for one in leaving) or "what runs there"
    return f"gets {', '.join(entry.devices)} as soon as {names} has left"


def _capped(view: View, entry: Entry, rule: str) -> str:
    for queue in _chain(view, entry.request.queue):
        cap = queue.limit if rule == "limit" else queue.deserved
        if cap is None:
            continue
        held = allocated(view, queue.name) if rule == "limit" else _firm(view, queue.name)
        if held + view.machine.milli(entry) > cap:
            if rule == "limit":
                return f"{queue.name} holds {_gpus(held)} of its limit {_gpus(cap)}"
            return (
                f"{queue.name} holds {_gpus(held)} of the {_gpus(cap)} that it deserves in work that cannot be "
                "preempted, and may not go over quota with such work"
            )
    return f"a {rule} of its queue or one above it is reached"


def _firm(view: View, queue: str) -> int:
    below = set(_below(view, queue))
    return sum(
        view.machine.milli(entry)
        for entry in view.entries
        if entry.request.queue in below and entry.state in ("running", "promised") and not entry.request.preemptible
    )


def _reserved(view: View) -> str:
    keeper = next((entry for entry in view.entries if entry.reserved), None)
    if keeper is None:
        return "devices are kept for a job that has waited too long"
    waited = duration(view.now - keeper.came_s)
    return f"{', '.join(keeper.reserved)} kept for {keeper.request.name}, which has waited {waited}"


def _about_s(view: View, entry: Entry) -> float | None:
    """When enough of what runs may have ended, if it takes as long as such jobs took; None without experience."""
    if entry.state == "promised":
        leaving = [one for one in view.entries if one.state == "releasing" and set(one.devices) & set(entry.devices)]
        ends = [(one.recalled_s or view.now) + view.machine.quota.grace_s - view.now for one in leaving]
        return max(0.0, *ends) if ends else None
    missing = view.machine.milli(entry) - _free(view)
    rests = []
    for one in view.entries:
        typical = view.typical_s.get(one.request.queue)
        if one.holds and typical is not None and one.began_s is not None:
            ran = view.now - one.began_s
            # what has run longer than usual is as likely to run that long again as to end soon
            rests.append((typical - ran if ran < typical else ran, view.machine.milli(one)))
    for rest, milli in sorted(rests):
        missing -= milli
        if missing <= 0:
            return rest
    return None


def _place(view: View, entry: Entry) -> int:
    waiting = [one for one in view.entries if not one.holds and one.request.queue == entry.request.queue]
    waiting.sort(key=lambda one: (-one.request.priority, one.id))
    return next(place for place, one in enumerate(waiting, 1) if one.id == entry.id)


def _free(view: View) -> int:
    held = sum(view.machine.milli(entry) for entry in view.entries if entry.holds)
    return max(0, _usable(view) - held)


def _usable(view: View) -> int:
    """Thousandths of GPUs that are neither drained nor in foreign hands."""
    closed = view.drained | set(view.machine.foreign(view.entries))
    return MILLI * sum(device.name not in closed for device in view.machine.devices)


def _idle(view: View, entry: Entry) -> str:
    if entry.idle_since_s is None or view.now - entry.idle_since_s < view.machine.quota.settings.idle_warn_s:
        return ""
    return f"; does nothing there for {duration(view.now - entry.idle_since_s)}: whoever waits may soon take it"


def _chain(view: View, name: str | None) -> Iterator[Queue]:
    queues = {queue.name: queue for queue in view.machine.quota.queues}
    while name in queues:
        yield queues[name]
        name = queues[name].parent


def _below(view: View, name: str) -> Iterator[str]:
    for queue in view.machine.quota.queues:
        if any(above.name == name for above in _chain(view, queue.name)):
            yield queue.name


def _gpus(milli: int) -> str:
    return f"{milli / MILLI:g}"
