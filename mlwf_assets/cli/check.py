"""`mlwf check`: say whether a workflow is sound without running it, sources included.

Small sources are read whole, so that a broken line is found here and not in the run; of large ones only the names
of the columns are held against the file.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlwf_assets.cli.reply import Reply

if TYPE_CHECKING:
    from mlwf_assets.cli.warnings import Found
    from mlwf_assets.spec.sources import Source
    from mlwf_assets.spec.workflow import Workflow

_READ_WHOLE_BYTES = 32 << 20  # about a second


@click.command("check", short_help="Say whether a workflow is sound, without running it.")
@click.argument("workflow")
@click.option("--json", is_flag=True, expose_value=False, help="Print one JSON document on stdout.")
@click.pass_obj
def check(reply: Reply, workflow: str) -> None:
    """Hold the file of WORKFLOW (a name, or a folder with a defs.yaml) against itself and its sources."""
    from mlwf_assets.cli.warnings import text_by_accident
    from mlwf_assets.cli.workflows import load_checked, look_at_sources

    spec = load_checked(workflow)
    seen = look_at_sources(spec, lambda source: _look(source, spec.folder))
    rows = {name: None if one is None else one[0] for name, one in seen.items()}
    warnings = list(text_by_accident(spec, {name: [one[1]] for name, one in seen.items() if one is not None}))
    if reply.as_json:
        reply.document({**_as_document(spec, rows), "warnings": warnings})
    else:
        click.echo(_in_one_line(spec, rows))
        for words in warnings:
            click.echo(f"Note: {words}")


def _look(source: "Source", folder: Path) -> "tuple[int, Found] | None":
    """Count the rows of a source, and what is odd in them; None where it is too large to be read just so."""
    from mlwf_assets.lake.connectors import read_source
    from mlwf_assets.lake.connectors.almost import almost_typed
    from mlwf_assets.lake.connectors.parts import find_files
    from mlwf_assets.spec.sources import FilesSource

    if isinstance(source, FilesSource):
        size = sum(path.stat().st_size for path in find_files(source, folder).values())
        if size > _READ_WHOLE_BYTES:
            return None
    decimal = source.csv.decimal if isinstance(source, FilesSource) else "."
    read = read_source(source, folder)[None]
    return read.table.num_rows, almost_typed(read.table, json.loads(read.files["types.json"]), decimal=decimal)


def _of_tables(workflow: "Workflow", rows: dict[str, int | None]) -> dict[str, int | None]:
    """Rows of each table's sources together; None where they are not counted, or the table is made by SQL."""
    found: dict[str, int | None] = {}
    for name, table in workflow.tables.items():
        counts = [rows[source] for source in table.sources or ()]
        found[name] = (
            None if None in counts or table.sql is not None else sum(count for count in counts if count is not None)
        )
    return found


def _as_document(workflow: "Workflow", rows: dict[str, int | None]) -> dict[str, Any]:
    return {
        "workflow": workflow.name,
        "file": str(workflow.file),
        "tables": _of_tables(workflow, rows),
        "target": {"table": workflow.examples.table, "label": workflow.examples.label},
        "splits": workflow.splits.by,
    }


def _in_one_line(workflow: "Workflow", rows: dict[str, int | None]) -> str:
    tables = [f"{name} ({_size(workflow, name, n)})" for name, n in _of_tables(workflow, rows).items()]
    kind = f" ({workflow.examples.kind})" if workflow.examples.kind else ""
    group = f" {workflow.splits.group}" if workflow.splits.group else ""
    return (
        f"{workflow.name} is sound: {'table' if len(tables) == 1 else 'tables'} {', '.join(tables)}; predicts "
        f"{workflow.examples.label}{kind} of {workflow.examples.table}; splits by {workflow.splits.by}{group}"
    )


def _size(workflow: "Workflow", table: str, rows: int | None) -> str:
    if workflow.tables[table].sql is not None:
        return "made by SQL"
    return "large" if rows is None else f"{rows:,} rows"
