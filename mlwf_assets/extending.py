"""The decorators by which the Python files of a workflow's folder add to it; docs/python.md shows each.

They change nothing of what they stand above. What they say is read from the file's text, before any of it is
run (`spec.extensions`), so it must be written out: names, numbers, lists. Each returns what it decorates.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

Thing = TypeVar("Thing", bound=Callable[..., Any])

# By this attribute the loader finds what was decorated in a way that cannot be read from the text.
MARK = "__mlwf_kind__"

ColumnType = Literal["string", "category", "integer", "number", "boolean", "date", "timestamp"]
ProblemKind = Literal["binary", "multiclass", "regression"]


def cleaning_step(*, table: str, reads: Sequence[str], makes: Mapping[str, ColumnType]) -> Callable[[Thing], Thing]:
    """Make columns of a clean table, where SQL does not reach.

    The function takes a pandas frame with the columns that it reads, and returns a Series (or, where it makes
    several columns, a frame) of as many rows in the same order. It runs after values are read as their types,
    before columns by `sql:`, contracts and rules, which see what it made. A column of the source that it makes
    anew comes to it as it was written.

    Args:
        table: the clean table.
        reads: columns of its sources, or of steps above.
        makes: the columns that it makes, and their types.
    Example:
        >>> @cleaning_step(table="trips", reads=["distance"], makes={"distance_km": "number"})
        ... def in_km(rows):
        ...     return rows["distance"].str.removesuffix(" km").astype(float)
    """
    return _marking("cleaning_step")


def label(*, reads: Sequence[str], type: ColumnType) -> Callable[[Thing], Thing]:  # noqa: A002 (as in contracts)
    """Make what is predicted; `examples.label` of the workflow file names it like a column.

    The function takes a frame of clean rows and returns a Series; a missing value makes no example of the row.
    What it reads, and what is made from that, enters no feature, as with a label by SQL.

    Args:
        reads: columns of the examples' table.
        type: 'boolean' for a binary problem, 'string' for several classes, 'number' for a regression.
    Example:
        >>> @label(reads=["arrived", "promised"], type="boolean")
        ... def late(rows):
        ...     return rows["arrived"] > rows["promised"]
    """
    return _marking("label")


def feature(*, reads: Sequence[str], type: Literal["number", "boolean", "category"]) -> Callable[[Thing], Thing]:  # noqa: A002 (as above)
    """Make a feature of each example from its own row.

    The function takes a frame of the examples' clean rows and returns a Series. Outcomes, and what the label is
    made from, cannot be read.

    Args:
        reads: columns of the examples' table.
        type: what the values are.
    Example:
        >>> @feature(reads=["weight_kg", "volume_l"], type="number")
        ... def density(rows):
        ...     return rows["weight_kg"] / rows["volume_l"]
    """
    return _marking("feature")


def family(cls: type[Any]) -> type[Any]:
    """Make a model family; `models.families` names it: the class NearestNeighbours is `nearest_neighbours`.

    The class is an `EstimatorFamily`, which needs a method that makes a scikit-learn estimator, or a `Family`.

    Example:
        >>> import mlwf_assets
        >>> @family
        ... class Forest(mlwf_assets.EstimatorFamily):
        ...     def estimator(self, params, problem, context):
        ...         from sklearn.ensemble import RandomForestClassifier
        ...
        ...         return RandomForestClassifier(n_jobs=context.threads, random_state=context.seed)
    """
    marked: type[Any] = _marking("family")(cls)
    return marked


def metric(
    *, kinds: ProblemKind | Sequence[ProblemKind], higher_is_better: bool, probability: bool = False
) -> Callable[[Thing], Thing]:
    """Make a metric, for `models.metric`, `project.success` and the report.

    The function takes truth, prediction and weight, arrays of as many rows, and returns a number. Truth: 0 and 1,
    the number of the class, or the value. Prediction: the probability of 1, (rows, classes), or the value.

    Args:
        kinds: the kinds of problems that it judges.
        higher_is_better: its direction.
        probability: whether predictions must be probabilities for it to make sense.
    Example:
        >>> @metric(kinds="regression", higher_is_better=False)
        ... def worst_error(truth, prediction, weight):
        ...     return (abs(prediction - truth) * (weight > 0)).max()
    """
    return _marking("metric")


def _marking(kind: str) -> Callable[[Thing], Thing]:
    def mark(thing: Thing) -> Thing:
        setattr(thing, MARK, kind)
        return thing

    return mark
