import pytest

from mlwf_assets.gpu.client import Client
from mlwf_assets_tests.gpu.homes import Processes, make_home


@pytest.fixture
def processes():
    own = Processes()
    yield own
    own.end()


@pytest.fixture
def client(tmp_path):
    own = Client(make_home(tmp_path))
    yield own
    own.ledger.close()
