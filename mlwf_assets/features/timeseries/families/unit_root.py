"""The augmented Dickey-Fuller test with a constant, the number of lags chosen by Akaike's criterion.

Every number of lags is a prefix of one design, so one triangle per window tells the residuals of all of them.
P-values: MacKinnon (1994), Approximate asymptotic distribution functions for unit-root and cointegration tests,
Journal of Business & Economic Statistics 12. Windows whose design is ill-conditioned are fitted lag by lag.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch
from mlwf_assets.features.timeseries.least_squares import factorize, pseudo_inverse
from mlwf_assets.features.timeseries.registry import Calculator, Parameters

# MacKinnon's response surface for one variable and a constant: where it ends, and its polynomials on both sides.
_LARGEST, _SMALLEST, _TURN = 2.74, -18.83, -1.61
_BELOW, _ABOVE = (2.1659, 1.4412, 0.038269), (1.7339, 0.93202, -0.12745, -0.010368)


@dataclass(frozen=True)
class _Designs:
    """Regressions of changes on the level before and the changes before.

    Attributes:
        level: (n, rows) the reading before each change.
        lags: (n, rows, n_lags) the changes before, the latest first.
        change: (n, rows).
    """

    level: np.ndarray
    lags: np.ndarray
    change: np.ndarray


def _design(x: np.ndarray, n_lags: int) -> _Designs:
    changes = np.diff(x, axis=1)
    rows = changes.shape[1] - n_lags
    lags = [changes[:, n_lags - lag : n_lags - lag + rows] for lag in range(1, n_lags + 1)]
    stacked = np.stack(lags, axis=2) if lags else np.empty((len(x), rows, 0))
    return _Designs(x[:, n_lags : n_lags + rows], stacked, changes[:, n_lags:])


def _most_lags(length: int) -> int:
    """Schwert's rule, as far as the readings reach; negative: too few readings."""
    return min(length // 2 - 2, int(np.ceil(12.0 * np.power(length / 100.0, 1 / 4.0))))


def _criterion(rest: np.ndarray, rows: int, rank: np.ndarray | int) -> np.ndarray:
    half = rows / 2
    likelihood = -half * np.log(2 * np.pi) - half * np.log(rest / rows) - half
    return np.asarray(-2 * likelihood + 2 * rank)


def _choose_lags(x: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """(n,) number of lags, and (n,) whether the designs were well-conditioned."""
    parts = _design(x, most)
    rows = parts.level.shape[1]
    constant = np.ones((len(x), rows, 1))
    triangle, sound = factorize(np.concatenate([constant, parts.level[:, :, None], parts.lags], axis=2), parts.change)
    if rows <= most + 2:
        return np.zeros(len(x), dtype=int), np.zeros(len(x), dtype=bool)
    explained = triangle[:, :, -1] ** 2
    # Residuals of the first k columns: what the columns behind them and none explain.
    rest = np.cumsum(explained[:, ::-1], axis=1)[:, ::-1][:, 2:]
    scores = np.stack([_criterion(rest[:, lag], rows, lag + 2) for lag in range(most + 1)], axis=1)
    return np.argmin(scores, axis=1), sound


def _statistic(x: np.ndarray, n_lags: int) -> tuple[np.ndarray, np.ndarray]:
    """(n,) t of the level's coefficient, and (n,) whether the designs were well-conditioned."""
    parts = _design(x, n_lags)
    rows = parts.level.shape[1]
    constant = np.ones((len(x), rows, 1))
    # The level last: its coefficient and deviation then stand in the triangle's corner.
    triangle, sound = factorize(np.concatenate([constant, parts.lags, parts.level[:, :, None]], axis=2), parts.change)
    k = n_lags + 2
    if rows <= k:
        return np.full(len(x), np.nan), np.zeros(len(x), dtype=bool)
    corner = triangle[:, k - 1, k - 1]
    spread = np.abs(triangle[:, k, k]) / np.sqrt(rows - k)
    return np.sign(corner) * triangle[:, k - 1, k] / spread, sound


def _with_constant(columns: np.ndarray) -> bool:
    """Whether statsmodels adds a constant to a design: not where a column is one already."""
    flat = np.ptp(columns, axis=0) == 0
    return not bool(np.any(flat & (columns[0] != 0)))


def _fit_alone(design: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float, int, np.ndarray]:
    """Coefficients, sum of squared residuals, rank and unscaled variances of one problem."""
    inverse, rank = pseudo_inverse(design[None])
    coefficients = inverse[0] @ target
    apart = target - design @ coefficients
    return coefficients, float(apart @ apart), int(rank[0]), np.diag(inverse[0] @ inverse[0].T)


def _test_alone(x: np.ndarray, most: int) -> tuple[float, int]:
    """The test of one window, fit by fit, as statsmodels makes it."""
    parts = _design(x[None], most)
    columns = np.concatenate([parts.level[0][:, None], parts.lags[0]], axis=1)
    rows = len(columns)
    constant = np.ones((rows, 1)) if _with_constant(columns) else np.empty((rows, 0))
    columns = np.concatenate([constant, columns], axis=1)
    first = constant.shape[1] + 1
    scores = []
    for width in range(first, first + most + 1):
        _, rest, rank, _ = _fit_alone(columns[:, :width], parts.change[0])
        scores.append((float(_criterion(np.array(rest), rows, rank)), width - first))
    lags = min(scores)[1]
    parts = _design(x[None], lags)
    columns = np.concatenate([parts.level[0][:, None], parts.lags[0]], axis=1)
    if _with_constant(columns):
        columns = np.concatenate([columns, np.ones((len(columns), 1))], axis=1)
    coefficients, rest, rank, variances = _fit_alone(columns, parts.change[0])
    scale = np.float64(rest) / (len(columns) - rank)
    return float(coefficients[0] / np.sqrt(variances[0] * scale)), lags


def _test(batch: Batch) -> Mapping[str, np.ndarray]:
    """Statistic, p-value and number of lags; NaN where a window is too short, constant or not finite.

    A last reading that is not finite is no regressor: statsmodels goes on and takes the first number of lags.
    """
    statistic, used = batch.fill(np.nan), batch.fill(np.nan)
    most = _most_lags(batch.length)
    usable = np.flatnonzero(np.isfinite(batch.x).all(axis=1) & (batch.maximum != batch.minimum))
    if most >= 0 and len(usable):
        x = batch.x[usable]
        lags, sound = _choose_lags(x, most)
        found = np.full(len(x), np.nan)
        for n_lags in np.unique(lags[sound]):
            mine = np.flatnonzero(sound & (lags == n_lags))
            found[mine], well = _statistic(x[mine], int(n_lags))
            sound[mine] = well
        for row in np.flatnonzero(~sound):
            found[row], lags[row] = _test_alone(x[row], most)
        statistic[usable], used[usable] = found, lags
    if most >= 0:
        used[~np.isfinite(batch.x[:, -1]) & np.isfinite(batch.x[:, :-1]).all(axis=1)] = 0
    return {"teststat": statistic, "pvalue": _p_value(statistic), "usedlag": used}


def _p_value(statistic: np.ndarray) -> np.ndarray:
    from scipy.special import ndtr

    below, above = (np.polynomial.polynomial.polyval(statistic, curve) for curve in (_BELOW, _ABOVE))
    p_value = ndtr(np.where(statistic <= _TURN, below, above))
    return np.where(statistic > _LARGEST, 1.0, np.where(statistic < _SMALLEST, 0.0, p_value))


def _augmented_dickey_fuller(batch: Batch, sets: Sequence[Parameters]) -> list[np.ndarray]:
    test = batch.once("unit root", lambda: _test(batch))
    return [test.get(one["attr"], batch.fill(np.nan)) for one in sets]


def _name(one: Parameters) -> str:
    return f'attr_"{one["attr"]}"__autolag_"{one.get("autolag", "AIC")}"'


CALCULATORS: tuple[Calculator, ...] = (
    Calculator(
        "augmented_dickey_fuller",
        _augmented_dickey_fuller,
        named=_name,
        serves=lambda one: one.get("autolag", "AIC") == "AIC",
    ),
)
