"""The champion as it is loaded for predictions, of each kind of problem."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from mlwf_assets.deployment.gate import Decision
from mlwf_assets.deployment.registry import register
from mlwf_assets.deployment.standing import load_champion
from mlwf_assets.errors import ModelError, SpecError
from mlwf_assets.spec.loader import loads
from mlwf_assets_tests.deployment import toy

TEXT = """
type: mlwf_assets.MLWorkflow
attributes:
  name: flights
  project: {question: "Will it be on time?"}
  sources: {flights: flights.csv}
  examples: {table: flights, label: late}
"""
DEPLOYED = loads(TEXT + "  deployment: {registered_model: flight-on-time}\n", file=Path("flights/defs.yaml"))


def registered(store, folder, kind="binary"):
    predictor = toy.make_predictor(folder, kind=kind)
    candidate = toy.make_candidate(folder, kind=kind, classes=predictor.classes)
    register(store, candidate, Decision(True, ("Good enough.",)))
    return predictor


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_it_gives_the_predictors_numbers_under_the_names_of_the_classes(store, tmp_path, kind):
    predictor = registered(store, tmp_path / "predictor", kind)
    champion = load_champion(store.folder.parent, DEPLOYED)
    assert (champion.title, champion.kind) == ("flight-on-time version 1", kind)
    assert [one["name"] for one in champion.features] == [one["name"] for one in toy.FEATURES]
    frame = toy.make_rows(seed=1)[0].assign(more="columns")
    scored, expected = champion.score(frame), predictor.predict(frame)
    names = {"binary": ["false", "true"], "multiclass": ["early", "on time", "late"], "regression": []}[kind]
    assert scored.column_names == ["prediction", *(f"probability_{name}" for name in names)]
    last = expected[:, -1] if kind == "multiclass" else expected
    np.testing.assert_array_equal(scored.columns[-1].to_numpy(), last)
    assert champion.score(frame.head(0)).schema == scored.schema


def test_without_a_version_nothing_is_made_and_it_is_said_how_to_get_one(tmp_path, store):
    with pytest.raises(ModelError, match=r"must be a registered model flight-on-time@champion in .*mlwf run flights"):
        load_champion(tmp_path / "elsewhere", DEPLOYED)
    assert not (tmp_path / "elsewhere").exists()
    with pytest.raises(ModelError, match="there is none"):
        load_champion(store.folder.parent, DEPLOYED)


def test_a_workflow_without_deployment_has_no_champion(tmp_path):
    with pytest.raises(SpecError, match=r"flights/defs.yaml:3: .* there must be a 'deployment: \{registered_model"):
        load_champion(tmp_path, loads(TEXT, file=Path("flights/defs.yaml")))


def test_a_version_whose_files_are_gone_says_where_they_should_be(store, tmp_path):
    registered(store, tmp_path / "predictor")
    [folder] = (store.folder / "artifacts").rglob("predictor")
    shutil.rmtree(folder.parent.parent)
    with pytest.raises(ModelError, match=r"flight-on-time version 1 must be whole in .*artifacts"):
        load_champion(store.folder.parent, DEPLOYED)
