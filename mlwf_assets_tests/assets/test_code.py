import importlib
import sys

import pytest

from mlwf_assets.assets import code
from mlwf_assets.assets.graph import workflow_steps
from mlwf_assets.assets.recipes import step_code
from mlwf_assets.spec.loader import load
from mlwf_assets_tests import small


def forget():
    for cached in (
        *(code._tree, code._module_path, code._facts),
        *(code._module_facts, code._module_imports, code._remembered),
    ):
        cached.cache_clear()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A first-party package of two modules, and a way to write one of them anew."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(code, "_PACKAGE", "toyroom")
    monkeypatch.setattr(code, "_memory_file", lambda: tmp_path / "memory" / "code.json")
    (tmp_path / "toyroom").mkdir()
    (tmp_path / "toyroom" / "__init__.py").write_text("")

    def fingerprint(**modules):
        for name, text in modules.items():
            (tmp_path / "toyroom" / f"{name}.py").write_text(text)
        forget()
        for name in [name for name in sys.modules if name.startswith("toyroom")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        return code.code_fingerprint(importlib.import_module("toyroom.top").work)

    yield fingerprint
    forget()


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


def test_what_was_found_out_is_remembered_and_counts_as_long_as_the_source_is_the_same(package, tmp_path, monkeypatch):
    before = package(top=TOP, deep=DEEP)
    monkeypatch.setattr(code, "_imports", lambda tree: {"toyroom.deep"} if "deep" in code.ast.dump(tree) else 1 / 0)
    assert package(top=TOP, deep=DEEP) == before
    with pytest.raises(ZeroDivisionError):
        package(top=TOP, deep=DEEP + "x = 1\n")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"a": 1}', b"\xff"])
def test_a_damaged_memory_is_made_anew(package, tmp_path, content):
    before = package(top=TOP, deep=DEEP)
    whole = (tmp_path / "memory" / "code.json").read_bytes()
    (tmp_path / "memory" / "code.json").write_bytes(content)
    assert package(top=TOP, deep=DEEP) == before
    assert (tmp_path / "memory" / "code.json").read_bytes() == whole


def test_a_memory_that_cannot_be_written_is_done_without(package, tmp_path):
    (tmp_path / "memory").write_text("a file where the folder should be")
    assert package(top=TOP, deep=DEEP) == package(top=TOP, deep=DEEP)


def test_helpers_and_constants_that_the_function_names_count_and_others_do_not(package):
    top = (
        "LIMIT = 1\n\ndef helper():\n    return LIMIT\n\n"
        "def other():\n    return 5\n\ndef work():\n    return helper()\n"
    )
    first = package(top=top)
    assert package(top=top.replace("return 5", "return 6")) == first
    assert package(top=top.replace("return LIMIT", "return LIMIT + 1")) != first
    assert package(top=top.replace("LIMIT = 1", "LIMIT = 2")) != first


def test_imports_of_helpers_are_followed(package):
    top = "def helper():\n    from toyroom.deep import one\n    return one()\n\ndef work():\n    return helper()\n"
    assert package(top=top, deep=DEEP) != package(top=top, deep=DEEP.replace("1", "2"))


ROOMS = {
    "lake.connectors.csv_files": "raw/parcels raw/weather raw/depots deployment/predictions",
    "cleaning.clean": "clean/parcels clean/weather clean/depots deployment/predictions",
    "datasets.splits": "datasets/train deployment/predictions",
    "features.relational.rowwise": "features/relational deployment/predictions",
    "features.timeseries.extraction": "features/timeseries deployment/predictions",
    "features.selection": "features/selection",
    "features.matrix": "features/matrix features/test_matrix deployment/predictions",
    "models.families.linear": "models/linear evaluation/report deployment/model",
    "models.calibration": "models/linear models/lightgbm models/ensemble models/leaderboard evaluation/report "
    "deployment/model",
    "evaluation.slices": "evaluation/report deployment/model",
    "deployment.gate": "deployment/model deployment/predictions",
    "cli.run": "",
    "errors": "",
}


@pytest.mark.parametrize("module", ROOMS)
def test_a_change_in_a_room_makes_stale_what_reaches_it(module, tmp_path, monkeypatch):
    """Beside what depends on such results in turn; there the content decides."""
    workflow = load(small.write(tmp_path))
    real, before = code._module_facts, {step.name: step_code(step) for step in workflow_steps(workflow)}

    def changed(name):
        facts = real(name)
        return facts._replace(hash=f"{facts.hash}!") if name == f"mlwf_assets.{module}" else facts

    monkeypatch.setattr(code, "_module_facts", changed)
    after = {step.name: step_code(step) for step in workflow_steps(workflow)}
    assert [name for name in before if before[name] != after[name]] == ROOMS[module].split()
