"""How a command finds a workflow and checks it whole, sources included, before anything runs."""

from mlwf_assets.errors import SourceError, SpecError
from mlwf_assets.lake.connectors import source_columns
from mlwf_assets.spec.loader import find, load
from mlwf_assets.spec.mistakes import Mistake, error
from mlwf_assets.spec.references import check
from mlwf_assets.spec.workflow import Workflow


def load_checked(name_or_path: str) -> Workflow:
    """Load a workflow and hold it against the columns of its sources.

    Raises:
        SpecError: listing every mistake with file, line and remedy.
    """
    workflow = load(find(name_or_path))
    columns, found = {}, []
    for name, source in workflow.sources.items():
        try:
            columns[name] = source_columns(source, workflow.folder)
        except (SourceError, SpecError) as problem:
            found.append(Mistake(("sources", name), str(problem)))
    if found:
        raise error(workflow.file, workflow.lines, found)
    check(workflow, columns)
    return workflow
