"""Runs of one workflow wait for each other, and say so; those of others do not."""

import threading

import pytest

from mlwf_assets.cli.turns import taking_turns


def test_the_second_run_says_that_it_waits_and_begins_when_the_first_has_ended(tmp_path):
    said, order, waits = [], [], threading.Event()

    def second():
        with taking_turns(tmp_path, "trips", lambda words: (said.append(words), waits.set())) as waited_s:
            order.append("second")
            assert waited_s > 0

    with taking_turns(tmp_path, "trips", said.append):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert said == [
        f"Another run of trips goes on in {tmp_path}: waiting for its end; what it makes is not made again."
    ]


def test_runs_of_different_workflows_do_not_wait(tmp_path):
    said = []
    with taking_turns(tmp_path, "trips", said.append), taking_turns(tmp_path, "trips_sample_5", said.append):
        assert said == []


def test_a_run_that_fails_gives_its_turn_back(tmp_path):
    said = []
    with pytest.raises(ZeroDivisionError), taking_turns(tmp_path, "trips", said.append):
        1 / 0  # noqa: B018
    with taking_turns(tmp_path, "trips", said.append):
        assert said == []
