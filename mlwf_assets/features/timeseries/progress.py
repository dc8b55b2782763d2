"""Shows how many windows are done, on the error stream, while there is more than a moment's work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def show_progress(total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Give a function to call with the number of windows that were done since.

    Args:
        total: windows in all.
        shown: whether anything is to be seen.

    Example:
        >>> with show_progress(10, shown=False) as advance:
        ...     advance(10)
    """
    if not shown:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("Features"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("windows"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.advance(task, done)
