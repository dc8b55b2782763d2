"""`mlwf gpu run`: a command under a lease. Waiting, with place and reason on stderr; running; after a recall, again."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from mlwf_assets.cli.reply import Reply
from mlwf_assets.errors import DataError

if TYPE_CHECKING:
    from mlwf_assets.gpu.client import Client
    from mlwf_assets.gpu.entries import Entry


@click.command("run", short_help="Run a command on GPUs of a queue's share.")
@click.option("--queue", help="The queue that pays for it.  [default: the only one of gpu.yaml]")
@click.option("--gpus", type=float, help="Whole GPUs, or a fraction of one.  [default: 1]")
@click.option("--memory", "memory_mib", type=int, help="Instead: MiB of memory on one GPU.")
@click.option("--priority", type=int, default=50, show_default=True, help="The order inside the queue.")
@click.option(
    "--preemptible/--non-preemptible",
    default=None,
    help="Whether it may go over quota and be called back. [default: below priority 100]",
)
@click.option("--name", help="What the job is called.  [default: the command and a number]")
@click.option("--requeue", is_flag=True, help="After a recall, wait in the old place and start again.")
@click.option(
    "--preemption-delay", "delay_s", type=float, default=0, help="Seconds to wait before others are recalled."
)
@click.option("--json", is_flag=True, expose_value=False, help="Print one JSON document on stdout at the end.")
@click.argument("command", nargs=-1, required=True)
@click.pass_obj
def run(
    reply: Reply,
    command: tuple[str, ...],
    queue: str | None,
    gpus: float | None,
    memory_mib: int | None,
    name: str | None,
    priority: int,
    preemptible: bool | None,  # noqa: FBT001 - click passes it by name
    requeue: bool,  # noqa: FBT001
    delay_s: float,
) -> None:
    """Run COMMAND (behind `--`) once its queue's turn has come, with CUDA_VISIBLE_DEVICES set to its devices.

    Called back, it gets SIGTERM and, when the grace is over, SIGKILL. The exit code is the command's.
    """
    from mlwf_assets.gpu.client import Client
    from mlwf_assets.gpu.leases import make_request

    if gpus is not None and memory_mib is not None:
        raise click.UsageError("Say either --gpus or --memory, however: both are given.")
    client = Client()
    queue = queue or _only_queue(client)
    name = name or f"{Path(command[0]).name}-{os.getpid()}"
    request = make_request(
        queue=queue,
        gpus=gpus,
        memory_mib=memory_mib,
        name=name,
        priority=priority,
        preemptible=preemptible,
        requeue=requeue,
        delay_s=delay_s,
    )
    with _stopping_on_signals():
        number = client.ask(request)
        try:
            done = _run(client, number, name, command, again=request.requeue)
        except BaseException:
            client.give_back(number)
            raise
    reply.document({"job": name, **done})
    sys.exit(done["exit_code"])


def _run(client: "Client", number: int, name: str, command: tuple[str, ...], *, again: bool) -> dict[str, Any]:
    from mlwf_assets.gpu.child import run_child
    from mlwf_assets.gpu.leases import await_turn

    recalls = 0

    def say(words: str) -> None:
        click.echo(f"{name}: {words}", err=True)

    while True:
        held = await_turn(client, number, tell=lambda entry: _tell(client, entry))
        say(f"runs on {', '.join(held.devices)}")
        grace_s = client.machine().quota.grace_s
        code = run_child(
            held,
            command,
            grace_s=grace_s,
            tell=say,
        )
        after = client.look(number)
        again = again and held.is_recalled and after is not None and not after.cancelled
        held.release(again=again)
        recalls += held.is_recalled
        if not again:
            return {
                "exit_code": code,
                "devices": list(held.devices),
                "waited_s": round(held.waited_s, 3),
                "recalls": recalls,
            }
        say("waits again")


def _tell(client: "Client", entry: "Entry") -> None:
    from mlwf_assets.gpu.explain import explain

    view = client.view()
    now = next((one for one in view.entries if one.id == entry.id), entry)
    if now.holds:
        return
    if view.problem:
        click.echo(f"Note: the last good gpu.yaml counts, for this one is wrong:\n{view.problem}", err=True)
    explanation = explain(view, now)
    click.echo(
        f"{entry.request.name}: waits, place {explanation.place} in {entry.request.queue}: {explanation.words}",
        err=True,
    )


def _only_queue(client: "Client") -> str:
    leaves = client.machine(strict=True).quota.leaves
    if len(leaves) > 1 and "default" not in leaves:
        raise DataError(f"--queue must be said where gpu.yaml has several, however: {', '.join(leaves)}")
    return "default" if "default" in leaves else leaves[0]


@contextmanager
def _stopping_on_signals() -> Iterator[None]:
    """While it waits, a signal ends the command in good order, as Ctrl-C does."""

    def stop(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
