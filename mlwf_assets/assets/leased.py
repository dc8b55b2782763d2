"""Work under a lease of GPUs: a function in a child process, its turn awaited, called again after a recall.

No Dagster here: whoever runs the step decides what becomes of its slot while it waits (`gpu_quota.py`). Leases and
children are the business of `gpu`.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlwf_assets.errors import DataError, ModelError

if TYPE_CHECKING:
    from mlwf_assets.gpu.call import Recall
    from mlwf_assets.gpu.client import Client
    from mlwf_assets.gpu.entries import Entry, Request
    from mlwf_assets.gpu.leases import Lease

PATIENCE_S = 2.0


@dataclass(frozen=True)
class Answer:
    """What a function under a lease came to.

    Attributes:
        value: what it returned.
        metadata: for the materialization: seconds waited, GPU-seconds used, devices, queue, reason.
    """

    value: Any
    metadata: Mapping[str, Any]


class ComesAgain(Exception):  # noqa: N818 - no error: the step is to be called again later
    """The step leaves without a result, and is no failure."""


class StillWaiting(ComesAgain):
    """The job keeps its place; ask again later.

    Attributes:
        client: of the ledger in which it stands.
        number: of the job.
    """

    def __init__(self, client: "Client", number: int, words: str) -> None:
        super().__init__(words)
        self.client, self.number = client, number


def run_leased(
    client: "Client",
    request: "Request",
    function: str,
    arguments: Mapping[str, Any],
    *,
    log: Callable[[str], None],
    patience_s: float = PATIENCE_S,
) -> Answer:
    """Run a function in a child process once its turn has come; called back, again when it has come again.

    Args:
        function: 'MODULE:NAME'; called with the arguments and `recall`.
        patience_s: how long to wait here.
    Raises:
        StillWaiting: if its turn has not come by then.
        ModelError: if the function fails.
    """
    number, reason = _ask(client, request)
    try:
        while True:
            held = _await(client, number, patience_s)
            outcome = _call(client, held, function, arguments, log=log, reason=reason)
            if outcome is not None:
                return outcome
            reason = f"called back: {held.recall}"
    except StillWaiting:
        raise
    except BaseException:
        client.give_back(number)
        raise


def _ask(client: "Client", request: "Request") -> tuple[int, str]:
    """Ask, or find what an earlier try of the same step asked for."""
    from mlwf_assets.gpu.processes import this_process

    found = client.find(request.name)
    number = client.ask(request, this_process()) if found is None else found.id
    client.hand_over(number, this_process())
    entry = client.look(number)
    return number, "" if entry is None else _reason(client, entry)


def _await(client: "Client", number: int, patience_s: float) -> "Lease":
    from mlwf_assets.gpu.leases import await_turn

    try:
        return await_turn(client, number, timeout_s=patience_s)
    except DataError:
        entry = client.look(number)
        if entry is None:
            raise
        raise StillWaiting(client, number, _reason(client, entry)) from None


def _call(
    client: "Client",
    held: "Lease",
    function: str,
    arguments: Mapping[str, Any],
    *,
    log: Callable[[str], None],
    reason: str,
) -> Answer | None:
    """Call once under a lease; None if the devices were called back."""
    from mlwf_assets.gpu.call import read_answer, write_call
    from mlwf_assets.gpu.child import run_child
    from mlwf_assets.gpu.ledger import now_s

    again = False
    with tempfile.TemporaryDirectory(prefix="mlwf-gpu-") as folder:
        try:
            command = write_call(Path(folder), function, arguments)
            grace_s = client.machine().quota.grace_s
            code = run_child(held, command, grace_s=grace_s, tell=log, output=log, to_leader=True)
            again = held.is_recalled and code != 0
        finally:
            held.release(again=again)
        if again:
            return None
        if code:
            raise ModelError(f"{function} must end well under its lease, however: exit code {code}; see the log")
        value = read_answer(Path(folder))
    ran_s = now_s() - (held.entry.began_s or now_s())
    return Answer(
        value,
        {
            "gpu/waited_s": round(held.waited_s, 3),
            "gpu/gpu_seconds": round(ran_s * client.machine().milli(held.entry) / 1000, 3),
            "gpu/devices": ", ".join(held.devices),
            "gpu/queue": held.entry.request.queue,
            "gpu/reason": reason or held.entry.reason or "did not wait",
        },
    )


def _reason(client: "Client", entry: "Entry") -> str:
    from mlwf_assets.gpu.explain import explain

    view = client.view()
    now = next((one for one in view.entries if one.id == entry.id), None)
    return "" if now is None or now.holds else explain(view, now).words


def train_leased(name: str, *, own: Any, recall: "Recall", **arguments: Any) -> Any:
    """Train a family in the child: on the GPU where there is one; called back, its checkpoints are kept."""
    with recall.at_once():
        import torch

        from mlwf_assets.gpu.call import Recalled
        from mlwf_assets.models.families.base import Stopped
        from mlwf_assets.models.families.registry import find_family
        from mlwf_assets.models.family import train_family
        from mlwf_assets.models.own_metrics import own_metrics

        find_family(name, own)  # imports it
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        with own_metrics(own):
            return train_family(
                name, own=own, report=lambda words: print(words, flush=True), device=device,
                should_stop=lambda: bool(recall), **arguments,
            )  # fmt: skip
    except Stopped:
        raise Recalled from None
