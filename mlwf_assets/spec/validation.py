"""From plain data to a `Workflow`: every mistake of form, and what is left of the file when they are mended.

A misspelt field is taken for the one that was meant, and a wrong value in a part that no other part builds on
is passed over, so that the checks that come after see the rest of the file and report its mistakes as well.
What comes out of a mended file is never run.
"""

import copy
from typing import Any

from pydantic import ValidationError

from mlwf_assets.spec.fields import field_at, models_at
from mlwf_assets.spec.messages import mistakes_of
from mlwf_assets.spec.mistakes import Mistake, Place, nearest
from mlwf_assets.spec.workflow import Workflow

_FREE = ("project", "splits", "features", "models", "evaluation", "deployment", "automation")
_ROUNDS = 5


def validate(data: Any) -> tuple[Workflow | None, list[Mistake]]:
    """Make a workflow of the attributes of a file.

    Returns:
        The workflow, or None where nothing can be made of the data; and what is wrong.
    Example:
        >>> workflow, found = validate({
        ...     "name": "small", "project": {"question": "Is it late?"}, "sources": {"trips": "trips.csv"},
        ...     "examples": {"tabel": "trips", "label": "late"}, "models": {"folds": 1},
        ... })
        >>> [m.message for m in found], workflow.examples.table
        (["unknown field. Did you mean 'table'?", 'must be at least 2, however: 1'], 'trips')
    """
    found: list[Mistake] = []
    left = data
    for _ in range(_ROUNDS):
        try:
            return Workflow.model_validate(left), found
        except ValidationError as problem:
            mistakes = mistakes_of(problem, left)
        left = copy.deepcopy(left)
        mended = [_mend(left, mistake.place) for mistake in mistakes]
        # What is missing only because its field is misspelt is said once, and so is what stands in such a field.
        found += [m for m in mistakes if _stands_in(data, m.place) or not _stands_in(left, m.place)]
        if not any(mended):
            break
    return None, found


def _mend(data: Any, place: Place) -> bool:
    """Change the data so that a mistake is gone; say whether that could be done."""
    if not place or not isinstance(parent := _at(data, place[:-1]), dict) or place[-1] not in parent:
        return False
    name = str(place[-1])
    known = [field for model in models_at(place[:-1]) for field in model.model_fields]
    if known and name not in known:
        value = parent.pop(name)
        if meant := nearest(name, [field for field in known if field not in parent]):
            parent[meant] = value
        return True
    field = field_at(place)
    if place[0] not in _FREE or field is None or field.is_required():
        return False
    del parent[name]
    return True


def _at(data: Any, place: Place) -> Any:
    for part in place:
        data = data[part]
    return data


def _stands_in(data: Any, place: Place) -> bool:
    try:
        _at(data, place)
    except (KeyError, IndexError, TypeError):
        return False
    return True
