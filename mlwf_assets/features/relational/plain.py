"""Columns that are features as they stand, in tables of so many columns that featuretools would take minutes.

Featuretools compares every column with every other one, several times: hundreds of columns cost seconds, thousands
minutes. A number, a yes-or-no or a category that no transform reads comes out of it as it went in, so in a wide
table such columns go past it. What a column means is told in `columns.py`.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mlwf_assets.features.relational.columns import Meaning
from mlwf_assets.features.words import as_sentence, describe_column
from mlwf_assets.spec.workflow import Workflow

# Up to so many columns featuretools is quick.
_MANY = 300
_KINDS: Mapping[Meaning, str] = MappingProxyType({"number": "numeric", "boolean": "boolean", "category": "categorical"})


def find_plain(meanings: Mapping[str, Meaning], *, linked: Sequence[str], primitives: Sequence[Any]) -> list[str]:
    """Name the columns of a wide table that are features as they stand; of other tables none.

    Args:
        meanings: column -> what it is.
        linked: columns that refer to other tables.
        primitives: the transforms; where one reads anything but times, all columns are its business.
    Example:
        >>> find_plain({"a": "number", "b": "time"}, linked=[], primitives=[])
        []
        >>> wide = {"at": "time", **{f"x{i}": "number" for i in range(400)}}
        >>> len(find_plain(wide, linked=["x0"], primitives=[]))
        399
    """
    if len(meanings) <= _MANY or not all(reads_times_alone(primitive) for primitive in primitives):
        return []
    return [name for name, meaning in meanings.items() if meaning in _KINDS and name not in linked]


def reads_times_alone(primitive: Any) -> bool:
    """Tell whether a transform reads nothing but times."""
    inputs = primitive.input_types
    schemas = [schema for one in inputs for schema in (one if isinstance(one, list) else [one])]
    return all(schema.is_datetime for schema in schemas)


def describe_plain(
    workflow: Workflow, table: str, meanings: Mapping[str, Meaning], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Describe columns as features, as features.json has them.

    Args:
        workflow: says what columns are called in words.
        table: the examples' table.
        meanings: column -> what it is.
        names: the columns.
    """
    return [
        {
            "name": name,
            "kind": _KINDS[meanings[name]],
            "words": as_sentence(describe_column(workflow, table, name)),
            "source": "relational",
            "columns": [f"{table}.{name}"],
        }
        for name in names
    ]
