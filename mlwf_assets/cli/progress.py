"""What is seen while a run goes on: a line per asset that ended and, on a terminal, what runs right now."""

import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

_STYLES = {"computed": "green", "reused": "cyan", "failed": "red"}


class Progress:
    """Listens to a run's events and shows them on stderr.

    Example:
        >>> import io
        >>> shown = io.StringIO()
        >>> with Progress(shown) as progress:
        ...     progress.listen("start", "raw/flights", "12 partitions")
        ...     progress.listen("done", "raw/flights", "computed")
        >>> print(shown.getvalue(), end="")
        computed     0.0 s  raw/flights
    """

    def __init__(self, stream: TextIO | None = None, *, reasons: bool = True) -> None:
        """Show on `stream`, by default stderr; with `reasons` also why an asset failed, which a summary tells too."""
        self._reasons = reasons
        self._console = Console(file=stream, stderr=stream is None, highlight=False)
        self._running: dict[str, tuple[float, str]] = {}
        self._spinner = Spinner("dots", style="yellow")
        self._live = Live(get_renderable=self._now, console=self._console, refresh_per_second=4, transient=True)

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
        """Take one event of an asset.

        Args:
            event: 'start', 'progress', 'done' or 'failed'.
            asset: its name.
            words: how far it is; when done 'computed' or 'reused'; when failed, why.
        """
        start_s, _ = self._running.get(asset, (time.monotonic(), ""))
        if event in ("start", "progress"):
            self._running[asset] = (start_s, words)
            return
        self._running.pop(asset, None)
        state, why = (words, "") if event == "done" else (event, f": {words}" if self._reasons else "")
        line = Text.assemble(
            (f"{state:<9}", _STYLES.get(state, "")), f"{time.monotonic() - start_s:7.1f} s  {asset}{why}"
        )
        self._console.print(line, soft_wrap=True)

    def _now(self) -> Group:
        """What runs right now, a line each."""
        now_s = time.monotonic()
        lines = []
        for asset, (start_s, words) in self._running.items():
            text = Text.assemble(f"{now_s - start_s:14.1f} s  {asset}", (f"  {words}", "dim"), overflow="ellipsis")
            text.no_wrap = True
            lines.append(text)
        return Group(*lines) if lines else Group(self._spinner)
