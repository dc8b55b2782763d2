"""How a command finds a workflow and checks it whole, sources included, before anything runs."""

from mlwf_assets.lake.connectors import source_columns
from mlwf_assets.spec.loader import find, load
from mlwf_assets.spec.references import check
from mlwf_assets.spec.workflow import Workflow


def load_checked(name_or_path: str) -> Workflow:
    """Load a workflow and hold it against the columns of its sources.

    Raises:
        SpecError: listing every mistake with file, line and remedy.
    """
    workflow = load(find(name_or_path))
    columns = {name: source_columns(source, workflow.folder) for name, source in workflow.sources.items()}
    check(workflow, columns)
    return workflow
