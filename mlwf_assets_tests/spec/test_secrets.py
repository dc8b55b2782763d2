"""Secrets: named in the file, taken from the environment at the moment of use, shown nowhere."""

import traceback

import pytest

from mlwf_assets.errors import SourceError, SpecError
from mlwf_assets.lake.connectors import read_source, source_columns, source_fingerprint
from mlwf_assets.spec.loader import loads
from mlwf_assets.spec.secrets import resolve_secrets
from mlwf_assets_tests.spec.test_loader import SMALLEST
from mlwf_assets_tests.spec.toy import FILE, rows

SECRET = "hunter2-very-secret"  # noqa: S105 (made up)


@pytest.fixture
def _secret_is_set(monkeypatch):
    monkeypatch.setenv("MLWF_TEST_TOKEN", SECRET)


@pytest.mark.usefixtures("_secret_is_set")
def test_the_spec_keeps_the_name_and_not_the_value():
    workflow = loads(SMALLEST.replace("trips.csv", "'data-${env:MLWF_TEST_TOKEN}/trips.csv'"), file=FILE)
    assert SECRET not in repr(workflow) + workflow.model_dump_json()
    assert resolve_secrets(workflow.sources["trips"].path[0]) == f"data-{SECRET}/trips.csv"


@pytest.mark.usefixtures("_secret_is_set")
@pytest.mark.parametrize(
    "text",
    [
        SMALLEST.replace("trips.csv", "{path: '${env:MLWF_TEST_TOKEN}', format: '${env:MLWF_TEST_TOKEN}'}"),
        SMALLEST.replace("Is it late?", "'${env:MLWF_TEST_TOKEN}'"),
        SMALLEST.replace("label: late", "label: \"'${env:MLWF_TEST_TOKEN}' = late\""),
        SMALLEST.replace("trips.csv", "{path: a.csv, time: '${env:MLWF_TEST_TOKEN}'}"),
        SMALLEST.replace("trips.csv", "{rows: [{a: '${env:MLWF_TEST_TOKEN}'}]}"),
        SMALLEST.replace("trips.csv", "'${env:MLWF_TEST_TOKEN'"),
        SMALLEST.replace("trips.csv", "'${MLWF_TEST_TOKEN}'"),
    ],
)
def test_where_it_is_not_served_it_is_refused_and_not_shown(text):
    assert SECRET not in "\n".join(rows(text))


def test_rows_and_messages_show_the_name_and_not_the_value(tmp_path, monkeypatch):
    secret_folder = tmp_path / SECRET
    secret_folder.mkdir()
    monkeypatch.setenv("MLWF_TEST_TOKEN", str(secret_folder))
    (secret_folder / "trips.csv").write_text("late\n1\n")
    source = loads(SMALLEST.replace("trips.csv", "'${env:MLWF_TEST_TOKEN}/*.csv'"), file=FILE).sources["trips"]
    result = read_source(source, tmp_path)[None]
    assert result.table["_file"].to_pylist() == ["${env:MLWF_TEST_TOKEN}/trips.csv"]
    assert SECRET not in str(result.metadata) + str(result.files)
    named = source_fingerprint(source, tmp_path)
    (secret_folder / "trips.csv").write_bytes(b"")
    for read in (read_source, source_columns):
        with pytest.raises(SourceError, match=r"\$\{env:MLWF_TEST_TOKEN\}/trips.csv .*must hold") as caught:
            read(source, tmp_path)
        assert SECRET not in "".join(traceback.format_exception(caught.value))
    # The content names a source, wherever it lies.
    monkeypatch.setenv("MLWF_TEST_TOKEN", str(tmp_path))
    (tmp_path / "trips.csv").write_text("late\n1\n")
    assert source_fingerprint(source, tmp_path) == named


def test_all_that_are_not_set_are_named_at_once(monkeypatch):
    for name in ("MLWF_TEST_ONE", "MLWF_TEST_TWO"):
        monkeypatch.delenv(name, raising=False)
    found = rows(SMALLEST.replace("trips.csv", "['${env:MLWF_TEST_ONE}/${env:MLWF_TEST_TWO}']"))
    assert found == [
        f"trips/defs.yaml:5: sources.trips[0]: the environment variable {name} must be set, however: it is not; "
        f"export {name}=... first"
        for name in ("MLWF_TEST_ONE", "MLWF_TEST_TWO")
    ]


def test_a_variable_that_went_away_is_an_error(monkeypatch):
    monkeypatch.delenv("MLWF_TEST_TOKEN", raising=False)
    with pytest.raises(SpecError, match="the environment variable MLWF_TEST_TOKEN must be set"):
        resolve_secrets("${env:MLWF_TEST_TOKEN}")


@pytest.mark.usefixtures("_secret_is_set")
def test_a_value_that_looks_like_a_reference_is_not_resolved_again(monkeypatch):
    monkeypatch.setenv("MLWF_TEST_ONE", "${env:MLWF_TEST_TOKEN}")
    assert resolve_secrets("${env:MLWF_TEST_ONE}") == "${env:MLWF_TEST_TOKEN}"
