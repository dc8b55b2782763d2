"""`mlwf run --sample` on a finished workflow: quick, the same rows each time, and apart from the full results."""

import hashlib

import dagster as dg
import pyarrow.compute as pc
import pytest

import mlwf_assets
from mlwf_assets.assets.component import load_folder, load_samples
from mlwf_assets.cli.workflows import take_sample_of
from mlwf_assets.deployment.store import open_store
from mlwf_assets.errors import SpecError
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.sample import sampled
from mlwf_assets_tests import small
from mlwf_assets_tests.e2e.test_predictions import copied, run

# One worker for all that use the finished run: it is made once.
pytestmark = pytest.mark.xdist_group("parcels")
__all__ = ["copied"]

SHARED = ("raw/", "clean/", "quarantine/")


def published(home):
    files = sorted(path for path in (home / "reports" / "parcels").rglob("*") if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_sample_is_made_of_the_same_tables_and_leaves_everything_else_as_it_was(copied):
    whole, home = copied
    lake, before = Lake(home / "lake"), published(home)
    versions = len(open_store(home).client.search_model_versions())
    sample = sampled(whole, 0.3)
    made = {name for name, _ in run(sample, home)}
    assert "evaluation/report" in made
    assert not any(name.startswith((*SHARED, "deployment/")) for name in made)
    few, all_of_them = lake.read("parcels_sample_30/datasets/examples"), lake.read("parcels/datasets/examples")
    assert 0.2 < few.num_rows / all_of_them.num_rows < 0.4
    assert few.equals(all_of_them.filter(pc.is_in(all_of_them["id"], few["id"])))
    assert not (home / "lake" / "parcels_sample_30" / "clean").exists()

    assert run(sample, home) == []
    assert run(whole, home) == []
    assert run(sample, home) == []
    assert published(home) == before
    assert len(open_store(home).client.search_model_versions()) == versions
    assert open_store(home).client.get_experiment_by_name("parcels_sample_30") is not None
    matrix = mlwf_assets.load("parcels_sample_30", "features/matrix", home=home)
    assert len(matrix) < few.num_rows
    assert "a sample: 30 % of the examples" in (home / "reports/parcels_sample_30/report.html").read_text()


def test_the_ui_shows_the_assets_of_a_sample_that_was_run_beside_those_of_the_workflow(copied):
    whole, home = copied
    (home / "lake" / "parcels_sample_30").mkdir()
    (home / "lake" / "parcels_sample_of_mine").mkdir()
    [samples] = load_samples(whole.folder)
    merged = dg.Definitions.merge(load_folder(whole.folder), samples)
    dg.Definitions.validate_loadable(merged)
    graph = merged.resolve_asset_graph()
    examples = graph.get(dg.AssetKey(["parcels_sample_30", "datasets", "examples"]))
    assert examples.parent_keys == {dg.AssetKey(["parcels", "clean", "parcels"])}
    assert examples.group_name == "parcels_sample_30_3_datasets"
    assert not graph.has(dg.AssetKey(["parcels_sample_30", "clean", "parcels"]))


def test_a_workflow_that_has_the_samples_name_is_not_written_over(copied, tmp_path, monkeypatch):
    whole, _ = copied
    small.write(tmp_path / "other", name="parcels_sample_30")
    monkeypatch.setenv("MLWF_WORKFLOWS", str(tmp_path / "other"))
    with pytest.raises(SpecError, match=r"is called parcels_sample_30, however so is the workflow in .*other"):
        take_sample_of(whole, 0.3)
