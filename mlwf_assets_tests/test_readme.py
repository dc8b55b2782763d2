"""What the README says is done as it says, in a folder of its own."""

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mlwf_assets.spec.loader import load, loads

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language, text=README):
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, flags=re.MULTILINE | re.DOTALL)[1]


COMMANDS = [line for block in blocks("sh") for line in block.splitlines()]
OWN = section("Your own workflow")


def run(script, folder):
    """Run lines in bash, where `.venv` is this environment; what they print."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLWF_", "DAGSTER_", "MLFLOW_"))}
    done = subprocess.run(
        ["bash", "-euc", script], cwd=folder, env={**kept, "OMP_NUM_THREADS": "2"}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path):
    """A folder with the environment, and the CSV file whose beginning the README shows."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "trips").mkdir()
    [shown] = blocks("csv", OWN)
    clock = random.Random(0)
    rows = []
    for trip in range(3, 300):
        km, rain = clock.uniform(1, 40), max(0, clock.gauss(0, 2))
        late = "yes" if km / 20 + rain / 2 + clock.gauss(0, 0.5) > 1.5 else "no"
        rows.append(f"{trip},{clock.choice(['north', 'south', 'west'])},{km:.1f},{rain:.1f},{late}")
    (tmp_path / "trips" / "trips.csv").write_text(shown + "\n".join(rows) + "\n")
    return tmp_path


def test_ones_own_workflow_runs_to_a_registered_model_that_loads(folder):
    said = run("source .venv/bin/activate\n" + "".join(blocks("sh", OWN)), folder)
    for words in ("late of this trip yes or no?", "Leaderboard by ROC AUC", "models:/trips-late@champion, version 1"):
        assert words in said
    assert "mlflow.pyfunc.loaded_model" in said
    header, first, second = (folder / "predictions.csv").read_text().splitlines()
    assert header == "trip,prediction,probability_false,probability_true,model_version,problem"
    assert (first[:10], second[:9], first[-3:]) == ("901,false,", "902,true,", ",1,")
    assert (folder / ".mlwf" / "reports" / "trips" / "report.html").is_file()
    [spec] = blocks("yaml", OWN)
    assert len(spec.splitlines()) <= 10
    assert without_form(load(folder / "trips")) == without_form(loads(spec, file=folder / "trips" / "defs.yaml"))


def without_form(workflow):
    """What a workflow file says, but for how its CSV is written, which the short form leaves to be found."""
    said = workflow.model_dump(mode="json")
    for source in said["sources"].values():
        source.pop("csv")
    return said


def test_make_knows_every_target_that_is_named():
    named = {*re.findall(r"make (\w+)", " ".join(COMMANDS)), *re.findall(r"`make (\w+)`", README)}
    assert {"demo", "test"} <= named
    for target in named:
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def test_every_other_command_is_one_that_exists_and_takes_the_options(folder):
    named = {line.split()[1] for line in COMMANDS if line.startswith("mlwf ")} | {*re.findall(r"`mlwf (\w+)", README)}
    assert named == {"init", "check", "run", "status", "show", "compare", "reproduce", "gc", "predict", "up"}
    help_of = {name: run(f".venv/bin/mlwf {name} --help", folder) for name in named}
    for options, name in (
        ("--target", "init"),
        ("--name", "init"),
        ("--out", "init"),
        ("--force", "run"),
        ("--json", "run"),
        ("--select", "run"),
        ("--partitions", "run"),
        ("-o", "predict"),
        ("--port", "up"),
    ):
        assert options in help_of[name]
        assert options in README
    known = ("make ", "mlwf ", "source .venv/bin/activate", "export MLFLOW_TRACKING_URI=", "python -c ", "printf ")
    assert [line for line in COMMANDS if not line.startswith(known)] == []


def test_links_lead_to_files_that_are_there():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("http")]
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link.partition("#")[0]).exists()] == []


def test_the_smallest_file_is_a_workflow_file():
    [spec] = blocks("yaml", OWN)
    assert yaml.safe_load(spec)["type"] == "mlwf_assets.MLWorkflow"
