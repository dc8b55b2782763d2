"""Who is told, once, in each way, by real servers; and that nothing is hindered by one that does not work."""

import http.server
import json
import socketserver
import threading

import pytest

from mlwf_assets.assets.automation.news import News
from mlwf_assets.assets.automation.sending import Message, send
from mlwf_assets.assets.automation.telling import tell
from mlwf_assets.errors import MlwfError
from mlwf_assets.spec.automation import Notify
from mlwf_assets.spec.loader import load
from mlwf_assets_tests.assets.automation import toy

FAILED = News("failure", "result raw/trips ab12", "trips: raw/trips failed", "SourceError: no such file — é")
GATE = News("gate refused", "gate cd34", "trips: the gate refused the new model", "roc_auc on test is 0.5")
MESSAGE = Message("failure", "trips", FAILED.subject, FAILED.text, "2024-03-01T03:00:00+00:00")


class Hook(http.server.ThreadingHTTPServer):
    """Takes JSON by POST; answers with `status`."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Post)
        self.got, self.status = [], 200

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Post(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        assert self.headers["Content-Type"] == "application/json"
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        pass


class Mailbox(socketserver.ThreadingTCPServer):
    """As much of a mail server (RFC 5321) as it takes to receive mail."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Smtp)
        self.got = []

    @property
    def address(self):
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class _Smtp(socketserver.StreamRequestHandler):
    def handle(self):
        self._say("220 here")
        envelope = []
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb in ("MAIL", "RCPT"):
                envelope.append(line)
            if verb == "DATA":
                self._say("354 go on")
                lines = iter(lambda: self.rfile.readline().decode().rstrip("\r\n"), ".")
                self.server.got.append((envelope, "\n".join(lines)))
                envelope = []
            self._say("221 bye" if verb == "QUIT" else "250 fine")
            if verb == "QUIT":
                return

    def _say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def serving():
    """Start servers, and stop them in the end."""
    started = []

    def serve(server):
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        started.append((server, thread))
        return server

    yield serve
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def trips(tmp_path):
    def make(**notify):
        return load(toy.write(tmp_path / "trips", automation={"notify": notify}))

    return make


def test_a_webhook_gets_json(serving, tmp_path):
    hook = serving(Hook())
    send("webhook", Notify(webhook=hook.address), MESSAGE, tmp_path)
    assert hook.got == [
        {"kind": "failure", "workflow": "trips", "subject": FAILED.subject, "text": FAILED.text, "at": MESSAGE.at}
    ]


def test_an_email_goes_to_all_addresses_as_one_mail(serving, tmp_path, monkeypatch):
    box = serving(Mailbox())
    monkeypatch.setenv("MLWF_SMTP", box.address)
    monkeypatch.setenv("MLWF_SMTP_FROM", "mlwf@example.com")
    send("email", Notify(email="ann@example.com, bob@example.com"), MESSAGE, tmp_path)
    ((envelope, mail),) = box.got
    assert [line.split(">")[0].split("<")[1] for line in envelope] == [
        "mlwf@example.com", "ann@example.com", "bob@example.com",
    ]  # fmt: skip
    assert "Subject: [mlwf] trips: raw/trips failed" in mail
    assert "SourceError: no such file" in mail


def test_a_command_gets_the_message_on_stdin_and_in_its_environment(tmp_path):
    command = """sh -c 'cat > got.json; printf "%s|%s" "$MLWF_KIND" "$MLWF_SUBJECT" > got.txt'"""
    send("command", Notify(command=command), MESSAGE, tmp_path)
    assert json.loads((tmp_path / "got.json").read_text())["text"] == FAILED.text
    assert (tmp_path / "got.txt").read_text() == f"failure|{FAILED.subject}"


@pytest.mark.parametrize(
    ("way", "notify", "message"),
    [
        ("command", Notify(command="sh -c 'echo no >&2; exit 3'"), "exit code 0, however: 3 no"),
        ("command", Notify(command="no-such-program-here"), "No such file"),
        ("webhook", Notify(webhook="http://127.0.0.1:9/closed"), "refused"),
    ],
)
def test_a_way_that_does_not_work_says_why(way, notify, message, tmp_path):
    with pytest.raises((MlwfError, OSError), match=message):
        send(way, notify, MESSAGE, tmp_path)


def test_each_piece_of_news_is_told_once_in_each_way_and_again_when_it_comes_back(serving, trips, home, monkeypatch):
    hook, box = serving(Hook()), serving(Mailbox())
    monkeypatch.setenv("MLWF_SMTP", box.address)
    workflow = trips(webhook=hook.address, email="ann@example.com", command="sh -c 'echo >> told.txt'")
    tell(workflow, [], home)
    for _ in range(3):
        tell(workflow, [FAILED], home)
    tell(workflow, [FAILED, GATE], home)
    assert [one["kind"] for one in hook.got] == ["failure", "gate refused"]
    assert len(box.got) == 2
    assert (workflow.folder / "told.txt").read_text() == "\n\n"
    tell(workflow, [], home, whole=False)  # a run goes on: nothing is known of failures
    tell(workflow, [FAILED, GATE], home)
    assert len(hook.got) == 2
    tell(workflow, [GATE], home)  # mended
    tell(workflow, [FAILED, GATE], home)
    assert [one["kind"] for one in hook.got] == ["failure", "gate refused", "failure"]


def test_what_stood_before_anybody_wanted_to_know_is_no_news_but_what_is_broken_is(serving, trips, home):
    hook = serving(Hook())
    workflow = trips(webhook=hook.address)
    assert tell(workflow, [GATE, FAILED], home) == [FAILED.subject]
    assert tell(workflow, [GATE, FAILED], home) == []
    assert len(hook.got) == 1


def test_a_way_that_fails_is_tried_three_times_and_logged_and_the_others_still_work(serving, trips, home, monkeypatch):
    hook = serving(Hook())
    hook.status = 500
    monkeypatch.setenv("MLWF_TEST_HOOK", hook.address)
    workflow = trips(webhook="${env:MLWF_TEST_HOOK}", command="sh -c 'echo >> told.txt'")
    logged = []
    for _ in range(5):
        tell(workflow, [FAILED], home, log=logged.append)
    assert len(hook.got) == 3
    assert len(logged) == 3
    assert "could not be told by webhook, tried 2 times more: HTTP Error 500" in logged[0]
    assert "given up" in logged[2]
    assert hook.address not in "".join(logged)
    assert (workflow.folder / "told.txt").read_text() == "\n"
