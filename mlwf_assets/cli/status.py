"""`mlwf status`: what is fresh, what is not and why, and how long a run would work."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from mlwf_assets.cli.reply import Reply

if TYPE_CHECKING:
    from rich.table import Table

    from mlwf_assets.assets.status import Status

_COLOURS = {"fresh": "green", "stale": "yellow", "missing": "cyan", "failed": "red"}
_NAMED = 3


@click.command("status", short_help="Say what is fresh, what is not and why.")
@click.argument("workflow", required=False)
@click.option("--json", is_flag=True, expose_value=False, help="Print one JSON document on stdout.")
@click.pass_obj
def status(reply: Reply, workflow: str | None) -> None:
    """Say how every asset of WORKFLOW (a name or a folder; by default all workflows) stands; nothing is computed."""
    from mlwf_assets.assets.status import work_seconds, workflow_status
    from mlwf_assets.cli.home import find_home
    from mlwf_assets.spec.loader import distinct_folders, find, load

    home = find_home()
    folders = distinct_folders() if workflow is None else [find(workflow)]
    found = [one for folder in folders for one in workflow_status(load(folder), home)]
    if reply.as_json:
        seconds = work_seconds(found)
        assets = [_as_json(one) for one in found]
        reply.document({"seconds": None if seconds is None else round(seconds, 1), "assets": assets})
    else:
        _print(found)


def _as_json(one: "Status") -> dict[str, Any]:
    return {
        "workflow": one.workflow,
        "key": one.key,
        "partition": one.partition,
        "state": one.state,
        "because": list(one.because),
        "seconds": one.seconds,
    }


def _print(found: Sequence["Status"]) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=100)
    for name in dict.fromkeys(one.workflow for one in found):
        own = [one for one in found if one.workflow == name]
        console.print(f"\n[bold]{name}[/]\n")
        console.print(_table(own))
        console.print(f"\n{_in_a_line(name, own)}", markup=False, soft_wrap=True)


def _table(found: Sequence["Status"]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("asset", "", "because"):
        table.add_column(title, header_style="dim", overflow="fold", no_wrap=title == "asset")
    for key in dict.fromkeys(one.key for one in found):
        parts = [one for one in found if one.key == key]
        because = next((one.near for one in parts if one.near), "")
        table.add_row(key, _states(parts), because.replace("[", "\\["))
    return table


def _states(parts: Sequence["Status"]) -> str:
    """How many partitions are in each state, and which, where it is a few."""
    counts = Counter(one.state for one in parts)
    said = []
    for state, count in counts.items():
        names = [one.partition for one in parts if one.state == state and one.partition]
        which = f" ({', '.join(names)})" if 0 < len(names) <= _NAMED and len(counts) > 1 else ""
        number = f" {count}" if names else ""
        said.append(f"[{_COLOURS[state]}]{state}[/]{number}{which}")
    return ", ".join(said)


def _in_a_line(name: str, found: Sequence["Status"]) -> str:
    from mlwf_assets.assets.status import work_seconds

    left = [one for one in found if one.state != "fresh"]
    if not left:
        return f"All {len(found):,} results are fresh: 'mlwf run {name}' has nothing to do."
    seconds = work_seconds(found)
    time = "how long that takes is not known yet" if seconds is None else f"about {seconds:.0f} s of work at most"
    return f"{len(left):,} of {len(found):,} results are not fresh: 'mlwf run {name}' makes them, {time}."
