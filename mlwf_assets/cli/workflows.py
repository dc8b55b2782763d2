"""How a command finds a workflow and checks it whole, sources included, before anything runs."""

from mlwf_assets.errors import SourceError, SpecError
from mlwf_assets.lake.connectors import source_columns
from mlwf_assets.lake.connectors.files import equal_files
from mlwf_assets.spec.loader import find, load
from mlwf_assets.spec.mistakes import Mistake, error
from mlwf_assets.spec.references import check
from mlwf_assets.spec.sources import FilesSource
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
    found += _doubled(workflow) if not found else []
    if found:
        raise error(workflow.file, workflow.lines, found)
    check(workflow, columns)
    return workflow


def _doubled(workflow: Workflow) -> list[Mistake]:
    """Refuse a file that is read twice into a table without key: its rows would stand in train and test."""
    keyless = {
        source for name, table in workflow.tables.items() if not table.key for source in table.sources or (name,)
    }
    found = []
    for name, source in workflow.sources.items():
        if name in keyless and isinstance(source, FilesSource):
            for one, other in equal_files(source, workflow.folder)[:1]:
                words = (
                    f"files must differ where the table has no key, however {other} holds the same as {one}; remove "
                    f"one, or name the column by which rows are told apart: tables: {{NAME: {{key: [COLUMN]}}}}"
                )
                found.append(Mistake(("sources", name), words))
    return found
