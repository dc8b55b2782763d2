"""Small trained predictors of every kind, and candidates made of them."""

import json

import numpy as np
import pandas as pd

from mlwf_assets.deployment.candidate import Candidate, Origin
from mlwf_assets.models.families.base import Context, Problem, Rows
from mlwf_assets.models.families.registry import find_family
from mlwf_assets.models.metrics import default_metric, find_metric
from mlwf_assets.models.predictor import Calibration, Predictor, export, load

CARRIERS = ["AA", "B6", "UA"]
FEATURES = [
    {"name": "wind", "kind": "numeric", "words": "the wind speed"},
    {"name": "gust", "kind": "numeric", "words": "the gusts"},
    {"name": "late", "kind": "boolean", "words": "whether the day before was late"},
    {"name": "carrier", "kind": "categorical", "words": "the carrier | its code"},
]


def make_rows(n=600, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "wind": rng.normal(size=n),
            "gust": np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n)),
            "late": rng.integers(0, 2, n).astype(float),
            "carrier": rng.choice([*CARRIERS, None], n),
        }
    )
    truth = (frame["wind"] + 0.5 * frame["late"] + rng.normal(size=n) > 0.5).to_numpy(int)
    return frame, truth


def make_predictor(folder, *, kind="binary", families=("lightgbm",), rounds=20):
    """Train families on the toy's rows, blend them, and give the exported predictor."""
    frame, truth = make_rows()
    y = {"binary": truth, "multiclass": np.arange(len(truth)) % 2 + truth, "regression": frame["wind"].to_numpy()}[kind]
    classes = {"binary": (False, True), "multiclass": ("early", "on time", "late"), "regression": ()}[kind]
    problem = Problem(kind, FEATURES, len(classes), find_metric(default_metric(kind), kind))
    members = {name: _fit(find_family(name), problem, Rows(frame, y.astype(float)), rounds) for name in families}
    weights = {name: 1 / len(members) for name in members}
    names = tuple(feature["name"] for feature in FEATURES)
    calibration = Calibration() if kind == "regression" else Calibration(1.1)
    export(Predictor(kind, names, classes, 0.4, members, weights, calibration), folder)
    return load(folder)


def _fit(family, problem, rows, rounds):
    params = family.defaults(problem, rows=len(rows.y))[0]
    return family.fit(params, rows, None, problem=problem, context=Context(threads=1), rounds=rounds)


def make_candidate(folder, **changes):
    values = {
        "workflow": "flights",
        "registered_model": "flight-on-time",
        "kind": "binary",
        "predictor": folder,
        "features": FEATURES,
        "example": make_rows()[0],
        "metrics": {"roc_auc": 0.81, "log_loss": 0.5},
        "intervals": {"roc_auc": (0.79, 0.83)},
        "params": {"families": "lightgbm", "threshold": 0.4},
        "classes": (False, True),
        "threshold": 0.4,
        "positive": "not on time",
        "question": "Will this flight be on time?",
        "owner": "team:ops",
        "files": {
            "features.json": json.dumps(FEATURES).encode(),
            "definitions.json": b"[]",
            "report.html": b"<h1>report</h1>",
            "plots/roc.png": b"png",
        },
        "report_link": "/reports/flights/report.html",
        "origin": Origin(
            run_id="0123456789abcdef",
            asset="flights/deployment/model",
            partitions=("2013-01", "2013-02"),
            tables={"features/matrix": "version 3, 5f0c"},
        ),
    }
    return Candidate(**{**values, **changes})
