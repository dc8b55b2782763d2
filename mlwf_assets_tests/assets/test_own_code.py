"""What of the workflow's own Python a result depends on."""

from pathlib import Path

import pytest

from mlwf_assets.assets.own_code import own_code
from mlwf_assets.spec.extensions import PythonFile, scan
from mlwf_assets.spec.workflow import Workflow

CODE = """
import mlwf_assets as mlwf
LIMIT = 5
def helper(x):
    return x + 1
@mlwf.label(reads=["a"], type="number")
def first(rows):
    '''Words.'''
    return helper(rows["a"])
@mlwf.feature(reads=["a"], type="number")
def second(rows):
    return rows["a"] * 2
"""


def fingerprint(text, name):
    own, mistakes = scan((PythonFile("code.py", "code.py", text),))
    assert mistakes == []
    workflow = Workflow.model_validate(
        {"name": "w", "project": {"question": "?"}, "sources": {"t": "t.csv"}, "examples": {"table": "t", "label": "y"}}
    ).read_from(Path("w/defs.yaml"), {}, own)
    return own_code(workflow, [one for one in own.extensions if one.name == name])


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("'''Words.'''", "'''Other words.'''", {"first": False, "second": False}),
        ("LIMIT = 5", "LIMIT = 5  # why", {"first": False, "second": False}),
        ("LIMIT = 5", "LIMIT = 6", {"first": True, "second": True}),
        ("x + 1", "x + 2", {"first": True, "second": True}),
        ('helper(rows["a"])', 'helper(rows["a"]) * 2', {"first": True, "second": False}),
        ('rows["a"] * 2', 'rows["a"] * 3', {"first": False, "second": True}),
    ],
)
def test_a_function_depends_on_itself_and_on_what_is_not_another_one(old, new, changes):
    assert old in CODE
    for name, changed in changes.items():
        assert (fingerprint(CODE.replace(old, new), name) != fingerprint(CODE, name)) is changed


def test_a_function_that_names_another_one_depends_on_it():
    code = CODE.replace('rows["a"] * 2', "first(rows) * 2")
    assert fingerprint(code, "second") != fingerprint(code.replace("x + 1", "x + 2"), "second")
    assert fingerprint(code, "second") != fingerprint(code.replace('helper(rows["a"])', "0"), "second")


def test_nothing_used_is_nothing():
    assert fingerprint(CODE, "no such function") == ""
