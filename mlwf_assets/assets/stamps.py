"""When library functions ran: stamps for the summary, and words on progress for who listens.

`working` brackets each call of a library function. The share of a run's wall time that no bracket covers is
its orchestration share; the gaps between brackets say where it went.
"""

import contextlib
import contextvars
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mlwf_assets.assets.leased import StillWaiting


@dataclass(frozen=True)
class Stamp:
    """One stretch of library work, seconds on the monotonic clock."""

    what: str
    start_s: float
    end_s: float


@dataclass
class Recorder:
    """Collects stamps and outputs, and passes events on to a listener (event, asset name, words)."""

    listen: Callable[[str, str, str], None] = lambda event, asset, words: None
    stamps: list[Stamp] = field(default_factory=list)
    done: list[Any] = field(default_factory=list)
    failures: dict[str, BaseException] = field(default_factory=dict)

    @contextlib.contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Stamp the time in which a library function runs."""
        start_s = time.monotonic()
        try:
            yield
        finally:
            self.stamps.append(Stamp(what, start_s, time.monotonic()))

    @contextlib.contextmanager
    def failing(self, asset: str) -> Iterator[None]:
        """Note the error that ends an asset's work, wherever in it it was raised."""
        try:
            yield
        except (GeneratorExit, StillWaiting):
            raise  # whoever ran the asset has lost interest, or its turn has not come; that is no failure of its own
        except BaseException as error:
            self.failures[asset] = error
            self.listen("failed", asset, _first_line(error))
            raise


def _first_line(error: BaseException) -> str:
    """Say what happened in a line, also where an error has no words: a person's Ctrl-C."""
    if isinstance(error, KeyboardInterrupt):
        return "stopped"
    return str(error).partition("\n")[0] or type(error).__name__


_current: contextvars.ContextVar[Recorder] = contextvars.ContextVar("recorder")


def current() -> Recorder:
    """Return the recorder of the run in this process; one that nobody reads where none was set."""
    return _current.get(None) or Recorder()


@contextlib.contextmanager
def recording(recorder: Recorder) -> Iterator[Recorder]:
    """Make `recorder` the current one."""
    token = _current.set(recorder)
    try:
        yield recorder
    finally:
        _current.reset(token)


@dataclass(frozen=True)
class Gap:
    """A stretch of a run in which no library function ran."""

    seconds: float
    after: str
    before: str


def orchestration(stamps: list[Stamp], start_s: float, end_s: float) -> tuple[float, list[Gap]]:
    """Measure the share of [start_s, end_s] that no stamp covers, and list the gaps, the largest first.

    Example:
        >>> share, gaps = orchestration([Stamp("a", 1.0, 9.0)], 0.0, 10.0)
        >>> round(share, 2), gaps[0].before
        (0.2, 'a')
    """
    gaps, reached_s, after = [], start_s, "start"
    for stamp in sorted(stamps, key=lambda stamp: stamp.start_s):
        if stamp.start_s > reached_s:
            gaps.append(Gap(stamp.start_s - reached_s, after, stamp.what))
        if stamp.end_s > reached_s:
            reached_s, after = stamp.end_s, stamp.what
    if end_s > reached_s:
        gaps.append(Gap(end_s - reached_s, after, "end"))
    share = sum(gap.seconds for gap in gaps) / max(end_s - start_s, 1e-9)
    return share, sorted(gaps, key=lambda gap: -gap.seconds)
