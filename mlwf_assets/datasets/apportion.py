"""How many rows of each stratum, and which groups, make up a share: pure counting.

Strata follow Hamilton's method (largest remainders), so that shares are exact to a row over all and in each
stratum; a stratum of three rows or more gets a row in each split that has as many rows as there are strata, for
a class that is in no test is not tested.
"""

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]

_SMALLEST = 3  # rows that can stand in three splits


def seats(sizes: Rows | list[int], share: float, *, leave: int, taken: Rows | list[int] | None = None) -> Rows:
    """Divide a share of all rows over strata, in proportion to their sizes.

    Args:
        sizes: (n_strata,) rows of each stratum.
        share: of the rows of all strata.
        leave: rows of each stratum that others must still get, if it has as many.
        taken: (n_strata,) rows of each stratum that are gone already.
    Returns:
        (n_strata,) rows of each stratum.
    Example:
        >>> seats([17, 3], 0.15, leave=2).tolist()
        [2, 1]
        >>> seats([17, 3], 0.15, leave=1, taken=[2, 1]).tolist()
        [2, 1]
    """
    size = np.asarray(sizes, dtype=np.int64)
    free = np.maximum(size - np.asarray(taken if taken is not None else 0 * size) - leave, 0)
    total = min(max(1, round(int(size.sum()) * share)), int(free.sum()))
    least = np.where(size >= _SMALLEST, np.minimum(free, 1), 0)
    if least.sum() > total:  # more classes than rows: then by size alone
        least = 0 * size
    quotas = size * share
    given = np.maximum(least, np.minimum(np.floor(quotas).astype(np.int64), free))
    while (lacking := total - int(given.sum())) != 0:
        step = 1 if lacking > 0 else -1
        able = np.flatnonzero(given < free if step > 0 else given > least)
        # Whoever is farthest from the quota comes first; of equals the larger, then the first.
        urgency = np.lexsort((able, -size[able], -step * (quotas - given)[able]))
        given[able[urgency[: abs(lacking)]]] += step
    return np.asarray(given, dtype=np.int64)


def fill_with_groups(order: Rows, sizes: Rows, rows: float, *, leave: int) -> list[int]:
    """Choose groups that together come near a number of rows.

    Args:
        order: the groups that may be chosen, in the order in which they are tried.
        sizes: (n_groups,) rows of each group.
        rows: how many rows are wanted.
        leave: how many groups must be left.
    Returns:
        The chosen groups, at least one.
    Example:
        >>> fill_with_groups(np.array([2, 0, 1]), np.array([3, 5, 2]), 5.0, leave=1)
        [2, 0]
    """
    chosen: list[int] = []
    count = 0
    for group in order.tolist():
        # Half of the group may stand over: without it, the share would be missed by more.
        if len(order) - len(chosen) > leave and count + sizes[group] / 2 <= rows:
            chosen.append(group)
            count += int(sizes[group])
    return chosen or [min(order.tolist(), key=lambda group: int(sizes[group]))]
