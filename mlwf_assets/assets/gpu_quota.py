"""GPUs by quota as a Dagster resource: a function of an asset runs in a child process, under a lease.

While the job waits, the step gives its executor slot back (RetryRequested) and keeps its place in the queue, for the
job is held by the process of the run. How the function is called stands in `leased.py`.
"""

import multiprocessing
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from mlwf_assets.assets.leased import PATIENCE_S, Answer, StillWaiting, run_leased

if TYPE_CHECKING:
    from mlwf_assets.gpu.processes import Process

RETRY_S = 10.0
_RETRIES = 10**6  # waiting is no failure, however long it lasts


class GpuQuota(dg.ConfigurableResource["GpuQuota"]):
    """The GPUs of this machine, by the quota of `gpu.yaml` (docs/gpu.md)."""

    queue: str = Field(default="default", description="The queue that pays, where a call names no other.")
    patience_s: float = Field(default=PATIENCE_S, description="How long a step waits before it gives its slot back.")
    retry_s: float = Field(default=RETRY_S, description="After how long such a step looks again.")
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
    ) -> Answer:
        """Run a function in a child process once its queue's turn has come.

        Args:
            function: 'MODULE:NAME'; it is called with the arguments and `recall` (`gpu.call.Recall`). Called back, it
                saves a checkpoint and raises `gpu.call.Recalled`; it is called again when its turn has come again.
            arguments: can be pickled, and so can what it returns.
        Raises:
            ModelError: if the function fails; its words are in the step's log.
            dagster.RetryRequested: while it waits; Dagster calls the step again.
        """
        from mlwf_assets.gpu.client import Client
        from mlwf_assets.gpu.home import GpuHome
        from mlwf_assets.gpu.leases import make_request

        request = make_request(
            queue=queue or self.queue, gpus=gpus, memory_mib=memory_mib, priority=priority, requeue=True,
            name=f"{context.asset_key.to_user_string()}-{context.run.run_id[:8]}",
            asset=context.asset_key.to_user_string(), workflow=context.asset_key.path[0],
        )  # fmt: skip
        client = Client(GpuHome(Path(self.folder)) if self.folder else None)
        try:
            return run_leased(
                client, request, function, arguments or {}, log=context.log.info, patience_s=self.patience_s
            )
        except StillWaiting as waits:
            raise give_slot_back(context, waits, retry_s=self.retry_s) from None


def give_slot_back(
    context: dg.AssetExecutionContext, waits: StillWaiting, *, retry_s: float = RETRY_S
) -> dg.RetryRequested:
    """What a step raises to leave its slot to others; the job keeps its place, held by the run."""
    waits.client.hand_over(waits.number, _run_process(context))
    context.log.info("gives its slot back and keeps its place: %s", waits)
    return dg.RetryRequested(max_retries=_RETRIES, seconds_to_wait=retry_s)


def _run_process(context: dg.AssetExecutionContext) -> "Process":
    """The process that lives as long as the run: a step of the multiprocess executor is a child of it."""
    from mlwf_assets.gpu.processes import find_process, this_process

    parent = multiprocessing.parent_process()
    config: Any = context.run.run_config.get("execution", {})
    in_process = context.job_def.executor_def.name == "in_process" or "in_process" in config.get("config", {})
    if parent is None or parent.pid is None or in_process:
        return this_process()
    return find_process(parent.pid)
