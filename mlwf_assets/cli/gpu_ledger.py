"""`mlwf gpu init, status, explain, usage, cancel, drain`: what people ask of the machine's ledger."""

import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from mlwf_assets.cli.reply import Reply
from mlwf_assets.errors import MlwfError

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

_JSON = click.option("--json", is_flag=True, expose_value=False, help="Print one JSON document on stdout.")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_EVERY_S = 1.0


@click.command("init", short_help="Make the machine's folder, with a quota file.")
@click.option("--group", help="A Unix group whose members share the GPUs.")
@_JSON
@click.pass_obj
def init(reply: Reply, group: str | None) -> None:
    """Make the folder of the ledger and a first gpu.yaml: the machine's where this user may, else the user's own.

    MLWF_GPU_HOME names another folder.
    """
    import os

    from mlwf_assets.gpu.client import Client
    from mlwf_assets.gpu.home import MACHINE, GpuHome, find_gpu_home, init_gpu_home

    home = find_gpu_home()
    if "MLWF_GPU_HOME" not in os.environ and (os.geteuid() == 0 or group):
        home = GpuHome(MACHINE)
    is_new = init_gpu_home(home, group=group, example=_example())
    _ = Client(home).ledger
    reply.document({"folder": str(home.folder), "quota_file": str(home.quota_file), "group": group, "new": is_new})
    if not reply.as_json:
        click.echo(f"{home.quota_file}: {'made; edit it' if is_new else 'stands already'}. Then: mlwf gpu status")


def _example() -> tuple[str, int]:
    from mlwf_assets.gpu.devices import NvmlDevices

    try:
        return "", len(NvmlDevices().read())
    except MlwfError:
        return (
            "devices: # declared, for no NVIDIA GPU answers on this machine\n  - {name: fake-0, memory_mib: 24000}",
            1,
        )


@click.command("status", short_help="Show devices, queues and jobs.")
@click.option("--watch", is_flag=True, help="Show them again every second, until Ctrl-C.")
@_JSON
@click.pass_obj
def status(reply: Reply, *, watch: bool) -> None:
    """Show devices with memory and utilization, queues with what they hold and deserve, and jobs with their reason."""
    from rich.console import Console
    from rich.live import Live

    from mlwf_assets.gpu.client import Client
    from mlwf_assets.gpu.figures import figures

    client = Client()
    found = figures(client.view())
    if reply.as_json:
        reply.document(found)
        return
    if found["problem"]:
        click.echo(f"Note: the last good gpu.yaml counts, for this one is wrong:\n{found['problem']}", err=True)
    console = Console(width=None if _is_terminal() else 160)
    if not watch:
        console.print(_tables(found))
        return
    with Live(_tables(found), console=console, auto_refresh=False) as live:
        while True:
            time.sleep(_EVERY_S)
            live.update(_tables(figures(client.view())), refresh=True)


@click.command("explain", short_help="Say why a job waits.")
@click.argument("job")
@_JSON
@click.pass_obj
def explain(reply: Reply, job: str) -> None:
    """Say why JOB waits: in words with numbers, and as a code."""
    from mlwf_assets.gpu.client import Client, find_by_name
    from mlwf_assets.gpu.figures import job_figures

    view = Client().view()
    found = job_figures(view, find_by_name(view.entries, job))
    reply.document(found)
    if not reply.as_json:
        click.echo(f"{job}: {found['reason']} [{found['code']}]")


@click.command("usage", short_help="Say who used how many GPU-seconds.")
@click.option("--since", default="7d", show_default=True, help="How far back, e.g. 90m, 24h, 7d.")
@_JSON
@click.pass_obj
def usage(reply: Reply, since: str) -> None:
    """Say how many GPU-seconds each queue, workflow, asset and user had; what runs now is counted until now."""
    from mlwf_assets.gpu.client import Client

    rows = Client().uses(_seconds(since))
    reply.document({"since_s": _seconds(since), "usage": rows})
    if reply.as_json:
        return
    from rich.console import Console

    columns = ("queue", "workflow", "asset", "user", "runs", "gpu_seconds", "waited_s")
    shown = [[_cell(row[column]) for column in columns] for row in rows]
    Console(width=None if _is_terminal() else 160).print(_table("", columns, shown))


@click.command("cancel", short_help="Take a job out of the queue, or end it.")
@click.argument("job")
@_JSON
@click.pass_obj
def cancel(reply: Reply, job: str) -> None:
    """Take JOB out of the queue; if it runs, call it back for good (SIGTERM, after the grace SIGKILL)."""
    from mlwf_assets.gpu.client import Client

    was = Client().cancel(job)
    reply.document({"job": job, "was": was.state})
    if not reply.as_json:
        click.echo(f"{job}: {'is being ended' if was.holds else 'is out of the queue'}")


@click.command("drain", short_help="Let nothing new start on a device.")
@click.argument("device")
@click.option("--undo", is_flag=True, help="Let work start on it again.")
@_JSON
@click.pass_obj
def drain(reply: Reply, device: str, *, undo: bool) -> None:
    """Let nothing new start on DEVICE; what runs there goes on to its end."""
    from mlwf_assets.gpu.client import Client

    Client().drain(device, undo=undo)
    reply.document({"device": device, "drained": not undo})
    if not reply.as_json:
        click.echo(f"{device}: {'takes work again' if undo else 'takes no new work'}")


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip())
    if found is None:
        raise click.BadParameter(
            f"must be a number and a unit, e.g. 90m, 24h or 7d, however: {text!r}", param_hint="--since"
        )
    return float(found[1]) * _UNITS_S[found[2]]


def _tables(found: Mapping[str, Any]) -> "Group":
    from rich.console import Group

    devices = [
        [
            row["name"],
            f"{_cell(row['used_mib'])} / {row['memory_mib']} MiB",
            "-" if row["utilization"] is None else f"{row['utilization']} %",
            ", ".join(row["jobs"])
            + (" (drained)" if row["drained"] else "")
            + (f" foreign: pid {', '.join(map(str, row['foreign_processes']))}" if row["foreign_processes"] else ""),
        ]
        for row in found["devices"]
    ]
    columns = ("name", "deserved", "fair_share", "allocated", "waiting")
    queues = [[_cell(row[column], endless=column == "deserved") for column in columns] for row in found["queues"]]
    jobs = [
        [row["name"], row["queue"], row["user"], row["state"], _cell(row["gpus"]), row["reason"]]
        for row in found["jobs"]
    ]
    return Group(
        _table("Devices", ("device", "memory", "utilization", "jobs"), devices),
        _table("Queues", ("queue", "deserved", "fair share", "allocated", "waiting"), queues),
        _table("Jobs", ("job", "queue", "user", "state", "GPUs", "reason"), jobs),
    )


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*row)
    return table


def _cell(value: Any, *, endless: bool = False) -> str:
    if value is None:
        return "unlimited" if endless else "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _is_terminal() -> bool:
    import sys

    return sys.stdout.isatty()
