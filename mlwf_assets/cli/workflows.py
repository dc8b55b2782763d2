"""How a command finds a workflow and checks it whole, sources included, before anything runs."""

from collections.abc import Callable
from typing import TypeVar

from mlwf_assets.errors import SourceError, SpecError
from mlwf_assets.lake.connectors import source_columns
from mlwf_assets.lake.connectors.doubled import refuse_doubled
from mlwf_assets.spec.loader import find, load, name_in, workflow_folders
from mlwf_assets.spec.mistakes import Mistake, error
from mlwf_assets.spec.references import check
from mlwf_assets.spec.sample import sampled
from mlwf_assets.spec.sources import Source
from mlwf_assets.spec.workflow import Workflow

Seen = TypeVar("Seen")


def load_checked(name_or_path: str) -> Workflow:
    """Load a workflow and hold it against the columns of its sources.

    Raises:
        SpecError: listing every mistake with file, line and remedy.
    """
    workflow = load(find(name_or_path))
    columns = look_at_sources(workflow, lambda source: source_columns(source, workflow.folder))
    refuse_doubled(workflow, list(workflow.tables))
    check(workflow, columns)
    return workflow


def take_sample_of(workflow: Workflow, share: float) -> Workflow:
    """Make the sample of a workflow.

    Raises:
        SpecError: if another workflow has the sample's name.
    """
    sample = sampled(workflow, share)
    if taken := next((folder for folder in workflow_folders() if name_in(folder) == sample.name), None):
        raise SpecError(f"--sample: the sample is called {sample.name}, however so is the workflow in {taken}")
    return sample


def look_at_sources(workflow: Workflow, look: Callable[[Source], Seen]) -> dict[str, Seen]:
    """Look at each source; return what was seen by the source's name.

    Raises:
        SpecError: listing every source that cannot be read, with its line in the workflow file.
    """
    seen, found = {}, []
    for name, source in workflow.sources.items():
        try:
            seen[name] = look(source)
        except (SourceError, SpecError) as problem:
            found.append(Mistake(("sources", name), str(problem)))
    if found:
        raise error(workflow.file, workflow.lines, found)
    return seen
