"""A lease in plain Python: wait for devices, work on them, give them back; and be told when they are called back.

`with lease(queue="research", gpus=1) as held:` holds devices for this process; `mlwf gpu run` holds them for a command.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction

from mlwf_assets.errors import DataError, LedgerError, MlwfError
from mlwf_assets.gpu.client import Client
from mlwf_assets.gpu.entries import Entry, Request
from mlwf_assets.gpu.ledger import now_s
from mlwf_assets.gpu.processes import Process, this_process

POLL_S = 0.2
_TROUBLE_S = 60.0

Tell = Callable[[Entry], None]


class Lease:
    """Devices that this process holds.

    Attributes:
        devices: their names.
        environment: what a process needs to see these devices alone; set it before CUDA is first used.
        waited_s: how long it took to get them.
    """

    def __init__(self, client: Client, entry: Entry) -> None:
        self._client, self.entry = client, entry
        machine = client.machine()
        visible = {device.name: device for device in machine.devices}
        held = [visible[name] for name in entry.devices]
        self.devices = entry.devices
        self.waited_s = entry.waited_s
        self.environment: Mapping[str, str] = {
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            "CUDA_VISIBLE_DEVICES": ",".join(device.visible_as for device in held),
            "MLWF_GPU_JOB": entry.request.name,
        }
        milli = machine.milli(entry)
        if milli < 1000:
            memory = entry.request.memory_mib or held[0].memory_mib * milli // 1000
            self.environment = {
                **self.environment,
                "MLWF_GPU_MEMORY_MIB": str(memory),
                "MLWF_GPU_MEMORY_FRACTION": f"{memory / held[0].memory_mib:.4f}",
            }
        self._grace_s = machine.quota.grace_s
        self._recalled = threading.Event()
        self._over = threading.Event()
        self.recall: str | None = None

    @property
    def is_recalled(self) -> bool:
        """Whether the devices are wanted back: save what is needed and leave, before the grace is over."""
        return self._recalled.is_set()

    def wait_for_recall(self, timeout_s: float) -> bool:
        """Wait until the devices are wanted back; False if they are not by then."""
        return self._recalled.wait(timeout_s)

    def look(self) -> Entry | None:
        """How the lease stands in the ledger; None if it is no longer there."""
        entry = self._client.look(self.entry.id)
        if entry is None or entry.state == "releasing":
            self.recall = entry.recall if entry is not None else "taken out of the ledger"
            self._recalled.set()
        return entry

    def name_child(self, group: Process) -> None:
        """Name the process group that works under the lease: the devices stay taken for as long as it lives."""
        self._client.set_child(self.entry.id, group)

    def release(self, *, again: bool = False) -> None:
        """Give the devices back; `again`: wait in the old place."""
        self._over.set()
        self._client.give_back(self.entry.id, again=again)

    def watch(self, *, kill: bool) -> threading.Thread:
        """Look for a recall in the background; `kill`: end this process when the grace is over."""
        thread = threading.Thread(target=self._watch, args=(kill,), name="mlwf-gpu-lease", daemon=True)
        thread.start()
        return thread

    def _watch(self, kill: bool) -> None:  # noqa: FBT001 - a thread's argument
        while not self._over.wait(POLL_S):
            try:
                entry = self.look()
            except MlwfError:
                continue  # what is held stays held; the next look may be luckier
            if self.is_recalled and kill:
                since = entry.recalled_s if entry is not None and entry.recalled_s is not None else now_s()
                if not self._over.wait(max(0.0, since + self._grace_s - now_s())):
                    this_process().kill()


@contextmanager
def lease(
    *,
    queue: str = "default",
    gpus: float = 1,
    memory_mib: int | None = None,
    priority: int = 50,
    preemptible: bool | None = None,
    name: str | None = None,
    workflow: str | None = None,
    asset: str | None = None,
    timeout_s: float | None = None,
    client: Client | None = None,
) -> Iterator[Lease]:
    """Hold devices of this machine for the length of a block.

    CUDA_VISIBLE_DEVICES is set meanwhile: import torch inside the block. When the devices are wanted back,
    `lease.is_recalled` turns true; a process that still holds them after the grace is killed.

    Args:
        gpus: whole GPUs, or a fraction of one.
        memory_mib: instead: memory on one GPU.
        preemptible: below priority 100 it is, unless said otherwise.
        timeout_s: how long to wait at most; None is for ever.
    Raises:
        DataError: if the machine can never serve it, or did not within `timeout_s`.
        LedgerError: if the ledger cannot be read or written.
    """
    client = client or Client()
    request = make_request(
        queue=queue, gpus=gpus, memory_mib=memory_mib, priority=priority, preemptible=preemptible, name=name,
        workflow=workflow, asset=asset,
    )  # fmt: skip
    held = acquire(client, request, timeout_s=timeout_s)
    before = {key: os.environ.get(key) for key in held.environment}
    os.environ.update(held.environment)
    held.watch(kill=True)
    try:
        yield held
    finally:
        for key, value in before.items():
            os.environ.pop(key, None) if value is None else os.environ.__setitem__(key, value)
        held.release()


def make_request(
    *,
    queue: str,
    gpus: float | None = None,
    memory_mib: int | None = None,
    priority: int = 50,
    preemptible: bool | None = None,
    name: str | None = None,
    requeue: bool = False,
    delay_s: float = 0,
    workflow: str | None = None,
    asset: str | None = None,
) -> Request:
    """Make a request, with what is not said filled in.

    Raises:
        DataError: if GPUs are given to more than three places.
    Example:
        >>> make_request(queue="research", gpus=0.5, name="fit").milli
        500
    """
    milli = Fraction(str(1 if gpus is None else gpus)) * 1000
    if milli.denominator != 1:
        raise DataError(f"GPUs must have at most three places behind the point, however: {gpus}")
    return Request(
        name or f"job-{os.getpid()}-{time.monotonic_ns() % 10**6}",
        queue,
        None if memory_mib is not None else int(milli),
        memory_mib,
        priority,
        priority < 100 if preemptible is None else preemptible,
        requeue,
        delay_s,
        workflow=workflow or os.environ.get("MLWF_WORKFLOW"),
        asset=asset or os.environ.get("MLWF_ASSET"),
    )


def acquire(client: Client, request: Request, *, timeout_s: float | None = None, tell: Tell | None = None) -> Lease:
    """Ask, and wait until the devices are there.

    Args:
        tell: is called with the job as it stands, once and whenever that changes.
    Raises:
        DataError: if the machine can never serve it, or did not within `timeout_s`.
    """
    number = client.ask(request)
    try:
        return await_turn(client, number, timeout_s=timeout_s, tell=tell)
    except BaseException:
        client.give_back(number)
        raise


def await_turn(client: Client, number: int, *, timeout_s: float | None = None, tell: Tell | None = None) -> Lease:
    """Wait until a job that has asked is served.

    Raises:
        DataError: if it was cancelled, or not served within `timeout_s`.
        LedgerError: if the ledger could not be read for a minute.
    """
    begin, told, trouble = now_s(), None, None
    while True:
        try:
            entry = client.look(number)
            trouble = None
        except LedgerError:
            trouble = trouble or now_s()
            if now_s() - trouble > _TROUBLE_S:
                raise
            time.sleep(POLL_S)
            continue
        if entry is None:
            raise DataError("the job must stay in the ledger while it waits, however: it was cancelled")
        if entry.state in ("running", "releasing"):
            return Lease(client, entry)
        if tell is not None and told != (state := replace(entry, waited_s=0)):
            told = state
            tell(entry)
        if timeout_s is not None and now_s() - begin > timeout_s:
            message = f"job {entry.request.name}: must be served within {timeout_s:g} s, however: {entry.reason}"
            raise DataError(message)
        time.sleep(POLL_S)
