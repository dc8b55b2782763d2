"""The UI as a person uses it, in a real browser: materialize, backfill, lineage, report, model, and back."""

import json
import re
import shutil
import signal
import tempfile
import time
import urllib.request
from contextlib import contextmanager

import pytest

from mlwf_assets_tests.e2e.conftest import Installation

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--window-size=1500,1100"),
]
WAIT_S = 120

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("parcels"),
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None,
        reason="needs Chromium and its driver: apt-get install chromium chromium-driver",
    ),
]


@contextmanager
def serving(installation, *, folder):
    """`mlwf up` on any free port; gives its address."""
    environment = {**installation.environment, "MLWF_WORKFLOWS": str(folder)}
    process = Installation(installation.home, installation.cwd).start("up", "--port", "0", environment=environment)
    try:
        yield next(found[0] for line in process.stdout if (found := re.findall(r"http://127.0.0.1:\d+", line)))
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def address(parcels):
    folder, installation, _ = parcels
    with serving(installation, folder=folder) as found:
        yield found


@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    with tempfile.TemporaryDirectory() as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        yield driver
        driver.quit()


def wait_for(look, what):
    """Look until there is something, and return it."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except Exception as error:  # noqa: BLE001 (a page that is being redrawn raises whatever it likes)
            last = error
        else:
            last = None
        time.sleep(0.5)
    raise AssertionError(f"waited {WAIT_S} s for {what} in vain: {last}")


def element(browser, xpath, what=None):
    from selenium.webdriver.common.by import By

    return wait_for(
        lambda: next((e for e in browser.find_elements(By.XPATH, xpath) if e.is_displayed() and e.is_enabled()), None),
        what or xpath,
    )


def button(browser, text):
    return element(browser, f"//button[starts-with(normalize-space(.), '{text}')]", f"the button {text!r}")


def shows(browser, text):
    wait_for(lambda: text in browser.find_element("tag name", "body").text, f"the words {text!r}")


def ask(address, query):
    """Ask Dagster's GraphQL API."""
    request = urllib.request.Request(  # noqa: S310 (our own server)
        f"{address}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)["data"]


def launch(browser, address, partitions):
    """Fill in the dialog of raw/parcels for some partitions, and launch."""
    from selenium.webdriver.common.keys import Keys

    browser.get(f"{address}/assets/parcels/raw/parcels")
    button(browser, "Materialize").click()
    field = element(browser, "//input[starts-with(@placeholder, 'ex:')]")
    field.send_keys(partitions, Keys.ENTER)
    button(browser, "Launch").click()


def runs(address):
    query = "{ runsOrError(limit: 20) { ... on Runs { results { status tags { key value } } } } }"
    found = ask(address, query)["runsOrError"]["results"]
    return [({tag["key"]: tag["value"] for tag in run["tags"]}, run["status"]) for run in found]


def test_a_partition_is_materialized_from_the_ui(browser, address):
    launch(browser, address, "2024-02")
    wait_for(
        lambda: any(
            tags.get("dagster/partition") == "2024-02" and status == "SUCCESS" for tags, status in runs(address)
        ),
        "the run of the partition",
    )


def test_partitions_are_backfilled_from_the_ui(browser, address):
    launch(browser, address, "[2024-03...2024-04]")
    query = "{ partitionBackfillsOrError { ... on PartitionBackfills { results { status numPartitions } } } }"
    wait_for(
        lambda: any(
            one["status"] == "COMPLETED_SUCCESS" and one["numPartitions"] == 2
            for one in ask(address, query)["partitionBackfillsOrError"]["results"]
        ),
        "the backfill",
    )
    spans = {
        (tags.get("dagster/asset_partition_range_start"), tags.get("dagster/asset_partition_range_end"))
        for tags, _ in runs(address)
        if "dagster/backfill" in tags
    }
    assert spans == {("2024-03", "2024-04")}  # one run for all


def test_the_lineage_leads_from_the_raw_file_to_the_registered_model(browser, address):
    browser.get(f"{address}/asset-groups")
    for group in ("parcels_1_raw", "parcels_2_clean", "parcels_5_models", "parcels_7_deployment"):
        shows(browser, group)
    browser.get(f"{address}/assets/parcels/deployment/model?view=lineage&lineageScope=upstream&lineageDepth=20")
    for name in ("parcels_1_raw", "parcels_4_features", "parcels", "leaderboard", "report"):
        shows(browser, name)


def follow(browser, part):
    """Click a link, and go where it leads, be it a new tab."""
    link = element(browser, f"//a[contains(@href, '{part}')]", f"a link to {part}")
    before = set(browser.window_handles)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", link)
    link.click()
    time.sleep(1)
    if new := set(browser.window_handles) - before:
        browser.switch_to.window(new.pop())
    wait_for(lambda: part.split("#")[0] in browser.current_url, f"the page {part}")


def test_from_the_asset_to_the_report(browser, address):
    browser.get(f"{address}/assets/parcels/evaluation/report")
    follow(browser, "/reports/parcels/report.html")
    shows(browser, "Will this parcel be late?")


def test_from_the_asset_to_the_registered_model_and_back_to_the_run(browser, address, parcels):
    browser.get(f"{address}/assets/parcels/deployment/model")
    follow(browser, "/mlflow/#/models/parcel-late/versions/1")
    shows(browser, "champion")
    run_id = parcels[2]["run_id"]
    follow(browser, f"/runs/{run_id}")
    shows(browser, run_id[:8])


def test_the_links_survive_a_restart_on_another_port(browser, parcels):
    folder, installation, _ = parcels
    shutil.copytree(installation.home, folder.parent / "moved", dirs_exist_ok=True)
    with serving(Installation(folder.parent / "moved", installation.cwd), folder=folder) as other:
        browser.get(f"{other}/assets/parcels/evaluation/report")
        follow(browser, "/reports/parcels/report.html")
        assert browser.current_url.startswith(other)
