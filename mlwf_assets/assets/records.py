"""What is put on record of each run, step by step, so that any asset can be read as of a run.

The form of the records stands in `lake/runs.py`; how they are compared in `comparison.py`.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from mlwf_assets.assets.step import Step, table_names
from mlwf_assets.lake.runs import Run, note_begin, note_step
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.workflow import Workflow


def record_begin(workflow: Workflow, steps: Sequence[Step], lake: Lake, home: Path, run_id: str) -> None:
    """Write down, before the first step of a run, how the tables stand and what the workflow's files say."""
    versions = {table: lake.version(table) for table in table_names(steps).values()}
    python = [(file.name, file.text) for file in workflow.own.files]
    before = {table: version for table, version in versions.items() if version >= 0}
    note_begin(home, Run(run_id, workflow.name, round(time.time(), 3), workflow.text, python, before))


def record_step(step: Step, lake: Lake, home: Path, run_id: str) -> None:
    """Write down which versions of its tables a step left."""
    tables = [f"{step.workflow}/{output.name}" for output in step.outputs]
    note_step(home, run_id, step.name, {table: lake.version(table) for table in tables})
