"""Hold a feature matrix against featuretools': what must be the same, and how near numbers must be."""

import numpy as np
import pandas as pd

TOLERANCE = 1e-9


def differences(ours, theirs, features):
    """List what differs, in words.

    Numbers may differ by 1e-9 of the larger of both and of the largest input; all else must be equal.
    """
    found = []
    if list(ours.columns) != list(theirs.columns):
        return [f"columns: {list(ours.columns)} for {list(theirs.columns)}"]
    if not ours.index.equals(theirs.index) or ours.index.names != theirs.index.names:
        return [f"index: {ours.index} for {theirs.index}"]
    owner = {name: one for one in features for name in one.get_feature_names()}
    for name in theirs.columns:
        if same := compare(ours[name], theirs[name], scale=find_scale(owner.get(name))):
            found.append(f"{name}: {same}")
        elif str(ours[name].dtype) != str(theirs[name].dtype):
            found.append(f"{name}: type {ours[name].dtype} for {theirs[name].dtype}")
        elif ours.ww.schema is not None and ours.ww.columns[name] != theirs.ww.columns[name]:
            found.append(f"{name}: schema {ours.ww.columns[name]} for {theirs.ww.columns[name]}")
    return found


def find_scale(feature):
    """Give the largest size of what goes into a feature."""
    if feature is None:
        return 0.0
    scale = 0.0
    for one in [feature, *feature.get_dependencies(deep=True)]:
        if type(one).__name__ == "IdentityFeature":
            column = one.entityset[one.dataframe_name][one.column_name]
            if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
                scale = max(scale, float(np.nan_to_num(column.astype(float).abs().max())))
    return scale


def compare(ours, theirs, *, scale):
    """Say how two columns differ; "" where they do not."""
    gaps = ours.isna().to_numpy(), theirs.isna().to_numpy()
    if (gaps[0] != gaps[1]).any():
        return f"gaps: {ours.tolist()} for {theirs.tolist()}"
    here = ~gaps[0]
    mine, other = ours.to_numpy(dtype=object)[here], theirs.to_numpy(dtype=object)[here]
    if len(mine) and all(
        isinstance(one, int | float | np.number) and not isinstance(one, bool) for one in [*mine, *other]
    ):
        mine, other = mine.astype(float), other.astype(float)
        allowed = TOLERANCE * np.maximum(np.maximum(np.abs(mine), np.abs(other)), scale)
        with np.errstate(invalid="ignore"):
            near = (mine == other) | (np.abs(mine - other) <= allowed)
        return "" if near.all() else f"values: {mine.tolist()} for {other.tolist()}"
    return "" if list(mine) == list(other) else f"values: {list(mine)} for {list(other)}"
