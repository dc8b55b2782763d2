"""`mlwf init`: read files that nobody has described yet, and write a first workflow file for them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlwf_assets.cli.reply import Reply

if TYPE_CHECKING:
    from mlwf_assets.drafting.draft import Draft


@click.command("init", short_help="Write a first workflow file for your own files.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--target", metavar="COLUMN", help="The column to predict: COLUMN or TABLE.COLUMN.")
@click.option("--name", help="The workflow's name; by default told from PATH.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Where to; by default ./NAME.")
@click.option("--json", is_flag=True, expose_value=False, help="Print one JSON document on stdout.")
@click.pass_obj
def init(reply: Reply, path: Path, *, target: str | None, name: str | None, out: Path | None) -> None:
    """Read PATH (a file, or a folder of files that belong together) and write a defs.yaml that runs as it is."""
    from mlwf_assets.drafting.draft import draft, save
    from mlwf_assets.drafting.writing import write
    from mlwf_assets.errors import SourceError, SpecError

    try:
        made = draft(path, target=target, name=name, out=out)
    except SourceError as error:  # the user's file, not a failure of ours
        raise SpecError(str(error)) from error
    save(made.file, write(made))
    if reply.as_json:
        reply.document(_as_document(made))
    else:
        _show(made)


def _as_document(made: "Draft") -> dict[str, Any]:
    return {
        "workflow": made.name,
        "file": str(made.file),
        "tables": {
            table.name: {
                "rows": table.rows,
                "columns": {name: column.reading.type for name, column in table.columns.items()},
                "key": list(made.keys[table.name].columns),
            }
            for table in made.tables
        },
        "relationships": list(map(str, made.relations)),
        "target": {"table": made.target.table, "column": made.target.column, "kind": made.target.kind},
        "splits": made.split.by,
        "ignored": dict(made.left_out),
        "notes": list(made.notes),
    }


def _show(made: "Draft") -> None:
    from mlwf_assets.cli.paths import shown

    click.echo(f"Wrote {shown(made.file)}:")
    for table in made.tables:
        key = f", key {', '.join(columns)}" if (columns := made.keys[table.name].columns) else ""
        click.echo(f"  table     {table.name}: {table.rows:,} rows, {len(table.columns):,} columns{key}")
    for relation in made.relations:
        click.echo(f"  related   {relation}")
    click.echo(f"  predicts  {made.target.table}.{made.target.column} ({made.target.kind})")
    click.echo(f"  splits    by {made.split.by}: {made.split.why}")
    for column, why in made.left_out.items():
        click.echo(f"  ignores   {column}: {why}")
    for note in made.notes:
        click.echo(f"  note      {note}")
    click.echo(f"Read it, change what you know better, then: mlwf run {shown(made.folder)}")
