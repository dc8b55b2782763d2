"""The cases read from KAI-Scheduler's own tables, through the commands; and what bad files are told."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from mlwf_assets.cli.main import main
from mlwf_assets.gpu.fair_share import Claim, fair_shares

_CASES = Path(__file__).parent / "cases"


def _read(name, key):
    return yaml.safe_load((_CASES / name).read_text(encoding="utf-8"))[key]


@pytest.fixture(scope="module")
def settled():
    return _answer("simulate", "scenarios.yaml", "scenarios")


@pytest.fixture(scope="module")
def divided():
    return _answer("fair-share", "fair_share.yaml", "cases")


def _answer(command, file, key):
    from mlwf_assets.cli import gpu_files

    path = _CASES / file
    if command == "simulate":
        return {one.name: one.settle() for one in gpu_files.read_scenarios(path)}
    return {one.name: (one.divide(), one.parts) for one in gpu_files.read_cases(path)}


@pytest.mark.parametrize("scenario", _read("scenarios.yaml", "scenarios"), ids=lambda scenario: scenario["name"])
def test_a_machine_settles_as_kai_has_it(scenario, settled):
    jobs = {job.name: job for job in settled[scenario["name"]].jobs}
    for expected in scenario["expected"]:
        job = jobs[expected["job"]]
        assert ("running" if job.is_running else "pending") == expected["status"]
        if job.is_running and "gpu" in expected:
            held = {device for task in job.tasks for device in task.devices}
            assert [str(device) for device in sorted(held)] == expected["gpu"]


@pytest.mark.parametrize("case", _read("fair_share.yaml", "cases"), ids=lambda case: case["name"])
def test_a_total_is_divided_as_kai_has_it(case, divided):
    (shares, remaining), parts = divided[case["name"]]
    assert {name: share / parts for name, share in shares.items()} == {
        queue["name"]: queue["expected_fair_share"] for queue in case["queues"]
    }
    assert remaining / parts == case.get("expected_remaining", remaining / parts)


def test_what_rounding_leaves_lifts_nobody_above_request_or_limit():
    claims = [Claim("a", 1600, 0, created=0), Claim("b", 9000, 0, 1200, created=1)]
    assert fair_shares(3000, claims) == ({"a": 1600, "b": 1200}, 200)


def test_less_used_queues_weigh_more():
    from fractions import Fraction

    claims = [Claim("a", 9000, 0, usage=Fraction(1, 2)), Claim("b", 9000, 0)]
    assert fair_shares(6000, claims, usage_weight=Fraction(1))[0] == {"a": 2000, "b": 4000}


@pytest.mark.parametrize(
    ("command", "file", "key", "names"),
    [
        ("simulate", "scenarios.yaml", "scenarios", {"name", "jobs"}),
        ("fair-share", "fair_share.yaml", "cases", {"name", "shares", "remaining"}),
    ],
)
def test_the_commands_print_one_document_or_words(command, file, key, names, capfd):
    for as_json in (True, False):
        arguments = ["gpu", command, str(_CASES / file), *(["--json"] if as_json else [])]
        main.main(arguments, standalone_mode=False)
        out = capfd.readouterr().out
        if as_json:
            document = json.loads(out)[key]
            assert all(set(one) == names for one in document)
            assert [one["name"] for one in document] == [one["name"] for one in _read(file, key)]
        else:
            assert _read(file, key)[0]["name"] in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gpus: 1", ":1: must begin with 'scenarios:'"),
        ("scenarios:\n- {name: x, gpus: two}", ":2: scenarios.0..gpus: must be a whole number"),
        ("scenarios:\n- {name: x, gpus: 1, queues: [{name: a, parent: b}]}", "parent: must be one of the queues"),
        ("scenarios:\n- {name: x, gpus: 1, queues: [{name: a, parent: a}]}", "must not lead back"),
        ("scenarios:\n- {name: x, gpus: 1, queues: [{name: a}, {name: a}]}", "'a' is there twice; rename"),
        ("scenarios:\n- {name: x, gpus: 1, queues: [{name: a, limit: -2}]}", r"0 or more \(-1: unlimited\)"),
        ("scenarios:\n- {name: x, gpus: 1, queues: [{name: a, deserved: 0.0001}]}", "at most three places"),
        ("scenarios:\n- {name: x, gpus: 1, jobs: [{name: j, queue: q, gpus_per_task: 1}]}", "queue: must be one of"),
        ("scenarios:\n- {name: x, gpus: 1, queues: [{name: a}], jobs: [{name: j, queue: a}]}", "one of them alone"),
        (
            "scenarios:\n- {name: x, gpus: 1, queues: [{name: a}], jobs: [{name: j, queue: a, gpus_per_task: 1.5}]}",
            "a whole number of GPUs or a fraction",
        ),
        (
            "scenarios:\n- {name: x, gpus: 0, queues: [{name: a}], jobs: [*job]}".replace(
                "*job", "{name: j, queue: a, gpus_per_task: 1, tasks: [{state: running}]}"
            ),
            "job j: what runs must fit on the devices",
        ),
    ],
)
def test_a_bad_file_is_told_where_and_what_to_do(text, message, tmp_path):
    import re

    file = tmp_path / "quota.yaml"
    file.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(main, ["gpu", "simulate", str(file)])
    assert result.exit_code == 2
    assert re.search(message, result.output)


def test_a_missing_file_is_a_short_message(tmp_path):
    result = CliRunner().invoke(main, ["gpu", "simulate", str(tmp_path / "no.yaml")])
    assert result.exit_code == 2
    assert "must be a readable UTF-8 text file" in result.output


def test_the_example_of_the_page_does_as_the_page_says(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "gpu.md").read_text(encoding="utf-8")
    file = tmp_path / "example.yaml"
    file.write_text("scenarios:" + page.split("```yaml\nscenarios:")[1].split("```")[0], encoding="utf-8")
    result = CliRunner().invoke(main, ["gpu", "simulate", str(file)])
    assert "sweep: running on GPU 0, 1\n" in result.output
    assert "train: running on GPU 2, 3\n" in result.output
