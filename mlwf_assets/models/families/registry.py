"""Which families there are. A family is imported when it is asked for, not before.

The names are those of workflow files (`spec.names.FAMILIES`); docs/models.md says how to add one.
"""

from collections.abc import Callable

from mlwf_assets.cleaning.row_functions import own_words
from mlwf_assets.errors import ModelError
from mlwf_assets.models.families.base import Family
from mlwf_assets.spec import extensions
from mlwf_assets.spec.extensions import NO_CODE, OwnCode
from mlwf_assets.spec.own_code import load_object


# Written out, for a recipe follows imports that it can read: the code of a family counts for its own models.
def _base_rate() -> Family:
    from mlwf_assets.models.families.base_rate import BaseRate

    return BaseRate()


def _linear() -> Family:
    from mlwf_assets.models.families.linear import Linear

    return Linear()


def _lightgbm() -> Family:
    from mlwf_assets.models.families.lightgbm import LightGBM

    return LightGBM()


def _extra_trees() -> Family:
    from mlwf_assets.models.families.extra_trees import ExtraTrees

    return ExtraTrees()


def _hist_gradient_boosting() -> Family:
    from mlwf_assets.models.families.hist_gradient_boosting import HistGradientBoosting

    return HistGradientBoosting()


def _catboost() -> Family:
    from mlwf_assets.models.families.catboost import CatBoost

    return CatBoost()


def _tabm() -> Family:
    from mlwf_assets.models.families.tabm import TabM

    return TabM()


_MAKERS: dict[str, Callable[[], Family]] = {
    "base_rate": _base_rate,
    "linear": _linear,
    "extra_trees": _extra_trees,
    "hist_gradient_boosting": _hist_gradient_boosting,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
    "tabm": _tabm,
}
_WORDS = {
    "base_rate": "always the same answer",
    "linear": "a regularized linear model",
    "extra_trees": "extremely randomized trees",
    "hist_gradient_boosting": "gradient boosted trees (scikit-learn)",
    "lightgbm": "gradient boosted trees (LightGBM)",
    "catboost": "gradient boosted trees that know categories (CatBoost)",
    "tabm": "an ensemble of neural networks in one (TabM)",
}


def family_names() -> tuple[str, ...]:
    """Name the families, the cheapest first.

    Example:
        >>> family_names()
        ('base_rate', 'linear', 'extra_trees', 'hist_gradient_boosting', 'lightgbm', 'catboost', 'tabm')
    """
    return tuple(_MAKERS)


def describe_family(name: str, own: OwnCode = NO_CODE) -> str:
    """Say in words what a family is.

    Example:
        >>> describe_family("linear")
        'a regularized linear model'
    """
    extension = own.find(extensions.Family, name)
    return _WORDS.get(name, name) if extension is None else own_words(extension)


def find_family(name: str, own: OwnCode = NO_CODE) -> Family:
    """Make the family of that name.

    Args:
        name: of the family.
        own: the workflow's Python files, which may add families.
    Raises:
        ModelError: if there is none, or a package that it needs is not installed.
    Example:
        >>> find_family("linear").name
        'linear'
    """
    extension = own.find(extensions.Family, name)
    known = [*_MAKERS, *(one.name for one in own.of(extensions.Family))]
    if name not in known:
        raise ModelError(f"a model family must be one of {', '.join(known)}, however: {name!r}")
    try:
        return _MAKERS[name]() if extension is None else _own_family(own, extension)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"the family {name} needs the package {error.name}, which is not installed; install it, or take "
            f"{name} out of models.families"
        ) from error


def _own_family(own: OwnCode, extension: extensions.Family) -> Family:
    made = load_object(own, extension)
    if not (isinstance(made, type) and issubclass(made, Family)):
        raise ModelError(
            f"{extension.place}: a model family must be a class of mlwf_assets.EstimatorFamily or of "
            f"mlwf_assets.models.families.base.Family, however: {made!r}"
        )
    made.name = extension.name
    try:
        family: Family = made()
    except TypeError as error:
        raise ModelError(f"{extension.place}: must be complete, however: {error}") from error
    return family
