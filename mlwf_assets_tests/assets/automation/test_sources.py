"""Whether sources changed: by sizes and times first, then by content."""

import os
import time

import pytest

from mlwf_assets.assets.automation import sources
from mlwf_assets.assets.automation.sources import look_at_sources
from mlwf_assets.spec.loader import load
from mlwf_assets_tests.assets.automation import toy


@pytest.fixture
def trips(tmp_path):
    return load(toy.write(tmp_path / "trips"))


def test_the_first_look_takes_the_time_of_the_newest_file(trips, home):
    os.utime(trips.folder / "trips.csv", (1_700_000_000, 1_700_000_000))
    seen = look_at_sources(trips, home)["trips"]
    assert seen.is_new
    assert seen.since_s == 1_700_000_000


def test_a_change_is_new_once_and_a_file_that_was_only_touched_is_not(trips, home):
    look_at_sources(trips, home)
    assert not look_at_sources(trips, home)["trips"].is_new
    os.utime(trips.folder / "trips.csv", (1, 1))
    assert not look_at_sources(trips, home)["trips"].is_new
    toy.add_rows(trips.folder, 1)
    before_s = time.time()
    seen = look_at_sources(trips, home)
    assert seen["trips"].is_new
    assert seen["trips"].since_s >= before_s - 1
    assert not seen["buses"].is_new


def test_a_file_more_is_a_change(trips, home):
    look_at_sources(trips, home)
    (trips.folder / "more_buses.csv").write_text("bus,seats\nb3,9\n")
    assert look_at_sources(trips, home)["buses"].is_new


def test_files_that_lie_there_as_before_are_not_read(trips, home, monkeypatch):
    look_at_sources(trips, home)

    def refuse(*_):
        raise AssertionError("read")

    monkeypatch.setattr(sources, "source_fingerprint", refuse)
    assert not look_at_sources(trips, home)["trips"].is_new
    os.utime(trips.folder / "trips.csv")
    with pytest.raises(AssertionError, match="read"):
        look_at_sources(trips, home)


def test_a_source_that_is_gone_is_a_problem_and_none_when_it_is_back(trips, home):
    look_at_sources(trips, home)
    (trips.folder / "trips.csv").rename(trips.folder / "away.txt")
    assert "must name a file" in look_at_sources(trips, home)["trips"].problem
    (trips.folder / "away.txt").rename(trips.folder / "trips.csv")
    seen = look_at_sources(trips, home)["trips"]
    assert seen.problem == ""
    assert not seen.is_new
