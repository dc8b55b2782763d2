"""docs/python.md: its workflow runs to a registered model, and what it holds is used everywhere."""

import shutil

import pytest

from mlwf_assets.assets.execution import plan_workflow
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.loader import load
from mlwf_assets_tests.e2e import own_python
from mlwf_assets_tests.e2e.conftest import Installation

# One worker for all that use the finished run: it is made once.
pytestmark = pytest.mark.xdist_group("own_python")

SCORE = """
import json, sys, mlflow, pandas as pd
model = mlflow.pyfunc.load_model("models:/parcel-late@champion")
print(json.dumps(model.predict(pd.read_parquet(sys.argv[1])).tolist()))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The page's workflow, run once: (installation, folder, the run's document)."""
    base = tmp_path_factory.mktemp("own_python")
    made = Installation(base / "home", base)
    folder = own_python.write(base / "parcels")
    return made, folder, made.run_json(folder)


def test_the_pages_workflow_runs_to_a_registered_model(run):
    _, _, document = run
    assert document["failed"] == []
    assert document["gate"]["version"] == 1
    assert {"features/python", "models/nearest_neighbours"} <= {*document["computed"]}


def test_every_part_of_the_page_counts(run):
    made, _, document = run
    lake = Lake(made.home / "lake")
    clean = lake.read("parcels/clean/parcels").to_pandas().set_index("id")
    assert clean.loc[0, "distance_km"] == pytest.approx(1.609 * float(clean.loc[0, "distance"].split()[0]))
    assert clean["distance_km"].isna().sum() == 1  # 'far' is no distance
    label = lake.read("parcels/datasets/examples").to_pandas().set_index("id")["label"]
    assert label.equals((clean["arrived"] - clean["promised"]).dt.total_seconds().gt(1800).rename("label"))
    kept = lake.read("parcels/features/selection").to_pandas().set_index("name")["kept"]
    assert kept["density"]
    assert kept["distance_km"]
    assert document["test_metrics"]["cost_per_parcel"]["value"] < 0.9  # calling everybody costs 1
    words = lake.read("parcels/models/leaderboard").to_pandas().set_index("model")["words"]
    assert words["nearest_neighbours"] == "The nearest neighbours"


def test_new_rows_go_through_the_same_functions(run):
    made, folder, _ = run
    new = made.cwd / "new.csv"
    new.write_text(
        "id,distance,weight_kg,volume_l,promised\n"
        "1,300 km,9,2,2024-02-02 10:00:00\n"
        "2,6 mi,1,30,2024-02-02 10:00:00\n"
        "3,4000 mi,1,30,2024-02-02 10:00:00\n"
    )
    far, near, beyond = made.mlwf("predict", folder, new).stdout.splitlines()[1:]
    assert float(far.split(",")[3]) > 0.7
    assert float(near.split(",")[3]) < 0.3
    assert "parcels.distance_km must be at most 2000, however: '6436.0'" in beyond


def test_the_registered_model_holds_the_familys_code(run, tmp_path):
    made, folder, _ = run
    matrix = Lake(made.home / "lake").read("parcels/features/test_matrix").to_pandas()
    features = ["weight_kg", "volume_l", "distance_km", "density"]
    matrix[[name for name in matrix if name.startswith(tuple(features))]].to_parquet(tmp_path / "rows.parquet")
    shutil.move(folder, tmp_path / "elsewhere")
    try:
        said = made.python(
            SCORE, tmp_path / "rows.parquet", MLFLOW_TRACKING_URI=f"sqlite:///{made.home}/mlflow/mlflow.db"
        )
    finally:
        shutil.move(tmp_path / "elsewhere", folder)
    assert len(said) == len(matrix)


@pytest.mark.parametrize(
    ("old", "new", "stale"),
    [
        ('"""Kilograms per litre."""', '"""How dense it is."""', set()),
        ("> 1800", "> 1801", {"datasets/examples"}),
        ("/ rows", "/ 1 / rows", {"features/python"}),
        ("1.609", "1.6093", {"clean/parcels"}),
    ],
    ids=["words", "label", "feature", "cleaning"],
)
def test_what_is_stale_is_what_uses_the_change(run, old, new, stale, request):
    made, folder, _ = run
    text = (folder / "code.py").read_text()
    assert old in text
    request.addfinalizer(lambda: (folder / "code.py").write_text(text))
    (folder / "code.py").write_text(text.replace(old, new))
    planned = plan_workflow(load(folder), made.home)
    first = {one.step.name for one in planned if one.state != "fresh" and one.recipe is not None}
    assert first == stale
