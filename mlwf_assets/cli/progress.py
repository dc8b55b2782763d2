"""What is seen while a run goes on: a live table on a terminal, else a plain line per asset."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

_MARKS = {
    "start": ("…", "yellow"),
    "computed": ("✓", "green"),
    "reused": ("=", "cyan"),
    "failed": ("✗", "red"),
}


class Progress:
    """Listens to a run's events and shows them on stderr."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._rows: dict[str, tuple[str, str, float, float | None]] = {}
        self._live = Live(get_renderable=self._table, console=self._console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def listen(self, event: str, asset: str, words: str) -> None:
        """Take one event: start, progress, done or failed."""
        now_s = time.monotonic()
        state, _, start_s, _ = self._rows.get(asset, ("start", "", now_s, None))
        if event == "progress":
            self._rows[asset] = (state, words, start_s, None)
            return
        state = words if event == "done" else event
        self._rows[asset] = (
            state,
            "" if event == "done" else words,
            start_s,
            None if event == "start" else now_s,
        )
        if event != "start" and not self._console.is_terminal:
            tail = f": {words}" if event == "failed" else ""
            self._console.print(f"{state:<9}{now_s - start_s:7.1f} s  {asset}{tail}", soft_wrap=True)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, show_header=False)
        for asset, (state, words, start_s, end_s) in self._rows.items():
            mark, style = _MARKS.get(state, _MARKS["start"])
            seconds = (end_s or time.monotonic()) - start_s
            table.add_row(Text(mark, style), asset, f"{seconds:7.1f} s", Text(words, "dim"))
        return table
