"""What is put on record of each run, step by step, so that any asset can be read as of a run.

The form of the records stands in `lake/runs.py`; how they are compared in `comparison.py`.
"""

import importlib.metadata
import time
from collections.abc import Sequence
from pathlib import Path

from mlwf_assets import __version__
from mlwf_assets.assets.step import Step, table_names
from mlwf_assets.lake.runs import Run, is_begun, note_begin, note_step
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.own_libraries import own_versions
from mlwf_assets.spec.workflow import Workflow


def record_begin(workflow: Workflow, steps: Sequence[Step], lake: Lake, home: Path, run_id: str) -> None:
    """Write down, before the first step of a run, how the tables stand and what the workflow's files say."""
    if is_begun(home, run_id):
        return
    versions = {table: lake.version(table) for table in table_names(steps).values()}
    run = Run(
        run_id=run_id,
        workflow=workflow.name,
        began_s=round(time.time(), 3),
        file=workflow.text,
        python=[(file.name, file.text) for file in workflow.own.files],
        libraries=used_libraries(workflow, [step for step in steps if not step.name.startswith("deployment/")]),
        before={table: version for table, version in versions.items() if version >= 0},
    )
    note_begin(home, run)


def used_libraries(workflow: Workflow, steps: Sequence[Step]) -> dict[str, str]:
    """Return the versions of this package, of what steps name, and of what the workflow's own Python imports."""
    named = sorted({library for step in steps for library in step.libraries})
    versions = {library: importlib.metadata.version(library) for library in named}
    return {"mlwf_assets": __version__, **versions, **own_versions(workflow.own)}


def record_step(step: Step, lake: Lake, home: Path, run_id: str) -> None:
    """Write down which versions of its tables a step left."""
    tables = [f"{step.workflow}/{output.name}" for output in step.outputs]
    note_step(home, run_id, step.name, {table: lake.version(table) for table in tables})
