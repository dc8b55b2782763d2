"""Rows that a model family must cope with: gaps, a constant, nothing at all, text in any script."""

import numpy as np
import pandas as pd
import pyarrow as pa

from mlwf_assets.models.families.base import Problem, Rows
from mlwf_assets.models.metrics import default_metric, find_metric

KINDS = ("binary", "multiclass", "regression")
CLASSES = {"binary": 2, "multiclass": 3, "regression": 0}
FEATURES = [
    {"name": "signal", "kind": "numeric"},
    {"name": "gaps", "kind": "numeric"},
    {"name": "constant", "kind": "numeric"},
    {"name": "nothing", "kind": "numeric"},
    {"name": "endless", "kind": "numeric"},
    {"name": "flag", "kind": "boolean"},
    {"name": 'stadt, "groß": {1}', "kind": "categorical"},
    {"name": "many", "kind": "categorical"},
    {"name": "no text", "kind": "categorical"},
]
CITY = FEATURES[6]["name"]
CITIES = ["Zürich", "東京", "Ålesund", "O'Hare", ""]


def make_problem(kind, metric=None):
    return Problem(kind, FEATURES, CLASSES[kind], find_metric(metric or default_metric(kind), kind))


def make_rows(kind, n=160, seed=0):
    rng = np.random.default_rng(seed)
    signal, flag = rng.normal(size=n), rng.integers(0, 2, n).astype(float)
    city = rng.integers(0, len(CITIES), n)
    endless = rng.normal(size=n) * 1e12
    endless[:2] = np.inf, -np.inf
    frame = pd.DataFrame(
        {
            "signal": signal,
            "gaps": np.where(rng.random(n) < 0.4, np.nan, signal + rng.normal(size=n)),
            "constant": 7.0,
            "nothing": np.nan,
            "endless": endless,
            "flag": np.where(rng.random(n) < 0.1, np.nan, flag),
            CITY: [None if rng.random() < 0.1 else CITIES[i] for i in city],
            "many": [f"nr {i}" for i in rng.integers(0, n, n)],
            "no text": pd.Series([None] * n, dtype=object),
            "not a feature": np.arange(n),
        }
    )
    score = 2 * signal + flag + (city - 2) + 0.5 * rng.normal(size=n)
    return Rows(frame, _label(kind, score))


def _label(kind, score):
    if kind == "regression":
        return 100 + 10 * score
    cuts = [0.5] if kind == "binary" else [-1.0, 1.5]
    return np.digitize(score, cuts).astype(float)


def make_matrix(kind, n=240, *, timed=True, seed=0):
    """The same rows as a matrix of train and validation, with today's rule where there is one for the kind."""
    rows = make_rows(kind, n, seed)
    split = np.where(np.arange(n) < 0.8 * n, "train", "validation")
    times = np.arange(n) * 3_600_000_000
    label = pa.array({"binary": rows.y > 0, "regression": rows.y}.get(kind, rows.y))
    if kind == "multiclass":
        label = pa.array(np.array(["büro", "amt", "haus"])[rows.y.astype(int)])
    text = {feature["name"] for feature in FEATURES if feature["kind"] == "categorical"}
    columns = {
        "id": pa.array([f"r{i:04d}" for i in range(n)]),
        "split": pa.array(split),
        "cutoff": pa.array(times if timed else [None] * n, pa.timestamp("us")),
        "time": pa.array(times if timed else [None] * n, pa.timestamp("us")),
        "label": label,
    }
    if kind == "binary":
        columns["process_today"] = pa.array(np.clip(rows.frame["flag"] / 2 + 0.2, 0, 1), from_pandas=True)
    features = {
        name: pa.array(rows.frame[name], pa.string() if name in text else pa.float64(), from_pandas=True)
        for name in (feature["name"] for feature in FEATURES)
    }
    return pa.table({**columns, **features})
