"""GPUs by quota as a Dagster resource: a function of an asset runs in a child process, under a lease.

While the job waits, the step gives its executor slot back (RetryRequested) and keeps its place in the queue, for the
job is held by the process of the run. Leases and children are the business of `gpu`.
"""

import multiprocessing
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from mlwf_assets.errors import ModelError

if TYPE_CHECKING:
    from mlwf_assets.gpu.client import Client
    from mlwf_assets.gpu.entries import Entry, Request
    from mlwf_assets.gpu.leases import Lease
    from mlwf_assets.gpu.processes import Process

_RETRIES = 10**6  # waiting is no failure, however long it lasts


@dataclass(frozen=True)
class Outcome:
    """What a function under a lease came to.

    Attributes:
        value: what it returned.
        metadata: for the materialization: seconds waited, GPU-seconds used, devices, queue, reason.
    """

    value: Any
    metadata: Mapping[str, Any]


class GpuQuota(dg.ConfigurableResource["GpuQuota"]):
    """The GPUs of this machine, by the quota of `gpu.yaml` (docs/gpu.md)."""

    queue: str = Field(default="default", description="The queue that pays, where a call names no other.")
    patience_s: float = Field(default=2.0, description="How long a step waits before it gives its slot back.")
    retry_s: float = Field(default=10.0, description="After how long such a step looks again.")
    folder: str = Field(default="", description="The machine's folder; empty: MLWF_GPU_HOME or the default.")

    def run(
        self,
        context: dg.AssetExecutionContext,
        function: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        queue: str | None = None,
        gpus: float = 1,
        memory_mib: int | None = None,
        priority: int = 50,
    ) -> Outcome:
        """Run a function in a child process once its queue's turn has come.

        Args:
            function: 'MODULE:NAME'; it is called with the arguments and `recall` (`gpu.call.Recall`). Called back, it
                saves a checkpoint and raises `gpu.call.Recalled`; it is called again when its turn has come again.
            arguments: can be pickled, and so can what it returns.
        Raises:
            ModelError: if the function fails; its words are in the step's log.
            dagster.RetryRequested: while it waits; Dagster calls the step again.
        """
        from mlwf_assets.gpu.leases import make_request

        request = make_request(
            queue=queue or self.queue, gpus=gpus, memory_mib=memory_mib, priority=priority, requeue=True,
            name=f"{context.asset_key.to_user_string()}-{context.run.run_id[:8]}",
            asset=context.asset_key.to_user_string(), workflow=context.asset_key.path[0],
        )  # fmt: skip
        client = self._client()
        number, reason = self._ask(client, request)
        try:
            while True:
                held = self._await(context, client, number)
                outcome = _call(context, client, held, function, arguments or {}, reason)
                if outcome is not None:
                    return outcome
                reason = f"called back: {held.recall}"
        except dg.RetryRequested:
            raise
        except BaseException:
            client.give_back(number)
            raise

    def _client(self) -> "Client":
        from mlwf_assets.gpu.client import Client
        from mlwf_assets.gpu.home import GpuHome

        return Client(GpuHome(Path(self.folder)) if self.folder else None)

    def _ask(self, client: "Client", request: "Request") -> tuple[int, str]:
        """Ask, or find what an earlier try of this step asked for."""
        from mlwf_assets.gpu.processes import this_process

        found = client.find(request.name)
        number = client.ask(request, this_process()) if found is None else found.id
        client.hand_over(number, this_process())
        entry = client.look(number)
        return number, _reason(client, entry) if entry is not None else ""

    def _await(self, context: dg.AssetExecutionContext, client: "Client", number: int) -> "Lease":
        """Wait for a moment here, then give the slot back."""
        from mlwf_assets.errors import DataError
        from mlwf_assets.gpu.leases import await_turn

        try:
            return await_turn(client, number, timeout_s=self.patience_s)
        except DataError:
            entry = client.look(number)
            if entry is None:
                raise
            client.hand_over(number, _run_process(context))
            context.log.info("gives its slot back and keeps its place: %s", _reason(client, entry))
            raise dg.RetryRequested(max_retries=_RETRIES, seconds_to_wait=self.retry_s) from None


def _call(
    context: dg.AssetExecutionContext,
    client: "Client",
    held: "Lease",
    function: str,
    arguments: Mapping[str, Any],
    reason: str,
) -> Outcome | None:
    """Call once under a lease; None if the devices were called back."""
    from mlwf_assets.gpu.call import read_answer, write_call
    from mlwf_assets.gpu.child import run_child
    from mlwf_assets.gpu.ledger import now_s

    again = False
    with tempfile.TemporaryDirectory(prefix="mlwf-gpu-") as folder:
        try:
            code = run_child(
                client, held, write_call(Path(folder), function, arguments),
                grace_s=client.machine().quota.grace_s, tell=context.log.info, output=context.log.info,
            )  # fmt: skip
            again = held.is_recalled and code != 0
        finally:
            held.release(again=again)
        if again:
            return None
        if code:
            raise ModelError(f"{function} must end well under its lease, however: exit code {code}; see the log")
        value = read_answer(Path(folder))
    ran_s = now_s() - (held.entry.began_s or now_s())
    gpus = (held.entry.request.milli or client.machine().milli(held.entry)) / 1000
    return Outcome(
        value,
        {
            "gpu/waited_s": round(held.waited_s, 3),
            "gpu/gpu_seconds": round(ran_s * gpus, 3),
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


def _run_process(context: dg.AssetExecutionContext) -> "Process":
    """The process that lives as long as the run: a step of the multiprocess executor is a child of it."""
    from mlwf_assets.gpu.processes import find_process, this_process

    parent = multiprocessing.parent_process()
    config: Any = context.run.run_config.get("execution", {})
    in_process = context.job_def.executor_def.name == "in_process" or "in_process" in config.get("config", {})
    if parent is None or parent.pid is None or in_process:
        return this_process()
    return find_process(parent.pid)
