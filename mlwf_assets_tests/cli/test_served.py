import json
import os
import subprocess
import sys

import pytest

from mlwf_assets.cli.served import (
    Addresses,
    is_alive,
    read_state,
    running_address,
    state_file,
    stop_leftovers,
    write_state,
)
from mlwf_assets.cli.servers import MARK, marked

ADDRESSES = Addresses(3000, 4001, 4002, 4003)


def test_all_pages_are_below_one_address():
    assert ADDRESSES.pages == {
        "Dagster": "http://127.0.0.1:3000",
        "MLflow": "http://127.0.0.1:3000/mlflow",
        "Reports": "http://127.0.0.1:3000/reports",
    }
    assert (ADDRESSES.dagster, ADDRESSES.mlflow) == ("http://127.0.0.1:4001", "http://127.0.0.1:4002")


def test_an_address_is_known_from_when_it_is_ready(tmp_path):
    assert running_address(tmp_path) is None
    write_state(tmp_path, "mark", ADDRESSES, ready=False)
    assert running_address(tmp_path) is None
    write_state(tmp_path, "mark", ADDRESSES, ready=True)
    assert running_address(tmp_path) == "http://127.0.0.1:3000"
    assert [path.name for path in tmp_path.iterdir()] == ["servers.json"]


@pytest.mark.parametrize("text", ["", "{", "no json"])
def test_a_torn_file_counts_for_nothing(tmp_path, text):
    state_file(tmp_path).write_text(text)
    assert read_state(tmp_path) == {}
    assert running_address(tmp_path) is None


def test_a_pid_that_another_process_has_now_is_not_alive(tmp_path):
    write_state(tmp_path, "mark", ADDRESSES, ready=True)
    state = read_state(tmp_path)
    assert is_alive(state)
    assert not is_alive({**state, "started": state["started"] - 100})
    assert not is_alive({**state, "pid": 2**22 + 1})


def test_what_a_killed_start_left_running_is_ended(tmp_path):
    mark = f"left-{os.getpid()}"
    orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env={**os.environ, MARK: mark})
    write_state(tmp_path, mark, ADDRESSES, ready=True)
    state = read_state(tmp_path)
    stop_leftovers(tmp_path)  # the start lives: this very process
    assert len(marked(mark)) == 1
    state_file(tmp_path).write_text(json.dumps({**state, "started": 1.0}))
    stop_leftovers(tmp_path)
    assert marked(mark) == []
    assert orphan.wait(60) is not None
    assert not state_file(tmp_path).exists()
