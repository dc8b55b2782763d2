"""A lake of its own for each test."""

import pytest

from mlwf_assets.lake.store import Lake


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")
