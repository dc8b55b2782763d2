"""`mlwf reproduce`: make a model's training set again and prove that it is the same."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlwf_assets.cli.reply import Reply

if TYPE_CHECKING:
    from mlwf_assets.assets.reproduction import Rebuilt
    from mlwf_assets.deployment.provenance import Provenance
    from mlwf_assets.deployment.versions import ModelVersion

_SHOWN = 3


@click.command("reproduce", short_help="Make a model's training set again and prove that it is the same.")
@click.argument("model_version")
@click.option("--keep", metavar="FOLDER", type=click.Path(path_type=Path), help="Keep what is made, in a new folder.")
@click.option("--json", is_flag=True, expose_value=False, help="Print one JSON document on stdout.")
@click.pass_obj
def reproduce(reply: Reply, model_version: str, keep: Path | None) -> None:
    """Make the training set of MODEL_VERSION again, from the raw rows as they were kept, and compare fingerprints.

    MODEL_VERSION is 'flight-on-time/3' (a registered model and a version), 'flight-on-time@champion' (an alias),
    'flight-on-time' (its champion), or the same with the workflow's name: 'flights/3', 'flights@champion', 'flights'.
    'models:/' may stand before it.

    The workflow file and the workflow's own Python are those that the model carries; the code is today's, and what of
    it changed is said. All is made in a folder of its own: lake and workflow are only read. Exit code 0: the training
    set is the same, bit for bit; 1: it is not.
    """
    from mlwf_assets.assets.reproduction import reproduce as rebuild
    from mlwf_assets.cli.home import find_home
    from mlwf_assets.deployment.versions import find_version, read_provenance
    from mlwf_assets.lake.store import Lake

    home = find_home()
    version = find_version(home, model_version)
    made = read_provenance(version)
    click.echo(f"{version.title} of {made.workflow}, registered by run {made.run_id or 'unknown'}\n", err=True)
    found = []
    with _scratch(keep) as scratch:
        for one in rebuild(made, Lake(home / "lake"), scratch):
            found.append(one)
            click.echo(_line(one), err=reply.as_json)
    document = _as_document(version, made, found)
    if reply.as_json:
        reply.document(document)
    else:
        click.echo(_verdict(document, found))
    if not document["same"]:
        raise click.exceptions.Exit(1)


@contextmanager
def _scratch(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="mlwf-reproduce-") as folder:
            yield Path(folder)
        return
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise click.UsageError(f"--keep {keep}: must be a new or an empty folder")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep.absolute()


def _line(one: "Rebuilt") -> str:
    """One table in a line, and what differs below it."""
    what = "read back" if one.is_raw else "made again"
    parts = f"{one.partitions} partitions, " if one.partitions else ""
    verdict = "the same" if one.same else "DIFFERENT"
    lines = [f"{one.name:<24} {what:<11} {verdict:<10} {parts}{one.rows:,} rows"]
    lines += [f"{'':<24} {words}" for words in _few([f"found {words}" for words in one.different])]
    lines += [f"{'':<24} {words}" for words in _few([f"today: {words}" for words in one.changes])]
    return "\n".join(lines)


def _few(words: list[str]) -> list[str]:
    return words[:_SHOWN] + ([f"and {len(words) - _SHOWN} more (--json lists all)"] if len(words) > _SHOWN else [])


def _as_document(version: "ModelVersion", made: "Provenance", found: list["Rebuilt"]) -> dict[str, Any]:
    from mlwf_assets.assets.reproduction import TRAINING_SET

    training = next(one for one in found if one.name == TRAINING_SET)
    [recorded] = [pinned for table, pinned in made.tables.items() if table.endswith(f"/{TRAINING_SET}")]
    return {
        "model": version.name,
        "model_version": version.version,
        "workflow": made.workflow,
        "same": training.same,
        "training_set": {"fingerprint": recorded[0].fingerprint, "rows": training.rows},
        "changed_code": list(dict.fromkeys(words for one in found for words in one.changes)),
        "steps": [
            {
                "table": one.name,
                "how": "read back" if one.is_raw else "made again",
                "partitions": one.partitions,
                "rows": one.rows,
                "same": one.same,
                "different": list(one.different),
                "changed_code": list(one.changes),
            }
            for one in found
        ],
    }


def _verdict(document: dict[str, Any], found: list["Rebuilt"]) -> str:
    training = document["training_set"]
    changed = document["changed_code"]
    today = f" although {len(changed)} things in code and libraries are others today" if changed else ""
    if document["same"]:
        others = [one.name for one in found if not one.same]
        beside = f" (others came out differently: {', '.join(others)}; they did not change it)" if others else ""
        return (
            f"\nThe training set is the same{today}: {training['rows']:,} rows with the fingerprint "
            f"{training['fingerprint']}.{beside}"
        )
    first = next(one.name for one in found if not one.same)
    why = f"see what changed, under 'today'{'' if any(one.changes for one in found) else ' (nothing did)'}"
    return (
        f"\nThe training set is NOT the same: {first} is the first table that came out differently; {why}. "
        f"Keep both to compare them: --keep FOLDER"
    )
