"""`mlwf_assets.load`: an asset by its name, now or as it was, and clear words where there is none."""

import datetime as dt
import subprocess
import sys
import time

import pandas as pd
import pyarrow as pa
import pytest

import mlwf_assets
from mlwf_assets.errors import LakeError
from mlwf_assets.lake.store import Lake
from mlwf_assets_tests.lake.toy import put, rows


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Two assets; partition a of the first was written twice, with some time between."""
    lake = Lake(tmp_path / "lake")
    put(lake, "a", rows(1))
    put(lake, "b", rows(2))
    time.sleep(0.02)
    put(lake, "a", rows(3))
    put(lake, None, rows(4), name="toy/clean/things")
    monkeypatch.setenv("MLWF_HOME", str(tmp_path))
    return tmp_path


def load(partition=None, asset="raw/things", **options):
    return mlwf_assets.load("toy", asset, partition, as_arrow=True, **options)["x"].to_pylist()


def first_written(home):
    return max(entry.created_s for entry in Lake(home / "lake").history("toy/raw/things")[:2])


def test_a_frame_or_an_arrow_table_of_all_partitions_or_of_some(home):
    frame = mlwf_assets.load("toy", "raw/things")
    assert isinstance(frame, pd.DataFrame)
    assert frame["x"].tolist() == [3, 2]
    assert isinstance(mlwf_assets.load("toy", "raw/things", as_arrow=True), pa.Table)
    assert (load("b"), load(["b", "a"]), load(asset="clean/things")) == ([2], [2, 3], [4])


def test_the_home_is_the_environments_or_the_one_that_is_given(home, monkeypatch):
    monkeypatch.setenv("MLWF_HOME", str(home / "elsewhere"))
    assert load(home=home) == load(home=str(home)) == [3, 2]
    with pytest.raises(LakeError, match=r"workflow 'toy' in .*elsewhere/lake, .* MLWF_HOME or home="):
        load()
    assert not (home / "elsewhere").exists()


def test_an_earlier_state_is_named_by_its_version(home):
    assert [load(as_of=version) for version in (0, 1, 2)] == [[1], [1, 2], [3, 2]]
    assert load("a", as_of=1) == [1]
    with pytest.raises(LakeError, match="as_of must be a version of toy/raw/things, 0 to 2, however: 3"):
        load(as_of=3)
    with pytest.raises(LakeError, match=r"must have a partition 'b', however: it has not. Known: a."):
        load("b", as_of=0)


def test_or_by_a_moment_in_any_form_and_zone(home):
    moment = dt.datetime.fromtimestamp(first_written(home) + 0.005, dt.UTC)
    other = moment.astimezone(dt.timezone(dt.timedelta(hours=5)))
    for form in (moment, other, str(moment), moment.replace(tzinfo=None).isoformat(), pd.Timestamp(moment)):
        assert load(as_of=form) == [1, 2]
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    assert load(as_of=tomorrow) == load(as_of=str(tomorrow)) == [3, 2]
    with pytest.raises(
        LakeError, match=r"must not lie before toy/raw/things was first written, .* however: 2001-01-01"
    ):
        load(as_of="2001-01-01")
    with pytest.raises(LakeError, match=r"must be a version .* or a moment such as .*, however: 'monday'"):
        load(as_of="monday")


def test_what_is_not_there_is_answered_by_what_there_is(home):
    with pytest.raises(LakeError, match=r"workflow 'toys' in .* Did you mean 'toy'\?"):
        mlwf_assets.load("toys", "raw/things")
    with pytest.raises(LakeError, match=r"an asset 'raw/thing', .* Did you mean 'raw/things'\?"):
        load(asset="raw/thing")
    with pytest.raises(LakeError, match=r"an asset 'zzz', .* Known: clean/things, raw/things."):
        load(asset="zzz")
    with pytest.raises(LakeError, match=r"a partition 'c', however: it has not. Known: a, b."):
        load("c")
    with pytest.raises(LakeError, match="It has no partitions: leave it out"):
        load("a", asset="clean/things")
    with pytest.raises(LakeError, match=r"workflow '\.\./\.\.'"):
        mlwf_assets.load("../..", "raw/things")


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, mlwf_assets; print(sorted({'pandas', 'pyarrow', 'dagster', 'deltalake'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"
