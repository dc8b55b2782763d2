"""A workflow is checked whole before anything runs: its sources are there, and have the columns that it names."""

import pytest

from mlwf_assets.assets.clean import clean_steps
from mlwf_assets.cli.workflows import load_checked
from mlwf_assets.errors import SpecError

TEXT = """\
type: mlwf_assets.MLWorkflow
attributes:
  name: small
  project: {question: Is it late?}
  sources:
    trips: trips.csv
    buses: {package: no_such_package, path: buses.csv}
    towns: towns.xlsx
  examples: {table: trips, label: delay > 15}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "defs.yaml").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "small"


def checked_lines(folder):
    with pytest.raises(SpecError) as caught:
        load_checked(str(folder))
    return str(caught.value).split("\n")


def test_every_source_that_is_not_there_is_named_with_its_line(folder):
    (folder / "towns.xlsx").write_bytes(b"PK")
    found = checked_lines(folder)
    assert len(found) == 3
    assert found[0].startswith("small/defs.yaml:6: sources.trips: 'trips.csv' must name a file in folder ")
    assert found[1].startswith("small/defs.yaml:7: sources.buses: package 'no_such_package' must be installed")
    assert found[2].startswith("small/defs.yaml:8: sources.towns: ")
    assert "spreadsheet; save it as CSV" in found[2]


def test_columns_are_held_against_the_files(folder):
    text = TEXT.replace("    buses: {package: no_such_package, path: buses.csv}\n    towns: towns.xlsx\n", "")
    (folder / "defs.yaml").write_text(text)
    (folder / "trips.csv").write_text("dely,bus\n20,a\n")
    assert checked_lines(folder) == [
        "small/defs.yaml:7: examples.label: there must be a column 'delay'. Did you mean 'dely'?"
    ]
    (folder / "trips.csv").write_text("delay,bus\n20,a\n")
    assert load_checked(str(folder)).name == "small"


def test_a_file_that_is_there_twice_needs_a_key_to_tell_rows_by(folder):
    text = TEXT.replace("    buses: {package: no_such_package, path: buses.csv}\n    towns: towns.xlsx\n", "")
    text = text.replace("trips.csv", '"*.csv"')
    (folder / "defs.yaml").write_text(text)
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("delay,bus\n20,a\n")
    [said] = checked_lines(folder)
    assert "files must differ where the table has no key, however b.csv holds the same as a.csv" in said
    (folder / "b.csv").write_text("delay,bus\n21,a\n")
    assert load_checked(str(folder)).name == "small"


def test_the_packaged_workflow_is_sound():
    assert load_checked("flights").name == "flights"


def test_whoever_runs_it_the_same_file_twice_is_refused(folder):
    text = TEXT.replace("    buses: {package: no_such_package, path: buses.csv}\n    towns: towns.xlsx\n", "")
    (folder / "defs.yaml").write_text(text.replace("trips.csv", '"*.csv"'))
    (folder / "a.csv").write_text("delay,bus\n20,a\n")
    workflow = load_checked(str(folder))
    (folder / "b.csv").write_text("delay,bus\n20,a\n")  # after the command line looked, or without it
    [step] = clean_steps(workflow)
    with pytest.raises(SpecError, match=r"defs.yaml:\d+: sources.trips: files must differ where the table has no key"):
        step.refuse()
