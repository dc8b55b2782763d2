"""x."""

from collections.abc import Iterator

from mlwf_assets.spec.lookups import check_lookups
from mlwf_assets.spec.mistakes import Mistake
from mlwf_assets.spec.relationships import check_relationships
from mlwf_assets.spec.workflow import Workflow


def check_consistency(workflow: Workflow) -> Iterator[Mistake]:
    yield from check_relationships(workflow)
    yield from check_lookups(workflow)
