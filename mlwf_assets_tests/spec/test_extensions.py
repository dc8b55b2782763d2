"""What the workflow's own Python files may say, and what is said where they are wrong."""

import re

import pytest

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.extensions import CleaningStep, Family, Feature, Label, Metric, PythonFile, scan
from mlwf_assets.spec.loader import load
from mlwf_assets.spec.own_code import load_object, pack, unpack
from mlwf_assets.spec.references import check

DEFS = """
type: mlwf_assets.MLWorkflow
attributes:
  name: trips
  project: {question: "Is it late?"}
  sources: {trips: trips.csv}
  tables: {trips: {key: [id], outcomes: {known_at: sent, columns: [delay]}}}
  examples: {table: trips, label: late, cutoff: sent}
  python: [shared.py, code.py]
"""
COLUMNS = {"trips": ["id", "sent", "km", "delay"]}
LATE = "@mlwf.label(reads=['delay'], type='boolean')\ndef late(rows): ...\n"


def write(folder, code, *, shared="", defs=DEFS):
    (folder / "defs.yaml").write_text(defs, encoding="utf-8")
    (folder / "trips.csv").write_text("id,sent,km,delay\n", encoding="utf-8")
    (folder / "shared.py").write_text(shared, encoding="utf-8")
    (folder / "code.py").write_text(f"import mlwf_assets as mlwf\n{code}", encoding="utf-8")
    return folder


def scanned(text):
    return scan((PythonFile("code.py", "code.py", text),))


def test_all_five_kinds_are_read_without_running_the_file():
    own, mistakes = scanned(
        "import mlwf_assets as mlwf\n"
        "from mlwf_assets import feature as f\n"
        "raise SystemExit\n"
        "@mlwf.cleaning_step(table='t', reads=['a'], makes={'b': 'number'})\ndef step(rows): ...\n"
        "@mlwf.label(reads='a', type='boolean')\ndef late(rows): ...\n"
        "@f(reads=['a'], type='number')\ndef far(rows): ...\n"
        "@mlwf.family\nclass MyTrees:\n  '''Trees of mine.'''\n"
        "@mlwf.metric(kinds='binary', higher_is_better=True)\ndef gain(truth, prediction, weight): ...\n"
    )
    assert mistakes == []
    assert [(type(one), one.name, one.line) for one in own.extensions] == [
        (CleaningStep, "step", 5),
        (Label, "late", 7),
        (Feature, "far", 9),
        (Family, "my_trees", 11),
        (Metric, "gain", 14),
    ]
    assert own.of(Family)[0].words == "Trees of mine."


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def f(:", "code.py:2: must be Python"),
        ("R = ['a']\n@mlwf.label(reads=R, type='boolean')\ndef late(rows): ...", "reads must be written out"),
        ("@mlwf.label(['a'])\ndef late(rows): ...", "code.py:3: @label of late: must say by name what it is given"),
        ("@mlwf.label(reads=['a'])\ndef late(rows): ...", "@label of late must say type"),
        ("@mlwf.label(reads=['a'], typ='number')\ndef late(rows): ...", "must not say typ. Did you mean 'type'?"),
        ("@mlwf.label(reads=['a'], type='int')\ndef late(rows): ...", "must say another type: .*'int'"),
        ("@mlwf.label(reads=[], type='number')\ndef late(rows): ...", "must say another reads"),
        ("@mlwf.label(reads=['a'], type='number')\ndef Late(rows): ...", "must be called in lower-case letters"),
        (f"{LATE}{LATE}", "code.py:5: late: must have a name of its own, however: so is called code.py:3: late"),
    ],
)
def test_a_mistake_in_a_decorator_is_told_with_its_line(code, said):
    _, mistakes = scanned(f"import mlwf_assets as mlwf\n{code}")
    assert re.search(said, mistakes[0].message)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("@mlwf.feature(reads=['kmm'], type='number')\ndef f(rows): ...", "must.*be a column 'kmm'.*Did you mean 'km'"),
        ("@mlwf.feature(reads=['delay'], type='number')\ndef f(rows): ...", "however: delay tells the outcome"),
        (
            "@mlwf.feature(reads=['km'], type='number')\ndef km(rows): ...",
            "must have a name of its own, .* such a column",
        ),
        ("@mlwf.feature(reads=['km'], type='number')\ndef cutoff(rows): ...", "the matrix has such a column"),
        (
            "@mlwf.cleaning_step(table='trip', reads=['km'], makes={'m': 'number'})\ndef f(rows): ...",
            "there must be a table 'trip'. Did you mean 'trips'?",
        ),
        (
            "@mlwf.cleaning_step(table='trips', reads=['m'], makes={'m': 'number'})\ndef f(rows): ...",
            "there must be a column 'm' in trips before columns by 'sql:'",
        ),
        (
            "@mlwf.cleaning_step(table='trips', reads=['km'], makes={'_row': 'number'})\ndef f(rows): ...",
            "'_row' is a name of ours",
        ),
        ("@mlwf.family\nclass Linear: ...", "however: linear is one of ours"),
        (
            "@mlwf.metric(kinds=['regression'], higher_is_better=True)\ndef mae(t, p, w): ...",
            "however: mae is one of ours",
        ),
    ],
)
def test_what_does_not_fit_the_workflow_is_told(tmp_path, code, said):
    folder = write(tmp_path, LATE + code)
    with pytest.raises(SpecError, match=said):
        check(load(folder), COLUMNS)


def test_a_label_by_python_bars_what_it_reads_from_features(tmp_path):
    defs = DEFS.replace(", outcomes: {known_at: sent, columns: [delay]}", "")
    code = LATE + "@mlwf.feature(reads=['delay'], type='number')\ndef f(rows): ..."
    with pytest.raises(SpecError, match="delay tells the outcome"):
        check(load(write(tmp_path, code, defs=defs)), COLUMNS)


def test_a_missing_file_is_told_at_its_line(tmp_path):
    folder = write(tmp_path, LATE)
    (folder / "shared.py").unlink()
    with pytest.raises(SpecError, match=r"defs.yaml:9: python\[0\]: must be a Python file of .*No such file"):
        load(folder)


def test_files_may_share_and_two_workflows_may_name_files_alike(tmp_path):
    said = []
    for name, factor in (("one", 2), ("two", 3)):
        (tmp_path / name).mkdir()
        code = "from .shared import FACTOR\n" + LATE.replace("...", "return FACTOR * rows")
        own = load(write(tmp_path / name, code, shared=f"FACTOR = {factor}")).own
        said.append(load_object(own, own.of(Label)[0])(10))
    assert said == [20, 30]


def test_what_runs_is_what_was_read(tmp_path):
    own = load(write(tmp_path, LATE.replace("...", "return 1"))).own
    (tmp_path / "code.py").write_text("raise RuntimeError")
    assert load_object(own, own.of(Label)[0])(None) == 1
    assert unpack(pack(own)).of(Label) == own.of(Label)


def test_a_file_that_fails_says_at_which_line_each_time(tmp_path):
    own = load(write(tmp_path, f"{LATE}x = 1 / 0")).own
    for _ in range(2):
        with pytest.raises(SpecError, match=r"code.py:4: must run, however: ZeroDivisionError: division by zero"):
            load_object(own, own.of(Label)[0])


def test_a_decorator_that_cannot_be_read_is_not_passed_over(tmp_path):
    code = LATE + "wrap = mlwf.feature(reads=['km'], type='number')\n@wrap\ndef far(rows): ..."
    own = load(write(tmp_path, code)).own
    with pytest.raises(SpecError, match=r"far must be a function or class with '@mlwf.feature"):
        load_object(own, own.of(Label)[0])
