"""docs/workflow-file.md: what is written by the code is up to date, and what is written by hand is true."""

import re
from pathlib import Path

import pytest

import mlwf_assets
from mlwf_assets.spec.fields import inner_models, models_at
from mlwf_assets.spec.functions import FUNCTIONS
from mlwf_assets.spec.loader import loads
from mlwf_assets.spec.not_yet import NOT_YET
from mlwf_assets.spec.reference import put_into, render
from mlwf_assets.spec.workflow import Workflow
from mlwf_assets_tests.spec.toy import FILE, rows

DOCUMENT = Path(mlwf_assets.__file__).parent.parent / "docs" / "workflow-file.md"


@pytest.fixture(scope="module")
def document():
    return DOCUMENT.read_text(encoding="utf-8")


def all_models(model=Workflow, seen=()):
    yield model
    for field in model.model_fields.values():
        for inner in inner_models(field.annotation):
            yield from all_models(inner)


def test_the_document_holds_what_the_code_says(document):
    assert put_into(document) == document, "run: python -m mlwf_assets.spec.reference docs/workflow-file.md"


def test_every_field_has_words_and_every_part_too():
    for model in all_models():
        assert model.__doc__, model
        for name, field in model.model_fields.items():
            assert field.description, (model, name)
            assert field.description.endswith((".", "'", ")")), (model, name, field.description)


def test_every_field_every_link_and_every_function_is_found(document):
    for model in all_models():
        for name in model.model_fields:
            assert f"| `{name}` |" in document
    anchors = {re.sub(r"[^a-z_-]", "", title.lower()) for title in re.findall(r"^### (.*)$", document, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]*)\)", document)) <= anchors
    assert all(f"`{name}`" in document for names in FUNCTIONS.values() for name in names)


def test_what_is_not_served_is_marked(document):
    marked = {row.split("`")[1] for row in document.split("\n") if "*Not yet.*" in row}
    assert marked == {item.pattern[-1] for item in NOT_YET}


def test_fields_that_are_not_served_exist():
    for item in NOT_YET:
        place = tuple("x" if part == "*" else part for part in item.pattern)
        assert any(place[-1] in model.model_fields for model in models_at(place[:-1])), item


def test_the_smallest_workflow_of_the_document_is_one(document):
    (text,) = re.findall(r"```yaml\n(.*?)```", document, re.DOTALL)
    assert loads(text, file=FILE).examples.table == "trips"
    broken = text.replace("table: trips", "table: trip") + "  splits: {by: random, tset: 0.2}\n"
    (shown,) = re.findall(r"```\n(trips/.*?)```", document, re.DOTALL)
    assert rows(broken) == shown.strip().split("\n")


def test_links_to_files_lead_somewhere(document):
    for target in re.findall(r"\]\((?!#|http)([^)]*)\)", document):
        assert (DOCUMENT.parent / target).exists(), target


def test_a_document_without_marks_is_refused():
    with pytest.raises(ValueError, match="the document must hold <!-- fields"):
        put_into("# nothing")
    assert render().startswith("### `attributes`")
