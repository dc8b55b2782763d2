"""tsfresh's settings: which calculators, each with which parameters, in tsfresh's order.

Written down here so that neither a workflow nor a prediction has to import tsfresh; a test holds them against
what tsfresh has.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

from mlwf_assets.spec.names import MINIMAL_CALCULATORS, PLAIN_CALCULATORS

Settings = Mapping[Any, Sequence[Mapping[str, Any]] | None]

_COSTLY = ("sample_entropy", "approximate_entropy")
_LINE = ("pvalue", "rvalue", "intercept", "slope", "stderr")
_FIFTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_TENTHS = (0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9)


def _sets(**values: Sequence[Any]) -> list[dict[str, Any]]:
    """Combine values of parameters, the first parameter turning slowest."""
    return [dict(zip(values, one, strict=True)) for one in product(*values.values())]


def comprehensive() -> dict[str, list[dict[str, Any]] | None]:
    """All calculators: tsfresh's ComprehensiveFCParameters (without its extra `matrixprofile`)."""
    return {
        **dict.fromkeys(PLAIN_CALCULATORS),
        "time_reversal_asymmetry_statistic": _sets(lag=(1, 2, 3)),
        "c3": _sets(lag=(1, 2, 3)),
        "cid_ce": _sets(normalize=(True, False)),
        "symmetry_looking": [{"r": r * 0.05} for r in range(20)],
        "large_standard_deviation": [{"r": r * 0.05} for r in range(1, 20)],
        "quantile": _sets(q=_TENTHS),
        "autocorrelation": _sets(lag=range(10)),
        "agg_autocorrelation": _sets(f_agg=("mean", "median", "var"), maxlag=(40,)),
        "partial_autocorrelation": _sets(lag=range(10)),
        "number_cwt_peaks": _sets(n=(1, 5)),
        "number_peaks": _sets(n=(1, 3, 5, 10, 50)),
        "binned_entropy": _sets(max_bins=(10,)),
        "index_mass_quantile": _sets(q=_TENTHS),
        "cwt_coefficients": _sets(widths=((2, 5, 10, 20),), coeff=range(15), w=(2, 5, 10, 20)),
        "spkt_welch_density": _sets(coeff=(2, 5, 8)),
        "ar_coefficient": _sets(coeff=range(11), k=(10,)),
        "change_quantiles": [
            one
            for one in _sets(ql=_FIFTHS[:-1], qh=_FIFTHS[1:], isabs=(False, True), f_agg=("mean", "var"))
            if one["ql"] < one["qh"]
        ],
        "fft_coefficient": [
            {"coeff": coeff, "attr": attr} for attr, coeff in product(("real", "imag", "abs", "angle"), range(100))
        ],
        "fft_aggregated": _sets(aggtype=("centroid", "variance", "skew", "kurtosis")),
        "value_count": _sets(value=(0, 1, -1)),
        "range_count": [{"min": -1, "max": 1}, {"min": -1e12, "max": 0}, {"min": 0, "max": 1e12}],
        "approximate_entropy": _sets(m=(2,), r=(0.1, 0.3, 0.5, 0.7, 0.9)),
        "friedrich_coefficients": _sets(coeff=range(4), m=(3,), r=(30,)),
        "max_langevin_fixed_point": _sets(m=(3,), r=(30,)),
        "linear_trend": _sets(attr=_LINE),
        "agg_linear_trend": _sets(
            attr=("rvalue", "intercept", "slope", "stderr"),
            chunk_len=(5, 10, 50),
            f_agg=("max", "min", "mean", "var"),
        ),
        "augmented_dickey_fuller": _sets(attr=("teststat", "pvalue", "usedlag")),
        "number_crossing_m": _sets(m=(0, -1, 1)),
        "energy_ratio_by_chunks": _sets(num_segments=(10,), segment_focus=range(10)),
        "ratio_beyond_r_sigma": _sets(r=(0.5, 1, 1.5, 2, 2.5, 3, 5, 6, 7, 10)),
        "linear_trend_timewise": _sets(attr=_LINE),
        "count_above": _sets(t=(0,)),
        "count_below": _sets(t=(0,)),
        "lempel_ziv_complexity": _sets(bins=(2, 3, 5, 10, 100)),
        "fourier_entropy": _sets(bins=(2, 3, 5, 10, 100)),
        "permutation_entropy": _sets(tau=(1,), dimension=(3, 4, 5, 6, 7)),
        "query_similarity_count": _sets(query=(None,), threshold=(0.0,)),
        "mean_n_absolute_max": _sets(number_of_maxima=(7,)),
    }


def efficient() -> dict[str, list[dict[str, Any]] | None]:
    """All but the two entropies whose time grows with the square of the length: EfficientFCParameters."""
    return {name: sets for name, sets in comprehensive().items() if name not in _COSTLY}


def minimal() -> dict[str, None]:
    """The ten of MinimalFCParameters."""
    return dict.fromkeys(MINIMAL_CALCULATORS)


SETTINGS: Mapping[str, Callable[[], Settings]] = {
    "minimal": minimal,
    "efficient": efficient,
    "comprehensive": comprehensive,
}
