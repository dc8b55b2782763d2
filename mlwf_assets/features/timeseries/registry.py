"""What a calculator is, how its columns are called, and where each one stands.

A calculator has tsfresh's name and takes tsfresh's parameters. `plain` ones have none, `each` are called once
per set of parameters, `combined` ones see all sets together. Families list their own; this module gathers them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch

Parameters = Mapping[str, Any]
Compute = Callable[[Batch, Sequence[Parameters]], Sequence[np.ndarray]]


@dataclass(frozen=True)
class Calculator:
    """One of tsfresh's calculators, for a batch of windows.

    Attributes:
        name: as tsfresh calls it.
        compute: a batch and sets of parameters -> an array of (n_windows,) per set.
        named_by: the parameters that stand in a column's name; None: all that are given.
        takes_parameters: whether there must be at least one set.
        serves: whether a set of parameters is one that is translated.
        named: makes the part of a column's name that tells the parameters.
        timed: whether the readings' times are needed.
    """

    name: str
    compute: Compute
    named_by: tuple[str, ...] | None = None
    takes_parameters: bool = True
    serves: Callable[[Parameters], bool] = lambda _: True
    named: Callable[[Parameters], str] | None = None
    timed: bool = False

    def column(self, parameters: Parameters | None) -> str:
        """Name a column as tsfresh does, without the kind."""
        if parameters is None:
            return self.name
        if self.named is not None:
            return f"{self.name}__{self.named(parameters)}"
        return f"{self.name}__{name_parameters(parameters, self.named_by)}"


def name_parameters(parameters: Parameters, keys: Sequence[str] | None = None) -> str:
    """Write parameters as they stand in a column's name: by name, text in quotes.

    Example:
        >>> name_parameters({"lag": 3, "attr": "slope"})
        'attr_"slope"__lag_3'
    """
    keys = sorted(parameters) if keys is None else keys
    return "__".join(
        f'{k}_"{parameters[k]}"' if isinstance(parameters[k], str) else f"{k}_{parameters[k]}" for k in keys
    )


def plain(name: str, function: Callable[[Batch], np.ndarray]) -> Calculator:
    """Make a calculator without parameters."""
    return Calculator(name, lambda batch, _: [function(batch)], takes_parameters=False)


def each(
    name: str, function: Callable[..., np.ndarray], *, serves: Callable[[Parameters], bool] = lambda _: True
) -> Calculator:
    """Make a calculator that is called once per set of parameters, which it takes by name."""
    return Calculator(name, lambda batch, sets: [function(batch, **one) for one in sets], serves=serves)


@cache
def calculators() -> Mapping[str, Calculator]:
    """Name -> calculator, of all families."""
    from mlwf_assets.features.timeseries import families

    return {one.name: one for family in families.ALL for one in family.CALCULATORS}
