"""What runs in processes of their own: they are forked from one that has MLflow loaded, for that takes seconds."""

import dataclasses
import multiprocessing
import os
import signal
from pathlib import Path

import lightgbm  # noqa: F401 - likewise
import mlflow.pyfunc  # noqa: F401 - so that the processes forked from this one have it

from mlwf_assets.deployment.gate import Decision
from mlwf_assets.deployment.registry import register
from mlwf_assets.deployment.store import open_store
from mlwf_assets_tests.deployment import toy

PASSED = Decision(True, ("Good enough.",))


def processes():
    """The way to start them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


class Dying:
    """MLflow's client, until the process is killed before one of the calls."""

    def __init__(self, client, calls):
        self._client, self._left = client, calls

    def __getattr__(self, name):
        method = getattr(self._client, name)

        def call(*args, **kwargs):
            self._left -= 1
            if self._left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return method(*args, **kwargs)

        return call


def register_until_killed(home, folder, calls):
    store = open_store(Path(home))
    dying = dataclasses.replace(store, client=Dying(store.client, calls))
    register(dying, toy.make_candidate(Path(folder)), PASSED)


def make_experiment(home, answers):
    answers.put(open_store(Path(home)).experiment("flights"))
