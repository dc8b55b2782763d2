"""The same file twice: refused where nothing tells its rows apart, for they would stand in train and in test.

A table with a key takes each row once, and counts the others as duplicates. Asked before a workflow runs, and again
by the step that cleans a table, which any way of running it goes through.
"""

from collections.abc import Sequence

from mlwf_assets.lake.connectors.files import equal_files
from mlwf_assets.spec.mistakes import Mistake, error
from mlwf_assets.spec.sources import FilesSource
from mlwf_assets.spec.workflow import Workflow


def refuse_doubled(workflow: Workflow, tables: Sequence[str]) -> None:
    """Refuse files that are read twice into tables without key.

    Args:
        workflow: the workflow.
        tables: names of the tables that are looked at.
    Raises:
        SpecError: naming the files, and the source's line in the workflow file.
    """
    keyless = [name for name in tables if not workflow.tables[name].key and workflow.tables[name].sql is None]
    sources = dict.fromkeys(source for name in keyless for source in workflow.tables[name].sources or (name,))
    if found := [mistake for name in sources if (mistake := _look(workflow, name)) is not None]:
        raise error(workflow.file, workflow.lines, found)


def _look(workflow: Workflow, name: str) -> Mistake | None:
    source = workflow.sources[name]
    alike = equal_files(source, workflow.folder) if isinstance(source, FilesSource) else []
    for one, other in alike:
        words = (
            f"files must differ where the table has no key, however {other} holds the same as {one}; remove one, or "
            f"name the column by which rows are told apart: tables: {{NAME: {{key: [COLUMN]}}}}"
        )
        return Mistake(("sources", name), words)
    return None
