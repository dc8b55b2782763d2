"""What models and recent runs need of all that was ever made; the rest goes.

Needed is what tables hold now, what registered models were made from, what recent runs left or found, and for a run
that goes on all that it may have begun with. Dagster's history, MLflow's store and the published files are left alone.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from mlwf_assets.assets.launcher import is_running
from mlwf_assets.deployment.provenance import FILE
from mlwf_assets.deployment.versions import ModelVersion, list_versions, read_provenance
from mlwf_assets.errors import ModelError
from mlwf_assets.lake import sweep
from mlwf_assets.lake.runs import Run, forget_run, list_runs
from mlwf_assets.lake.sweep import Needs, Unneeded

_DAY_S = 86400.0
# Between its start and its first step a run has read nothing that counts: each step plans anew.
_UNFINISHED = [DagsterRunStatus.STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.CANCELING]


@dataclass(frozen=True)
class Garbage:
    """What may go, or went.

    Attributes:
        lake: of the lake.
        runs: records of runs.
        leftovers: what interrupted searches and killed processes left.
        unknown: models that do not say what they were made from.
        going_on: runs that go on.
    """

    lake: Unneeded
    runs: Sequence[Run]
    leftovers: Sequence[Path]
    unknown: Sequence[str]
    going_on: Sequence[str]


def collect(home: Path, *, keep_days: float, dry_run: bool) -> Garbage:
    """Take away what nobody needs, or list it.

    Args:
        home: the folder of all state; DAGSTER_HOME must point into it.
        keep_days: how old what a run wrote or left must be to go; 0: whatever no model needs and no table holds.
        dry_run: only list.
    Raises:
        ModelError: if it cannot be told what a model was made from, for its files are gone.
    """
    since_s = time.time() - keep_days * _DAY_S
    models, unknown = _models(list_versions(home))
    going_on = _running(home)
    lake = home / "lake"

    def needs() -> Iterator[Needs]:
        yield models
        yield _recent(list_runs(home), since_s)
        yield from _unfinished(list_runs(home), {*going_on, *_running(home)})

    found = sweep.find_unneeded(lake, sweep.join(needs())) if dry_run else sweep.take_away(lake, needs())
    runs = [run for run in _old(list_runs(home), since_s) if run.run_id not in going_on]
    leftovers = [] if going_on else list(_leftovers(home, since_s))
    if not dry_run:
        for run in runs:
            forget_run(home, run.run_id)
        for place in leftovers:
            shutil.rmtree(place, ignore_errors=True)
    return Garbage(found, runs, leftovers, unknown, going_on)


def _models(versions: Sequence[ModelVersion]) -> tuple[Needs, list[str]]:
    """What registered models were made from, and those that do not say so."""
    entries: dict[str, set[sweep.At]] = {}
    unknown = []
    for version in versions:
        try:
            made = read_provenance(version)
        except ModelError as error:
            if not _was_registered_without(version):
                raise ModelError(
                    f"what {version.title} was made from must be known before anything is taken away, however: {error};"
                    " bring its files back, or delete the version in MLflow"
                ) from error
            unknown.append(version.title)
            continue
        for table, pinned in made.tables.items():
            entries.setdefault(table, set()).update((one.partition, one.version) for one in pinned)
    return Needs(entries=entries), unknown


def _was_registered_without(version: ModelVersion) -> bool:
    """Whether the model is whole, but of a time when models did not carry what they were made from."""
    folder = version.folder
    return (folder / "MLmodel").is_file() and not (folder / "artifacts" / FILE).exists()


def _recent(runs: Sequence[Run], since_s: float) -> Needs:
    """What recent runs wrote, left or found."""
    states: dict[str, set[int]] = {}
    forgotten = {run.run_id for run in _old(runs, since_s)}
    for run in runs:
        for table, version in run.versions.items() if run.run_id not in forgotten else ():
            states.setdefault(table, set()).add(version)
    return Needs(states=states, since_s=since_s)


def _old(runs: Sequence[Run], since_s: float) -> list[Run]:
    """The runs that are not recent; the newest one of each workflow always is."""
    newest = {run.workflow: run.run_id for run in runs}
    return [run for run in runs if run.began_s < since_s and newest[run.workflow] != run.run_id]


def _unfinished(runs: Sequence[Run], going_on: set[str]) -> Iterator[Needs]:
    """All that a run found when it began, and all that was written since: its steps may be reading it."""
    for run in runs:
        if run.run_id in going_on:
            yield Needs(states={table: {version} for table, version in run.before.items()}, since_s=run.began_s)


def _running(home: Path) -> list[str]:
    if not (home / "dagster").is_dir():
        return []
    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs(filters=RunsFilter(statuses=_UNFINISHED))
    return [run.run_id for run in runs if is_running(run)]


def _leftovers(home: Path, since_s: float) -> Iterator[Path]:
    """Trials of searches that were never taken up again, and drafts of what was never finished."""
    searches = (home / "tuning").glob("*/*/*")
    drafts = [*(home / "lake").glob(".index.*"), *(home / "mlflow").glob(".draft-*")]
    for place in (*searches, *drafts):
        # A draft of an hour ago is nobody's any more.
        limit_s = since_s if place.parent.parent.parent.name == "tuning" else time.time() - 3600
        if place.is_dir() and _newest_s(place) < limit_s:
            yield place


def _newest_s(folder: Path) -> float:
    return max([path.stat().st_mtime for path in (folder, *folder.rglob("*")) if path.exists()], default=0.0)
