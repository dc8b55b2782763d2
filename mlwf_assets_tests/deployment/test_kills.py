"""Processes killed with -9 between any two calls of MLflow's client, and in the middle of anything."""

import random
import shutil
import time

import pytest

from mlwf_assets.deployment.champion import find_champion
from mlwf_assets.deployment.registry import register
from mlwf_assets.deployment.store import open_store
from mlwf_assets_tests.deployment import toy
from mlwf_assets_tests.deployment.children import PASSED, Dying, register_until_killed

_MANY = 10_000


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A home with a champion, and the folder of a challenger."""
    base = tmp_path_factory.mktemp("kills")
    toy.make_predictor(base / "first")
    toy.make_predictor(base / "second", rounds=30)
    register(open_store(base / "home"), toy.make_candidate(base / "first"), PASSED)
    return base


def _count_calls(start, tmp_path):
    home = shutil.copytree(start / "home", tmp_path / "counted")
    store = open_store(home)
    client = Dying(store.client, _MANY)
    object.__setattr__(store, "client", client)
    register(store, toy.make_candidate(start / "second"), PASSED)
    return _MANY - client._left


def _finish(home, folder):
    store = open_store(home)
    before = int(find_champion(store, "flight-on-time").version)
    done = register(store, toy.make_candidate(folder), PASSED)
    experiment = store.experiment("flights")
    return {
        "before": before,
        "version": done.version,
        "champion": int(find_champion(store, "flight-on-time").version),
        "versions": len(store.client.search_model_versions("name = 'flight-on-time'")),
        "runs": len(store.client.search_runs([experiment])),
        "models": len(store.client.search_logged_models([experiment])),
        "metrics": store.client.get_run(done.run_id).data.metrics,
        "files": sorted(file.path for file in store.client.list_artifacts(done.run_id)),
    }


_DONE = {
    "version": 2,
    "champion": 2,
    "versions": 2,
    "runs": 2,
    "models": 2,
    "metrics": {"test_roc_auc": 0.81, "test_log_loss": 0.5},
    "files": ["definitions.json", "features.json", "plots", "report.html"],
}


@pytest.mark.soak
def test_killed_between_any_two_calls_the_old_champion_stands_and_the_next_call_finishes(
    start, processes, tmp_path, full
):
    calls = _count_calls(start, tmp_path)
    assert calls >= 15
    points = range(calls) if full else (calls - 1,)
    for point in points:
        home = shutil.copytree(start / "home", tmp_path / f"home{point}")
        child = processes.Process(target=register_until_killed, args=(str(home), str(start / "second"), point))
        child.start()
        child.join(120)
        assert child.exitcode == -9
        assert _finish(home, start / "second") == {"before": 1, **_DONE}


@pytest.mark.soak
def test_killed_at_any_moment_the_next_call_finishes(start, processes, tmp_path, full):
    clock = random.Random(11)
    home = shutil.copytree(start / "home", tmp_path / "home")
    for _ in range(40 if full else 1):
        child = processes.Process(target=register_until_killed, args=(str(home), str(start / "second"), _MANY))
        child.start()
        time.sleep(clock.uniform(0.05, 1.5))
        child.kill()
        child.join(60)
    assert {**_finish(home, start / "second"), "before": 1} == {"before": 1, **_DONE}
