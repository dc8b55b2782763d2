"""A training that a test starts in a process of its own, to kill it; the rows that tests learn from."""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from mlwf_assets.models.families.base import Context, Problem, Rows
from mlwf_assets.models.metrics import default_metric, find_metric

PARAMS = {
    "blocks": 2, "width": 16, "embedding": 2, "bins": 8, "learning_rate": 2e-2, "weight_decay": 1e-2, "k": 4,
    "batch_rows": 64, "averaging": 0.9,
}  # fmt: skip
ROUNDS = 12


def make_problem(kind="binary"):
    kinds = {"x": "numeric", "gap": "numeric", "flag": "boolean", "where": "categorical"}
    features = [{"name": name, "kind": of} for name, of in kinds.items()]
    classes = {"binary": 2, "multiclass": 3, "regression": 0}[kind]
    return Problem(kind, features, classes, find_metric(default_metric(kind), kind))


def make_rows(kind="binary", rows=400, seed=0):
    """Rows whose label depends on a bend, a gap and a place, so that there is something to learn."""
    rng = np.random.default_rng(seed)
    x, gap = rng.normal(size=rows), rng.exponential(size=rows)
    gap[rng.random(rows) < 0.3] = np.nan
    where = rng.choice(["Zürich", "東京", "Łódź"], rows).astype(object)
    where[rng.random(rows) < 0.1] = None
    flag = rng.integers(0, 2, rows).astype(float)
    value = np.abs(x) + np.isnan(gap) + (where == "東京") + 0.2 * rng.normal(size=rows)
    cuts = {"binary": [1.2], "multiclass": [0.9, 1.8], "regression": []}[kind]
    y = 50 + 10 * value if kind == "regression" else np.digitize(value, cuts)
    return Rows(pd.DataFrame({"x": x, "gap": gap, "flag": flag, "where": where}), y)


def fit(checkpoints=None, *, rounds=ROUNDS, should_stop=lambda: False, seed=0, params=PARAMS, kind="binary"):
    from mlwf_assets.models.families.tabm import TabM

    context = Context(seed=seed, threads=1, checkpoint_dir=checkpoints, should_stop=should_stop)
    valid = None if rounds else make_rows(kind, 150, seed=1)
    return TabM().fit(params, make_rows(kind), valid, problem=make_problem(kind), context=context, rounds=rounds)


def _pause():
    time.sleep(0.03)
    return False


if __name__ == "__main__":
    checkpoints, result = map(Path, sys.argv[1:])
    model = fit(checkpoints, should_stop=_pause)
    result.mkdir()
    model.save(result)
