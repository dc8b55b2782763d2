"""`mlwf up` for real, started once; the tests follow its life in order."""

import asyncio
import json
import shutil
import signal
import socket
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil
import pytest

from mlwf_assets.cli.served import read_state
from mlwf_assets.cli.servers import marked
from mlwf_assets_tests.cli.conftest import Shell

TINY = str(Path(__file__).with_name("tiny"))
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
WAIT_S = 180

pytestmark = pytest.mark.xdist_group("up")


@dataclass
class Up:
    """A running `mlwf up`, and what it said when it was ready."""

    shell: Shell
    process: object
    document: dict

    @property
    def address(self):
        return self.document["Dagster"]

    def get(self, path):
        """What stands at a path: status and text."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=60) as answer:  # noqa: S310 - our own server
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ask(self, query, **variables):
        """Ask Dagster's GraphQL API."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.address}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own server
            return json.load(answer)["data"]


def start(shell, *arguments):
    return shell.start("up", "--port", "0", "--module", "tiny_definitions", "--json", *arguments, PYTHONPATH=TINY)


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    shell = Shell(tmp_path_factory.mktemp("up"))
    report = shell.home / "reports" / "tiny" / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text("<h1>tiny</h1>")
    process = start(shell)
    said = ""
    while not said.endswith("}\n") and (line := process.stdout.readline()):
        said += line
    assert said, process.stderr.read()
    yield Up(shell, process, json.loads(said))
    process.terminate()
    process.communicate(timeout=60)


def wait_for(look):
    """Look until there is something, and return it."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {WAIT_S} s in vain")


def test_the_addresses_are_told_when_everything_answers(up):
    assert set(up.document) == {"Dagster", "MLflow", "Reports"}
    assert read_state(up.shell.home)["address"] == up.address
    assert up.get("/server_info")[0] == 200
    assert up.get("/mlflow/health") == (200, "OK")
    assert up.get("/reports/tiny/report.html") == (200, "<h1>tiny</h1>")
    assert 'href="./tiny/"' in up.get("/reports")[1]
    assert up.get("/reports/%2e%2e/servers.json")[0] == 404


def test_the_definitions_are_served_under_the_name_of_their_module(up):
    query = "{ assetNodes { assetKey { path } repository { location { name } } } }"
    assert up.ask(query)["assetNodes"] == [
        {"assetKey": {"path": ["numbers"]}, "repository": {"location": {"name": "tiny_definitions"}}}
    ]


def test_a_run_that_is_asked_for_in_the_ui_is_run(up):
    launch = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
        __typename ... on LaunchRunSuccess { run { runId } } } }"""
    selector = {
        "repositoryLocationName": "tiny_definitions",
        "repositoryName": "__repository__",
        "jobName": "tiny",
    }
    tags = [{"key": "dagster/partition", "value": "a"}]
    params = {"selector": selector, "executionMetadata": {"tags": tags}, "runConfigData": {}}
    run_id = up.ask(launch, params=params)["launchRun"]["run"]["runId"]
    status = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
    ended = wait_for(lambda: {up.ask(status, id=run_id)["runOrError"]["status"]} & {"SUCCESS", "FAILURE"})
    assert ended == {"SUCCESS"}


def test_live_updates_come_through_the_gateway(up):
    async def subscribe():
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{up.address}/graphql", protocols=["graphql-ws"]) as web_socket,
        ):
            await web_socket.send_json({"type": "connection_init"})
            acknowledged = await web_socket.receive_json(timeout=WAIT_S)
            payload = {"query": "subscription { locationStateChangeEvents { event { eventType } } }"}
            await web_socket.send_json({"type": "start", "id": "1", "payload": payload})
            return web_socket.protocol, acknowledged["type"]

    assert asyncio.run(subscribe()) == ("graphql-ws", "connection_ack")


@pytest.mark.browser
@pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="needs Chromium and its driver: apt-get install chromium chromium-driver"
)
def test_all_that_pages_ask_for_is_found_and_nothing_of_it_elsewhere(up):
    """MLflow stands below a prefix that it knows nothing of: scripts, styles, data must be found there."""
    with tempfile.TemporaryDirectory() as profile:
        asked = look_at(profile, *(f"{up.address}{path}" for path in ("/mlflow", "/mlflow/#/models", "/assets")))
    # MLflow asks who the user is, also where there are no users.
    wrong = {url: status for url, status in asked.items() if status >= 400 and not url.endswith("/users/current")}
    assert wrong == {}
    assert len(asked) > 20
    assert not [url for url in asked if not url.startswith((up.address, "data:", "blob:", "chrome:"))]


def look_at(profile, *addresses):
    """Open pages in a browser; status of everything that they asked for."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    asked = {}
    with webdriver.Chrome(options=options, service=Service(DRIVER)) as browser:
        for address in addresses:
            browser.get(address)
            wait_for(lambda: browser.execute_script("return document.body.innerText.length > 100"))
            for entry in browser.get_log("performance"):
                message = json.loads(entry["message"])["message"]
                if message["method"] == "Network.responseReceived":
                    answer = message["params"]["response"]
                    asked[answer["url"]] = answer["status"]
    return asked


def test_a_second_start_for_the_same_home_is_the_users_mistake_and_says_where_the_first_is(up):
    second = start(up.shell)
    said, words = second.communicate(timeout=WAIT_S)
    assert second.returncode == 2
    assert f"{up.shell.home} is served at {up.address}" in json.loads(said)["error"]["message"]
    assert "Traceback" not in words


def test_a_taken_port_is_the_users_mistake_and_says_how_to_choose_another(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = Shell(tmp_path).mlwf("up", "--port", port)
    assert done.returncode == 2
    assert f"port {port} on 127.0.0.1 must be free, however: Address already in use. Choose another" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home" / "servers.json").exists()


def test_a_server_that_ends_at_once_ends_the_start_with_the_end_of_its_log(tmp_path):
    (tmp_path / "dagster").mkdir()
    (tmp_path / "home" / "dagster").mkdir(parents=True)
    (tmp_path / "home" / "dagster" / ".databases").touch()  # of an earlier start, when all was well
    (tmp_path / "dagster" / "__init__.py").write_text("raise ImportError('a broken installation')\n")
    process = Shell(tmp_path).start("up", "--port", "0", "--json", PYTHONPATH=str(tmp_path))
    said, words = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert "dagster-code must keep running, however: it ended with exit code 1" in json.loads(said)["error"]["message"]
    assert "a broken installation" in words
    assert "Traceback" not in words.partition("The end of")[0]
    assert not (tmp_path / "home" / "servers.json").exists()


def test_what_a_killed_start_left_is_ended_by_the_next_which_ends_when_asked_in_the_middle_of_its_start(up):
    mark = read_state(up.shell.home)["mark"]
    up.process.send_signal(signal.SIGKILL)
    up.process.wait(60)
    orphans = marked(mark)
    assert len(orphans) >= 4
    following = start(up.shell)
    assert following.stderr.readline().startswith("Starting")
    assert not [process for process in orphans if process.is_running()]
    new = read_state(up.shell.home)["mark"]
    wait_for(lambda: marked(new))
    following.send_signal(signal.SIGTERM)
    said, words = following.communicate(timeout=WAIT_S)
    assert (following.returncode, said, words) == (0, "", "Stopping.\n")
    assert marked(new) == []
    left = {path.name for path in up.shell.home.iterdir()}
    assert "servers.json" not in left
    assert not (up.shell.home / "dagster" / "workspace.up.yaml").exists()
    assert not psutil.pid_exists(up.process.pid)
