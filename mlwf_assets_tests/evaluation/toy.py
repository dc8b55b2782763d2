"""Parcels that come late: a small world and a small real predictor, of any kind."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlwf_assets.models.families.base import Context, Fitted, Problem, Rows
from mlwf_assets.models.families.registry import find_family
from mlwf_assets.models.metrics import default_metric, find_metric
from mlwf_assets.models.predictor import Predictor
from mlwf_assets.spec.defaults import fill_tables
from mlwf_assets.spec.workflow import Workflow

FEATURES = [
    {"name": "weight", "kind": "numeric", "words": "The weight (kg).", "columns": ["parcels.weight"]},
    {"name": "rain", "kind": "numeric", "words": "The rain.", "columns": ["parcels.depot", "weather.rain"]},
    {"name": "express", "kind": "boolean", "words": "Whether it is express.", "columns": ["parcels.express"]},
    {"name": "depot", "kind": "categorical", "words": "The depot.", "columns": ["parcels.depot"]},
]
DEPOTS = ["north", "south", "east"]
CLASSES = ["early", "late", "lost"]


class Counted(Fitted):
    """A member that counts the rows that it is asked about."""

    def __init__(self, member):
        self._member = member
        self.asked = []

    def predict(self, frame):
        self.asked.append(len(frame))
        return self._member.predict(frame)

    def contributions(self, frame):
        return self._member.contributions(frame)

    def save(self, folder):
        self._member.save(folder)


def make_frame(n, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "weight": np.where(rng.random(n) < 0.1, np.nan, rng.gamma(2, 3, n)),
            "rain": rng.normal(size=n),
            "express": rng.integers(0, 2, n).astype(float),
            "depot": rng.choice([*DEPOTS, None], n, p=[0.4, 0.3, 0.2, 0.1]),
        }
    )


def make_label(frame, kind, seed=0):
    rng = np.random.default_rng(seed + 1)
    value = 2 * frame["rain"] + 0.3 * frame["weight"].fillna(5) - frame["express"] + rng.normal(size=len(frame))
    if kind == "regression":
        return value.to_numpy()
    if kind == "binary":
        return (value > 2).to_numpy()
    return np.array(CLASSES, dtype=object)[np.digitize(value, [0, 3])]


def make_matrix(n, kind, *, seed=0, start="2024-01-01", timed=True, today=True):
    """Key, time, label, process_today and features of n parcels, an hour apart."""
    frame = make_frame(n, seed)
    times = pd.date_range(start, periods=n, freq="h", tz="UTC").as_unit("us")
    lead = {
        "id": pa.array([f"p{seed}-{i}" for i in range(n)]),
        "cutoff": pa.array(times if timed else [None] * n, pa.timestamp("us", "UTC")),
        "time": pa.array(times if timed else [None] * n, pa.timestamp("us", "UTC")),
        "label": pa.array(make_label(frame, kind, seed)),
    }
    if today:
        rule = {"binary": frame["rain"].rank(pct=True).to_numpy(), "regression": frame["rain"].to_numpy(),
                "multiclass": np.array(["late"] * n, dtype=object)}  # fmt: skip
        lead["process_today"] = pa.array(rule[kind])
    types_ = {"categorical": pa.string(), "numeric": pa.float64(), "boolean": pa.float64()}
    columns = {f["name"]: pa.array(frame[f["name"]], types_[f["kind"]], from_pandas=True) for f in FEATURES}
    return pa.table({**lead, **columns})


def make_workflow(kind, **changes):
    values: dict[str, Any] = {
        "name": "parcels",
        "description": "Parcels of half a year.",
        "project": {
            "question": "Will this parcel be late?",
            "process_today": {"description": "Rain makes parcels late.", "rule": "rain"},
            "success": {"binary": "roc_auc >= 0.7 on test", "multiclass": "log_loss <= 0.9 on test",
                        "regression": "rmse < 3 on test"}[kind],
            "owner": "team:parcels",
        },
        "sources": {"parcels": "parcels.csv", "weather": "weather.csv"},
        "tables": {
            "parcels": {
                "key": ["id"],
                "columns": {"minutes": {"type": "number", "unit": "min", "description": "how late it came"}},
            }
        },
        "examples": {"table": "parcels", "label": "minutes" if kind == "regression" else "minutes > 2"},
        "evaluation": {"slices": ["depot"], "bootstrap": 30, "explain": 4},
        "deployment": {"registered_model": "parcel-late"},
    }  # fmt: skip
    if kind == "binary":
        values["examples"]["classes"] = {"true": "late", "false": "on time"}
        values["evaluation"]["costs"] = {"false_positive": 1, "false_negative": 3}
    return fill_tables(Workflow.model_validate({**values, **changes}))


COUNTS = [
    {"table": "parcels", "partition": month, "rows_in": 500, "rows_out": 490, "quarantined": 6, "duplicates": 3,
     "contradictions": 1, "dropped": {"a test parcel": 1}, "nulled": {"no weight": 4}, "noted": {"heavy": 9},
     "reasons": {"parcels.weight must be at most 100, however: 250": 6}}
    for month in ("2024-01", "2024-02")
]  # fmt: skip


LEADERBOARD = pa.table(
    {
        "model": ["ensemble", "lightgbm", "base_rate"],
        "words": ["the blend of the families", "gradient boosted trees (LightGBM)", "what the labels alone tell"],
        "score": [0.8, 0.79, None],
        "spread": [0.01, 0.02, None],
        "trials": pa.array([None, 12, None], pa.int64()),
    }
)


def make_case(kind="binary", *, rows=400, known=900, timed=True, today=True, **changes):
    """All arguments of `evaluate`: (workflow, keywords)."""
    matrix = make_matrix(known, kind, seed=1, timed=timed, today=today)
    splits = ["train"] * (known * 2 // 3) + ["validation"] * (known - known * 2 // 3)
    matrix = matrix.add_column(1, "split", pa.array(splits))
    test = make_matrix(rows, kind, seed=2, start="2024-03-01", timed=timed, today=today)
    examples = pa.concat_tables([test.select(["id", "depot"]), matrix.select(["id", "depot"])])
    given = {
        "test": test,
        "matrix": matrix,
        "features": FEATURES,
        "predictor": make_predictor(kind, matrix),
        "leaderboard": LEADERBOARD,
        "counts": COUNTS,
        "examples": examples,
        "key": ["id"],
        "provenance": {"features/matrix": "content 0123456789ab"},
    }
    return make_workflow(kind, **changes), given


def make_predictor(kind, matrix):
    labels = matrix.column("label").to_pylist()
    y = np.array([CLASSES.index(v) for v in labels] if kind == "multiclass" else labels, dtype=float)
    rows = Rows(matrix.select([f["name"] for f in FEATURES]).to_pandas(), y)
    classes = {"binary": (False, True), "multiclass": tuple(CLASSES), "regression": ()}[kind]
    problem = Problem(kind, FEATURES, len(classes), find_metric(default_metric(kind), kind))
    members = {name: Counted(_fit(name, rows, problem)) for name in ("lightgbm", "linear")}
    names = tuple(f["name"] for f in FEATURES)
    return Predictor(kind, names, classes, 0.25, members, {"lightgbm": 0.9, "linear": 0.1})


def _fit(name, rows, problem):
    family = find_family(name)
    params = family.defaults(problem, rows=len(rows.y))[0]
    return family.fit(params, rows, None, problem=problem, context=Context(threads=1), rounds=15)
