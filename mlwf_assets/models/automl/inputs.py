"""What users hand over besides the frame, checked: labels, weights, an earlier fit's trials; the name of a task."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.errors import DataError
from mlwf_assets.models.metrics import Array
from mlwf_assets.models.task import Task
from mlwf_assets.spec.names import WAYS, Way

_DIGEST_BYTES = 8


def read_labels(y: Any) -> Any:
    """Read labels as a column; of a table with one column, that one.

    Raises:
        ValueError: if they are no column.
    """
    from sklearn.utils.validation import column_or_1d

    if y is None:
        raise ValueError("This AutoML estimator requires y to be passed, but the target y is None")
    return y.reset_index(drop=True) if isinstance(y, pd.Series) else column_or_1d(y, warn=True)


def read_weight(sample_weight: Any, rows: int) -> Array | None:
    """Read how much each row counts; None where all count the same.

    Raises:
        DataError: if they are not a number for each row, or all zero.
    """
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=float)
    if weight.shape != (rows,) or not np.isfinite(weight).all() or (weight < 0).any() or not weight.sum():
        raise DataError(
            f"sample_weight must be {rows:,} finite numbers of 0 or more, not all of them zero, however: shape "
            f"{weight.shape}, sum {weight.sum():g}"
        )
    return None if (weight == weight[0]).all() else weight


def read_way(search: str) -> Way:
    """Read how configurations are drawn.

    Raises:
        ValueError: if there is no such way.
    """
    found = next((way for way in WAYS if way == search), None)
    if found is None:
        raise ValueError(f"search must be one of {', '.join(WAYS)}, however: {search!r}")
    return found


def read_list(replay: Any) -> Mapping[str, Any]:
    """Read the trials of an earlier fit.

    Args:
        replay: `trials_`, or the path of a `trials.json`.

    Raises:
        ValueError: if it is no such list.
    """
    found: Any = json.loads(Path(replay).read_text(encoding="utf-8")) if isinstance(replay, str | Path) else replay
    if not isinstance(found, dict) or not {"seed", "threads", "folds", "trials"} <= found.keys() or not found["trials"]:
        raise ValueError(
            f"replay must be the trials_ of an earlier fit, or the path of its trials.json, however: {replay!r:.80}"
        )
    return found


def name_task(task: Task) -> str:
    """Name a task by its content: fits of other data or other folds must not be taken for its own."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    digest.update(pd.util.hash_pandas_object(task.frame, index=False).to_numpy().tobytes())
    digest.update(np.asarray(task.truth.y, dtype=float).tobytes())
    digest.update(b"" if task.weight is None else task.weight.tobytes())
    for fold in task.folds:
        digest.update(
            np.asarray(fold.train, dtype=np.int64).tobytes() + np.asarray(fold.valid, dtype=np.int64).tobytes()
        )
    digest.update(repr([task.problem.features, task.problem.kind, task.problem.metric.name]).encode())
    return digest.hexdigest()
