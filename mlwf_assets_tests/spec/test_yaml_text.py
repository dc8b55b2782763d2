"""YAML as people write it: lines of every part, YAML 1.2's few types, and texts that are none."""

import textwrap

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlwf_assets.spec.yaml_text import parse_yaml, scalars

NAMES = st.text("abcdefgh", min_size=1, max_size=6)
WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f\x85"), max_size=12)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("true", True), ("FALSE", False),
        ("2013-09-01", "2013-09-01"), ("2013-09-01 10:00:00", "2013-09-01 10:00:00"), ("12:30:45", "12:30:45"),
        ("007", "007"), ("0", 0), ("-3", -3), ("1_000", "1_000"), ("0x1F", "0x1F"), ("0o17", "0o17"),
        ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), (".inf", ".inf"), (".nan", ".nan"),
        ("null", None), ("~", None), ("", None), ("'5'", "5"), ('"true"', "true"),
    ],
)  # fmt: skip
def test_words_are_read_as_in_yaml_1_2(text, value):
    assert parse_yaml(f"a: {text}").data == {"a": value}


def test_keys_are_text_whatever_they_look_like():
    assert parse_yaml("{1: a, true: b, null: c, 2013-01-01: d}").data == {
        "1": "a",
        "true": "b",
        "null": "c",
        "2013-01-01": "d",
    }


@given(data=PLAIN)
def test_what_is_dumped_is_read_again(data):
    parsed = parse_yaml(yaml.safe_dump({"a": data}, allow_unicode=True))
    assert parsed.mistakes == []
    assert parsed.data == {"a": data}


@given(data=st.dictionaries(NAMES, st.dictionaries(NAMES, WORDS, min_size=1, max_size=4), min_size=1, max_size=5))
def test_each_part_knows_its_line(data):
    text = "# begins here\n\n" + yaml.safe_dump(data, allow_unicode=True, width=10**6)
    lines = text.split("\n")
    parsed = parse_yaml(text)
    for name, inner in data.items():
        assert lines[parsed.lines[name,] - 1] == f"{name}:"
        for key in inner:
            assert lines[parsed.lines[name, key] - 1].startswith(f"  {key}: ")


def test_lines_of_lists_blocks_and_flow():
    text = textwrap.dedent("""\
        a:
          - x
          - {b: 1,
             c: 2}
        d: >-
          one
          two
        e: 1
    """)
    parsed = parse_yaml(text)
    wanted = {("a",): 1, ("a", 0): 2, ("a", 1): 3, ("a", 1, "b"): 3, ("a", 1, "c"): 4, ("d",): 5, ("e",): 8}
    assert {place: parsed.lines[place] for place in wanted} == wanted
    assert parsed.data["d"] == "one two"


def test_what_is_merged_in_is_overridden_by_what_is_written():
    parsed = parse_yaml("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: [*y, *x], c: 3}\n")
    assert parsed.data["z"] == {"a": 1, "b": 2, "c": 3}
    assert parsed.mistakes == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\n b: 2\n", 2, "mapping values are not allowed.*put text that holds ': ' in quotes"),
        ("a: 1\nb: when: then\n", 2, "mapping values are not allowed.*put text that holds ': ' in quotes"),
        ("a:\n\t- b\n", 2, "cannot start any token; indent with spaces"),
        ("a: [1,\nb: 2\nc: 3\n", 3, r"while parsing a flow sequence.*\(begun in line 1\)"),
        ("a: 1\nb: 'open\n", 2, "while scanning a quoted scalar"),
        ("a: 1\n\nb: *unknown\n", 3, "undefined alias; put text that begins with '\\*' in quotes"),
        ("a: 1\n---\nb: 2\n", 2, "expected a single document.*leave '---' out"),
        ("a: 1\nb: \x01\n", 2, "character #x0001 is not allowed"),
        ("ü: 1\nü: \x07\n", 2, "character #x0007 is not allowed"),
        ("[" * 100_000, 1, "must be nested at most 50 deep"),
        ("[" * 100_000 + "]" * 100_000, 1, "must be nested at most 50 deep"),
        ("a: 1\na: 2\n", 2, "is written twice, first in line 1; keep one of the two"),
        ("a: 1\nb: !!int x\n", 2, "does not fit its tag !!int, however: 'x'; leave the tag out"),
        ("a: 1\nb: !!timestamp 2013-01-01\n", 2, "tags are not served, however: tag:yaml.org,2002:timestamp"),
        ("a: 1\n? [b, c]\n: d\n", 1, "a name must be one word of text"),
        ("a: &a\n  b: *a\n", 2, "must not contain itself; write it out"),
        ("a: 1\n<<: 5\n", 1, "'<<' must be followed by an alias of a mapping"),
    ],
)
def test_a_mistake_of_form_names_line_and_remedy(text, line, words):
    parsed = parse_yaml(text)
    (mistake,) = parsed.mistakes
    assert parsed.lines[mistake.place] == line
    with pytest.raises(ValueError, match=words):
        raise ValueError(mistake.message)


def test_a_short_text_that_stands_for_endlessly_many_entries_is_refused():
    text = "a0: &a0 [1, 1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
    assert [m.message for m in parse_yaml(text).mistakes] == [
        "the file must hold at most 200000 entries, aliases written out"
    ]


def test_aliases_do_not_nest_without_end():
    text = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 200))
    assert "must be nested at most 50 deep, aliases written out" in {m.message for m in parse_yaml(text).mistakes}


@given(text=st.text("a: -[]{}&*!|>'\"#\n\t,?%0", max_size=30))
def test_any_text_gives_data_or_mistakes_and_never_a_traceback(text):
    parsed = parse_yaml(text)
    assert all(mistake.place in parsed.lines for mistake in parsed.mistakes)


def test_scalars_are_found_wherever_they_stand():
    assert dict(scalars({"a": [1, {"b": None}], "c": {}})) == {("a", 0): 1, ("a", 1, "b"): None}
