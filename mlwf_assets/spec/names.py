"""The names that a workflow file may use for things that other rooms implement.

Written down here, because whoever reads a file must not import models, metrics or featuretools; tests hold
these lists against what the rooms and libraries really have.
"""

from typing import Literal, get_args

Kind = Literal["binary", "multiclass", "regression"]
KINDS: tuple[Kind, ...] = get_args(Kind)

FAMILIES = ("linear", "lightgbm", "tabm")

METRICS: dict[str, tuple[Kind, ...]] = {
    "roc_auc": ("binary", "multiclass"),
    "average_precision": ("binary",),
    "log_loss": ("binary", "multiclass"),
    "brier": ("binary",),
    "accuracy": ("binary", "multiclass"),
    "balanced_accuracy": ("binary", "multiclass"),
    "f1": ("binary", "multiclass"),
    "rmse": ("regression",),
    "mae": ("regression",),
    "r2": ("regression",),
}

# What clean tables, examples and matrices put beside a table's own columns.
RESERVED_COLUMNS = ("_file", "_row", "_row_id", "_known_at")
RESERVED_IN_KEYS = ("cutoff", "label", "process_today", "time", "split", "fold")
ROW_ID = "_row_id"
