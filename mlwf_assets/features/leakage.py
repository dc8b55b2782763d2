"""How much a single feature tells of the label by itself: its normalized Gini, |2 AUC - 1|.

Used to rank features, and as the leakage guard: what nearly decides the label alone was seldom known in time.
For several classes the largest of one against the rest, for numbers the absolute rank correlation. Where a
feature must decide between several classes to be a leak, it is the smallest: that petals tell one of three
flowers is nature, that a column tells each of them is a copy of the label.
"""

import numpy as np

from mlwf_assets.features.significance import Target, rank

FOLDS = 5
# Rows of prior that each category's mean is mixed with.
SMOOTHING = 20
# Into as many groups of like size numbers are put, where each of several classes is looked for among them.
_BINS = 20


def measure_ranks(ranks: np.ndarray, *, target: Target) -> float:
    """Measure a feature by its ranks.

    Args:
        ranks: (n,) average ranks, no NaN.
        target: the labels of the same rows.

    Returns:
        0 (tells nothing) to 1 (decides).

    Example:
        >>> late = np.array([False, False, True])
        >>> measure_ranks(np.array([1.0, 2.0, 3.0]), target=Target(late[None], late))
        1.0
    """
    return max((abs(gini) for gini in _signed(ranks, target)), default=0.0)


def measure_missing(missing: np.ndarray, *, target: Target) -> float:
    """Measure the mere fact that a feature is missing.

    Args:
        missing: (n,) boolean.
        target: the labels.
    """
    return measure_ranks(rank(missing.astype(float)), target=target)


def measure_categories(codes: np.ndarray, *, target: Target, seed: int = 0) -> float:
    """Measure a feature of categories by the label's mean in each, told from the other folds.

    In-fold means would make an id of many values look like a leak.

    Args:
        codes: (n,) integers from 0.
        target: the labels of the same rows.
        seed: of the folds.
    """
    folds = np.random.default_rng(seed).permutation(len(codes)) % FOLDS
    if target.is_number:
        return max(0.0, *_signed(rank(_encode(codes, rank(target.values), folds)), target))
    found = [0.0]
    for members in target.classes:
        encoded = rank(_encode(codes, members.astype(float), folds))
        found += _signed(encoded, Target(members[None], members))
    return max(found)


def measure_least_told(codes: np.ndarray, *, target: Target, seed: int = 0) -> float:
    """Measure how well a feature of categories tells the class that it tells worst.

    Args:
        codes: (n,) integers from 0, as of `group_ranks` for numbers.
        target: the labels of the same rows, of several classes.
        seed: of the folds.
    Returns:
        1 where each class can be told from the feature alone, from the other folds' rows.
    Example:
        >>> flowers = np.repeat([0, 1, 2], 30)
        >>> target = Target(np.stack([flowers == k for k in range(3)]), flowers)
        >>> measure_least_told(flowers, target=target), measure_least_told(flowers // 2, target=target) < 0.7
        (1.0, True)
    """
    folds = np.random.default_rng(seed).permutation(len(codes)) % FOLDS
    encoded = [rank(_encode(codes, members.astype(float), folds)) for members in target.classes]
    found = [
        _signed(ranks, Target(members[None], members)) for ranks, members in zip(encoded, target.classes, strict=True)
    ]
    return max(0.0, min((gini for told in found for gini in told), default=0.0))


def group_ranks(ranks: np.ndarray) -> np.ndarray:
    """Put numbers into groups of like size, equal ones into one.

    Args:
        ranks: (n,) average ranks, no NaN.
    Returns:
        (n,) integers from 0.
    Example:
        >>> group_ranks(np.array([1.5, 1.5, 3.0]))
        array([10, 10, 20])
    """
    return np.asarray(ranks * _BINS // max(1, len(ranks)), dtype=np.int64)


def _encode(codes: np.ndarray, values: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """(n,) smoothed mean of the values in the row's category, over the folds that the row is not in."""
    size = int(codes.max(initial=0)) + 1
    cells = codes * FOLDS + folds
    counts = np.bincount(cells, minlength=size * FOLDS).reshape(size, FOLDS)
    sums = np.bincount(cells, weights=values, minlength=size * FOLDS).reshape(size, FOLDS)
    others_n = counts.sum(axis=1, keepdims=True) - counts
    others = sums.sum(axis=1, keepdims=True) - sums
    prior = others.sum(axis=0) / np.maximum(others_n.sum(axis=0), 1)
    return np.asarray(((others + SMOOTHING * prior) / (others_n + SMOOTHING))[codes, folds])


def _signed(ranks: np.ndarray, target: Target) -> list[float]:
    n = len(ranks)
    if target.is_number:
        other = rank(target.values)
        spread = np.std(ranks) * np.std(other)
        covariance = np.mean((ranks - (n + 1) / 2) * (other - (n + 1) / 2)) if n else 0.0
        return [float(covariance / spread) if spread else 0.0]
    found = []
    for members in target.classes:
        inside = int(members.sum())
        if 0 < inside < n:
            u = ranks[members].sum() - inside * (inside + 1) / 2
            found.append(float(2 * u / (inside * (n - inside)) - 1))
    return found
