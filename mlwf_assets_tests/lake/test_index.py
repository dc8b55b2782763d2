"""The index is only memory: lost, torn, old or unwritable, it says what the logs say."""

import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import deltalake
import pytest

from mlwf_assets.errors import LakeError
from mlwf_assets.lake import delta
from mlwf_assets.lake.store import Lake
from mlwf_assets_tests.lake.toy import TABLE, check_whole, data_files, put, rows


@pytest.fixture
def folder(tmp_path):
    """A lake with a table of two partitions, one of them with an older version, and one without partitions."""
    lake = Lake(tmp_path)
    put(lake, "a", rows(1), recipe="old a")
    put(lake, "b", rows(2), recipe="b", files={"f": b"x"})
    put(lake, "a", rows(3), recipe="a", metadata={"checks": {"ok": True}})
    put(lake, None, rows(4), recipe="whole", name="toy/raw/whole")
    return tmp_path


def everything(folder):
    """All that a lake says: what its tables hold, and what its recipes made."""
    lake = Lake(folder)
    recipes = ("old a", "a", "b", "whole", "none")
    return [lake.entries(TABLE), lake.entries("toy/raw/whole"), [lake.find(recipe) for recipe in recipes]]


def database(folder):
    return folder / ".index" / "lake.db"


def empty_wal(folder):
    """Bring all that SQLite still holds beside the database into it."""
    connection = sqlite3.connect(database(folder))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def test_a_deleted_index_is_made_anew(folder):
    said = everything(folder)
    shutil.rmtree(folder / ".index")
    assert everything(folder) == said


def test_a_recipe_is_found_at_once_after_the_index_was_deleted(folder):
    found = Lake(folder).find("b")
    shutil.rmtree(folder / ".index")
    assert Lake(folder).find("b") == found


def zeros(content):
    return content[:4096] + bytes(len(content) - 4096)


@pytest.mark.parametrize(
    "damage",
    [lambda c: b"", lambda c: c[:5000], lambda c: b"no database at all" * 500, zeros, lambda c: bytes(len(c))],
    ids=["empty", "truncated", "another file", "zeroed pages", "zeroed"],
)
def test_a_damaged_index_is_made_anew(folder, damage):
    said = everything(folder)
    empty_wal(folder)
    database(folder).write_bytes(damage(database(folder).read_bytes()))
    assert everything(folder) == said
    assert sorted(path.name for path in folder.iterdir()) == [".blobs", ".index", ".lock", "toy"]


@pytest.mark.parametrize("part", ["lake.db", "lake.db-wal", "lake.db-shm"])
def test_a_part_of_the_index_may_go_while_it_is_in_use(folder, part):
    lake = Lake(folder)
    lake.entries(TABLE)
    empty_wal(folder)
    put(lake, "c", rows(1))
    (folder / ".index" / part).unlink()
    said = everything(folder)
    assert sorted(said[0]) == ["a", "b", "c"]
    put(lake, "c", rows(2))
    assert check_whole(Lake(folder)) == 3
    shutil.rmtree(folder / ".index")
    assert everything(folder)[2] == said[2]


def test_an_index_of_another_version_is_made_anew(folder):
    said = everything(folder)
    with sqlite3.connect(database(folder)) as connection:
        connection.execute("DROP TABLE entries")
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert everything(folder) == said


def test_an_index_that_vanishes_under_an_open_lake_does_not_matter(folder):
    lake, other = Lake(folder), Lake(folder)
    lake.entries(TABLE)
    shutil.rmtree(folder / ".index")
    entry = put(other, "a", rows(9), recipe="new")
    assert lake.entries(TABLE)["a"] == entry == lake.find("new")


def test_a_commit_that_the_index_did_not_see_is_caught_up_by_whoever_asks_first(folder):
    """What a kill between the commit and the index leaves: an index of before, a log of after."""
    empty_wal(folder)
    before = database(folder).read_bytes()
    lake = Lake(folder)
    new = put(lake, "a", rows(5), recipe="new")
    begun = put(lake, "p", rows(6), recipe="begun", name="toy/raw/begun")
    for ask in (
        lambda lake: lake.entry(TABLE, "a") == new,
        lambda lake: lake.entries(TABLE)["a"] == new,
        lambda lake: lake.find("new") == new,
        lambda lake: lake.read_entries([new])["x"].to_pylist() == [5],
        lambda lake: put(lake, "a", rows(7)).version > new.version and lake.find("new") == new,
    ):
        shutil.rmtree(folder / ".index")
        database(folder).parent.mkdir()
        database(folder).write_bytes(before)
        with sqlite3.connect(database(folder)) as connection:
            # What `write` tells the index before a table's first commit.
            connection.execute("INSERT INTO tables VALUES ('toy/raw/begun', -1, NULL)")
        connection.close()
        assert ask(Lake(folder))
        assert Lake(folder).find("begun") == begun


def test_a_table_that_was_deleted_and_begun_again_is_the_new_one(folder):
    lake = Lake(folder)
    shutil.rmtree(folder / TABLE)
    assert lake.entries(TABLE) == {}
    assert lake.find("a") is None
    for value in range(4):
        entry = put(lake, None, rows(value))
    assert Lake(folder).entries(TABLE) == {None: entry}
    assert lake.find("b") is None


def test_a_copied_lake_is_a_lake(folder, tmp_path_factory):
    copy = tmp_path_factory.mktemp("copy") / "lake"
    shutil.copytree(folder, copy, copy_function=shutil.copyfile)
    assert everything(copy) == everything(folder)
    put(Lake(copy), "a", rows(8))
    assert Lake(folder).entries(TABLE)["a"].rows == 1
    assert Lake(folder).read(TABLE)["x"].to_pylist() == [3, 2]


def test_what_commits_said_that_were_cleaned_up_is_learnt_from_the_files(folder):
    lake = Lake(folder)
    said = lake.entries(TABLE)
    put(lake, "c", rows(1))
    deltalake.DeltaTable(folder / TABLE).create_checkpoint()
    newest = put(lake, "c", rows(2))
    for version in range(newest.version):
        delta._commit_path(folder / TABLE, version).unlink()
    shutil.rmtree(folder / ".index")
    entries = Lake(folder).entries(TABLE)
    assert entries == {name: replace(entry, version=newest.version) for name, entry in said.items()} | {"c": newest}
    assert check_whole(Lake(folder)) == 3
    assert Lake(folder).find("old a") is None


def test_a_file_whose_fingerprint_is_not_the_logs_is_not_believed(folder):
    put(Lake(folder), "c", rows(1))
    deltalake.DeltaTable(folder / TABLE).create_checkpoint()
    put(Lake(folder), "d", rows(2))
    for version in range(4):
        delta._commit_path(folder / TABLE, version).unlink()
    shutil.rmtree(folder / ".index")
    files = {path.parent.name: path for path in data_files(folder) if "=a" not in str(path)}
    shutil.copyfile(files["_partition=b"], files["_partition=c"])
    assert sorted(Lake(folder).entries(TABLE)) == ["a", "b", "d"]


def test_a_long_log_with_checkpoints_goes_on(tmp_path):
    lake = Lake(tmp_path)
    put(lake, "1", rows(0))
    deltalake.DeltaTable(tmp_path / TABLE).alter.set_table_properties({"delta.checkpointInterval": "3"})
    for value in range(10):
        entry = put(lake, str(value % 2), rows(value % 4))
    assert len(list((tmp_path / TABLE / "_delta_log").glob("*.checkpoint.parquet"))) > 2
    assert lake.entries(TABLE)["1"] == entry
    shutil.rmtree(tmp_path / ".index")
    assert Lake(tmp_path).entries(TABLE)["1"] == entry
    assert check_whole(Lake(tmp_path)) == 2


_READ_WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
from mlwf_assets.lake.store import Lake
from mlwf_assets_tests.lake.toy import put, rows
lake = Lake(Path(sys.argv[1]))
if sys.argv[2] == "in use and behind":
    lake.find("b")
    put(Lake(Path(sys.argv[1])), "a", rows(5))
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
print(lake.read("toy/raw/things")["x"].to_pylist(), lake.find("b").version)
"""


@pytest.mark.parametrize("index", ["deleted", "behind", "in use and behind"])
def test_a_lake_that_cannot_be_written_can_be_read(folder, index):
    if index == "deleted":
        shutil.rmtree(folder / ".index")
    elif index == "behind":
        with sqlite3.connect(database(folder)) as connection:
            connection.execute("UPDATE tables SET version = 0, stamp = NULL")
        connection.close()
    command = [sys.executable, "-c", _READ_WITHOUT_ROOM, str(folder), index]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=root)
    assert done.stdout == f"[{5 if 'use' in index else 3}, 2] 1\n", done.stderr
    assert not list(folder.glob(".index.*"))


def test_a_damaged_table_does_not_hide_the_others(folder):
    delta._commit_path(folder / TABLE, 1).write_text("{torn")
    shutil.rmtree(folder / ".index")
    lake = Lake(folder)
    assert lake.find("whole").rows == 1
    assert lake.find("none") is None
    with pytest.raises(LakeError, match=r"00000001\.json must be a whole commit of the table toy/raw/things, however"):
        lake.entries(TABLE)


def test_a_child_process_of_an_open_lake_has_a_connection_of_its_own(folder):
    lake = Lake(folder)
    said = str(lake.entries(TABLE))
    child = os.fork()
    if child == 0:
        os._exit(0 if str(lake.entries(TABLE)) == said else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert str(lake.entries(TABLE)) == said
