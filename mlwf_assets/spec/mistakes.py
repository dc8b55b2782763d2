"""Mistakes in a workflow file, each with its place; every check reports them in the same words and form.

A place is a path of names and list positions, ("tables", "flights", "rules", 2, "check"); `Lines` maps the
paths that stand in the file to line numbers, and a path that does not stand there is reported at the
nearest one above it. No check stands here.
"""

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mlwf_assets.errors import SpecError

Place = tuple[str | int, ...]
Lines = Mapping[Place, int]

_SHOWN = 10


class Mistake(NamedTuple):
    """One mistake: where it stands, and what must hold, what was got and what to do."""

    place: Place
    message: str


def line_of(lines: Lines, place: Place) -> int:
    """Return the 1-based line of a place, or of the nearest place above it.

    Example:
        >>> line_of({(): 1, ("name",): 3}, ("name", "x"))
        3
    """
    for length in range(len(place), -1, -1):
        if (line := lines.get(place[:length])) is not None:
            return line
    return 1


def dotted(place: Place) -> str:
    """Write a place as people do.

    Example:
        >>> dotted(("tables", "flights", "rules", 2, "check"))
        'tables.flights.rules[2].check'
    """
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return words.removeprefix(".")


def error(file: Path, lines: Lines, mistakes: Iterable[Mistake]) -> SpecError:
    """Make the one error that lists all mistakes, in the order of the file, ten at most."""
    found = sorted(dict.fromkeys(mistakes), key=lambda m: (line_of(lines, m.place), dotted(m.place), m.message))
    rows = [f"{locate(file, lines, mistake.place)}: {mistake.message}" for mistake in found[:_SHOWN]]
    if len(found) > _SHOWN:
        rows.append(f"... and {len(found) - _SHOWN} more")
    return SpecError("\n".join(rows))


def locate(file: Path, lines: Lines, place: Place) -> str:
    """Write a place as messages do.

    Example:
        >>> locate(Path("small/defs.yaml"), {("name",): 3}, ("name",))
        'small/defs.yaml:3: name'
    """
    where = dotted(place)
    return f"{_shown_path(file)}:{line_of(lines, place)}{': ' if where else ''}{where}"


def _shown_path(file: Path) -> str:
    relative = os.path.relpath(file)
    return str(file) if relative.startswith("..") else relative


def suggestion(name: str, known: Iterable[str], *, shown: int = 12, cutoff: float = 0.6) -> str:
    """Return ' Did you mean ...?', or the known names where none is near.

    Example:
        >>> suggestion("kye", ["key", "rules"])
        " Did you mean 'key'?"
        >>> suggestion("zzz", ["key", "rules"])
        ' Known: key, rules.'
    """
    names = list(dict.fromkeys(known))
    if near := nearest(name, names, cutoff=cutoff):
        return f" Did you mean {near!r}?"
    if not names or not shown:
        return ""
    return f" Known: {', '.join(names[:shown])}{', ...' if len(names) > shown else ''}."


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known name that was probably meant, or None.

    Example:
        >>> nearest("Kye", ["key", "rules"])
        'key'
    """
    lowered = {other.lower(): other for other in reversed(list(known))}
    found = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=cutoff)
    return lowered[found[0]] if found else None


def listed(words: Sequence[str], *, joint: str = "or") -> str:
    """Join words as in a sentence.

    Example:
        >>> listed(["a", "b", "c"])
        'a, b or c'
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joint} {words[-1]}"
