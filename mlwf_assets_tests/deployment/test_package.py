import dataclasses
import re

import mlflow
import numpy as np
import pytest

from mlwf_assets.deployment.package import make_signature, pin_requirements, saved_model
from mlwf_assets_tests.deployment import toy


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression"])
def packed(request, tmp_path_factory):
    """A predictor of each kind, the candidate made of it, and the model that MLflow loads."""
    folder = tmp_path_factory.mktemp("packed") / "predictor"
    predictor = toy.make_predictor(folder, kind=request.param, families=("linear", "lightgbm"))
    candidate = toy.make_candidate(folder, kind=request.param, classes=predictor.classes)
    with saved_model(candidate, run_id="ab", model_id="m-ab") as place:
        yield predictor, candidate, mlflow.pyfunc.load_model(str(place))


def _expected_labels(predictor, scores):
    if predictor.kind == "binary":
        return scores >= predictor.threshold
    return np.array(predictor.classes)[scores.argmax(axis=1)] if predictor.kind == "multiclass" else scores


def test_the_model_gives_the_predictors_own_numbers(packed):
    predictor, _, model = packed
    frame = toy.make_rows(seed=1)[0]
    np.testing.assert_array_equal(model.predict(frame), predictor.predict(frame))


def test_one_row_gets_the_same_bits_as_among_others(packed):
    _, _, model = packed
    frame = toy.make_rows(seed=1)[0]
    np.testing.assert_array_equal(model.predict(frame.iloc[[7]]), model.predict(frame)[7:8])


def test_labels_are_given_on_demand(packed):
    predictor, _, model = packed
    frame = toy.make_rows(seed=1)[0]
    labels = model.predict(frame, params={"output": "label"})
    np.testing.assert_array_equal(labels, _expected_labels(predictor, predictor.predict(frame)))


def test_tables_hold_a_probability_for_each_class(packed):
    predictor, _, model = packed
    frame = toy.make_rows(seed=1)[0]
    table = model.predict(frame, params={"output": "table"})
    names = {"binary": ["false", "true"], "multiclass": ["early", "on time", "late"], "regression": []}[predictor.kind]
    assert list(table) == ["prediction", *(f"probability_{name}" for name in names)]
    if names:
        np.testing.assert_allclose(table.drop(columns="prediction").sum(axis=1), 1)


def test_another_output_is_refused(packed):
    _, _, model = packed
    with pytest.raises(ValueError, match="output must be score, label or table, however: 'words'"):
        model.predict(toy.make_rows(seed=1)[0], params={"output": "words"})


def test_the_signature_tells_the_shape_of_what_comes_out(packed):
    predictor, candidate, _ = packed
    [output] = make_signature(candidate).outputs
    assert output.shape == ((-1, 3) if predictor.kind == "multiclass" else (-1,))


def test_the_input_example_is_a_few_rows_of_the_columns(packed):
    _, candidate, model = packed
    with saved_model(candidate, run_id="ab", model_id="m-ab") as place:
        example = mlflow.models.Model.load(str(place)).load_input_example(str(place))
    assert list(example) == candidate.columns
    assert len(example) == 5
    assert len(model.predict(example)) == 5


def test_requirements_are_pinned_without_build_labels(packed):
    pins = pin_requirements(["torch", "lightgbm", "not-installed-anywhere"])
    assert [re.fullmatch(r"[a-z]+==[0-9.]+", pin) is not None for pin in pins] == [True, True]
    _, candidate, _ = packed
    with saved_model(candidate, run_id="ab", model_id="m-ab") as place:
        assert (place / "requirements.txt").read_text().splitlines() == pin_requirements()


def test_features_and_definitions_stand_among_the_artifacts(packed):
    _, candidate, _ = packed
    with saved_model(candidate, run_id="ab", model_id="m-ab") as place:
        names = {path.relative_to(place / "artifacts").as_posix() for path in (place / "artifacts").rglob("*.*")}
    assert {"features.json", "definitions.json", "report.html", "plots/roc.png", "predictor/predictor.json"} <= names


def test_the_fingerprint_follows_what_is_predicted_and_how_well_and_nothing_else(tmp_path):
    toy.make_predictor(tmp_path / "predictor")
    toy.make_predictor(tmp_path / "same")
    toy.make_predictor(tmp_path / "other", rounds=3)
    base = toy.make_candidate(tmp_path / "predictor")
    assert toy.make_candidate(tmp_path / "same").fingerprint == base.fingerprint
    assert dataclasses.replace(base, question="why", files={}, run_files={"x": b""}).fingerprint == base.fingerprint
    assert toy.make_candidate(tmp_path / "other").fingerprint != base.fingerprint
    assert dataclasses.replace(base, metrics={"roc_auc": 0.82}).fingerprint != base.fingerprint
