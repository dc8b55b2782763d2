"""The file that is written: short, with evidence, and never over another."""

import pytest

from mlwf_assets.drafting.draft import draft, save
from mlwf_assets.drafting.writing import scalar, write
from mlwf_assets.errors import SpecError
from mlwf_assets.lake.connectors import read_source
from mlwf_assets.spec.loader import load
from mlwf_assets.spec.yaml_text import parse_yaml
from mlwf_assets_tests.drafting.toy import write_csv, write_shop


def test_the_evidence_stands_beside_what_follows_from_it(tmp_path):
    text = write(draft(write_shop(tmp_path / "files"), target="outcome", out=tmp_path / "out"))
    assert len(text.splitlines()) < 60
    assert all(len(line) <= 120 for line in text.splitlines() if "path:" not in line)
    for words in (
        "# 602 rows",
        "# 2 rows repeat others, and are taken once",
        "1 value is no number, e.g. 'teuer': its row goes to quarantine",
        "# 100 % of 602 values are among customers.id",
        "# 99.8 % of 602 values are among products.sku",
        "# later than ordered in 100 % of the rows: not known by then",
    ):
        assert words in text


def test_paths_lead_from_the_workflows_folder_to_the_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = draft(write_shop(tmp_path / "files"), target="outcome", out=tmp_path / "deep" / "out")
    save(made.file, write(made))
    monkeypatch.chdir("/")
    workflow = load(made.folder)
    assert workflow.sources["customers"].path == ("../../files/customers.jsonl",)
    assert read_source(workflow.sources["orders"], workflow.folder)[None].table.num_rows == 602


def test_many_files_become_a_pattern(tmp_path):
    for year in range(2019, 2024):
        write_csv(tmp_path / "files" / f"trips_{year}.csv", "id,y", [(year * 100 + i, i % 2) for i in range(10)])
    made = draft(tmp_path / "files", target="y", out=tmp_path / "files")
    assert "trips: trips_*.csv " in write(made)


def test_an_existing_file_is_never_written_over(tmp_path):
    files = write_csv(tmp_path / "t.csv", "id,y", [(i, i % 2) for i in range(40)])
    made = draft(files, target="y", out=tmp_path / "out")
    save(made.file, "mine")
    for again in (lambda: draft(files, target="y", out=tmp_path / "out"), lambda: save(made.file, "other")):
        with pytest.raises(SpecError, match="exists already, and is never written over; choose another folder"):
            again()
    assert made.file.read_text() == "mine"
    (tmp_path / "file").write_text("")
    with pytest.raises(SpecError, match="must be a folder, however it is a file"):
        save(tmp_path / "file" / "defs.yaml", "")


def test_a_name_that_is_none_is_answered_by_one_that_is(tmp_path):
    with pytest.raises(SpecError, match=r"however: 'My Trips'; e\.g\. my_trips"):
        draft(tmp_path / "t.csv", name="My Trips")


def test_a_column_with_a_name_of_ours_is_refused_before_anything_is_written(tmp_path):
    files = write_csv(tmp_path / "t.csv", "id,_row_id,y", [(i, i, i % 2) for i in range(40)])
    with pytest.raises(SpecError, match="has a column '_row_id', a name of ours; rename it in the source"):
        write(draft(files, target="y", out=tmp_path / "out"))


@pytest.mark.parametrize(
    "text", ["a: b", "x # y", "- a", "[a]", 'say "a"', "it's", "a\\b", "\x07", "null", "1e5", " a", "ü"]
)
def test_texts_are_written_so_that_yaml_reads_the_same(text):
    assert parse_yaml(f"a: {scalar(text)}").data == {"a": text}
    assert parse_yaml(f"[{scalar(text)}, b]").data == [text, "b"]
