"""The lake as its readers and writers see it, one process at a time."""

import math
import re
import subprocess
import sys
from pathlib import Path

import deltalake
import duckdb
import hypothesis.strategies as st
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings

from mlwf_assets.errors import LakeError, SchemaError
from mlwf_assets.lake.result import Result
from mlwf_assets.lake.store import Lake
from mlwf_assets_tests.lake.toy import TABLE, check_whole, data_files, plain, put, rows

# Writing and reading


def test_what_is_written_is_read_by_any_lake_of_the_folder(lake, tmp_path):
    table = pa.table({"x": [3, 1, None], "t": ["a", None, "c"]})
    entry = lake.write(
        TABLE,
        "2013-01",
        Result(table, files={"f.json": b"{}"}, metadata={"nan": math.nan, "list": (1, 2)}, key=("x",)),
        recipe="recipe",
        run_id="run-1",
        seconds=1.5,
    )
    assert (entry.table, entry.partition, entry.version, entry.rows) == (TABLE, "2013-01", 0, 3)
    assert (entry.recipe, entry.run_id, entry.seconds) == ("recipe", "run-1", 1.5)
    assert entry.metadata["list"] == [1, 2]
    other = Lake(tmp_path / "lake")
    assert str(other.entries(TABLE)) == str({"2013-01": entry})
    assert str(other.entry(TABLE, "2013-01")) == str(entry)
    assert other.read(TABLE).equals(table)
    assert other.file_bytes(entry, "f.json") == b"{}"
    assert check_whole(other) == 1


def test_a_partition_is_replaced_and_no_other_row(lake):
    for partition in ("a", "b", "c"):
        put(lake, partition, rows(1, 2))
    put(lake, "b", rows(7))
    assert {name: entry.version for name, entry in lake.entries(TABLE).items()} == {"a": 0, "b": 3, "c": 2}
    assert lake.read(TABLE)["x"].to_pylist() == [1, 2, 7, 1, 2]
    assert lake.read(TABLE, ["c", "b"])["x"].to_pylist() == [1, 2, 7]
    assert lake.read(TABLE).column_names == ["x"]


def test_a_table_without_partitions_is_replaced_as_a_whole(lake):
    put(lake, None, rows(1, 2))
    entry = put(lake, None, rows(3))
    assert lake.entries(TABLE) == {None: entry}
    assert lake.entry(TABLE) == entry
    assert lake.read(TABLE)["x"].to_pylist() == [3]


@pytest.mark.parametrize(("first", "second", "words"), [("a", None, "with a"), (None, "a", "without a")])
def test_a_write_that_would_replace_more_than_it_names_is_refused(lake, first, second, words):
    put(lake, first, rows(1))
    with pytest.raises(LakeError, match=f"must be written {words} partition as it was before, however: .*{second}"):
        put(lake, second, rows(2))
    assert lake.read(TABLE)["x"].to_pylist() == [1]
    assert len(data_files(lake._folder)) == 1


def test_an_empty_result_stands_with_its_columns(lake):
    empty = pa.table({"x": pa.array([], pa.int32()), "t": pa.array([], pa.timestamp("us", "UTC"))})
    entry = put(lake, "a", empty)
    assert entry.rows == 0
    assert lake.entries(TABLE) == {"a": entry}
    assert lake.read(TABLE).schema == empty.schema
    put(lake, "b", pa.table({"x": [1.5], "t": ["text"]}))
    assert lake.read(TABLE).to_pylist() == [{"x": 1.5, "t": "text"}]
    put(lake, "b", empty)
    assert lake.read(TABLE).num_rows == 0


def test_what_is_not_there_is_empty_or_said(lake, tmp_path):
    assert lake.entries(TABLE) == {}
    assert lake.entry(TABLE, "a") is None
    assert lake.find("recipe") is None
    with pytest.raises(LakeError, match=f"there must be a table {TABLE} in .*, however: there is none; run it first"):
        lake.read(TABLE)
    assert not (tmp_path / "lake").exists(), "looking must leave nothing behind"
    entry = put(lake, "a", rows(1))
    with pytest.raises(LakeError, match="must have the partitions b, however it has: a; run them first"):
        lake.read(TABLE, ["a", "b"])
    with pytest.raises(LakeError, match=r"partition a version 0 must have a file 'f', however: it has \[\]"):
        lake.file_bytes(entry, "f")
    with pytest.raises(LakeError, match="at least one entry must be read"):
        lake.read_entries([])


@pytest.mark.parametrize("name", ["", "a/b", "a/b/c/d", "../a/b", "a//b", ".a/b/c", "a/b/c d", "/a/b"])
def test_a_name_that_is_none_is_refused(lake, name):
    with pytest.raises(LakeError, match="a table's name must be WORKFLOW/GROUP/NAME"):
        put(lake, None, rows(1), name=name)
    with pytest.raises(LakeError, match="a table's name must be WORKFLOW/GROUP/NAME"):
        lake.entries(name)


def test_what_the_lake_cannot_keep_is_refused_before_anything_is_written(lake):
    with pytest.raises(SchemaError, match=r"no column .* may have the name '_partition'"):
        put(lake, "a", pa.table({"_Partition": ["a"]}), recipe="r")
    with pytest.raises(SchemaError, match=r"the key \('x',\) must be unique"):
        put(lake, "a", rows(1, 1), key=("x",))
    with pytest.raises(SchemaError, match="must have a form in Parquet"):
        put(lake, "a", pa.table({"s": pa.array([{}], pa.struct([]))}), recipe="r")
    with pytest.raises(LakeError, match="must have a name, however: ''"):
        put(lake, "", rows(1))
    assert lake.entries(TABLE) == {}
    assert data_files(lake._folder) == []


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), unique=True, min_size=2, max_size=3))
@settings(max_examples=10, deadline=None)
def test_partitions_may_have_any_name(tmp_path_factory, names):
    lake = Lake(tmp_path_factory.mktemp("lake"))
    for number, name in enumerate(names):
        put(lake, name, rows(number))
    put(lake, names[0], rows(99))
    assert [lake.read(TABLE, [name])["x"].to_pylist() for name in names] == [[99], *([n] for n in range(1, len(names)))]
    others = deltalake.DeltaTable(lake._folder / TABLE).to_pyarrow_table().to_pylist()
    wanted = [(name, 99 if number == 0 else number) for number, name in enumerate(names)]
    assert sorted((row["_partition"], row["x"]) for row in others) == sorted(wanted)


# Entries, recipes, older versions


def test_every_version_can_be_read_again(lake):
    entries = [put(lake, "a", rows(value)) for value in (1, 2, 3)]
    put(lake, "b", rows(4))
    assert [lake.read_entries([entry])["x"].to_pylist() for entry in entries] == [[1], [2], [3]]
    assert lake.read_entries([entries[2], entries[0]])["x"].to_pylist() == [3, 1]


def test_a_recipe_finds_its_result_current_or_older(lake):
    old = put(lake, "a", rows(1), recipe="one")
    new = put(lake, "a", rows(2), recipe="two")
    assert (lake.find("one"), lake.find("two"), lake.find("three")) == (old, new, None)


def test_a_result_whose_file_is_gone_is_found_no_more_and_counts_as_missing(lake):
    put(lake, "a", rows(1), recipe="one")
    old = data_files(lake._folder)[0]
    put(lake, "a", rows(2), recipe="two")
    old.unlink()
    assert lake.find("one") is None
    data_files(lake._folder)[0].write_bytes(b"torn")
    assert lake.find("two") is None
    assert lake.entries(TABLE) == {}
    assert lake.entry(TABLE, "a") is None
    put(lake, "a", rows(2), recipe="two")
    assert check_whole(lake) == 1


def test_an_entry_whose_attached_file_is_gone_counts_as_missing(lake):
    put(lake, "a", rows(1), files={"f": b"x"})
    blob = next(path for path in (lake._folder / ".blobs").rglob("*") if path.is_file())
    blob.unlink()
    assert lake.entries(TABLE) == {}
    put(lake, "a", rows(1), files={"f": b"x"})
    assert check_whole(lake) == 1


def test_an_older_result_is_restored_without_being_written_again(lake, tmp_path):
    old = put(lake, "a", rows(1), recipe="one", files={"f": b"x"})
    put(lake, "a", rows(2), recipe="two")
    put(lake, "b", rows(3))
    before = data_files(lake._folder)
    restored = lake.restore(old, run_id="run-2")
    assert lake.entries(TABLE)["a"] == restored == lake.find("one")
    assert (restored.version, restored.fingerprint, restored.recipe) == (3, old.fingerprint, "one")
    assert restored.run_id == "run", "the run that computed it"
    assert plain(tmp_path / "lake").history(1)[0]["mlwf"]["restored_by"] == "run-2"
    assert lake.read(TABLE)["x"].to_pylist() == [1, 3]
    assert plain(tmp_path / "lake").to_pyarrow_table().sort_by("_partition")["x"].to_pylist() == [1, 3]
    assert data_files(lake._folder) == before
    assert check_whole(lake) == 2


def test_what_is_gone_cannot_be_restored(lake, tmp_path):
    old = put(lake, "a", rows(1))
    data_files(lake._folder)[0].unlink()
    with pytest.raises(LakeError, match=f"{TABLE} partition a version 0 must still be on the disk, .*; run again"):
        lake.restore(old, run_id="run")
    with pytest.raises(LakeError, match=r"version 0 must be in .*, however: it is not"):
        Lake(tmp_path / "other").restore(old, run_id="run")


def test_the_same_content_keeps_its_file_and_gets_an_entry_of_its_own(lake, tmp_path):
    first = put(lake, "a", rows(1, 2), recipe="one")
    second = put(lake, "a", rows(2, 1), recipe="two", metadata={"note": "recomputed"})
    assert (second.version, second.fingerprint) == (1, first.fingerprint)
    assert lake.entries(TABLE) == {"a": second}
    assert (lake.find("one"), lake.find("two")) == (first, second)
    assert len(data_files(lake._folder)) == 1
    assert plain(tmp_path / "lake").to_pyarrow_table()["x"].to_pylist() == [1, 2]
    assert check_whole(lake) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4), st.floats(0, 1e7))
@settings(max_examples=15, deadline=None)
def test_what_an_entry_says_comes_back_digit_for_digit(tmp_path_factory, metadata, seconds):
    lake = Lake(tmp_path_factory.mktemp("lake"))
    result = Result(rows(1), metadata=metadata)
    entry = lake.write(TABLE, "a", result, recipe="r", run_id="run", seconds=seconds)
    assert repr(Lake(lake._folder).entry(TABLE, "a")) == repr(entry)
    assert repr(entry.metadata) == repr(metadata)
    assert entry.seconds == pytest.approx(seconds, abs=1e-3)


# Other readers and other writers


def test_plain_tools_read_the_table(lake, tmp_path):
    put(lake, "2013-01", pa.table({"x": [1, 2]}))
    put(lake, "2013-02", pa.table({"x": [3.5]}))
    connection = duckdb.connect()
    connection.register("things", plain(tmp_path / "lake").to_pyarrow_dataset())
    assert connection.sql("SELECT _partition, sum(x) FROM things GROUP BY 1 ORDER BY 1").fetchall() == [
        ("2013-01", 3.0),
        ("2013-02", 3.5),
    ]
    frame = plain(tmp_path / "lake").to_pandas(filters=[("_partition", "=", "2013-02")])
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"x": [3.5], "_partition": ["2013-02"]}))
    assert plain(tmp_path / "lake", version=0).to_pyarrow_table()["x"].to_pylist() == [1, 2]


def test_a_commit_says_what_it_is(lake, tmp_path):
    entry = put(lake, "2013-01", rows(1), recipe="one", files={"f": b"x"})
    said = plain(tmp_path / "lake").history(1)[0]["mlwf"]
    assert said["recipe"] == "one"
    assert (said["fingerprint"], said["run_id"], said["rows"]) == (entry.fingerprint, "run", 1)
    assert said["files"] == entry.files
    halves = [plain(tmp_path / "lake").transaction_version(f"mlwf/{half}/2013-01") % 2**64 for half in ("high", "low")]
    assert "".join(f"{half:016x}" for half in halves) == entry.fingerprint
    kept = plain(tmp_path / "lake").metadata().configuration
    assert kept["delta.logRetentionDuration"] == kept["delta.deletedFileRetentionDuration"] == "interval 365 days"


def test_a_table_of_somebody_else_is_left_alone(lake, tmp_path):
    deltalake.write_deltalake(tmp_path / "lake" / TABLE, rows(1))
    assert lake.entries(TABLE) == {}
    with pytest.raises(LakeError, match="must be a table of the lake, however: nothing in its log says so; delete the"):
        put(lake, None, rows(2))
    assert plain(tmp_path / "lake").to_pyarrow_table()["x"].to_pylist() == [1]


def test_rows_that_somebody_else_took_away_count_as_missing(lake, tmp_path):
    for partition in ("a", "b"):
        put(lake, partition, rows(1, 2))
    plain(tmp_path / "lake").delete("_partition = 'a' AND x = 1")
    assert list(lake.entries(TABLE)) == ["b"]
    put(lake, "a", rows(1, 2))
    assert plain(tmp_path / "lake").to_pyarrow_table().num_rows == 4
    assert check_whole(lake) == 2


def test_compacting_changes_no_entry(lake, tmp_path):
    entries = [put(lake, partition, rows(1, 2)) for partition in ("a", "b")]
    plain(tmp_path / "lake").optimize.compact()
    plain(tmp_path / "lake").vacuum(dry_run=False)
    assert list(lake.entries(TABLE).values()) == entries
    put(lake, "a", rows(3))
    assert check_whole(lake) == 2


def test_looking_at_the_lake_loads_nothing_heavy(lake):
    put(lake, "a", rows(1))
    code = (
        "import sys; from pathlib import Path; from mlwf_assets.lake.store import Lake; "
        "lake = Lake(Path(sys.argv[1])); lake.entries('toy/raw/things'); lake.find('r'); lake.read('toy/raw/things'); "
        "print([name for name in ('deltalake', 'duckdb', 'pandas') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(lake._folder)]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout == "[]\n"


def test_what_the_documentation_shows_works(lake, tmp_path, monkeypatch):
    put(lake, None, rows(1), name="flights/features/matrix")
    with monkeypatch.context() as patch:  # the page looks back to version 7, and to a day of 2024
        patch.setattr("mlwf_assets.lake.store._now_s", lambda: 1.7e9)
        for version in range(6):
            put(lake, "2013-01", rows(version), name="flights/clean/flights")
        for partition in ("2013-01", "2013-02"):
            put(lake, partition, rows(1, 2), name="flights/clean/flights")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLWF_HOME", str(tmp_path))
    page = (Path(__file__).parents[2] / "docs" / "lake.md").read_text()
    shown = {}
    exec("".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)), shown)  # noqa: S102 - our own page
    assert shown["frame"]["x"].tolist() == [1, 2]
    assert shown["lake"].read("flights/clean/flights").num_rows == 4
