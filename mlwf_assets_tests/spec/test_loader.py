"""Finding workflow files and reading them: folders, names, all mistakes at once, nothing of ours in the messages."""

import os
from pathlib import Path

import pytest

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.loader import distinct_folders, find, load, loads, mistake, name_in, workflow_folders
from mlwf_assets_tests.spec.toy import FILE, TEXT, edited, line, rows

SMALLEST = """\
type: mlwf_assets.MLWorkflow
attributes:
  name: small
  project: {question: Is it late?}
  sources: {trips: trips.csv}
  examples: {table: trips, label: late}
"""


def write(folder, text=SMALLEST):
    folder.mkdir(parents=True)
    (folder / "defs.yaml").write_text(text, encoding="utf-8")
    return folder


def test_one_source_and_a_target_are_a_whole_workflow():
    workflow = loads(SMALLEST, file=FILE)
    assert workflow.tables["trips"].sources == ("trips",)
    assert workflow.example_key == ("_row_id",)
    assert (workflow.splits.by, workflow.models.families) == ("random", ("linear", "lightgbm", "tabm"))


def test_several_mistakes_are_reported_at_once_in_the_order_of_the_file():
    text = edited("    question: Is", "    qestion: Is")  # a misspelt field that must be there
    text = text.replace("check: distance > 0", "check: distance >>> 0")  # SQL
    text = text.replace("- trips.goal -> towns.town", "- trips.goal -> cities.town")  # an unknown table
    text = text.replace("test: 2013-11-01", "test: 2019-11-01")  # outside the partitions
    text = text.replace("budget: 20s", "folds: many")  # a wrong type
    text = text.replace(
        "  deployment: {registered_model: trip-late}\n",  # unknown, and a name that stands twice
        "  deployment:\n    registered_model: trip-late\n    question: twice\n    alias: v1\n    alias: v2\n",
    )
    found = rows(text)
    wanted = {
        "project.qestion: unknown field": "qestion",
        "tables.trips.rules[0].check: must be SQL": "check: distance >>>",
        "relationships[1]: there must be a table 'cities'": "cities",
        "splits.test: must begin inside": "test: 2019",
        "models.folds: must be a whole number": "folds: many",
        "deployment.question: unknown field": "question: twice",
        "deployment.alias: is written twice": "alias: v2",
        "deployment.alias: must be letters": "alias: v2",  # the first of the two counts
    }
    numbers = [int(row.split(":")[1]) for row in found]
    assert numbers == sorted(numbers)
    for words, part in wanted.items():
        assert sum(f":{line(text, part)}: {words}" in row for row in found) == 1, (words, found)
    assert len(found) == len(wanted)


def test_ten_mistakes_are_shown_and_the_others_counted():
    text = edited(
        "    relational: {transforms: [weekday, month]", f"    relational: {{transforms: {list('abcdefghijklm')}"
    )
    found = rows(text)
    assert len(found) == 11
    assert found[-1] == "... and 3 more"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "trips/defs.yaml:1: must begin with 'type: mlwf_assets.MLWorkflow', followed by 'attributes:'"),
        ("# nothing\n", "must begin with"),
        ("- a\n", "must begin with"),
        ("flights", "must begin with"),
        ("attributes: {}", "type: must be mlwf_assets.MLWorkflow, however: None"),
        (
            "type: dagster.X\nattributes: {}",
            "trips/defs.yaml:1: type: must be mlwf_assets.MLWorkflow, however: 'dagster.X'",
        ),
        ("type: mlwf_assets.MLWorkflow", "attributes: must be a mapping with the fields of the workflow, name first"),
        ("type: mlwf_assets.MLWorkflow\nattributes: [1]", "trips/defs.yaml:2: attributes: must be a mapping"),
        (SMALLEST + "atributes: {}", "trips/defs.yaml:7: atributes: unknown field. Did you mean 'attributes'?"),
        (SMALLEST + "attributes: {}", "trips/defs.yaml:7: attributes: is written twice, first in line 2"),
    ],
)
def test_what_stands_around_the_attributes_is_checked_too(text, words):
    assert any(words in row for row in rows(text))


def test_what_follows_only_from_a_misspelt_field_is_not_reported():
    found = rows(edited("    towns: {key: [town]}", "    towns: {kye: [town]}"))
    assert found == ["trips/defs.yaml:39: tables.towns.kye: unknown field. Did you mean 'key'?"]


def test_pydantic_does_not_show():
    for text in (
        edited("key: [bus]", "key: {bus: 1}"),
        edited("sources:\n", "sources: 5\n  x:\n"),
        edited("min: 0, max: 500", "min: [1]"),
    ):
        for row in rows(text):
            assert not any(
                word in row for word in ("Input", "input", "pydantic", "validation", "Value error", "files", "int_")
            )


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SpecError, match=r"nowhere/defs.yaml: there must be a file defs.yaml, however: there is none"):
        load(tmp_path / "nowhere")


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "defs.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(SpecError, match=r"defs.yaml: must be a readable UTF-8 text file, however: 'utf-8' codec"):
        load(tmp_path)


def test_a_folder_in_place_of_the_file_is_named(tmp_path):
    (tmp_path / "defs.yaml").mkdir()
    with pytest.raises(SpecError, match=r"must be a readable UTF-8 text file, however: .*Is a directory"):
        load(tmp_path)


def test_windows_line_ends_and_a_byte_order_mark_are_read(tmp_path):
    (tmp_path / "defs.yaml").write_bytes(b"\xef\xbb\xbf" + SMALLEST.replace("\n", "\r\n").encode())
    assert load(tmp_path).line_of(("examples", "label")) == 6


def test_the_path_is_shown_from_here_where_it_is_below(tmp_path, monkeypatch):
    write(tmp_path / "a", SMALLEST.replace("late}", "'late >'}"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match=r"^a/defs.yaml:6: examples.label: must be SQL"):
        load(tmp_path / "a")
    monkeypatch.chdir("/")
    with pytest.raises(SpecError, match=r"a/defs.yaml:6: examples.label: must be SQL"):
        load(tmp_path / "a")


def test_a_later_mistake_is_told_in_the_same_form():
    workflow = loads(TEXT, file=FILE)
    error = mistake(workflow, ("sources", "buses", "path"), "no such file")
    assert str(error) == f"trips/defs.yaml:{line(TEXT, 'path: buses.csv')}: sources.buses.path: no such file"
    assert (
        workflow.locate(("tables", "trips", "rules", 1, "check")) == "trips/defs.yaml:33: tables.trips.rules[1].check"
    )


def test_what_is_written_is_told_from_what_was_filled_in():
    workflow = loads(SMALLEST, file=FILE)
    assert workflow.is_written(("examples", "label"))
    assert not workflow.is_written(("tables", "trips"))
    assert workflow.line_of(("tables", "trips")) == 2


def test_workflows_are_found_in_the_package_and_in_the_folders_of_the_variable(tmp_path, monkeypatch):
    one, two = write(tmp_path / "many" / "one"), write(tmp_path / "two", SMALLEST.replace("small", "other"))
    monkeypatch.setenv("MLWF_WORKFLOWS", os.pathsep.join([str(tmp_path / "many"), " ", str(two), str(one)]))
    assert [name_in(folder) for folder in workflow_folders()] == ["flights", "small", "other"]
    assert find("other") == find("two") == two
    assert find("flights").parent.name == "workflows"


def test_two_workflows_of_one_name_are_refused_where_all_are_shown(tmp_path, monkeypatch):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "defs.yaml").write_text("attributes:\n  name: same\n")
    monkeypatch.setenv("MLWF_WORKFLOWS", str(tmp_path))
    with pytest.raises(SpecError, match=r"name of its own, however .*one and .*two are both called 'same'; change"):
        distinct_folders()


def test_a_variable_that_names_no_folder_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("MLWF_WORKFLOWS", str(tmp_path / "nowhere"))
    with pytest.raises(SpecError, match=r"MLWF_WORKFLOWS must name folders, separated by ':', however: .*nowhere"):
        workflow_folders()


def test_a_workflow_is_found_by_path(tmp_path, monkeypatch):
    folder = write(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert find("mine") == find("./mine") == find("mine/defs.yaml") == find(str(folder)) == folder
    monkeypatch.chdir(folder)
    assert find(".") == find("defs.yaml") == folder


def test_a_packaged_name_wins_over_a_folder_here(tmp_path, monkeypatch):
    write(tmp_path / "flights")
    monkeypatch.chdir(tmp_path)
    assert find("flights").parent.name == "workflows"
    assert find("./flights") == tmp_path / "flights"


def test_an_unknown_workflow_is_named_with_a_near_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        SpecError, match=r"a workflow or a folder 'fligths'. Did you mean 'flights'\? MLWF_WORKFLOWS adds"
    ):
        find("fligths")
    with pytest.raises(SpecError, match=r"./x: there must be a folder with a defs.yaml, however: there is none"):
        find("./x")


def test_a_broken_file_still_has_a_name(tmp_path):
    assert name_in(write(tmp_path / "broken", "attributes: [")) == "broken"
    assert name_in(write(tmp_path / "half", "attributes: {name: whole, nmae: 1}")) == "whole"
    assert name_in(Path(tmp_path / "nowhere")) == "nowhere"
