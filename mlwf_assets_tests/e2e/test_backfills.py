"""Backfills that somebody launches in the UI of a real `mlwf up`: as one run, and as many."""

import csv
import json
import time
import urllib.request

import pytest
import yaml

from mlwf_assets.lake.store import Lake
from mlwf_assets_tests.e2e.conftest import Installation

MONTHS = ["2024-01", "2024-02", "2024-03", "2024-04"]
WAIT_S = 180

# All of it: one run is launched by the tests in the browser, too. One worker, for the last test looks at what the
# others did.
pytestmark = [pytest.mark.soak, pytest.mark.xdist_group("backfills")]

LAUNCH = """mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
STATUS = """query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill {
    status runs(limit: 20) { tags { key value } } } } }"""
EVENTS = """query ($key: AssetKeyInput!) { assetOrError(assetKey: $key) { ... on Asset {
    assetMaterializations(limit: 100) { partition tags { key value } metadataEntries { label } } } } }"""


def write(folder, **partitions):
    """A workflow over one file: two rows each month, and none in the third."""
    folder.mkdir(parents=True)
    with (folder / "trips.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [[f"{month}-{day}", day % 3 == 0] for month in MONTHS if month != MONTHS[2] for day in (10, 12)]
        csv.writer(file).writerows([["day", "late"], *rows])
    spec = {
        "name": folder.name,
        "project": {"question": "Will this trip be late?"},
        "partitions": {"every": "month", "start": "2024-01-01", "end": "2024-05-01", **partitions},
        "sources": {"trips": {"path": "trips.csv", "time": "TRY_CAST(day AS TIMESTAMP)"}},
        "tables": {"trips": {"key": ["day"], "known_at": "day", "columns": {"day": "timestamp"}}},
        "examples": {"table": "trips", "cutoff": "day", "label": "late"},
        "splits": {"by": "time", "validation": "1 month", "test": "1 month"},
    }
    document = {"type": "mlwf_assets.MLWorkflow", "attributes": spec}
    (folder / "defs.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")


@pytest.fixture(scope="module")
def up(request, tmp_path_factory):
    """A home with a running `mlwf up`, and its address."""
    if not request.config.getoption("--full"):
        pytest.skip("needs --full: each run of a backfill takes a process")
    base = tmp_path_factory.mktemp("backfills")
    write(base / "workflows" / "whole")
    write(base / "workflows" / "pieces", per_run=2)
    installation = Installation(base / "home", base)
    environment = {**installation.environment, "MLWF_WORKFLOWS": str(base / "workflows")}
    process = installation.start("up", "--port", "0", "--json", environment=environment)
    said = ""
    while not said.endswith("}\n") and (line := process.stdout.readline()):
        said += line
    assert said, process.stderr.read()
    yield installation.home, json.loads(said)["Dagster"]
    process.terminate()
    process.communicate(timeout=60)


def ask(address, query, **variables):
    """Ask Dagster's GraphQL API."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{address}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 (our own server)
        return json.load(answer)["data"]


def backfill(address, workflow, months=MONTHS):
    """Launch a backfill of the first assets, as the UI does; return the spans of its runs when all is done."""
    keys = [{"path": [workflow, *name.split("/")]} for name in ("raw/trips", "clean/trips", "quarantine/trips")]
    answer = ask(address, LAUNCH, params={"assetSelection": keys, "partitionNames": months})
    identity = answer["launchPartitionBackfill"]["backfillId"]
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        found = ask(address, STATUS, id=identity)["partitionBackfillOrError"]
        if found["status"] not in ("REQUESTED", "COMPLETING"):
            assert found["status"] == "COMPLETED_SUCCESS"
            tags = [{tag["key"]: tag["value"] for tag in run["tags"]} for run in found["runs"]]
            ends = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
            return sorted(tuple(one.get(end, one.get("dagster/partition")) for end in ends) for one in tags)
        time.sleep(0.3)
    raise AssertionError(f"waited {WAIT_S} s in vain for {found}")


def events(address, workflow):
    """Month -> the data versions of its materializations of the clean table, the latest first."""
    found = ask(address, EVENTS, key={"path": [workflow, "clean", "trips"]})["assetOrError"]["assetMaterializations"]
    by_month = {}
    for one in found:
        tags = {tag["key"]: tag["value"] for tag in one["tags"]}
        by_month.setdefault(one["partition"], []).append(tags["dagster/data_version"])
    return by_month


@pytest.mark.parametrize(
    ("workflow", "spans"),
    [("pieces", [(MONTHS[0], MONTHS[1]), (MONTHS[2], MONTHS[3])]), ("whole", [(MONTHS[0], MONTHS[3])])],
)
def test_a_backfill_takes_as_many_runs_as_the_file_says_and_gives_each_month_its_version(up, workflow, spans):
    home, address = up
    assert backfill(address, workflow) == spans
    stored = {
        month: entry.fingerprint for month, entry in Lake(home / "lake").entries(f"{workflow}/clean/trips").items()
    }
    assert {month: versions[0] for month, versions in events(address, workflow).items()} == stored
    assert sorted(stored) == MONTHS


def test_a_backfill_once_more_computes_nothing(up):
    home, address = up
    written = {month: entry.run_id for month, entry in Lake(home / "lake").entries("whole/clean/trips").items()}
    before = events(address, "whole")
    assert backfill(address, "whole", MONTHS[1:3]) == [(MONTHS[1], MONTHS[2])]
    after = Lake(home / "lake").entries("whole/clean/trips")
    assert {month: entry.run_id for month, entry in after.items()} == written
    now = events(address, "whole")
    assert {month: versions[0] for month, versions in now.items()} == {m: versions[0] for m, versions in before.items()}
    assert len(now[MONTHS[1]]) > len(before[MONTHS[1]])
