"""`mlwf gc`: take away what no model and no recent run needs, and pack small files."""

import os
from typing import TYPE_CHECKING, Any

import click

from mlwf_assets.cli.reply import Reply

if TYPE_CHECKING:
    from pathlib import Path

    from mlwf_assets.assets.garbage import Garbage

_KEEP_DAYS = 30.0


@click.command("gc", short_help="Take away old versions that no model and no recent run needs.")
@click.option("--dry-run", is_flag=True, help="Only list what would go, and how much space that makes.")
@click.option(
    "--keep-days",
    type=click.FloatRange(min=0),
    default=_KEEP_DAYS,
    show_default=True,
    metavar="N",
    help="Keep what runs of the last N days wrote, left or found.",
)
@click.option("--json", is_flag=True, expose_value=False, help="Print one JSON document on stdout.")
@click.pass_obj
def gc(reply: Reply, *, dry_run: bool, keep_days: float) -> None:
    """Take away old versions of tables that nobody needs, what killed processes left, and records of old runs.

    What tables hold now stays, so that nothing has to be computed again; so does all that any registered model was
    made from (delete a version in MLflow to let it go), and what recent runs wrote. Small attached files are packed
    into larger ones. May be run beside a run, and stopped at any time. Dagster's history, MLflow's store and reports
    are left alone.
    """
    from mlwf_assets.assets.garbage import collect
    from mlwf_assets.cli.home import find_home, prepare_home

    home = find_home()
    if not (home / "lake").is_dir():
        raise click.UsageError(f"there must be a lake in {home}, however: there is none; MLWF_HOME says where to look")
    os.environ.update(prepare_home(home))
    found = collect(home, keep_days=keep_days, dry_run=dry_run)
    if reply.as_json:
        reply.document(_as_document(found, home, dry_run=dry_run))
    else:
        _print(found, home, dry_run=dry_run)


def _as_document(found: "Garbage", home: "Path", *, dry_run: bool) -> dict[str, Any]:
    lake = found.lake
    return {
        "dry_run": dry_run,
        "versions": dict(lake.versions),
        "files": {"rows": len(lake.rows), "attached": len(lake.blobs), "checkpoints": len(lake.checkpoints)},
        "bytes": lake.bytes,
        "packed": len(lake.loose),
        "runs": [run.run_id for run in found.runs],
        "leftovers": [str(place.relative_to(home)) for place in found.leftovers],
        "models_without_provenance": list(found.unknown),
        "going_on": list(found.going_on),
    }


def _print(found: "Garbage", home: "Path", *, dry_run: bool) -> None:
    lake = found.lake
    for table, count in sorted(lake.versions.items()):
        click.echo(f"{table:<44} {count:>7,} {'version' if count == 1 else 'versions'}")
    if lake.versions:
        click.echo()
    will = "would go" if dry_run else "went"
    click.echo(
        f"{sum(lake.versions.values()):,} versions of tables {will}: {len(lake.rows):,} files of rows, "
        f"{len(lake.blobs):,} attached files, {len(lake.checkpoints):,} checkpoints of logs, {_size(lake.bytes)}."
    )
    if lake.loose:
        click.echo(f"{len(lake.loose):,} small attached files {'would be' if dry_run else 'were'} packed into one.")
    if found.runs:
        click.echo(f"Records of {len(found.runs):,} runs {will}; none of them can be compared or read as of any more.")
    for place in found.leftovers:
        click.echo(f"Left over and {'to go' if dry_run else 'gone'}: {place.relative_to(home)}")
    for run_id in found.going_on:
        click.echo(f"Run {run_id} goes on: all that it may read stays.")
    if found.unknown:
        click.echo(
            f"Registered before models said what they were made from, so that nothing is kept for them: "
            f"{', '.join(found.unknown)}"
        )


def _size(count: float) -> str:
    """Write a number of bytes.

    Example:
        >>> _size(2_500_000)
        '2.5 MB'
    """
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
