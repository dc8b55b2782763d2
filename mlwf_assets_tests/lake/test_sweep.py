"""What nobody needs goes, small attached files are packed, and whoever is killed on the way loses nothing."""

import shutil
import signal
import subprocess
import sys

import pyarrow as pa
import pytest

from mlwf_assets.lake.result import Result
from mlwf_assets.lake.store import Lake
from mlwf_assets.lake.sweep import Needs, find_unneeded, take_away
from mlwf_assets_tests.lake.toy import TABLE

PARTITIONS = [f"p{number:02d}" for number in range(40)]
pytestmark = pytest.mark.xdist_group("sweep")
# The first 40 versions are the first of each partition, the next 40 what stands now.
NEEDED = Needs(entries={TABLE: {("p00", 0), ("p01", 1)}})

SWEEP = """
import sys
from pathlib import Path
from mlwf_assets.lake import sweep
from mlwf_assets_tests.dying import die
folder, module, name, when, count = sys.argv[1:]
die(module, name, when, int(count))
sweep.take_away(Path(folder), [sweep.Needs(entries={"toy/raw/things": {("p00", 0), ("p01", 1)}})])
"""
POINTS = [
    ("mlwf_assets.lake.sweep", "find_unneeded", "after", 1),
    ("pathlib", "Path.unlink", "after", 1),
    ("pathlib", "Path.unlink", "before", 20),
    ("mlwf_assets.lake.sweep", "_pack", "before", 1),
    ("mlwf_assets.lake.sweep", "get_blob", "after", 30),
    ("mlwf_assets.lake.sweep", "write_pack", "before", 1),
    ("mlwf_assets.lake.sweep", "write_pack", "after", 1),
    ("pathlib", "Path.unlink", "after", 10),
]


def write(lake, partition, recipe):
    number = int(partition[1:])
    result = Result(pa.table({"x": [number], "by": [recipe]}), files={"a": recipe.encode(), "b": recipe.encode() * 2})
    return lake.write(TABLE, partition, result, recipe=recipe, run_id="run", seconds=0.0)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A table of forty partitions, each written twice, with two small files of each."""
    folder = tmp_path_factory.mktemp("lake")
    for turn in ("old", "new"):
        for partition in PARTITIONS:
            write(Lake(folder), partition, f"{turn} {partition}")
    return folder


@pytest.fixture
def lake(written, tmp_path):
    """The same, to be changed at will."""
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return Lake(tmp_path)


def kept(lake):
    """All that must be readable, read."""
    wanted = [*lake.entries(TABLE).values(), *(one for one in lake.history(TABLE) if one.version in (0, 1))]
    return [
        (lake.read_entries([entry]).to_pylist(), *(lake.file_bytes(entry, name) for name in ("a", "b")))
        for entry in wanted
    ]


def test_what_is_needed_stays_and_the_rest_goes(lake, tmp_path):
    before, listed = kept(lake), find_unneeded(tmp_path, NEEDED)
    assert kept(lake) == before
    went = take_away(tmp_path, [NEEDED])
    assert went == listed
    assert went.versions == {TABLE: 38}
    assert (len(went.rows), len(went.blobs), len(went.loose)) == (38, 76, 84)
    assert kept(lake) == kept(Lake(tmp_path)) == before
    assert not any(lake.find(f"old {partition}") for partition in PARTITIONS[2:])
    assert [path.suffix for path in (tmp_path / ".packs").iterdir()] == [".pack"]
    assert take_away(tmp_path, [NEEDED]).files == ()


def test_what_was_packed_is_found_by_later_writers(lake, tmp_path):
    take_away(tmp_path, [NEEDED])
    entry = write(lake, "p05", "old p00")
    assert lake.file_bytes(entry, "a") == b"old p00"
    assert not list((tmp_path / ".blobs").glob("*/*"))


def test_what_was_taken_away_can_be_made_again(lake, tmp_path):
    take_away(tmp_path, [Needs()])
    entry = write(lake, "p05", "old p05")
    assert lake.find("old p05") == entry
    assert lake.file_bytes(entry, "b") == b"old p05" * 2


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point[1]} {point[2]} {point[3]}")
def test_killed_on_the_way_nothing_is_lost_and_the_next_one_ends_it(lake, tmp_path, point):
    before = kept(lake)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SWEEP, str(tmp_path), *map(str, point)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert kept(Lake(tmp_path)) == before
    take_away(tmp_path, [NEEDED])
    assert kept(Lake(tmp_path)) == before
    assert len(list((tmp_path / TABLE).rglob("*=*/*.parquet"))) == 42
    assert len(list((tmp_path / ".packs").iterdir())) == 1
    assert find_unneeded(tmp_path, NEEDED).files == ()
