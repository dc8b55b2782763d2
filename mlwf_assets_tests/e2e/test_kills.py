"""Runs killed with -9, and runs that overlap: what they leave is whole, and nobody does finished work again."""

import random
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from mlwf_assets_tests import small
from mlwf_assets_tests.e2e.results import entries, fingerprints, registered, times_written

# One worker for all that use the finished run, and another than for other tests that do: these here take long.
pytestmark = pytest.mark.xdist_group("kills")

# Where a run is killed: the product's function, before or after its n-th call. In the order of a run, so that
# each of them is reached by the run that goes on from the one before.
POINTS = {
    "before a table is written": ("mlwf_assets.lake.store", "write_rows", "before", 3),
    "written, not committed": ("mlwf_assets.lake.store", "write_rows", "after", 4),
    "committed, fingerprint not stored": ("mlwf_assets.lake.delta", "commit", "after", 4),
    "stored, not reported": ("mlwf_assets.assets.laziness", "_report", "before", 2),
    "one of several events reported": ("mlwf_assets.assets.event_log", "EventLog.store_event", "after", 40),
    "trials not logged": ("mlwf_assets.assets.tracking", "log_trials", "before", 1),
    "trials logged, not written": ("mlwf_assets.assets.tracking", "log_trials", "after", 1),
    "not published": ("mlwf_assets.assets.laziness", "publish", "before", 1),
    "run filled, no version": ("mlwf_assets.deployment.registry", "_create_version", "before", 1),
    "version there, alias not moved": (
        "mlflow.tracking.client", "MlflowClient.set_registered_model_alias", "before", 1,
    ),
    "alias moved, not written": ("mlflow.tracking.client", "MlflowClient.set_registered_model_alias", "after", 1),
}  # fmt: skip
FEW = ("written, not committed", "trials logged, not written", "version there, alias not moved")

# A backfill as Dagster's UI starts it: it waits for nobody's turn.
BACKFILL = """
import os, sys, time
from pathlib import Path
from mlwf_assets.assets import stamps
from mlwf_assets.assets.execution import run_workflow
from mlwf_assets.assets.planning import Asked
from mlwf_assets.cli.home import prepare_home
from mlwf_assets.spec.loader import load
folder, home, partitions = sys.argv[1:]
os.environ.update(prepare_home(Path(home)))
workflow = load(Path(folder))
print("ready", flush=True)
while not (Path(home) / "go").exists():
    time.sleep(0.001)
outcome = run_workflow(workflow, Path(home), recorder=stamps.Recorder(), start_s=time.monotonic(), force=True,
                       asked=Asked("+clean/*", partitions))
print({name: str(error) for name, error in outcome.failures.items()})
"""


def versions(installation):
    """Number, aliases and test metric of each registered version; tags name runs."""
    return [version[:3] for version in registered(installation)]


def redone(before, after, document):
    """What stood there when a run began, and was computed by it all the same."""
    names = {f"{name}@{part}" if part else name for name, part in before}
    assert all(after[one].created_s >= entry.created_s for one, entry in before.items())
    return names & {*document["computed"]}


def is_killed(installation, folder, *, after_s):
    """Start a run and kill it after some seconds; False where it came to its end before."""
    with installation.start("run", folder, "--json") as process:
        try:
            process.communicate(timeout=after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return True
        return False


@pytest.mark.soak
def test_killed_at_each_point_of_a_run_the_next_goes_on_and_ends_the_same(parcels, installation, tmp_path, full):
    """One run after another is killed, each further on than the one before; the last ends."""
    _, undisturbed, _ = parcels
    folder = small.write(tmp_path / "parcels")
    for point in POINTS if full else FEW:
        module, name, when, count = POINTS[point]
        killed = subprocess.run(
            [sys.executable, "-m", "mlwf_assets_tests.dying", module, name, when, str(count), "run", folder],
            env=installation.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert killed.returncode == -signal.SIGKILL, f"{point}: {killed.stdout}{killed.stderr}"
    before = entries(installation)
    document = installation.run_json(folder)
    assert document["failed"] == []
    assert fingerprints(installation) == fingerprints(undisturbed)
    assert redone(before, entries(installation), document) <= {"deployment/model"}
    # Of the step at which a run was killed all outputs are made again: of a clean table and its quarantine, say,
    # if only one of them was written. Nothing else was ever made twice.
    twice = {one: times for one, times in times_written(installation).items() if times > 1}
    allowed = ("clean/", "quarantine/", "deployment/model")
    assert all(name.startswith(allowed) for name, _ in twice), twice
    assert versions(installation) == versions(undisturbed)


@pytest.mark.soak
def test_killed_at_random_moments_the_next_run_goes_on_and_ends_the_same(parcels, installation, tmp_path, full):
    """Kills spread over the measured length of a run; where one came to its end, another begins from nothing.

    With those at each point, 5 in all, and 50 under --full.
    """
    _, undisturbed, document = parcels
    clock, left, number = random.Random(7), (39 if full else 2), 0
    while left:
        number += 1
        home = replace(installation, home=installation.home.with_name(f"home{number}"))
        folder = small.write(tmp_path / f"{number}" / "parcels")
        while left and is_killed(home, folder, after_s=clock.uniform(1.0, document["seconds"] / 2)):
            left -= 1
        before = entries(home)
        after = home.run_json(folder)
        assert after["failed"] == []
        assert fingerprints(home) == fingerprints(undisturbed)
        assert redone(before, entries(home), after) <= {"deployment/model"}
        assert versions(home) == versions(undisturbed)


@pytest.mark.soak
def test_backfills_that_overlap_leave_each_partition_whole(parcels, installation, tmp_path, full):
    _, undisturbed, _ = parcels
    folder = small.write(tmp_path / "parcels")
    for _ in range(2 if full else 1):
        ranges = ("2024-01..2024-04", "2024-03..2024-06", "..2024-06") if full else ("2024-01..2024-04", "2024-03..")
        processes = [
            subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", BACKFILL, folder, installation.home, one],
                env=installation.environment, stdout=subprocess.PIPE, text=True,
            )
            for one in ranges
        ]  # fmt: skip
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * len(ranges)
        (installation.home / "go").touch()
        assert [process.communicate(timeout=300)[0] for process in processes] == ["{}\n"] * len(ranges)
        (installation.home / "go").unlink()
        made = fingerprints(installation)
        assert made
        assert made.items() <= fingerprints(undisturbed).items()
    assert installation.run_json(folder)["failed"] == []
    assert fingerprints(installation) == fingerprints(undisturbed)
