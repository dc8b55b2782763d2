"""A store of its own for each test; its database is made once and copied, for migrations take a second."""

import shutil

import pytest

from mlwf_assets.deployment.store import open_store
from mlwf_assets_tests.deployment import children, toy


@pytest.fixture(scope="session")
def _empty_home(tmp_path_factory):
    home = tmp_path_factory.mktemp("empty")
    open_store(home)
    return home


@pytest.fixture
def store(_empty_home, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(_empty_home, home)
    return open_store(home)


@pytest.fixture(scope="session")
def processes():
    return children.processes()


@pytest.fixture
def predictor(tmp_path):
    return toy.make_predictor(tmp_path / "predictor")


@pytest.fixture
def candidate(predictor, tmp_path):
    return toy.make_candidate(tmp_path / "predictor")
