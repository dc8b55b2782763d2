"""`mlwf show`: what an asset holds, or held as of a version, a moment, a run, a model; and its history."""

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlwf_assets.cli.reply import Reply

if TYPE_CHECKING:
    import pyarrow as pa

    from mlwf_assets.lake.result import Entry

_ROWS = 10
_WIDTH = 120


@click.command("show", short_help="Show what an asset holds, now or as of a run, a version, a model.")
@click.argument("workflow")
@click.argument("asset")
@click.option("--partition", "partitions", multiple=True, metavar="P", help="Only this one; may be repeated.")
@click.option("--run", "run_id", metavar="RUN", help="As a run left it: its id in Dagster, or the beginning of it.")
@click.option("--version", type=click.IntRange(min=0), metavar="N", help="As of this version of its table.")
@click.option("--model", metavar="MODEL_VERSION", help="As a model was made from it: 'flight-on-time/3', ...")
@click.option("--as-of", metavar="MOMENT", help="As of a moment, '2024-05-31 18:00'; UTC where it says no zone.")
@click.option("--history", is_flag=True, help="List its versions instead: when, by which run, how many rows.")
@click.option("-o", "--out", metavar="FILE", help="Write all rows there: .csv, .jsonl or .parquet.")
@click.option("--json", is_flag=True, expose_value=False, help="Print one JSON document on stdout.")
@click.pass_obj
def show(
    reply: Reply,
    workflow: str,
    asset: str,
    *,
    partitions: tuple[str, ...],
    run_id: str | None,
    version: int | None,
    model: str | None,
    as_of: str | None,
    history: bool,
    out: str | None,
) -> None:
    """Show the rows of ASSET ('features/matrix', 'clean/flights') of WORKFLOW; nothing is computed."""
    import mlwf_assets

    if history:
        _show_history(reply, workflow, asset)
        return
    table = mlwf_assets.load(
        workflow, asset, list(partitions) or None, as_of=as_of, run=run_id, version=version, model=model, as_arrow=True
    )
    if out is not None:
        _write(table, out)
    if reply.as_json:
        reply.document(_as_document(table, out))
    elif out is None:
        _print(table)


def _show_history(reply: Reply, workflow: str, asset: str) -> None:
    from mlwf_assets.lake.home import home_folder
    from mlwf_assets.lake.loading import check_names
    from mlwf_assets.lake.store import Lake

    folder = home_folder() / "lake"
    check_names(folder, workflow, asset)
    lake = Lake(folder)
    current = {(one.partition, one.version) for one in lake.entries(f"{workflow}/{asset}").values()}
    history = lake.history(f"{workflow}/{asset}")
    states = ["current" if _at(one) in current else "older" if lake.is_readable(one) else "gone" for one in history]
    if reply.as_json:
        rows = [_as_row(one, state) for one, state in zip(history, states, strict=True)]
        reply.document({"versions": rows})
        return
    for one, state in zip(history, states, strict=True):
        partition = f"{one.partition:<12} " if one.partition else ""
        click.echo(
            f"{one.version:>5}  {partition}{_written(one)} UTC  {one.rows:>10,} rows  {one.fingerprint[:12]}  "
            f"{state:<7}  run {one.run_id}"
        )


def _at(one: "Entry") -> tuple[str | None, int]:
    return one.partition, one.version


def _written(one: "Entry") -> str:
    return dt.datetime.fromtimestamp(one.created_s, dt.UTC).strftime("%F %T")


def _as_row(one: "Entry", state: str) -> dict[str, Any]:
    return {
        "version": one.version,
        "partition": one.partition,
        "written": _written(one),
        "run": one.run_id,
        "rows": one.rows,
        "fingerprint": one.fingerprint,
        "is": state,
    }


def _write(table: "pa.Table", out: str) -> None:
    from mlwf_assets.deployment.rows_out import told_form, write_rows

    form, target = told_form(out), Path(out)
    if not target.parent.is_dir():
        raise click.UsageError(f"-o {out}: there must be a folder {target.parent}")
    draft = target.with_name(f"{target.name}.part")
    try:
        with draft.open("wb") as stream:
            write_rows(table, stream, form)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    click.echo(f"{table.num_rows:,} rows and {table.num_columns} columns in {out}", err=True)


def _as_document(table: "pa.Table", out: str | None) -> dict[str, Any]:
    columns = {field.name: str(field.type) for field in table.schema}
    first = table.slice(0, _ROWS).to_pylist()
    preview = [{name: _plain(value) for name, value in row.items()} for row in first]
    return {"rows": table.num_rows, "columns": columns, "preview": preview, "out": out and str(Path(out).absolute())}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _print(table: "pa.Table") -> None:
    width = 0 if sys.stdout.isatty() else _WIDTH
    frame = table.slice(0, _ROWS).to_pandas()
    if not frame.empty:
        click.echo(frame.to_string(index=False, max_cols=12, max_colwidth=30, line_width=width or None))
    shown = f" (the first {_ROWS} are shown; -o FILE writes all)" if table.num_rows > _ROWS else ""
    click.echo(f"\n{table.num_rows:,} rows, {table.num_columns} columns{shown}")
