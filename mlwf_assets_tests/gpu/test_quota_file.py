"""The live quota file: what is refused, with sum and line, and that a change counts at once."""

from pathlib import Path

import pytest

from mlwf_assets.errors import DataError, SourceError, SpecError
from mlwf_assets.gpu.client import Client
from mlwf_assets.gpu.home import GpuHome
from mlwf_assets.gpu.leases import make_request
from mlwf_assets.gpu.quota_file import parse_quota
from mlwf_assets_tests.gpu.homes import devices_of, hold, make_home, state_of

_FILE = Path("gpu.yaml")
_DEVICES = "devices:\n  - {name: a, memory_mib: 8}\n  - {name: b, memory_mib: 8}\n"
_TREE = (
    "queues:\n  - {name: lab, deserved: 2}\n  - {name: vision, parent: lab, deserved: 1.5}\n"
    "  - {name: text, parent: lab, deserved: 1}\n"
)


def test_children_that_deserve_more_than_their_parent_are_refused_with_sum_and_line():
    words = (
        r"gpu\.yaml:7: queues\[2\]\.deserved: what vision, text deserve must add up to at most the 2 that 'lab' "
        r"deserves, however: 1\.5 \+ 1 = 2\.5\."
    )
    with pytest.raises(SpecError, match=words):
        parse_quota(_DEVICES + _TREE, _FILE)


def test_roots_that_deserve_more_than_the_devices_are_refused_with_sum_and_line():
    text = _DEVICES + "queues:\n  - {name: one, deserved: 2}\n  - {name: other, deserved: 1}\n"
    words = (
        r"gpu\.yaml:6: .*must add up to at most the 2 devices of this machine, however: 2 \+ 1 = 3\. .*overcommit: true"
    )
    with pytest.raises(SpecError, match=words):
        parse_quota(text, _FILE)


def test_an_unlimited_guarantee_under_a_limited_one_is_refused():
    with pytest.raises(SpecError, match="however: unlimited"):
        parse_quota(_DEVICES + "queues:\n  - {name: one, deserved: -1}\n", _FILE)


def test_overcommit_is_taken_when_the_file_says_so():
    assert [queue.deserved for queue in parse_quota(f"overcommit: true\n{_DEVICES}{_TREE}", _FILE).queues] == [
        2000, 1500, 1000,
    ]  # fmt: skip


def test_what_is_wrong_is_told_all_at_once_with_lines():
    text = "devices:\n  - {name: a, memory_mib: no}\nqueues:\n  - {name: q, deserved: x, parent: r}\ngrace_s: -1\n"
    with pytest.raises(SpecError) as found:
        parse_quota(text, _FILE)
    assert [line.split(": ")[0] for line in str(found.value).splitlines()] == [
        "gpu.yaml:2", "gpu.yaml:4", "gpu.yaml:4", "gpu.yaml:5",
    ]  # fmt: skip


def test_a_field_that_is_not_known_is_noted():
    (note,) = parse_quota(f"{_DEVICES}queues:\n  - {{name: q}}\ngrace: 3\n", _FILE).notes
    assert note.startswith("Note: gpu.yaml:6: grace: is not known and changes nothing. Did you mean 'grace_s'?")


def test_a_machine_without_a_quota_file_says_how_to_make_one(tmp_path):
    with pytest.raises(SourceError, match="there is none; `mlwf gpu init` makes one"):
        Client(GpuHome(tmp_path)).view()


def test_a_changed_file_counts_at_once_for_clients_that_run(client, processes):
    hold(client, processes, "first", gpus=3)
    make_home(client.home.folder, devices=4)
    hold(client, processes, "second", queue="interns")
    assert devices_of(client, "second") == ["fake-3"]


def test_while_a_changed_file_is_wrong_the_last_good_one_counts_for_who_waits_and_nobody_new_may_ask(client, processes):
    _, first = hold(client, processes, "first", gpus=3)
    hold(client, processes, "second", gpus=2)
    client.home.quota_file.write_text("queues: [oh\n", encoding="utf-8")
    client.give_back(first)
    view = client.view()
    assert [entry.state for entry in view.entries] == ["running"]
    assert "gpu.yaml:" in view.problem
    with pytest.raises(SpecError, match=r"gpu\.yaml:"):
        client.ask(make_request(queue="research", name="third"))
    assert [entry.request.name for entry in Client(client.home).view().entries] == ["second"]
    make_home(client.home.folder)
    assert client.view().problem is None


def test_a_job_whose_queue_was_taken_out_keeps_its_device_until_it_ends(client, processes):
    _, number = hold(client, processes, "fit", queue="interns")
    make_home(client.home.folder, queues="  - {name: research, deserved: 3}\n")
    hold(client, processes, "other", gpus=3)
    assert (state_of(client, "fit"), state_of(client, "other")) == ("running", "waiting")
    client.give_back(number)
    assert state_of(client, "other") == "running"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"queue": "reserch"}, "however: 'reserch'. Did you mean 'research'?"),
        ({"gpus": 4}, "must have so many GPUs, however: it has 3"),
        ({"gpus": 1.5}, "a whole number, or a fraction between 0 and 1 to three places, however: 1.5"),
        ({"gpus": 0.0001}, "at most three places behind the point"),
        ({"memory_mib": 24_001}, "must fit on a device, 1 to 24000 MiB, however: 24001"),
    ],
)
def test_what_the_machine_can_never_serve_is_refused_at_once(client, asked, words):
    with pytest.raises(DataError) as found:
        client.ask(make_request(**{"queue": "research", "name": "fit", **asked}))
    assert words in str(found.value)
    assert client.view().entries == []
