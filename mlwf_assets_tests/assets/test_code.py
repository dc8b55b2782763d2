import importlib
import sys

import pytest

from mlwf_assets.assets import code


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A first-party package of two modules, and a way to write one of them anew."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(code, "_PACKAGE", "toyroom")
    (tmp_path / "toyroom").mkdir()
    (tmp_path / "toyroom" / "__init__.py").write_text("")

    def fingerprint(**modules):
        for name, text in modules.items():
            (tmp_path / "toyroom" / f"{name}.py").write_text(text)
        for cached in (code._tree, code._module_path, code._module_hash, code._module_imports):
            cached.cache_clear()
        for name in [name for name in sys.modules if name.startswith("toyroom")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        return code.code_fingerprint(importlib.import_module("toyroom.top").work)

    return fingerprint


TOP = "def work():\n    from toyroom.deep import one\n    return one()\n"
DEEP = "def one():\n    return 1\n"


def test_comments_docstrings_annotations_and_layout_change_nothing(package):
    before = package(top=TOP, deep=DEEP)
    decorated = '"""Charter."""\n\n\ndef one() -> int:\n    """One."""\n    # because\n    return (\n        1\n    )\n'
    assert package(top=TOP, deep=decorated) == before


def test_a_changed_line_in_a_module_that_is_reached_changes_it(package):
    assert package(top=TOP, deep=DEEP) != package(top=TOP, deep=DEEP.replace("1", "2"))


def test_a_changed_line_in_a_module_that_is_not_reached_changes_nothing(package):
    before = package(top=TOP, deep=DEEP, other="x = 1\n")
    assert package(top=TOP, deep=DEEP, other="x = 2\n") == before


def test_another_function_of_the_same_module_changes_nothing(package):
    assert package(top=TOP, deep=DEEP) == package(top=TOP + "\n\ndef other():\n    return 2\n", deep=DEEP)


def test_the_version_of_a_named_library_counts():
    bare = code.code_fingerprint(code.code_fingerprint)
    assert bare != code.code_fingerprint(code.code_fingerprint, ["numpy"])
