import json
import subprocess
import sys

import numpy as np
import pytest

from mlwf_assets.errors import ModelError
from mlwf_assets.models.calibration import Calibration
from mlwf_assets.models.families.base import Context
from mlwf_assets.models.families.registry import find_family
from mlwf_assets.models.predictor import Predictor, export, load, loaded, unpacked, weigh
from mlwf_assets_tests.models.battery import FEATURES, KINDS, make_problem, make_rows

CLASSES = {"binary": (False, True), "multiclass": ("amt", "büro", "haus"), "regression": ()}
WEIGHTS = {"linear": 0.6, "lightgbm": 0.4, "tabm": 0.0}


@pytest.fixture(scope="module")
def predictors():
    made = {}

    def get(kind):
        if kind not in made:
            rows, problem = make_rows(kind), make_problem(kind)
            members = {
                name: find_family(name).fit(
                    find_family(name).defaults(problem, rows=160)[0],
                    rows,
                    None,
                    problem=problem,
                    context=Context(threads=1),
                    rounds=3,
                )
                for name in WEIGHTS
            }
            made[kind] = Predictor(
                kind=kind,
                features=tuple(feature["name"] for feature in FEATURES),
                classes=CLASSES[kind],
                threshold=0.25,
                members=members,
                weights=WEIGHTS,
                calibration=Calibration(1.3, 0.2 if kind == "binary" else 0.0),
            )
        return made[kind]

    return get


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_exported_is_loaded_with_the_same_bits_and_exported_with_the_same_bytes(kind, predictors, tmp_path):
    predictor, frame = predictors(kind), make_rows(kind, n=60, seed=2).frame
    export(predictor, tmp_path / "one")
    again = load(tmp_path / "one")
    assert (again.predict(frame) == predictor.predict(frame)).all()
    for name in ("kind", "features", "classes", "threshold", "weights", "calibration"):
        assert getattr(again, name) == getattr(predictor, name)
    export(again, tmp_path / "two")
    assert files_of(tmp_path / "two") == files_of(tmp_path / "one")


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_predicted_the_same_whatever_stands_beside_it(kind, predictors):
    predictor, frame = predictors(kind), make_rows(kind, n=70, seed=2).frame
    whole = predictor.predict(frame)
    for size in (1, 5, 8):
        parts = [predictor.predict(frame.iloc[i : i + size]) for i in range(0, 70, size)]
        assert (np.concatenate(parts) == whole).all()


FRESH = """
import sys
from pathlib import Path
import pandas as pd
from mlwf_assets.models.predictor import load
frame = pd.read_parquet(sys.argv[2])
prediction = load(Path(sys.argv[1])).predict(frame)
print([float(value).hex() for value in prediction.ravel()])
print("torch" in sys.modules)
"""


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_a_fresh_process_predicts_the_same_bits_and_loads_no_member_without_weight(kind, predictors, tmp_path):
    predictor, frame = predictors(kind), make_rows(kind, n=40, seed=2).frame
    export(predictor, tmp_path / "model")
    frame.to_parquet(tmp_path / "rows.parquet")
    arguments = [sys.executable, "-c", FRESH, tmp_path / "model", tmp_path / "rows.parquet"]
    said = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.splitlines()
    assert said[0] == str([float(value).hex() for value in predictor.predict(frame).ravel()])
    assert said[1] == "False"


def test_a_predictor_is_native_files_alone(predictors, tmp_path):
    export(predictors("binary"), tmp_path / "model")
    files = files_of(tmp_path / "model")
    assert {"predictor.json", "members/linear/linear.json", "members/lightgbm/model.txt"} <= set(files)
    assert not any(content.startswith(b"\x80") or b"cpickle" in content.lower() for content in files.values())
    facts = json.loads(files["predictor.json"])
    assert facts["classes"] == [False, True]
    assert facts["weights"] == WEIGHTS


def test_the_files_of_a_result_are_unpacked_for_a_while(predictors, tmp_path):
    export(predictors("binary"), tmp_path / "model")
    files = {f"predictor/{name}": content for name, content in files_of(tmp_path / "model").items()}
    with unpacked({**files, "trials.json": b"{}"}) as folder:
        assert files_of(folder) == files_of(tmp_path / "model")
    assert not folder.exists()
    with loaded(files) as predictor:
        assert len(predictor.members) == 3
        assert predictor.members["linear"].contributions(make_rows("binary").frame) is not None
        with pytest.raises(KeyError):
            predictor.members["xgboost"]


@pytest.mark.parametrize("content", [None, b"{", b"{}", b'{"kind": "binary"}'])
def test_a_damaged_predictor_is_an_error_that_says_what_to_do(content, tmp_path):
    if content is not None:
        (tmp_path / "predictor.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"must hold a predictor, however: .*; train the workflow again"):
        load(tmp_path)


def test_members_without_weight_are_not_asked():
    assert weigh({"a": np.array([1.0, 2.0])}, {"a": 1.0, "b": 0.0}).tolist() == [1.0, 2.0]
