import numpy as np
import pyarrow as pa
import pytest

from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.features.relational.visible import resolve_links
from mlwf_assets.features.times import END_OF_TIME, read_times
from mlwf_assets.spec.relationships import Relationship
from mlwf_assets_tests.features.toy import at

COURIER = Relationship("parcels", "courier", "couriers", "courier")
TEAM = Relationship("couriers", "team", "teams", "team")


def resolve(parcels, couriers, teams=None, *, hours):
    tables = {"parcels": pa.table(parcels), "couriers": pa.table(couriers), "teams": pa.table(teams or {"team": ["t"]})}
    cutoffs = read_times(pa.chunked_array([at(hours)]), missing=END_OF_TIME)
    links = [COURIER, TEAM] if teams else [COURIER]
    return resolve_links("parcels", tables, relationships=links, cutoffs=cutoffs)


def test_missing_unknown_and_not_yet_known_parents_are_the_same():
    couriers = {"courier": ["a", "b"], "_known_at": at([None, 5])}
    seen = resolve({"courier": ["a", "b", "z", None, "b"]}, couriers, hours=[0, 4, 9, 9, 5])
    assert seen["couriers"].rows.tolist() == [0, 1]
    assert seen["parcels"].links["courier"].tolist() == [0, -1, -1, -1, 1]


def test_a_grandparent_is_seen_only_by_examples_later_than_it():
    couriers = {"courier": ["a"], "team": ["t"], "_known_at": at([None])}
    teams = {"team": ["t"], "_known_at": at([5])}
    seen = resolve({"courier": ["a", "a", "a"]}, couriers, teams, hours=[4, 6, 7])
    early, late, later = seen["parcels"].links["courier"]
    assert late == later != early
    assert seen["couriers"].rows.tolist() == [0, 0]
    assert seen["couriers"].links["team"][[early, late]].tolist() == [-1, 0]


def test_a_missing_key_matches_no_parent_that_lacks_its_key_too():
    seen = resolve({"courier": [None, "a"]}, {"courier": [None, "a"]}, hours=[0, 0])
    assert seen["parcels"].links["courier"].tolist() == [-1, 0]
    assert seen["couriers"].rows.tolist() == [1]


def test_numbers_relate_to_numbers_written_as_text():
    seen = resolve({"courier": [7, 8]}, {"courier": ["7"]}, hours=[0, 0])
    assert seen["parcels"].links["courier"].tolist() == [0, -1]


def test_no_cutoff_sees_everything():
    seen = resolve({"courier": ["a"]}, {"courier": ["a"], "_known_at": at([10**6])}, hours=[None])
    assert seen["parcels"].links["courier"].tolist() == [0]


def test_a_parent_that_is_not_unique_is_refused():
    with pytest.raises(DataError, match=r"couriers must be unique by courier.*'a' stands more than once"):
        resolve({"courier": ["a"]}, {"courier": ["a", "a"]}, hours=[0])


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(SchemaError, match=r"needs the column couriers\.courier"):
        resolve({"courier": ["a"]}, {"name": ["a"]}, hours=[0])


def test_two_ways_to_one_table_share_its_rows():
    links = [Relationship("trips", "a", "places", "place"), Relationship("trips", "b", "places", "place")]
    tables = {"trips": pa.table({"a": ["x", "y"], "b": ["y", "z"]}), "places": pa.table({"place": ["y", "x"]})}
    seen = resolve_links("trips", tables, relationships=links, cutoffs=np.zeros(2, dtype=np.int64))
    rows = seen["places"].rows
    assert rows.tolist() == [0, 1]
    assert rows[seen["trips"].links["a"]].tolist() == [1, 0]
    assert seen["trips"].links["b"].tolist() == [0, -1]
