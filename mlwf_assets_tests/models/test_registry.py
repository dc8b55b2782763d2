import sys

import pytest

from mlwf_assets.errors import ModelError
from mlwf_assets.models.families.base import Family
from mlwf_assets.models.families.registry import describe_family, family_names, find_family
from mlwf_assets.spec.names import FAMILIES


def test_the_names_are_those_of_workflow_files():
    assert family_names() == FAMILIES


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_found_under_its_own_name_and_can_be_described(name):
    family = find_family(name)
    assert isinstance(family, Family)
    assert family.name == name
    assert describe_family(name) != name


def test_an_unknown_family_lists_the_known_ones():
    with pytest.raises(
        ModelError, match=r"must be one of base_rate, linear, extra_trees, .*, tabm, however: 'xgboost'"
    ):
        find_family("xgboost")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "mlwf_assets.models.families.lightgbm", raising=False)
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(ModelError, match="the family lightgbm needs the package lightgbm, which is not installed"):
        find_family("lightgbm")
