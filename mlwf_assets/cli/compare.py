"""`mlwf compare`: two runs or model versions side by side."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from mlwf_assets.cli.reply import Reply

if TYPE_CHECKING:
    from rich.console import Console

    from mlwf_assets.assets.comparison import Comparison

_SHOWN = 40
_WIDTH = 120


@click.command("compare", short_help="Two runs or model versions side by side.")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option("--all", "show_all", is_flag=True, help="Show also what is the same.")
@click.option("--json", is_flag=True, expose_value=False, help="Print one JSON document on stdout.")
@click.pass_obj
def compare(reply: Reply, one: str, other: str, *, show_all: bool) -> None:
    """Show what differs between A and B: workflow file, code, data, features, parameters, metrics.

    Each is a run (its id in Dagster, or the first characters of it) or a model version ('flight-on-time/3',
    'flights@champion', ... as 'mlwf reproduce --help' says).
    """
    from mlwf_assets.assets.comparison import compare as lay_side_by_side
    from mlwf_assets.cli.home import find_home

    found = lay_side_by_side(find_home(), one, other)
    if reply.as_json:
        reply.document(_as_document(found))
    else:
        _print(found, show_all=show_all)


def _as_document(found: "Comparison") -> dict[str, Any]:
    sides = {
        name: {"title": side.title, "workflow": side.workflow, "unknown": list(side.unknown), **side.values}
        for name, side in (("a", found.one), ("b", found.other))
    }
    different = {
        section: {name: {"a": pair[0], "b": pair[1]} for name, pair in values.items()}
        for section, values in found.different.items()
    }
    return {"different": different, "same": dict(found.same), **sides}


def _print(found: "Comparison", *, show_all: bool) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    console.print(f"A: {found.one.title} of {found.one.workflow}", markup=False, soft_wrap=True)
    console.print(f"B: {found.other.title} of {found.other.workflow}", markup=False, soft_wrap=True)
    for section, values in found.different.items():
        if values:
            _print_section(console, section, values, show_all=show_all)
    same = [f"{section} ({count:,})" for section, count in found.same.items() if count]
    nothing = "" if any(found.different.values()) else "Nothing differs. "
    console.print(f"\n{nothing}The same: {', '.join(same) or 'nothing'}.", markup=False, soft_wrap=True)
    if show_all:
        _print_same(console, found)
    for side in (found.one, found.other):
        for words in side.unknown[:_SHOWN]:
            console.print(f"Not known any more of {side.title}: {words}", markup=False, soft_wrap=True)


def _print_section(console: "Console", section: str, values: Mapping[str, Any], *, show_all: bool) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, title=section, title_justify="left", title_style="bold")
    for name in ("", "A", "B", ""):
        table.add_column(name, header_style="dim", overflow="fold")
    for name, (one, other) in list(values.items())[: None if show_all else _SHOWN]:
        table.add_row(*(text.replace("[", "\\[") for text in (name, _words(one), _words(other), _change(one, other))))
    console.print()
    console.print(table)
    if len(values) > _SHOWN and not show_all:
        console.print(f"and {len(values) - _SHOWN:,} more (--all shows them)")


def _print_same(console: "Console", found: "Comparison") -> None:
    for section, values in found.one.values.items():
        for name, value in values.items():
            if name not in found.different[section]:
                console.print(f"{section}: {name} = {_words(value)}", markup=False, soft_wrap=True)


def _words(value: Any) -> str:
    """Write a value as people read it.

    Example:
        >>> _words(None), _words(0.123456), _words(True)
        ('-', '0.1235', 'true')
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _change(one: Any, other: Any) -> str:
    """Write by how much a number changed.

    Example:
        >>> _change(0.5, 0.75), _change("a", "b")
        ('+0.25', '')
    """
    numbers = [value for value in (one, other) if isinstance(value, int | float) and not isinstance(value, bool)]
    return f"{other - one:+.4g}" if len(numbers) == 2 else ""
