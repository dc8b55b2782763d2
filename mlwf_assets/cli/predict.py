"""`mlwf predict`: score the rows of a file with the registered model, row by row."""

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from mlwf_assets.cli.reply import Reply, kept_stdout

if TYPE_CHECKING:
    from mlwf_assets.deployment.batch import Predictions
    from mlwf_assets.deployment.standing import Champion
    from mlwf_assets.lake.connectors.parts import Form

_PIPE = "-"
_STDIN = "standard input"
_PROBLEMS_SHOWN = 3


@click.command("predict", short_help="Score new rows with the registered model.")
@click.argument("workflow")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("-o", "--out", default=_PIPE, metavar="FILE", help="Where predictions go; by default '-', stdout.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl", "parquet"]),
    default="csv",
    show_default=True,
    help="How rows are written in a pipe ('-'); files tell it by their names.",
)
@click.option("--source", help="The source that FILE looks like, where the table has several.")
@click.option("--json", is_flag=True, expose_value=False, help="Print one JSON document on stdout.")
@click.pass_obj
def predict(reply: Reply, workflow: str, file: str, *, out: str, form: "Form", source: str | None) -> None:
    """Score the rows of FILE (CSV, JSON lines or Parquet; '-' for a pipe) with the registered model of WORKFLOW.

    FILE holds raw rows, as the workflow's source does; the outcome may be missing. Each row comes back, in its place,
    with a prediction, or with the problem that it has.
    """
    written = _check_out(out, form, as_json=reply.as_json)
    with nullcontext() if out != _PIPE else kept_stdout() as stdout:
        champion, made = _predict(workflow, file, form, source)
        _write(made, out, written, stdout)
    _tell(champion, made)
    if reply.as_json:
        reply.document(_as_document(champion, made, out))


def _check_out(out: str, form: "Form", *, as_json: bool) -> "Form":
    """Say how the output is written; what is wrong with it is told before any work is done."""
    from mlwf_assets.deployment.rows_out import told_form

    if out == _PIPE:
        if as_json:
            raise click.UsageError("--json needs stdout for its document: give the predictions a file, -o FILE")
        return form
    if not Path(out).parent.is_dir():
        raise click.UsageError(f"-o {out}: there must be a folder {Path(out).parent}")
    return told_form(out)


def _predict(name: str, file: str, form: "Form", source: str | None) -> "tuple[Champion, Predictions]":
    from mlwf_assets.cli.home import find_home
    from mlwf_assets.deployment.batch import predict_rows, read_new_rows
    from mlwf_assets.deployment.standing import load_champion
    from mlwf_assets.lake.store import Lake
    from mlwf_assets.spec.loader import find, load

    home, workflow = find_home(), load(find(name))
    content = sys.stdin.buffer.read() if file == _PIPE else Path(file).read_bytes()
    rows = (
        read_new_rows(workflow, _STDIN, content, form=form, source=source)
        if file == _PIPE
        else read_new_rows(workflow, file, content, source=source)
    )
    champion = load_champion(home, workflow)
    return champion, predict_rows(workflow, champion, rows, Lake(home / "lake"))


def _write(made: "Predictions", out: str, form: "Form", stdout: int | None) -> None:
    from mlwf_assets.deployment.rows_out import write_rows

    stream: IO[bytes]
    if stdout is not None:
        with os.fdopen(stdout, "wb", closefd=False) as stream:
            write_rows(made.table, stream, form)
        return
    draft = Path(f"{out}.part")  # a command that is stopped leaves no half of a file under the file's name
    try:
        with draft.open("wb") as stream:
            write_rows(made.table, stream, form)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def _tell(champion: "Champion", made: "Predictions") -> None:
    """Say on stderr how many rows were predicted, and what was wrong with the others."""
    rows, broken = made.table.num_rows, sum(made.problems.values())
    words = f"{rows:,} rows: {rows - broken:,} predicted by {champion.title}"
    click.echo(f"{words}, {broken:,} with a problem:" if broken else f"{words}.", err=True)
    for problem, count in list(made.problems.items())[:_PROBLEMS_SHOWN]:
        click.echo(f"  {count:,} {'row' if count == 1 else 'rows'}: {problem}", err=True)
    if len(made.problems) > _PROBLEMS_SHOWN:
        click.echo(f"  {len(made.problems) - _PROBLEMS_SHOWN} more: see the column 'problem'", err=True)
    if made.ignored:
        click.echo(f"Columns that the workflow does not know were left out: {', '.join(made.ignored)}", err=True)


def _as_document(champion: "Champion", made: "Predictions", out: str) -> dict[str, Any]:
    broken = sum(made.problems.values())
    return {
        "model": champion.name,
        "model_version": champion.version,
        "rows": made.table.num_rows,
        "predicted": made.table.num_rows - broken,
        "problems": made.problems,
        "ignored": list(made.ignored),
        "out": str(Path(out).absolute()),
    }
