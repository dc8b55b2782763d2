"""Which families there are. A family is imported when it is asked for, not before.

The names are those of workflow files (`spec.names.FAMILIES`); docs/models.md says how to add one.
"""

from collections.abc import Callable

from mlwf_assets.errors import ModelError
from mlwf_assets.models.families.base import Family


def _linear() -> Family:
    from mlwf_assets.models.families.linear import Linear

    return Linear()


def _lightgbm() -> Family:
    from mlwf_assets.models.families.lightgbm import LightGBM

    return LightGBM()


def _tabm() -> Family:
    from mlwf_assets.models.families.tabm import TabM

    return TabM()


_MAKERS: dict[str, Callable[[], Family]] = {"linear": _linear, "lightgbm": _lightgbm, "tabm": _tabm}
_WORDS = {
    "linear": "a regularized linear model",
    "lightgbm": "gradient boosted trees (LightGBM)",
    "tabm": "an ensemble of neural networks in one (TabM)",
}


def family_names() -> tuple[str, ...]:
    """Name the families, the cheapest first.

    Example:
        >>> family_names()
        ('linear', 'lightgbm', 'tabm')
    """
    return tuple(_MAKERS)


def describe_family(name: str) -> str:
    """Say in words what a family is.

    Example:
        >>> describe_family("linear")
        'a regularized linear model'
    """
    return _WORDS.get(name, name)


def find_family(name: str) -> Family:
    """Make the family of that name.

    Raises:
        ModelError: if there is none, or a package that it needs is not installed.
    Example:
        >>> find_family("linear").name
        'linear'
    """
    if name not in _MAKERS:
        raise ModelError(f"a model family must be one of {', '.join(_MAKERS)}, however: {name!r}")
    try:
        return _MAKERS[name]()
    except ModuleNotFoundError as error:
        raise ModelError(
            f"the family {name} needs the package {error.name}, which is not installed; install it, or take "
            f"{name} out of models.families"
        ) from error
