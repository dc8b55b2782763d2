"""Partitions by name: what a late row, a new name and a name without rows make stale, counted over whole runs."""

import shutil

import pyarrow.compute as pc
import pytest

from mlwf_assets.assets.planning import Asked
from mlwf_assets.lake.store import Lake
from mlwf_assets_tests import small
from mlwf_assets_tests.assets.test_laziness import computed, run

pytestmark = pytest.mark.xdist_group("laziness")

NAMES = ["north", "south", "west"]  # nothing comes from the west
ASKED = Asked(select="+features/timeseries,datasets/*")


def named(names):
    """Parts of the file that cut by depot."""
    sources = {**small.spec()["sources"]}
    for name in ("parcels", "weather"):
        sources[name] = {"path": f"{name}.csv", "part": "depot"}
    return {"partitions": {"names": names}, "sources": sources}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    base = tmp_path_factory.mktemp("named")
    folder, home = small.write(base / "parcels", **named(NAMES)), base / "home"
    (home / "dagster").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        run(folder, home, asked=ASKED)
    return folder, home


@pytest.fixture
def copied(finished, home, tmp_path):
    """A workflow that was run, and its home, to be changed at will."""
    shutil.copytree(finished[1], home, dirs_exist_ok=True)
    return shutil.copytree(finished[0], tmp_path / "parcels"), home


def entries(home, name):
    return Lake(home / "lake").entries(f"parcels/{name}")


def test_each_name_has_its_rows_and_a_name_without_any_is_empty(finished):
    _, home = finished
    for name in ("clean/parcels", "datasets/examples", "features/timeseries"):
        rows = {partition: entry.rows for partition, entry in entries(home, name).items()}
        assert list(rows) == NAMES
        assert rows["west"] == 0
        assert min(rows["north"], rows["south"]) > 800
    assert set(Lake(home / "lake").read("parcels/clean/parcels", ["south"])["depot"].to_pylist()) == {"south"}


def test_a_late_row_redoes_its_name_alone(copied):
    folder, home = copied
    with (folder / "parcels.csv").open("a") as file:
        file.write("p9999,2024-02-03 10:00:00,south,3.5,11\n")
    made = computed(run(folder, home, asked=ASKED))
    assert {name for name in made if name.startswith(("clean/", "datasets/examples", "features/"))} == {
        "clean/parcels@south",
        "datasets/examples@south",
        "features/timeseries@south",
    }


def test_a_late_reading_is_no_history_of_other_names(copied):
    folder, home = copied
    text = (folder / "weather.csv").read_text()
    line = next(line for line in text.splitlines() if line.startswith("north,2024-03-05 10"))
    (folder / "weather.csv").write_text(text.replace(line, f"{line.rpartition(',')[0]},9.999"))
    made = computed(run(folder, home, asked=ASKED))
    assert {name for name in made if not name.startswith("raw/")} == {
        "clean/weather@north",
        "quarantine/weather@north",
        "features/timeseries@north",
    }


def test_a_name_more_computes_its_own_rows_and_what_is_made_of_all(copied):
    folder, home = copied
    with (folder / "parcels.csv").open("a") as file:
        file.write("p9999,2024-02-03 10:00:00,east,3.5,11\n")
    before = run(folder, home, asked=ASKED)  # no row of a name in the list changed
    assert {name.partition("@")[0] for name in computed(before)} == {"raw/parcels"}
    small.write_spec(folder, {**small.spec(), **named(["east", *NAMES])})
    made = computed(run(folder, home, asked=ASKED))
    assert {name for name in made if "@" in name} == {
        f"{name}@east"
        for name in (
            *("raw/parcels", "raw/weather", "clean/parcels", "quarantine/parcels", "clean/weather"),
            *("quarantine/weather", "datasets/examples", "features/timeseries"),
        )
    }
    assert {"datasets/train", "datasets/validation", "datasets/test"} <= made
    assert entries(home, "datasets/examples")["east"].rows == 1


def test_names_are_split_by_the_time_of_their_examples(finished):
    lake = Lake(finished[1] / "lake")
    train, test = (lake.read(f"parcels/datasets/{name}") for name in ("train", "test"))
    assert pc.max(train["cutoff"]).as_py() < pc.min(test["cutoff"]).as_py()
    depots = {row["id"]: row["depot"] for row in lake.read("parcels/clean/parcels").select(["id", "depot"]).to_pylist()}
    assert {depots[key] for key in test["id"].to_pylist()} == {"north", "south"}
