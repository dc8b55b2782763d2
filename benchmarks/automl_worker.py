"""One system on one split of one task, in a process of its own: SYSTEM TASK SPLIT SECONDS; prints a line of JSON."""

import json
import sys
import time
from typing import Any

from benchmarks.automl_tasks import load, score


def _ours(train: Any, target: str, kind: str, seconds: float) -> Any:
    from mlwf_assets.models import AutoML

    model = AutoML(kind, budget_seconds=seconds, progress=False).fit(train.drop(columns=target), train[target])
    return model.predict if kind == "regression" else model.predict_proba, getattr(model, "classes_", None)


def _flaml(train: Any, target: str, kind: str, seconds: float) -> Any:
    from flaml import AutoML

    model = AutoML()
    task = "regression" if kind == "regression" else "classification"
    metric = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "r2"}[kind]
    model.fit(train.drop(columns=target), train[target], task=task, metric=metric, time_budget=seconds, verbose=0)
    return model.predict if kind == "regression" else model.predict_proba, getattr(model, "classes_", None)


def _autogluon(train: Any, target: str, kind: str, seconds: float, presets: str) -> Any:
    from autogluon.tabular import TabularPredictor

    metric = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "r2"}[kind]
    model = TabularPredictor(label=target, problem_type=kind, eval_metric=metric, verbosity=0)
    model.fit(train, time_limit=seconds, presets=presets)
    if kind == "regression":
        return lambda rows: model.predict(rows).to_numpy(), None
    return lambda rows: model.predict_proba(rows).to_numpy(), model.class_labels


def main(system: str, task: str, split: int, seconds: float) -> None:
    """Fit, predict the test rows, print score and seconds."""
    train, test, target, kind = load(task, split)
    start = time.monotonic()
    if system == "mlwf_assets":
        predict, classes = _ours(train, target, kind, seconds)
    elif system == "flaml":
        predict, classes = _flaml(train, target, kind, seconds)
    else:
        presets = {"autogluon_medium": "medium_quality", "autogluon_best": "best_quality"}[system]
        predict, classes = _autogluon(train, target, kind, seconds, presets)
    wall_s, start = time.monotonic() - start, time.monotonic()
    said = predict(test.drop(columns=target))
    predict_s, y = time.monotonic() - start, test[target]
    if kind == "binary":
        said, y = said[:, 1], y == list(classes)[1]
    names = None if classes is None else list(classes)
    facts = {"score": float(score(kind, y, said, names)), "wall_s": wall_s, "predict_s": predict_s}
    print(json.dumps(facts))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
