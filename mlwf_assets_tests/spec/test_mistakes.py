"""Every mistake in a workflow file: its file and line, what was expected, what to do, in one line and no more."""

import re
from pathlib import Path

import pytest

from mlwf_assets.spec.loader import loads
from mlwf_assets_tests.spec.toy import FILE, TEXT, edited, line, rows


def read_mistakes():
    """Name -> the marked parts of each mistake in mistakes.txt."""
    _, *blocks = Path(__file__).with_name("mistakes.txt").read_text(encoding="utf-8").split("\n# ")
    for block in blocks:
        name, *marked = block.rstrip("\n").split("\n")
        yield name, {sign: "\n".join(row[1:] for row in marked if row[:1] == sign) for sign in "-+@!"}


MISTAKES = dict(read_mistakes())


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_with_file_line_place_and_remedy(name):
    parts = MISTAKES[name]
    text = edited(parts["-"], parts["+"])
    found = rows(text)
    assert len(found) == 1, found
    number = line(text, parts["@"] or parts["+"].lstrip("\n"))
    assert found[0].startswith(f"trips/defs.yaml:{number}: {parts['!']}"), (number, found[0])


def test_mistakes_that_follow_from_a_misspelt_name_come_after_it():
    found = rows(edited("    buses: {key: [bus]}", "    busses: {key: [bus]}"))
    assert len(found) == 2
    assert re.fullmatch(r"trips/defs.yaml:38: tables.busses: there must be a source 'busses', .* 'buses'\?", found[0])
    assert found[1].startswith("trips/defs.yaml:41: relationships[0]: must lead to the parent's key")


def test_the_file_without_mistakes_is_accepted():
    assert loads(TEXT, file=FILE).name == "trips"
