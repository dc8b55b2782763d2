"""Several processes at one lake, and processes that are killed: whole results, or none."""

import json
import random
import subprocess
import sys
import time

import deltalake
import pytest

from mlwf_assets.lake.store import Lake
from mlwf_assets_tests.lake.toy import TABLE, check_whole, data_files

# Writes as often as it is told, saying each time what became of it. Starts when the file `go` appears.
_WRITER = """
import json, sys, time
from pathlib import Path
import deltalake
import pyarrow as pa
from mlwf_assets.errors import ConflictError
from mlwf_assets.lake.result import Result
from mlwf_assets.lake.store import Lake

folder, name, partitions, count = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])
print("ready", flush=True)
while not (folder / "go").exists():
    time.sleep(0.001)
lake = Lake(folder)
for number in range(count):
    partition, recipe = partitions[number % len(partitions)], f"{name}-{number}"
    rows = number % 7 * 500
    columns = {"more": [0.5] * rows} if number % 2 else {}
    table = pa.table({"x": range(rows), "writer": [recipe] * rows, **columns})
    files = {"name": recipe.encode() * 1000} if number % 3 else {}
    try:
        lake.write("toy/raw/things", partition, Result(table, files=files), recipe=recipe, run_id=name, seconds=0.1)
        print(json.dumps([partition, recipe, "written"]), flush=True)
    except ConflictError:
        print(json.dumps([partition, recipe, "conflict"]), flush=True)
"""


def start(folder, name, partitions, count):
    arguments = [str(folder), name, json.dumps(partitions), str(count)]
    return subprocess.Popen([sys.executable, "-c", _WRITER, *arguments], stdout=subprocess.PIPE, text=True)


def race(folder, writers, count):
    """Let writers start at the same moment; return what each says of each write."""
    processes = [start(folder, name, partitions, count) for name, partitions in writers.items()]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    (folder / "go").touch()
    said = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return [tuple(json.loads(line)) for words in said for line in words.splitlines()]


@pytest.mark.soak
def test_writers_of_different_partitions_all_succeed(tmp_path, full):
    """From the first write on, which also creates the table, the index and the folder."""
    count, writers = (60, 6) if full else (5, 2)
    said = race(tmp_path, {f"w{i}": [f"p{i}"] for i in range(writers)}, count)
    assert {outcome for _, _, outcome in said} == {"written"}
    assert len(said) == writers * count
    lake = Lake(tmp_path)
    assert {name: entry.recipe for name, entry in lake.entries(TABLE).items()} == {
        f"p{i}": f"w{i}-{count - 1}" for i in range(writers)
    }
    assert check_whole(lake) == writers
    plain = deltalake.DeltaTable(tmp_path / TABLE)
    assert plain.version() == writers * count - 1
    assert sorted(plain.to_pyarrow_table().column_names) == sorted([*lake.read(TABLE).column_names, "_partition"])


@pytest.mark.soak
def test_of_writers_of_one_partition_each_wins_whole_or_loses_whole(tmp_path, full):
    count, writers = (60, 4) if full else (6, 2)
    said = race(tmp_path, {f"w{i}": ["p"] for i in range(writers)}, count)
    lake = Lake(tmp_path)
    written = [recipe for _, recipe, outcome in said if outcome == "written"]
    lost = [recipe for _, recipe, outcome in said if outcome == "conflict"]
    assert written
    assert all(lake.find(recipe).recipe == recipe for recipe in written)
    assert all(lake.find(recipe) is None for recipe in lost)
    log = deltalake.DeltaTable(tmp_path / TABLE).history()
    assert sorted(commit["mlwf"]["recipe"] for commit in log) == sorted(written)
    assert lake.entry(TABLE, "p").recipe == log[0]["mlwf"]["recipe"]
    assert check_whole(lake) == 1
    assert len(data_files(tmp_path)) <= len(written)


@pytest.mark.soak
def test_a_killed_writer_leaves_whole_entries_and_all_that_it_reported(tmp_path, full):
    """Kill -9 at moments spread over a writer's first write and over later ones; go on with the same lake."""
    generator = random.Random(0)
    kills, reported = 50 if full else 4, {}
    for kill in range(kills):
        (tmp_path / "go").unlink(missing_ok=True)
        process = start(tmp_path, f"w{kill}", ["p0", "p1", "p2"], 10_000)
        assert process.stdout.readline() == "ready\n"
        (tmp_path / "go").touch()
        first = process.stdout.readline() if kill % 2 == 0 else ""
        time.sleep(generator.uniform(0, 0.2 if first else 0.5))
        process.kill()
        for line in (first + process.communicate()[0]).splitlines():
            if line.endswith("]"):  # the last line may be torn
                partition, recipe, _ = json.loads(line)
                reported[partition] = recipe
        lake = Lake(tmp_path)
        assert check_whole(lake) == len(lake.entries(TABLE)) >= len(reported)
        for partition, recipe in reported.items():
            # A writer may have committed once more without having said so.
            entry, last = lake.entries(TABLE)[partition], lake.find(recipe)
            assert entry.recipe == recipe or entry.version > last.version
    assert reported
