"""What all tests share: full counts on demand, a home of their own, quiet libraries."""

import os

import pytest
from hypothesis import settings

# How long one example takes says more about who else uses the machine than about the code.
settings.register_profile("mlwf", deadline=None)
settings.load_profile("mlwf")


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="full counts: many kills, minutes of racing")


@pytest.fixture
def full(request):
    """Whether this run has full counts (`make soak`)."""
    return request.config.getoption("--full")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A fresh MLWF_HOME."""
    folder = tmp_path / "home"
    monkeypatch.setenv("MLWF_HOME", str(folder))
    monkeypatch.setenv("DAGSTER_HOME", str(folder / "dagster"))
    (folder / "dagster").mkdir(parents=True)
    return folder


@pytest.fixture(autouse=True)
def _no_telemetry(monkeypatch):
    for name, value in {"MLFLOW_DISABLE_TELEMETRY": "true", "DAGSTER_DISABLE_TELEMETRY": "yes"}.items():
        monkeypatch.setenv(name, os.environ.get(name, value))
