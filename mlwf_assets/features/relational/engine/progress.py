"""How far a calculation has come: for people, for a callback, and as files."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd


class Progress:
    """Tell how far a calculation has come.

    Args:
        verbose: whether to show a bar.
        callback: called with the percentage done since the last call, that done in all, and the seconds so far.
    """

    def __init__(self, *, verbose: bool, callback: Callable[[float, float, float], None] | None) -> None:
        self._callback, self._start, self._done = callback, time.monotonic(), 0.0
        self._bar: Any = None
        if verbose:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=100, bar_format="Elapsed: {elapsed} | Progress: {l_bar}{bar}")

    def advance(self, share: float) -> None:
        """Say that a share of the whole was done; the last twentieth is kept for the end."""
        self._tell(min(share * 95, 95 - self._done))

    def finish(self) -> None:
        """Say that all is done."""
        self._tell(100 - self._done)
        if self._bar is not None:
            self._bar.close()

    def _tell(self, percent: float) -> None:
        self._done += percent
        if self._bar is not None:
            self._bar.update(percent)
        if self._callback is not None:
            self._callback(percent, self._done, time.monotonic() - self._start)


def save_each_time(frame: pd.DataFrame, folder: Path) -> None:
    """Write the rows of each cutoff time as a file, named as featuretools names it.

    Each file is complete from the moment when it is there.
    """
    aside = folder / "temp"
    aside.mkdir(parents=True, exist_ok=True)
    for at, rows in frame.groupby(level="time"):
        name = f"ft_{pd.Timestamp(at).strftime('%Y_%m_%d_%I-%M-%S-%f')}.csv"
        rows.reset_index(level="time", drop=True).to_csv(aside / name)
        (aside / name).rename(folder / name)
    shutil.rmtree(aside)
