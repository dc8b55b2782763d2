"""Least squares for many small problems of one shape.

Well-conditioned problems go through one batched QR factorization; the others through the singular values, cut off
where statsmodels cuts them off, so that what is not determined is chosen as statsmodels chooses it.
"""

import numpy as np

# statsmodels takes smaller singular values, relative to the largest, for zero.
_CUT_OFF = 1e-15
# A column of which less than this is left after those before it gives the problem to the singular values, and so do
# columns of very different size, for statsmodels does not scale them before it cuts off.
_ILL_CONDITIONED = 1e-6
_ILL_SCALED = 1e-10


def factorize(design: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reduce problems to triangles.

    Args:
        design: (n, rows, k) with rows >= k.
        target: (n, rows).

    Returns:
        (n, min(rows, k + 1), k + 1) upper triangles of design and target side by side: the last column holds what each
        column of the design explains, and last of all what none does; and (n,) whether a problem is
        well-conditioned.
    """
    both = np.concatenate([design, target[:, :, None]], axis=2)
    finite = np.isfinite(both).all(axis=(1, 2))
    # NumPy's stubs know one form of the answer, which is not that of mode r.
    triangle = np.asarray(np.linalg.qr(np.where(finite[:, None, None], both, 0.0), mode="r"))
    k = design.shape[2]
    left = np.abs(np.diagonal(triangle, axis1=1, axis2=2)[:, :k])
    norm = np.sqrt(np.sum(design * design, axis=1))
    # A target that is explained wholly has residuals of rounding alone.
    explained = np.sum(triangle[:, :k, k] ** 2, axis=1)
    rest = triangle[:, k, k] ** 2 if triangle.shape[1] > k else np.zeros(len(both))
    sound = finite & (left > _ILL_CONDITIONED * norm).all(axis=1) & (rest > 1e-20 * explained)
    sound &= left.min(axis=1) > _ILL_SCALED * norm.max(axis=1)
    return triangle, sound


def substitute(triangle: np.ndarray) -> np.ndarray:
    """(n, k) coefficients from triangles of `factorize`."""
    k = triangle.shape[2] - 1
    solved = np.empty((len(triangle), k))
    for i in range(k - 1, -1, -1):
        told = np.sum(triangle[:, i, i + 1 : k] * solved[:, i + 1 :], axis=1)
        solved[:, i] = (triangle[:, i, k] - told) / triangle[:, i, i]
    return solved


def pseudo_inverse(design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Invert designs by their singular values.

    Args:
        design: (n, rows, k), finite.

    Returns:
        (n, k, rows) inverses and (n,) ranks.
    """
    u, s, vt = np.linalg.svd(design, full_matrices=False)
    large = s > _CUT_OFF * np.max(s, axis=1, keepdims=True)
    inverted = np.where(large, 1.0 / np.where(large, s, 1.0), 0.0)
    inverse = np.matmul(vt.transpose(0, 2, 1), inverted[:, :, None] * u.transpose(0, 2, 1))
    rank = np.sum(s > np.max(s, axis=1, keepdims=True) * s.shape[1] * np.finfo(float).eps, axis=1)
    return inverse, rank
