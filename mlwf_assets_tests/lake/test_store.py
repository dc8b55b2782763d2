"""The lake as its readers and writers see it, one process at a time."""

import datetime as dt
import math
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import deltalake
import duckdb
import hypothesis.strategies as st
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings

from mlwf_assets.errors import ConflictError, LakeError, SchemaError
from mlwf_assets.lake.result import Result
from mlwf_assets.lake.store import Lake
from mlwf_assets_tests.lake.toy import TABLE, check_whole, data_files, put, rows


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def plain(tmp_path, **options):
    return deltalake.DeltaTable(tmp_path / "lake" / TABLE, **options)


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
    assert plain(tmp_path).history(1)[0]["mlwf"]["restored_by"] == "run-2"
    assert lake.read(TABLE)["x"].to_pylist() == [1, 3]
    assert plain(tmp_path).to_pyarrow_table().sort_by("_partition")["x"].to_pylist() == [1, 3]
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
    assert plain(tmp_path).to_pyarrow_table()["x"].to_pylist() == [1, 2]
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


# Columns that change from partition to partition


def test_each_entry_keeps_its_own_columns_while_the_table_goes_on(lake):
    january = pa.table({"x": [1], "old": ["a"]})
    february = pa.table({"new": [dt.date(2013, 2, 1)], "x": [2]})
    entries = [put(lake, "1", january), put(lake, "2", february)]
    assert lake.read_entries(entries[:1]).equals(january)
    assert lake.read_entries(entries[1:]).equals(february)
    assert lake.read(TABLE).to_pylist() == [
        {"x": 1, "old": "a", "new": None},
        {"x": 2, "old": None, "new": dt.date(2013, 2, 1)},
    ]


def test_a_column_without_values_takes_the_type_of_the_others(lake, tmp_path):
    put(lake, "1", pa.table({"x": pa.nulls(2)}))
    put(lake, "2", pa.table({"x": [1.5]}))
    assert lake.read(TABLE).equals(pa.table({"x": [None, None, 1.5]}))
    assert lake.read(TABLE, ["1"]).schema.field("x").type == pa.string()
    assert plain(tmp_path).to_pyarrow_table()["x"].type == pa.float64()


def test_whole_numbers_and_others_read_as_numbers_and_stay_what_they_are(lake, tmp_path):
    put(lake, "1", rows(1, 2))
    put(lake, "2", rows(1.5))
    assert lake.read(TABLE).equals(pa.table({"x": [1.0, 2.0, 1.5]}))
    assert lake.read(TABLE, ["1"]).equals(rows(1, 2))
    assert sorted(plain(tmp_path).to_pyarrow_table()["x"].to_pylist()) == [1.0, 1.5, 2.0]
    put(lake, "3", rows(2**53 + 1))
    with pytest.raises(SchemaError, match="column 'x' must fit double, the type of other partitions, however"):
        lake.read(TABLE)


def test_types_that_do_not_go_together_are_never_read_together(lake, tmp_path):
    entries = [put(lake, "1", rows(1)), put(lake, "2", rows("one"))]
    assert [lake.read_entries([entry])["x"].to_pylist() for entry in entries] == [[1], ["one"]]
    with pytest.raises(SchemaError, match=r"column 'x' must have one type .*, however it is int64 and string; compute"):
        lake.read_entries(entries)
    # Other readers see text meanwhile, and the new type when all partitions have it.
    assert sorted(plain(tmp_path).to_pyarrow_table()["x"].to_pylist()) == ["1", "one"]
    put(lake, "2", rows(2))
    assert plain(tmp_path).to_pyarrow_table()["x"].type == pa.int64()


def test_a_column_that_no_partition_has_any_more_is_forgotten(lake, tmp_path):
    for partition in ("1", "2"):
        put(lake, partition, pa.table({"old": [1], "x": [1]}))
    put(lake, "1", rows(1))
    assert plain(tmp_path).to_pyarrow_table().column_names == ["old", "x", "_partition"]
    put(lake, "2", rows(2))
    assert plain(tmp_path).to_pyarrow_table().column_names == ["x", "_partition"]


def test_the_schema_of_the_table_is_written_only_where_it_changes(lake, tmp_path):
    table = pa.table(
        {
            "list": pa.array([[{"a": 1}]]),
            "time": pa.array([0], pa.timestamp("us", "America/New_York")),
            "naive": pa.array([0], pa.timestamp("us")),
            "small": pa.array([1], pa.int8()),
            "money": pa.array([1]).cast(pa.decimal128(38, 2)),
            "flag": [True],
            "bytes": [b"x"],
        }
    )
    for partition in ("1", "2", "3"):
        put(lake, partition, table)
    assert lake.read(TABLE, ["2"]).equals(table)
    logs = [path.read_text() for path in sorted((tmp_path / "lake" / TABLE / "_delta_log").glob("*.json"))]
    assert ["metaData" in log for log in logs] == [True, False, False]
    assert plain(tmp_path).to_pyarrow_table().num_rows == 3


def test_times_without_a_zone_may_come_later(lake, tmp_path):
    put(lake, "1", rows(1))
    put(lake, "2", pa.table({"x": [2], "naive": pa.array([0], pa.timestamp("us"))}))
    assert lake.read(TABLE)["naive"].to_pylist() == [None, dt.datetime(1970, 1, 1)]  # noqa: DTZ001 - naive is meant
    assert plain(tmp_path).to_pyarrow_table()["naive"].null_count == 1
    assert check_whole(lake) == 2


def test_names_of_columns_may_be_anything(lake, tmp_path):
    names = ["MAX(a.b), c;{}=\n", "temp__\"x\"__'y'", "ä ö", "id", "ID", ""]
    table = pa.table([pa.array([i]) for i in range(len(names))], names=names)
    put(lake, "1", table)
    assert lake.read(TABLE).equals(table)
    seen = plain(tmp_path).to_pyarrow_table().to_pylist()
    assert seen == [{name: i for i, name in enumerate(names) if name != "ID"} | {"_partition": "1"}]


# Two writers


class Meanwhile(Mapping):
    """Files of a result, during whose reading somebody else writes."""

    def __init__(self, happens):
        self._happens = happens
        self._done = False

    def __iter__(self):
        if not self._done:
            self._done = True
            self._happens()
        return iter(())

    def __len__(self):
        return 0

    def __getitem__(self, name):
        raise KeyError(name)


@pytest.mark.parametrize("before", [True, False], ids=["of an old partition", "of a new partition"])
def test_of_two_writers_the_slower_one_loses(lake, tmp_path, before):
    put(lake, "other", rows(0))
    if before:
        put(lake, "a", rows(0))
    other = Lake(tmp_path / "lake")
    files = Meanwhile(lambda: put(other, "a", rows(1), recipe="winner"))
    with pytest.raises(ConflictError, match=f"{TABLE} partition a must be written by one writer .* another one was"):
        put(lake, "a", rows(2), recipe="loser", files=files)
    assert lake.read(TABLE, ["a"])["x"].to_pylist() == [1]
    assert lake.find("loser") is None
    assert len(data_files(lake._folder)) == 2 + before, "the loser's file must not stay"


def test_of_two_writers_that_begin_a_table_one_wins(lake, tmp_path):
    other = Lake(tmp_path / "lake")
    with pytest.raises(ConflictError, match="another one was faster"):
        put(lake, None, rows(2), files=Meanwhile(lambda: put(other, None, rows(1))))
    with pytest.raises(LakeError, match="must be written with a partition as it was before"):
        put(lake, None, rows(2), name="t/o/y", files=Meanwhile(lambda: put(other, "p", rows(1), name="t/o/y")))
    assert lake.read(TABLE)["x"].to_pylist() == [1]


def test_writers_of_different_partitions_both_succeed(lake, tmp_path):
    other = Lake(tmp_path / "lake")
    put(lake, "a", rows(1))
    put(lake, "a", rows(3), files=Meanwhile(lambda: put(other, "b", pa.table({"x": [2.5], "new": ["n"]}))))
    assert lake.read(TABLE).to_pylist() == [{"x": 3.0, "new": None}, {"x": 2.5, "new": "n"}]
    assert check_whole(lake) == 2


# Other readers and other writers


def test_plain_tools_read_the_table(lake, tmp_path):
    put(lake, "2013-01", pa.table({"x": [1, 2]}))
    put(lake, "2013-02", pa.table({"x": [3.5]}))
    connection = duckdb.connect()
    connection.register("things", plain(tmp_path).to_pyarrow_dataset())
    assert connection.sql("SELECT _partition, sum(x) FROM things GROUP BY 1 ORDER BY 1").fetchall() == [
        ("2013-01", 3.0),
        ("2013-02", 3.5),
    ]
    frame = plain(tmp_path).to_pandas(filters=[("_partition", "=", "2013-02")])
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"x": [3.5], "_partition": ["2013-02"]}))
    assert plain(tmp_path, version=0).to_pyarrow_table()["x"].to_pylist() == [1, 2]


def test_a_commit_says_what_it_is(lake, tmp_path):
    entry = put(lake, "2013-01", rows(1), recipe="one", files={"f": b"x"})
    said = plain(tmp_path).history(1)[0]["mlwf"]
    assert said["recipe"] == "one"
    assert (said["fingerprint"], said["run_id"], said["rows"]) == (entry.fingerprint, "run", 1)
    assert said["files"] == entry.files
    halves = [plain(tmp_path).transaction_version(f"mlwf/{half}/2013-01") % 2**64 for half in ("high", "low")]
    assert "".join(f"{half:016x}" for half in halves) == entry.fingerprint
    kept = plain(tmp_path).metadata().configuration
    assert kept["delta.logRetentionDuration"] == kept["delta.deletedFileRetentionDuration"] == "interval 365 days"


def test_a_table_of_somebody_else_is_left_alone(lake, tmp_path):
    deltalake.write_deltalake(tmp_path / "lake" / TABLE, rows(1))
    assert lake.entries(TABLE) == {}
    with pytest.raises(LakeError, match="must be a table of the lake, however: nothing in its log says so; delete the"):
        put(lake, None, rows(2))
    assert plain(tmp_path).to_pyarrow_table()["x"].to_pylist() == [1]


def test_rows_that_somebody_else_took_away_count_as_missing(lake, tmp_path):
    for partition in ("a", "b"):
        put(lake, partition, rows(1, 2))
    plain(tmp_path).delete("_partition = 'a' AND x = 1")
    assert list(lake.entries(TABLE)) == ["b"]
    put(lake, "a", rows(1, 2))
    assert plain(tmp_path).to_pyarrow_table().num_rows == 4
    assert check_whole(lake) == 2


def test_compacting_changes_no_entry(lake, tmp_path):
    entries = [put(lake, partition, rows(1, 2)) for partition in ("a", "b")]
    plain(tmp_path).optimize.compact()
    plain(tmp_path).vacuum(dry_run=False)
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
