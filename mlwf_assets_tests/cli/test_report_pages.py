import asyncio
import datetime as dt
import os

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from mlwf_assets.cli.report_pages import serve_folder


@pytest.fixture
def reports(tmp_path):
    folder = tmp_path / "reports"
    (folder / "flights" / "quarantine").mkdir(parents=True)
    (folder / "flights" / "report.html").write_text("<h1>flights</h1>")
    (folder / "flights" / ".report.html.5f0c").write_text("half")
    (folder / "flights" / "quarantine" / "100% <b>#1?.csv").write_text("a,b\n")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "x.html").write_text("no")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "flights" / "way-out").symlink_to(tmp_path)
    return folder


def get(folder, *paths):
    """The answers of a server of the folder: (status, text, headers)."""

    async def scenario():
        app = web.Application()
        app.router.add_get("/reports/{path:.*}", serve_folder(folder))
        answers = []
        async with TestClient(TestServer(app)) as client:
            for path in paths:
                got = await client.get(URL(f"/reports/{path}", encoded=True), allow_redirects=False)
                answers.append((got.status, await got.text(), got.headers))
        return answers

    return asyncio.run(scenario())


def test_a_report_is_served_fresh_each_time(reports):
    [(status, text, headers)] = get(reports, "flights/report.html")
    assert (status, text) == (200, "<h1>flights</h1>")
    assert headers["Content-Type"].startswith("text/html")
    assert headers["Cache-Control"] == "no-cache"


def test_folders_list_what_is_in_them_and_not_what_is_hidden(reports):
    [(status, top, _), (_, flights, _)] = get(reports, "", "flights/")
    assert status == 200
    assert 'href="./flights/"' in top
    assert "hidden" not in top
    assert 'href="./report.html"' in flights
    assert "5f0c" not in flights


def test_the_first_page_tells_of_each_workflow_its_report_and_when_it_was_written_the_newest_first(reports):
    (reports / "parcels").mkdir()
    (reports / "parcels" / "report.html").write_text("<h1>parcels</h1>")
    (reports / "unfinished").mkdir()
    os.utime(reports / "flights" / "report.html", (1_700_000_000, 1_700_000_000))
    [(_, top, _)] = get(reports, "")
    assert top.index("<b>parcels</b>") < top.index("<b>flights</b>") < top.index("<b>unfinished</b>")
    assert 'href="./flights/report.html"' in top
    written = dt.datetime.fromtimestamp(1_700_000_000).astimezone()
    assert f"{written:%Y-%m-%d %H:%M}" in top
    assert top.count("not yet") == 1


def test_a_folder_without_a_slash_leads_to_the_one_with_it(reports):
    [(status, _, headers)] = get(reports, "flights")
    assert (status, headers["Location"]) == (302, "/reports/flights/")


def test_links_lead_to_files_of_any_name(reports):
    [(_, text, _)] = get(reports, "flights/quarantine/")
    assert "<td><a href=" in text
    assert "100% &lt;b&gt;#1?.csv</a>" in text
    link = text.split('<td><a href="./')[1].split('"')[0]
    assert get(reports, f"flights/quarantine/{link}")[0][:2] == (200, "a,b\n")


def test_before_the_first_report_there_is_a_page_that_says_so(tmp_path):
    [(status, text, _)] = get(tmp_path / "absent", "")
    assert status == 200
    assert "None yet" in text


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "flights/../../secret.txt",
        "flights/way-out/secret.txt",
        "//etc/passwd",
        "%2fetc%2fpasswd",
        ".hidden/x.html",
        "flights/.report.html.5f0c",
        "absent.html",
        "flights/%00",
        "x" * 5000,
    ],
)
def test_what_is_outside_hidden_or_impossible_is_not_found(reports, path):
    [(status, text, _)] = get(reports, path)
    assert status == 404
    assert text in ("There is no such report.", "404: Not Found")
