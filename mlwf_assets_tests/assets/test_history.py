"""Features over history in whole runs: months one by one, what a change makes stale, and new rows against the lake."""

import csv
import io
import json
import shutil
import time
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from mlwf_assets.assets import stamps
from mlwf_assets.assets.execution import run_workflow
from mlwf_assets.assets.graph import workflow_steps
from mlwf_assets.assets.planning import Asked
from mlwf_assets.assets.recipes import Planner
from mlwf_assets.deployment.batch import _make_features, read_new_rows
from mlwf_assets.deployment.new_rows import expect
from mlwf_assets.deployment.sifting import History, places_of, sift
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.loader import load
from mlwf_assets_tests import small

# One worker for all: the run that they start from is made once.
pytestmark = pytest.mark.xdist_group("history")

NAME = "features/relational"
FEATURES = "depot.MEAN(parcels.minutes)", "all.COUNT(parcels, Last 3 Days)"


def spec(*windows):
    changed = small.spec()
    changed["features"]["relational"] |= {
        "aggregations": ["count", "mean"],
        "history": {"by": ["depot", []]},
        "windows": list(windows),
    }
    return changed


def run(folder, home, select=f"+{NAME},+features/timeseries", partitions=""):
    asked = Asked(select=select, partitions=partitions)
    outcome = run_workflow(load(folder), home, recorder=stamps.Recorder(), start_s=time.monotonic(), asked=asked)
    assert not outcome.failures, outcome.failures
    return [one.partition for one in outcome.done if not one.reused and one.output == NAME]


def make(base, *windows):
    folder, home = small.write(base / "parcels", **spec(*windows)), base / "home"
    (home / "dagster").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        assert run(folder, home) == small.MONTHS
    return folder, home


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return make(tmp_path_factory.mktemp("history"), "all", "3 days")


@pytest.fixture
def copied(finished, home, tmp_path):
    shutil.copytree(finished[1], home, dirs_exist_ok=True)
    return shutil.copytree(finished[0], tmp_path / "parcels"), home


def change(folder, column, value):
    """Change one parcel of March."""
    lines = (folder / "parcels.csv").read_text().splitlines()
    place = lines[0].split(",").index(column)
    number = next(i for i, line in enumerate(lines) if line.split(",")[1].startswith("2024-03-1"))
    cells = lines[number].split(",")
    lines[number] = ",".join([*cells[:place], value, *cells[place + 1 :]])
    (folder / "parcels.csv").write_text("\n".join(lines) + "\n")


def test_months_one_by_one_equal_all_at_once(copied, finished):
    folder, home = copied
    at_once = Lake(finished[1] / "lake").entries(f"parcels/{NAME}")
    shutil.rmtree(home / "lake" / "parcels" / "features")
    for month in small.MONTHS:
        assert run(folder, home, NAME, month) == [month]
    one_by_one = Lake(home / "lake").entries(f"parcels/{NAME}")
    assert {p: e.fingerprint for p, e in one_by_one.items()} == {p: e.fingerprint for p, e in at_once.items()}
    assert set(FEATURES) <= set(at_once["2024-01"].columns)


def test_an_outcome_makes_its_month_and_all_later_ones_stale(copied):
    change(copied[0], "minutes", "777")
    assert run(*copied) == small.MONTHS[2:]


def test_what_is_no_history_makes_its_own_month_stale_alone(copied):
    change(copied[0], "weight", "1.25")
    assert run(*copied) == ["2024-03"]


def test_windows_with_a_beginning_reach_no_further(tmp_path, monkeypatch):
    folder, home = make(tmp_path / "bounded", "3 days")
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    change(folder, "minutes", "777")
    assert run(folder, home) == ["2024-03", "2024-04"]


def test_a_prefix_is_planned_as_one_goes_along(finished):
    """Each month's part hangs on all earlier months, and names what they are."""
    folder, home = finished
    steps = workflow_steps(load(folder))
    step = next(one for one in steps if one.name == NAME)
    planned = Planner(steps, home, small.MONTHS).plan_step(step, small.MONTHS)
    assert [one.state for one in planned] == ["fresh"] * len(small.MONTHS)
    for number, one in enumerate(planned, 1):
        read = one.sources["clean/parcels"]
        assert [entry.partition for entry in read] == small.MONTHS[:number]
        assert read[-1].partition == one.partition
    parts = [one.parts["clean/parcels"] for one in planned]
    assert len(set(parts)) == len(parts)
    (alone,) = Planner(steps, home, small.MONTHS).plan_step(step, ["2024-04"])
    assert alone.recipe == planned[3].recipe


def test_new_rows_get_the_features_that_training_had(finished):
    folder, home = finished
    workflow, lake = load(folder), Lake(home / "lake")
    table = lake.read(f"parcels/{NAME}")
    [source] = [name for name in workflow.sources if name == "parcels"]
    header, *rows = list(csv.reader(io.StringIO((folder / "parcels.csv").read_text())))
    sample = [rows[i] for i in np.random.default_rng(0).choice(len(rows), 25, replace=False)]
    text = io.StringIO()
    # What a new row has not yet: its outcome.
    csv.writer(text).writerows([header[:-1], *(row[:-1] for row in sample)])
    entry = lake.entry(f"parcels/{NAME}", "2024-01")
    features = json.loads(lake.file_bytes(entry, "features.json"))
    expected = expect(workflow, features)
    assert "minutes" not in expected.needed
    history = History(workflow, lake)
    sifted = sift(
        workflow, expected, read_new_rows(workflow, "new.csv", text.getvalue().encode(), source=source), history
    )
    made = _make_features(workflow, SimpleNamespace(features=features), sifted, history)[0]
    names = [one["name"] for one in features]
    assert set(FEATURES) <= set(names)
    ids = [sample[place][0] for place in places_of(made)]
    position = {key: row for row, key in enumerate(table["id"].to_pylist())}
    kept = [row for row, key in enumerate(ids) if key in position]
    assert len(kept) > 20
    there = table.take(pa.array([position[ids[row]] for row in kept])).select(names)
    assert made.take(pa.array(kept)).select(names).equals(there)
