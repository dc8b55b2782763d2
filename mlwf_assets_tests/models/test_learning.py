import json

import numpy as np

from mlwf_assets.models.learning import Point, curve_of_best, would_more_help
from mlwf_assets.models.metrics import find_metric
from mlwf_assets.spec.models import Models
from mlwf_assets_tests.models.battery import make_matrix
from mlwf_assets_tests.models.test_family import train


def test_the_best_family_is_trained_on_more_and_more_rows():
    kind, matrix = "regression", make_matrix("regression", timed=False)
    members = {}
    for name in ("linear", "extra_trees"):
        made = train(name, kind, matrix=matrix, budget={"trials": 1})
        members[name] = made.table, made.files
    spec, said = Models(folds=2, seed=5), []
    result = curve_of_best(members, matrix, spec=spec, kind=kind, key=["id"], report=said.append)
    assert result.table["share"].to_pylist() == [0.125, 0.25, 0.5, 1.0]
    assert result.table["rows"].to_pylist() == [15, 30, 60, 120]
    assert np.isfinite(result.table["score"].to_numpy()).all()
    facts = [json.loads(files["family.json"]) for _, files in members.values()]
    best = min(facts, key=lambda one: one["score"])  # RMSE: the smaller the better
    assert result.metadata["family"] == best["words"]
    assert len(said) == 4


def test_a_gain_that_may_be_chance_is_no_reason_for_more_data():
    metric = find_metric("rmse", "regression")
    before = Point(0.5, 500, (10.0, 12.0, 11.0))
    assert would_more_help([before, Point(1.0, 1000, (9.0, 11.1, 9.9))], metric).startswith("more data would help")
    assert would_more_help([before, Point(1.0, 1000, (11.0, 11.0, 10.9))], metric) == (
        "nothing says that more data would help: from 500 to 1,000 rows, RMSE changed by -0.0333, which may be chance"
    )
    assert would_more_help([Point(0.5, 5, (1.0,)), Point(1.0, 10, (0.5,))], metric).startswith("nothing says")
