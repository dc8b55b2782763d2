"""A small real model behind the predictor's interface, and candidates made of it."""

import json
import sys
import types
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd

from mlwf_assets.deployment.candidate import Candidate, Origin

CARRIERS = ["AA", "B6", "UA"]
FEATURES = [
    {"name": "wind", "kind": "numeric", "words": "the wind speed"},
    {"name": "gust", "kind": "numeric", "words": "the gusts"},
    {"name": "late", "kind": "boolean", "words": "whether the day before was late"},
    {"name": "carrier", "kind": "categorical", "words": "the carrier | its code"},
]


class Predictor:
    """LightGBM's own text file and nothing else."""

    classes = (False, True)
    threshold = 0.4
    members = ("lightgbm",)

    def __init__(self, folder):
        self.features = [feature["name"] for feature in FEATURES]
        self._booster = lgb.Booster(model_file=str(Path(folder) / "model.txt"))

    def predict(self, frame):
        return self._booster.predict(_numbers(frame[self.features]), num_threads=1)


def install():
    """Stand in for `models.predictor`, in this process."""
    module = types.ModuleType("mlwf_assets.models.predictor")
    module.load = Predictor
    sys.modules["mlwf_assets.models.predictor"] = module


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


def make_predictor(folder, *, rounds=20):
    frame, truth = make_rows()
    parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "deterministic": True, "seed": 0}
    folder.mkdir(parents=True)
    lgb.train(parameters, lgb.Dataset(_numbers(frame), truth), rounds).save_model(str(folder / "model.txt"))
    return Predictor(folder)


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


def _numbers(frame):
    coded = frame.assign(carrier=pd.Categorical(frame["carrier"], categories=CARRIERS).codes)
    return coded.to_numpy(float)
