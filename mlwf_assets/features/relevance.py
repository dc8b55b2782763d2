"""tsfresh's `select_features` and its table of relevance, from ranks that are computed once for all features.

The same tests, p-values and choice: Benjamini-Yekutieli, or Benjamini-Hochberg where hypotheses are told to be
independent. What the workflow selects by (categories, missing values, redundancy) stands in `selection`.
"""

import warnings
from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from mlwf_assets.features.significance import Target, assess_columns, assess_numbers, choose_relevant

Task = Literal["auto", "classification", "regression"]


def select_features(
    X: pd.DataFrame,
    y: pd.Series | np.ndarray,
    *,
    ml_task: Task = "auto",
    multiclass: bool = False,
    n_significant: int = 1,
    fdr_level: float = 0.05,
    hypotheses_independent: bool = False,
) -> pd.DataFrame:
    """Keep the columns that are related to the label.

    Args:
        X: (n, n_features) without missing values.
        y: (n,) labels; of a Series the index must be that of X.
        ml_task: auto takes integers and text for classes, other numbers for numbers.
        multiclass: whether a feature must be relevant for `n_significant` classes, rather than any.
        n_significant: for how many.
        fdr_level: the expected share of irrelevant ones among the kept.
        hypotheses_independent: Benjamini-Hochberg instead of Benjamini-Yekutieli.

    Returns:
        X with the relevant columns, the smallest p-values first.

    Raises:
        ValueError: if values are missing, the index of y is another, or there are fewer than two labels.

    Example:
        >>> X = pd.DataFrame({"told": range(40), "flat": 1.0})
        >>> list(select_features(X, np.arange(40) >= 20, ml_task="classification"))
        ['told']
    """
    if not isinstance(y, pd.Series):
        y = pd.Series(y, index=X.index)
    table = calculate_relevance(
        X,
        y,
        ml_task=ml_task,
        multiclass=multiclass,
        n_significant=n_significant,
        fdr_level=fdr_level,
        hypotheses_independent=hypotheses_independent,
    )
    return X.loc[:, table.loc[table["relevant"].astype(bool), "feature"]]


def calculate_relevance(
    X: pd.DataFrame,
    y: pd.Series,
    *,
    ml_task: Task = "auto",
    multiclass: bool = False,
    n_significant: int = 1,
    fdr_level: float = 0.05,
    hypotheses_independent: bool = False,
) -> pd.DataFrame:
    """Test each feature against the label; the arguments are those of `select_features`.

    Returns:
        A row per feature: feature, type (real, binary, constant), p_value and relevant; with `multiclass` the last
        two per class, and for how many classes it is relevant.
    """
    X, y = _check(X, y)
    classify = ml_task == "classification" or (ml_task == "auto" and _tells_classes(y))
    if multiclass and not classify:
        raise ValueError("multiclass needs a label of classes, however: a number is predicted; set ml_task")
    labels: Sequence[Any] = list(y.unique()) if classify else []
    if multiclass and len(labels) <= 2:
        warnings.warn("of two classes the second says all: each feature is tested once", UserWarning, stacklevel=2)
        multiclass = False
    classes = np.stack([(y == label).to_numpy() for label in labels]) if classify else np.empty((0, len(y)), bool)
    types = _types(X)
    tested = [name for kind in ("real", "binary") for name, found in types.items() if found == kind]
    p_values = _test(X, types, tested, Target(classes, y.to_numpy()))
    tables = [
        _choose(tested, types, column, fdr_level=fdr_level, independent=hypotheses_independent) for column in p_values.T
    ]
    rest = [name for name, kind in types.items() if kind == "constant"]
    constant = pd.DataFrame({"feature": rest, "type": "constant", "p_value": np.nan, "relevant": False}, index=rest)
    if not tested:
        return constant
    made = _by_class(tables, labels, n_significant) if multiclass else _of_any_class(tables)
    return pd.concat([made, constant]) if rest else made


def _check(X: pd.DataFrame, y: pd.Series) -> tuple[pd.DataFrame, pd.Series]:
    if gaps := [name for name, lost in X.isna().any().items() if lost]:
        raise ValueError(f"no value of a feature may be missing, however: {gaps[:5]} have gaps; fill or drop them")
    if len(X) != len(y) or set(X.index) != set(y.index):
        raise ValueError(f"features and labels must have the same index, however: {len(X)} and {len(y)} rows differ")
    if y.nunique(dropna=False) < 2:
        raise ValueError(f"there must be two labels at least, however: {list(y.unique())}")
    return X.sort_index(), y.sort_index()


def _tells_classes(y: pd.Series) -> bool:
    return y.dtype.kind in np.typecodes["AllInteger"] or y.dtype == object or isinstance(y.dtype, pd.StringDtype)


def _types(X: pd.DataFrame) -> dict[Hashable, str]:
    """Name -> constant, binary or real, by how many values there are."""
    ordered = np.sort(X.to_numpy(dtype=np.float64), axis=0)
    distinct = 1 + np.sum(ordered[1:] != ordered[:-1], axis=0)
    return {
        name: "constant" if n == 1 else "binary" if n == 2 else "real"
        for name, n in zip(X.columns, distinct, strict=True)
    }


def _test(X: pd.DataFrame, types: dict[Hashable, str], tested: Sequence[Hashable], target: Target) -> np.ndarray:
    """(n_tested, n_classes) p-values; (n_tested, 1) where a number is predicted."""
    real = [name for name in tested if types[name] == "real"]
    values = X[real].to_numpy(dtype=np.float64)
    found = [assess_columns(values, target=target)] if real else []
    for name in tested[len(real) :]:
        column = X[name].to_numpy(dtype=np.float64)
        found.append(assess_numbers(column, column, target=target)[None])
    return np.concatenate(found) if found else np.empty((0, max(len(target.classes), 1)))


def _choose(
    tested: Sequence[Hashable], types: dict[Hashable, str], p_values: np.ndarray, *, fdr_level: float, independent: bool
) -> pd.DataFrame:
    relevant = choose_relevant(p_values, fdr_level=fdr_level, independent=independent)
    columns = {"feature": tested, "type": [types[name] for name in tested], "p_value": p_values, "relevant": relevant}
    return pd.DataFrame(columns, index=pd.Index(tested, name="feature")).sort_values("p_value")


def _of_any_class(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Relevant for any, the smallest p-value; in the order of the first class's table, as tsfresh has it."""
    first = tables[0].copy()
    for other in tables[1:]:
        there = other.loc[first.index]
        first["relevant"] |= there["relevant"]
        first["p_value"] = np.fmin(first["p_value"], there["p_value"])
    return first


def _by_class(tables: Sequence[pd.DataFrame], labels: Sequence[Any], n_significant: int) -> pd.DataFrame:
    if n_significant > len(labels):
        raise ValueError(
            f"n_significant must not exceed the number of classes, however: {n_significant}, {len(labels)}"
        )
    made = tables[0][["feature", "type"]].copy()
    for table, label in zip(tables, labels, strict=True):
        made[f"p_value_{label}"] = table["p_value"]
        made[f"relevant_{label}"] = table["relevant"]
    made["n_significant"] = made[[f"relevant_{label}" for label in labels]].sum(axis=1)
    made["relevant"] = made["n_significant"] >= n_significant
    return made
