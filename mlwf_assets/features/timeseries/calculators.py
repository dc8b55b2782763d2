"""Calculators as a workflow file writes them: by the name that tsfresh gives their columns, and in words.

A name says its parameters (`quantile__q_0.1`), so that a list of names is a setting. Nothing is computed here.
"""

import ast
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from mlwf_assets.errors import SpecError
from mlwf_assets.features.timeseries.parameters import Settings, comprehensive
from mlwf_assets.features.timeseries.registry import calculators

# Names whose words do not stand in the name itself; the others are the name with spaces.
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "sum_values": "sum",
        "length": "number of readings",
        "abs_energy": "sum of squares",
        "absolute_maximum": "largest absolute value",
        "mean_change": "mean change from reading to reading",
        "mean_abs_change": "mean absolute change from reading to reading",
        "absolute_sum_of_changes": "sum of absolute changes from reading to reading",
        "cid_ce": "complexity of changes",
        "c3": "non-linearity c3",
        'linear_trend__attr_"slope"': "slope of the linear trend, per reading,",
        "fft_coefficient": "Fourier coefficient",
        "fft_aggregated": "distribution of Fourier coefficients",
        "cwt_coefficients": "wavelet coefficient",
        "spkt_welch_density": "power spectral density",
        "ar_coefficient": "coefficient of the autoregressive model",
        "number_cwt_peaks": "number of peaks by wavelets",
        "agg_linear_trend": "linear trend over chunks",
        "agg_autocorrelation": "autocorrelations aggregated",
    }
)


def read_names(names: Iterable[str]) -> Settings:
    """Make a setting of columns' names.

    Args:
        names: as tsfresh writes them behind the kind.

    Returns:
        Calculator -> sets of parameters, in the order of the names.

    Raises:
        SpecError: if a name is no calculator's, or its parameters cannot be read.

    Example:
        >>> read_names(["mean", "quantile__q_0.1", "quantile__q_0.9"])
        {'mean': None, 'quantile': [{'q': 0.1}, {'q': 0.9}]}
    """
    made: dict[str, list[dict[str, Any]] | None] = {}
    for name in names:
        calculator, parameters = _read_name(name)
        if parameters is None:
            made[calculator] = None
            continue
        sets = made.setdefault(calculator, [])
        if sets is not None:
            sets.append(parameters)
    return made


def _read_name(name: str) -> tuple[str, dict[str, Any] | None]:
    calculator, *parts = name.split("__")
    known = calculators().get(calculator)
    if known is None or known.takes_parameters != bool(parts):
        fitting = [column for column in _all_names() if column.split("__")[0] == calculator][:3]
        hint = f"write {' or '.join(fitting)}" if fitting else "look at tsfresh's list of calculators"
        raise SpecError(f"a calculator must be written as tsfresh writes it, however: {name!r}; {hint}")
    try:
        pairs = [part.rsplit("_", 1) for part in parts]
        return calculator, {key: ast.literal_eval(value) for key, value in pairs} or None
    except (ValueError, SyntaxError) as error:
        raise SpecError(f"the parameters of a calculator must be NAME_VALUE, however: {name!r}") from error


def _all_names() -> list[str]:
    return [
        calculators()[name].column(one)
        for name, sets in comprehensive().items()
        for one in (sets if sets is not None else (None,))
    ]


def describe(name: str) -> str:
    """Put a column's name into words.

    Example:
        >>> describe("quantile__q_0.1"), describe("mean_abs_change")
        ('quantile (q 0.1)', 'mean absolute change from reading to reading')
    """
    if name in WORDS:
        return WORDS[name]
    calculator, *parts = name.split("__")
    words = WORDS.get(calculator, calculator.replace("_", " "))
    told = ", ".join(" ".join(part.rsplit("_", 1)).replace("_", " ").replace('"', "") for part in parts)
    return f"{words} ({told})" if told else words
