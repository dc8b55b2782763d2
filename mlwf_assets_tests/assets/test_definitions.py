import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster.components.testing import create_defs_folder_sandbox

from mlwf_assets.assets.component import load_folder
from mlwf_assets.spec.loader import find
from mlwf_assets_tests import small

SNAPSHOT = Path(__file__).with_name("flights_graph.json")
HEAVY = ("torch", "tsfresh", "featuretools", "mlflow", "shap", "matplotlib", "sklearn", "lightgbm", "optuna")


@pytest.fixture(scope="module")
def flights():
    return load_folder(find("flights"))


def graph_of(definitions):
    graph = definitions.resolve_asset_graph()
    return {
        key.to_user_string(): {
            "group": graph.get(key).group_name,
            "partitioned": graph.get(key).partitions_def is not None,
            "parents": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            "checks": sorted(check.name for check in graph.get(key).check_keys),
        }
        for key in sorted(graph.get_all_asset_keys())
    }


def test_loading_the_definitions_imports_nothing_heavy():
    code = f"import sys, mlwf_assets.definitions\nprint(sorted(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_definitions_can_be_loaded(flights):
    dg.Definitions.validate_loadable(flights)


def test_the_graph_of_flights_is_the_one_that_was_agreed(flights):
    """After a wanted change, write the new graph: `python -m mlwf_assets_tests.assets.test_definitions`."""
    assert graph_of(flights) == json.loads(SNAPSHOT.read_text())


def test_models_are_cut_off_from_test_rows(flights):
    graph = flights.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        if key.path[1] == "models":
            parents = {parent.path[-1] for parent in graph.get(key).parent_keys}
            assert not parents & {"test", "test_matrix", "report"}


@pytest.mark.filterwarnings("ignore:Class .* is currently in beta")
def test_a_workflow_file_is_a_component_of_dagster():
    with create_defs_folder_sandbox() as sandbox:
        small.write(sandbox.defs_folder_path / "parcels")
        with sandbox.build_all_defs() as definitions:
            keys = definitions.resolve_all_asset_keys()
    assert dg.AssetKey(["parcels", "deployment", "model"]) in keys


def test_a_folder_of_mlwf_workflows_is_loaded_too(tmp_path, monkeypatch):
    small.write(tmp_path / "parcels")
    monkeypatch.setenv("MLWF_WORKFLOWS", str(tmp_path))
    code = "from mlwf_assets.definitions import defs; print(sorted({k.path[0] for k in defs.resolve_all_asset_keys()}))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['flights', 'parcels']"


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(graph_of(load_folder(find("flights"))), indent=1) + "\n")
