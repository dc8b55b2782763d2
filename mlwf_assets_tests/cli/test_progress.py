import io

from mlwf_assets.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def _listen(progress):
    progress.listen("start", "raw/flights", "12 partitions")
    progress.listen("progress", "raw/flights", "2013-01")
    progress.listen("done", "raw/flights", "computed")
    progress.listen("start", "clean/flights", "")
    progress.listen("done", "clean/flights", "reused")
    progress.listen("start", "models/linear", "")
    progress.listen("failed", "models/linear", "no rows [bold]left[/bold]")


def test_where_there_is_no_terminal_each_asset_is_one_plain_line():
    stream = io.StringIO()
    with Progress(stream) as progress:
        _listen(progress)
    lines = stream.getvalue().splitlines()
    assert [line.split() for line in lines] == [
        ["computed", "0.0", "s", "raw/flights"],
        ["reused", "0.0", "s", "clean/flights"],
        ["failed", "0.0", "s", "models/linear:", "no", "rows", "[bold]left[/bold]"],
    ]
    assert "\x1b" not in stream.getvalue()


def test_where_a_summary_tells_why_an_asset_failed_it_is_not_said_twice():
    stream = io.StringIO()
    with Progress(stream, reasons=False) as progress:
        progress.listen("failed", "models/linear", "no rows left")
    assert stream.getvalue().split() == ["failed", "0.0", "s", "models/linear"]


def test_a_long_reason_stays_on_one_line():
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress.listen("failed", "clean/flights", "why " * 100)
    assert len(stream.getvalue().splitlines()) == 1


def test_on_a_terminal_what_runs_is_shown_with_its_words_and_what_ended_stays(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    with Progress(stream) as progress:
        _listen(progress)
        progress.listen("start", "models/lightgbm", "trial 3 of 40")
        progress._live.refresh()
    shown = stream.getvalue()
    assert "models/lightgbm" in shown
    assert "trial 3 of 40" in shown
    assert shown.count("raw/flights") >= 1
    assert "\x1b[" in shown
