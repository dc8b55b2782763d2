"""How many rows of each stratum, and which groups, make up a share: pure counting.

Strata follow Hamilton's method (largest remainders), so that shares are exact to a row over all and in each
stratum; a stratum of three rows or more is never left without a row, for a class that is in no test is not tested.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def seats(sizes: Sequence[int], share: float, *, taken: Sequence[int] | None = None) -> list[int]:
    """Divide a share of all rows over strata, in proportion to their sizes.

    Args:
        sizes: rows of each stratum.
        share: of the rows of all strata.
        taken: rows of each stratum that are gone already.
    Example:
        >>> seats([17, 3], 0.15)
        [2, 1]
        >>> seats([17, 3], 0.15, taken=[2, 1])
        [2, 1]
    """
    free = [size - gone - 1 for size, gone in zip(sizes, taken or [0] * len(sizes), strict=True)]
    quotas = [size * share for size in sizes]
    total = max(1, round(sum(sizes) * share))
    least = [1 if size >= 3 else 0 for size in sizes]
    given = [
        max(low, min(int(quota), room)) if room > 0 else 0 for low, quota, room in zip(least, quotas, free, strict=True)
    ]
    while sum(given) != total:
        step = 1 if sum(given) < total else -1
        able = [
            i
            for i in range(len(sizes))
            if (given[i] < free[i] if step > 0 else given[i] > (least[i] if free[i] > 0 else 0))
        ]
        if not able:
            break
        chosen = max(able, key=lambda i: (step * (quotas[i] - given[i]), sizes[i], -i))
        given[chosen] += step
    return given


def fill_with_groups(
    order: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], rows: float, *, leave: int
) -> list[int]:
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
    return chosen or [min(order.tolist(), key=lambda group: sizes[group])]
