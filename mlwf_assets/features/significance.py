"""Is a feature related to the label at all? FRESH's tests, from ranks that are computed once.

The p-values are tsfresh's: Mann-Whitney (class, real feature), Fisher (class, binary feature), Kendall
(number, real feature), Kolmogorov-Smirnov (number, binary feature), then Benjamini-Yekutieli. tsfresh tests
neither categories nor missing values; those rules are ours and stand in docs/features.md.
Follows Christ, Kempa-Liehr & Feindt (2016), arXiv 1610.07717.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

# Categories are pooled until each cell of the contingency table expects so many rows (Cochran's rule).
MIN_EXPECTED = 5
# Up to so many rows in the smaller group, without ties, scipy computes Mann-Whitney exactly.
_EXACT_ROWS = 8


@dataclass(frozen=True)
class Target:
    """The labels of the training rows.

    Attributes:
        classes: (n_classes, n) one against the rest, a single row for a binary label; empty for numbers.
        values: (n,) the number, or the class's code.
    """

    classes: np.ndarray
    values: np.ndarray

    @property
    def is_number(self) -> bool:
        """Whether a number is predicted."""
        return len(self.classes) == 0

    def take(self, rows: np.ndarray) -> "Target":
        """The labels of some rows, a boolean mask."""
        return self if rows.all() else Target(self.classes[:, rows], self.values[rows])

    def with_rows(self, least: int) -> "Target | None":
        """The classes of which, and outside of which, there are so many rows; None if there is none.

        Args:
            least: number of rows.
        """
        if self.is_number:
            return self if len(self.values) >= least else None
        inside = self.classes.sum(axis=1)
        enough = (inside >= least) & (self.classes.shape[1] - inside >= least)
        return Target(self.classes[enough], self.values) if enough.any() else None


def rank(values: np.ndarray) -> np.ndarray:
    """Average ranks from 1; NaN stays NaN.

    Example:
        >>> rank(np.array([5.0, 3.0, 5.0]))
        array([2.5, 1. , 2.5])
    """
    return np.asarray(pd.Series(values).rank())


def assess_numbers(values: np.ndarray, ranks: np.ndarray, *, target: Target) -> np.ndarray:
    """Test a feature of numbers without missing values.

    Args:
        values: (n,) not constant.
        ranks: (n,) of the values.
        target: the labels of the same rows.

    Returns:
        (n_classes,) p-values, or (1,) where a number is predicted.
    """
    from scipy import stats

    if target.is_number and (target.values == target.values[0]).all():
        return np.array([np.nan])
    low, high = values.min(), values.max()
    binary = bool(((values == low) | (values == high)).all())
    if not target.is_number:
        if binary:
            return np.array([_fisher(values == high, members) for members in target.classes])
        return np.array([_mann_whitney(values, ranks, members) for members in target.classes])
    if binary:
        return np.array([_kolmogorov_smirnov(target.values[values == high], target.values[values == low])])
    return np.array([stats.kendalltau(values, target.values, method="asymptotic").pvalue])


def assess_columns(values: np.ndarray, *, target: Target) -> np.ndarray:
    """Test many features of more than two numbers each, without missing values; ranks are computed together.

    Args:
        values: (n, n_features).
        target: the labels of the same rows.

    Returns:
        (n_features, n_classes) p-values, or (n_features, 1) where a number is predicted.
    """
    if target.is_number:
        return np.stack([assess_numbers(column, column, target=target) for column in values.T])
    n, ranks = len(values), np.asarray(pd.DataFrame(values).rank())
    squares = np.sum(ranks * ranks, axis=0)
    tests = []
    for members in target.classes:
        inside = int(members.sum())
        if min(inside, n - inside) <= _EXACT_ROWS:
            tests.append(np.array([_mann_whitney(v, r, members) for v, r in zip(values.T, ranks.T, strict=True)]))
        else:
            tests.append(_mann_whitney_of_sums(np.sum(ranks[members], axis=0), squares, n, inside))
    return np.array(tests).T


def _kolmogorov_smirnov(one: np.ndarray, other: np.ndarray) -> float:
    from scipy import stats

    with warnings.catch_warnings():
        # scipy tries the exact way first, and says when it had to take the other.
        warnings.filterwarnings("ignore", message="ks_2samp: Exact calculation unsuccessful", category=RuntimeWarning)
        return float(stats.ks_2samp(one, other).pvalue)


def _fisher(feature: np.ndarray, members: np.ndarray) -> float:
    from scipy import stats

    both, feature_n, members_n = (int(np.sum(x)) for x in (feature & members, feature, members))
    rest = len(feature) - feature_n - members_n + both
    table = np.array([[both, members_n - both], [feature_n - both, rest]])
    return float(stats.fisher_exact(table, alternative="two-sided")[1])


def _mann_whitney(values: np.ndarray, ranks: np.ndarray, members: np.ndarray) -> float:
    """Two-sided with continuity correction and ties, as scipy's asymptotic method."""
    from scipy import stats

    n, inside = len(values), int(members.sum())
    outside = n - inside
    if not inside or not outside:
        return float("nan")
    if min(inside, outside) <= _EXACT_ROWS:
        return float(stats.mannwhitneyu(values[members], values[~members], use_continuity=True).pvalue)
    return float(_mann_whitney_of_sums(ranks[members].sum(), np.sum(ranks * ranks), n, inside))


def _mann_whitney_of_sums(rank_sum: np.ndarray, squares: np.ndarray, n: int, inside: int) -> np.ndarray:
    """P-values from the sum of the members' ranks and that of all ranks' squares."""
    from scipy.special import ndtr

    outside = n - inside
    u = rank_sum - inside * (inside + 1) / 2
    # Sum of t^3 - t over ties, from what ties take away from the squares of ranks.
    ties = 2.0 * n * (n + 1) * (2 * n + 1) - 12 * squares
    spread = np.sqrt(inside * outside / 12 * ((n + 1) - ties / (n * (n - 1))))
    z = (np.maximum(u, inside * outside - u) - inside * outside / 2 - 0.5) / spread
    return np.asarray(np.minimum(1.0, 2 * ndtr(-z)))


def assess_categories(codes: np.ndarray, *, target: Target) -> np.ndarray:
    """Test a feature of categories without missing values: chi-squared, or Kruskal-Wallis for a number.

    Rare categories are pooled until five rows are expected in each cell; if one category is left, there is
    nothing to test and the p-value is 1.

    Args:
        codes: (n,) integers from 0.
        target: the labels of the same rows.

    Returns:
        (n_classes,) p-values, or (1,) where a number is predicted.
    """
    from scipy import stats

    if target.is_number:
        groups = _pool(codes, MIN_EXPECTED)
        if groups.max(initial=0) == 0 or (target.values == target.values[0]).all():
            return np.array([1.0])
        return np.array([stats.kruskal(*(target.values[groups == g] for g in range(groups.max() + 1))).pvalue])
    result = []
    for members in target.classes:
        share = min(members.mean(), 1 - members.mean())
        groups = _pool(codes, MIN_EXPECTED / share if share else np.inf)
        table = np.stack([np.bincount(groups[m], minlength=groups.max() + 1) for m in (members, ~members)])
        tested = table.shape[1] > 1
        result.append(stats.chi2_contingency(table, correction=False).pvalue if tested else 1.0)
    return np.array(result)


def _pool(codes: np.ndarray, min_rows: float) -> np.ndarray:
    """Renumber categories, the rare ones as one; if even that is too small it joins the smallest other."""
    counts = np.bincount(codes)
    order = np.argsort(-counts, kind="stable")
    frequent = order[counts[order] >= min_rows]
    rare_rows = len(codes) - counts[frequent].sum()
    new = np.full(len(counts), max(len(frequent) - (rare_rows < min_rows), 0))
    new[frequent] = np.arange(len(frequent))
    return np.asarray(new[codes])


def assess_missing(missing: np.ndarray, *, target: Target) -> np.ndarray:
    """Test whether it tells something that a feature is missing.

    Args:
        missing: (n,) boolean, both values occur.
        target: the labels.

    Returns:
        (n_classes,) p-values, or (1,) where a number is predicted.
    """
    values = missing.astype(float)
    return assess_numbers(values, values, target=target)


def choose_relevant(p_values: np.ndarray, *, fdr_level: float, independent: bool = False) -> np.ndarray:
    """Benjamini & Yekutieli (2001): which tests reject, so that few of them do so wrongly.

    Args:
        p_values: (m,); NaN is never rejected, and counts as a test.
        fdr_level: the expected share of wrong ones among the rejected, under any dependence.
        independent: whether tests are told not to depend on one another: Benjamini & Hochberg (1995).

    Returns:
        (m,) boolean.

    Example:
        >>> choose_relevant(np.array([0.001, 0.04, 0.9]), fdr_level=0.05)
        array([ True, False, False])
    """
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    steps = np.arange(1, m + 1)
    price = 1.0 if independent else np.sum(1 / steps)
    below = np.flatnonzero(p_values[order] <= steps / m * fdr_level / price)
    relevant = np.zeros(m, dtype=bool)
    if len(below):
        relevant[order[: below[-1] + 1]] = True
    return relevant


def combine_tests(tests: Sequence[np.ndarray]) -> np.ndarray:
    """Several questions asked of one feature: the smallest p-value, times their number (Bonferroni)."""
    return np.asarray(np.minimum(1.0, len(tests) * np.fmin.reduce(np.stack(tests))))
