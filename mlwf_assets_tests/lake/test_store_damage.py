"""Files that were torn, disks that are full: a clear word, and everything else as it was."""

import re
import resource
import signal
import subprocess
import sys

import deltalake
import pyarrow as pa
import pytest

from mlwf_assets.errors import LakeError
from mlwf_assets.lake.store import Lake
from mlwf_assets_tests.lake.toy import TABLE, check_whole, data_files, put, rows


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path)
    put(lake, "a", pa.table({"x": range(50_000)}), recipe="a", files={"model": b"m" * 100})
    put(lake, "b", rows(1), recipe="b")
    return lake


def file_of(lake, partition):
    return next(path for path in data_files(lake._folder) if f"={partition}" in str(path))


@pytest.mark.parametrize("damage", ["truncated", "flipped", "gone", "another"])
def test_rows_that_are_not_whole_are_never_read(lake, damage):
    entry = lake.entry(TABLE, "a")
    path = file_of(lake, "a")
    content = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "another":
        path.write_bytes(file_of(lake, "b").read_bytes())
    else:
        content[len(content) // 3] ^= 1
        path.write_bytes(content[: len(content) - (100 if damage == "truncated" else 0)])
    with pytest.raises(
        LakeError, match=rf"{re.escape(str(path))} must be a whole Parquet file.*; delete it\. Run again"
    ):
        lake.read_entries([entry])
    assert lake.read(TABLE, ["b"])["x"].to_pylist() == [1]


def test_the_remedy_helps(lake):
    """Whoever deletes what is damaged, as the message says, and runs again, has a whole lake again."""
    entry = lake.entry(TABLE, "a")
    file_of(lake, "a").unlink()
    assert lake.find("a") is None
    put(lake, "a", pa.table({"x": range(50_000)}), recipe="a", files={"model": b"m" * 100})
    assert lake.entry(TABLE, "a").fingerprint == entry.fingerprint
    assert check_whole(lake) == 2


@pytest.mark.parametrize("content", [b"", b"{", b'{"commitInfo":{"mlwf":{}}}', b"[]", b"\xff\x00"], ids=repr)
@pytest.mark.parametrize("version", [0, 1])
def test_a_torn_commit_is_named(lake, tmp_path, content, version):
    path = tmp_path / TABLE / "_delta_log" / f"{version:020}.json"
    path.write_bytes(content)
    (tmp_path / ".index" / "lake.db").unlink()
    for act in (lambda: Lake(tmp_path).entries(TABLE), lambda: put(Lake(tmp_path), "c", rows(1))):
        with pytest.raises(
            LakeError, match=rf"{path.name} must be a whole commit of the table {TABLE}, however: .*or "
        ):
            act()


def test_a_missing_commit_is_named(lake, tmp_path):
    put(lake, "c", rows(3))
    (tmp_path / TABLE / "_delta_log" / f"{1:020}.json").unlink()
    (tmp_path / ".index" / "lake.db").unlink()
    with pytest.raises(LakeError, match="must be without gaps, however: version 1 is missing; bring it back from a"):
        Lake(tmp_path).entries(TABLE)


def test_a_torn_checkpoint_is_named_and_hides_nothing(lake, tmp_path):
    deltalake.DeltaTable(tmp_path / TABLE).create_checkpoint()
    next((tmp_path / TABLE / "_delta_log").glob("*.checkpoint.parquet")).write_bytes(b"torn")
    assert check_whole(Lake(tmp_path)) == 2
    with pytest.raises(LakeError, match=r"the log of .* must be readable at version 1, however: .*; bring it back"):
        put(lake, "a", rows(7))
    assert check_whole(lake) == 2
    assert len(data_files(tmp_path)) == 2


# A file may not grow beyond a limit: what a full disk does, at a place that the test chooses.
_WRITE_WITHOUT_ROOM = """
import json, resource, sys
from pathlib import Path
import deltalake
import pyarrow as pa
from mlwf_assets.errors import LakeError
from mlwf_assets.lake.result import Result
from mlwf_assets.lake.store import Lake

folder, what, room = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
lake = Lake(folder)
old = lake.find("big notes")
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
try:
    if what == "restore":
        lake.restore(old, run_id="run")
    else:
        values = range(200_000) if what == "rows" else [1]
        files = {"model": bytes(200_000)} if what == "files" else {}
        result = Result(pa.table({"x": values}), files=files)
        lake.write("toy/raw/things", "a", result, recipe="new", run_id="run", seconds=1)
except LakeError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("what", "room"), [("rows", 100_000), ("files", 100_000), ("small", 1000), ("small", 0), ("restore", 40_000)]
)
def test_a_full_disk_is_said_and_leaves_everything_as_it_was(lake, tmp_path, what, room):
    put(lake, "c", rows(1), recipe="big notes", metadata={"plot": "x" * 60_000})
    put(lake, "c", rows(2))
    before = lake.entries(TABLE)
    files = data_files(tmp_path)
    command = [sys.executable, "-c", _WRITE_WITHOUT_ROOM, str(tmp_path), what, str(room)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert re.search(r"must (be written to|reach) the disk, however: .*[Ff]ile too large.*; make room", done.stdout), (
        done
    )
    assert data_files(tmp_path) == files
    assert Lake(tmp_path).entries(TABLE) == before
    assert check_whole(Lake(tmp_path)) == 3
    assert Lake(tmp_path).find("new") is None
    put(Lake(tmp_path), "a", rows(5), recipe="new")
    assert check_whole(Lake(tmp_path)) == 3


def test_this_system_bounds_files_without_killing():
    """What the test above rests on: Python ignores SIGXFSZ, so that a write beyond the limit is an error."""
    assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
