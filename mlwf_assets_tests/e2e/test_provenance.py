"""From a model back to what it was made from (`mlwf reproduce`, `compare`, `show`), and what nobody needs (`gc`)."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from mlwf_assets.lake.store import Lake
from mlwf_assets_tests import small
from mlwf_assets_tests.e2e.results import entries, fingerprints, times_written, tracking

# One worker for all that use the finished run: it is made once.
pytestmark = pytest.mark.xdist_group("parcels")

MODEL = "parcel-late"
# Another training set than the recorded one, as a change of code would make it.
OTHER_CODE = """
import sys
import mlwf_assets.features.matrix as matrix
from mlwf_assets.cli import main
assemble = matrix.assemble
def shorter(splits, *args, **options):
    return assemble({name: table.slice(1) for name, table in splits.items()}, *args, **options)
matrix.assemble = shorter
main(sys.argv[1:], prog_name="mlwf")
"""
LOADED = """
import json, sys
import mlwf_assets
run, = sys.argv[1:]
ways = {"now": {}, "run": {"run": run}, "model": {"model": "parcel-late/1"}, "version": {"version": 0}}
found = {name: mlwf_assets.load("parcels", "datasets/train", **how) for name, how in ways.items()}
print(json.dumps({name: [len(frame), float(frame["label"].mean())] for name, frame in found.items()}))
"""
LET_GO = """
from mlflow import MlflowClient
client = MlflowClient()
client.delete_model_version("parcel-late", "1")
print("null")
"""


@pytest.fixture(scope="module")
def twice(parcels, tmp_path_factory):
    """A workflow that was run, changed and run again: two runs, two model versions. Not to be changed."""
    folder, installation, first = parcels
    base = tmp_path_factory.mktemp("twice")
    home = shutil.copytree(installation.home, base / "home")
    folder = shutil.copytree(folder, base / "parcels")
    changed = small.spec()
    changed["examples"]["label"] = "minutes > 25"
    small.write_spec(folder, changed)
    again = replace(installation, home=home)
    return folder, again, first["run_id"], again.run_json(folder)["run_id"]


@pytest.fixture
def copied(twice, tmp_path):
    """The same, to be changed at will."""
    folder, installation, first, second = twice
    home = shutil.copytree(installation.home, tmp_path / "home")
    return folder, replace(installation, home=home), first, second


def said(done, code=0):
    assert done.code == code, f"{done.code}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout


def test_both_models_can_be_made_again_and_are_the_same(twice):
    """The first one too, although the workflow file and the tables are others by now."""
    _, installation, _, _ = twice
    before = times_written(installation)
    one, other = installation.each(("reproduce", f"{MODEL}/1", "--json"), ("reproduce", "parcels@champion", "--json"))
    one, other = said(one), said(other)
    assert (one["same"], other["same"]) == (True, True)
    assert (one["model_version"], other["model_version"]) == (1, 2)
    assert one["training_set"]["fingerprint"] != other["training_set"]["fingerprint"]
    assert one["training_set"]["rows"] > 1000
    assert {step["table"]: step["how"] for step in one["steps"]}["clean/parcels"] == "made again"
    assert all(step["same"] for step in one["steps"])
    assert one["changed_code"] == []
    assert times_written(installation) == before


def test_what_comes_out_otherwise_is_told_and_kept_and_ends_with_1(twice, tmp_path):
    _, installation, _, _ = twice
    kept = tmp_path / "kept"
    command = [sys.executable, "-W", "ignore", "-c", OTHER_CODE, "reproduce", f"{MODEL}/2", "--keep", str(kept)]
    done = subprocess.run(command, env=installation.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "The training set is NOT the same: features/matrix is the first table" in done.stdout
    assert "minutes > 25" in (kept / "workflow" / "defs.yaml").read_text()
    recorded = Lake(installation.home / "lake").read("parcels/features/matrix")
    assert Lake(kept / "lake").read("parcels/features/matrix").num_rows == recorded.num_rows - 2


def test_what_cannot_be_reproduced_is_said_in_words(twice, tmp_path):
    _, installation, _, _ = twice
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    unknown, misspelt, full = installation.each(
        ("reproduce", f"{MODEL}/7"), ("reproduce", "parcel-lat"), ("reproduce", MODEL, "--keep", tmp_path / "kept")
    )
    assert (unknown.code, misspelt.code, full.code) == (1, 1, 2)
    assert "7" in unknown.stderr
    assert "Did you mean 'parcel-late'" in misspelt.stderr
    assert "must be a new or an empty folder" in full.stderr
    assert not any("Traceback" in done.stderr for done in (unknown, misspelt, full))


def test_two_runs_and_two_models_stand_side_by_side(twice):
    _, installation, first, second = twice
    runs, models, words, same = installation.each(
        ("compare", first, second, "--json"),
        ("compare", f"{MODEL}/1", f"{MODEL}/2", "--json"),
        ("compare", first[:8], f"{MODEL}/2"),
        ("compare", first, first, "--json"),
    )
    for different in (said(runs)["different"], said(models)["different"]):
        assert different["spec"] == {"examples.label": {"a": "minutes > 30", "b": "minutes > 25"}}
        assert any(name.startswith("datasets/") for name in different["data"])
        assert not any(name.startswith(("raw/", "clean/")) for name in different["data"])
        assert any("roc_auc" in name for name in different["metrics"])
        assert different["code"] == {}
    assert "minutes > 30" in said(words)
    assert not any(said(same)["different"].values())


def test_an_asset_is_read_as_of_a_run_a_version_or_a_model(twice):
    _, installation, first, _ = twice
    lake = Lake(installation.home / "lake")
    old, new = lake.history("parcels/datasets/train")
    found = installation.python(LOADED, first)
    assert found["run"] == found["model"] == found["version"] != found["now"]
    assert found["run"][0] == old.rows
    history, shown, unknown = installation.each(
        ("show", "parcels", "datasets/train", "--history", "--json"),
        ("show", "parcels", "datasets/train", "--model", f"{MODEL}/1"),
        ("show", "parcels", "datasets/train", "--run", "ffffffff"),
    )
    versions = said(history)["versions"]
    assert [(one["fingerprint"], one["is"]) for one in versions] == [
        (old.fingerprint, "older"),
        (new.fingerprint, "current"),
    ]
    assert "label" in said(shown)
    assert unknown.code == 1
    assert "there must be a run 'ffffffff'" in unknown.stderr


def test_what_no_model_and_no_recent_run_needs_goes_and_nothing_else(copied):
    folder, installation, first, _ = copied
    before, rows = fingerprints(installation), count_files(installation)
    recent, dry, real, status = installation.each(
        ("gc", "--json"),
        ("gc", "--keep-days", "0", "--dry-run", "--json"),
        ("gc", "--keep-days", "0", "--json"),
        ("status", folder, "--json"),
    )
    assert said(recent)["versions"] == {}
    assert said(dry)["versions"] == said(real)["versions"] != {}
    assert first in said(real)["runs"]
    assert count_files(installation) < rows
    assert fingerprints(installation) == before
    assert {one["state"] for one in said(status)["assets"]} == {"fresh"}
    # All that the first model was made from is kept, its report too; what was made with it alone goes.
    assert {*said(real)["versions"]} == {"parcels/deployment/model", "parcels/deployment/predictions"}
    assert installation.run_json(folder)["computed"] == []
    made, gone = installation.each(("reproduce", f"{MODEL}/1", "--json"), ("compare", first, f"{MODEL}/2"))
    assert said(made)["same"]
    assert gone.code == 1
    installation.python(LET_GO, **tracking(installation))
    then, words = installation.each(("gc", "--keep-days", "0", "--json"), ("reproduce", f"{MODEL}/2"))
    assert "parcels/features/matrix" in said(then)["versions"]
    assert "The training set is the same" in said(words)


@pytest.mark.soak
def test_beside_a_run_it_takes_nothing_that_the_run_reads(parcels, copied, tmp_path, full):
    if not full:
        pytest.skip("needs --full: runs from nothing, with gc beside them")
    _, undisturbed, _ = parcels
    _, installation, _, _ = copied
    folder = small.write(tmp_path / "parcels")
    with installation.start("run", folder, "--force", "--json") as process:
        while process.poll() is None:
            [done] = installation.each(("gc", "--keep-days", "0", "--json"))
            said(done)
        assert process.returncode == 0, process.stderr.read()
    assert readable(installation) == fingerprints(undisturbed)


def readable(installation):
    """Fingerprints of all results, of which every row and file was read."""
    lake = Lake(installation.home / "lake")
    for entry in entries(installation).values():
        assert lake.read_entries([entry]).num_rows == entry.rows
        assert all(lake.file_bytes(entry, name) is not None for name in entry.files)
    return fingerprints(installation)


def count_files(installation):
    return sum(path.is_file() for path in (installation.home / "lake").rglob("*"))
