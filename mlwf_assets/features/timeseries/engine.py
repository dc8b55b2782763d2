"""Computes a setting's features for arrays of windows, chunk by chunk.

A plan says which columns come of a setting. A chunk of windows becomes a `Batch`, from which each calculator of
the plan makes its columns; memory is bounded by the size of chunks, and chunks may be computed in threads, for
NumPy and the kernels let go of the interpreter's lock.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlwf_assets.features.timeseries.batch import Batch
from mlwf_assets.features.timeseries.foreign import Foreign, calculate_foreign, find_foreign
from mlwf_assets.features.timeseries.parameters import SETTINGS, Settings
from mlwf_assets.features.timeseries.registry import Calculator, Parameters, calculators

# The largest intermediates have some twenty numbers per reading; a chunk of this many readings stays under 200 MiB.
_CHUNK_READINGS = 400_000
_MOST_WINDOWS = 4096


@dataclass(frozen=True)
class _Native:
    calculator: Calculator
    sets: Sequence[Parameters]
    columns: tuple[str, ...]

    def only(self, columns: Collection[str]) -> "_Native":
        places = [place for place, name in enumerate(self.columns) if name in columns]
        sets = [self.sets[place] for place in places] if self.sets else ()
        return _Native(self.calculator, sets, tuple(self.columns[place] for place in places))


@dataclass(frozen=True)
class Plan:
    """What to compute, in the order of the columns.

    Attributes:
        parts: calculators with their sets of parameters.
        skipped: calculators that need times where there are none; they give no column.
    """

    parts: Sequence[_Native | Foreign]
    skipped: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """The columns that are known before anything is computed: those of translated calculators."""
        return [name for part in self.parts if isinstance(part, _Native) for name in part.columns]

    @property
    def foreign(self) -> list[str]:
        """Names of the calculators that run window by window."""
        return [part.name for part in self.parts if isinstance(part, Foreign)]

    def only(self, columns: Collection[str]) -> "Plan":
        """Keep what makes these columns; their order and values stay as they are.

        Example:
            >>> make_plan("minimal", timed=False).only({"mean", "maximum"}).columns
            ['mean', 'maximum']
        """
        kept = [part if isinstance(part, Foreign) else part.only(columns) for part in self.parts]
        return Plan([part for part in kept if isinstance(part, Foreign) or part.columns], self.skipped)


def make_plan(settings: Settings | str, *, timed: bool) -> Plan:
    """Resolve a setting.

    Args:
        settings: minimal, efficient or comprehensive; or calculator (a name, or a function) -> sets of parameters.
        timed: whether the times of readings are known.

    Raises:
        ValueError: if there is no such setting or calculator, or a calculator's parameters are missing.
    """
    if isinstance(settings, str):
        if settings not in SETTINGS:
            raise ValueError(f"parameters must be among {', '.join(SETTINGS)}, or a mapping, however: {settings!r}")
        settings = SETTINGS[settings]()
    parts: list[_Native | Foreign] = []
    skipped = []
    for given, sets in settings.items():
        calculator = None if callable(given) and not _is_tsfresh_s(given) else calculators().get(_name_of(given))
        if calculator is None or not all(map(calculator.serves, sets or ())):
            parts.append(Foreign(given if callable(given) else find_foreign(given), sets))
        elif calculator.timed and not timed:
            skipped.append(calculator.name)
        else:
            parts.append(_native(calculator, sets))
    return Plan(parts, tuple(skipped))


def _name_of(given: str | Callable[..., Any]) -> str:
    return given if isinstance(given, str) else given.__name__


def _is_tsfresh_s(function: Callable[..., Any]) -> bool:
    return function.__module__ == "tsfresh.feature_extraction.feature_calculators"


def _native(calculator: Calculator, sets: Sequence[Parameters] | None) -> _Native:
    if not calculator.takes_parameters:
        return _Native(calculator, (), (calculator.name,))
    if not sets:
        raise ValueError(f"{calculator.name} must be given sets of parameters, however: {sets!r}")
    return _Native(calculator, sets, tuple(calculator.column(one) for one in sets))


def compute(plan: Plan, windows: np.ndarray, times: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Compute one chunk.

    Args:
        plan: what to compute.
        windows: (n_windows, length), length at least 1.
        times: (n_windows, length) datetime64, where known.

    Returns:
        Column -> (n_windows,) float64.
    """
    batch = Batch(windows, times)
    made: dict[str, np.ndarray] = {}
    with np.errstate(all="ignore"):
        for part in plan.parts:
            if isinstance(part, Foreign):
                made |= calculate_foreign(part, batch.x, times)
                continue
            found = part.calculator.compute(batch, part.sets)
            made |= {name: np.asarray(one, np.float64) for name, one in zip(part.columns, found, strict=True)}
    return made


def compute_spans(
    plan: Plan,
    spans: "Spans",
    *,
    threads: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, np.ndarray]:
    """Compute spans of one long series, or of several laid end to end.

    Args:
        plan: what to compute.
        spans: where the windows are; one without readings gives NaN.
        threads: how many chunks are computed at once.
        progress: told how many windows are done.

    Returns:
        Column -> (n_spans,) float64, in the order of the plan.
    """
    columns = Columns(len(spans.starts))
    for rows, made in iterate_spans(plan, spans, threads=threads):
        columns.put(rows, made)
        progress(len(rows))
    return columns.values or {name: np.full(len(spans.starts), np.nan) for name in plan.columns}


@dataclass(frozen=True)
class Spans:
    """Windows as places in a long series, of which nothing is copied before it is their turn.

    Attributes:
        values: (n,) readings, float64.
        starts: (n_spans,) where each begins.
        lengths: (n_spans,) how many readings it has.
        times: (n,) datetime64 of the readings, where known.
    """

    values: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    times: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Copy out windows of one length, and their times."""
        length = int(self.lengths[rows[0]])

        def cut(series: np.ndarray) -> np.ndarray:
            return np.asarray(np.lib.stride_tricks.sliding_window_view(series, length)[self.starts[rows]])

        return cut(self.values), None if self.times is None else cut(self.times)


def iterate_spans(plan: Plan, spans: Spans, *, threads: int = 1) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Compute spans chunk by chunk, those of one length together.

    Yields:
        Which spans, and their features by column.
    """
    chunks = [chunk for rows in _by_length(spans.lengths) for chunk in _cut(rows, int(spans.lengths[rows[0]]))]

    def run(rows: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return rows, compute(plan, *spans.take(rows))

    if threads < 2 or len(chunks) < 2:
        yield from map(run, chunks)
        return
    with ThreadPoolExecutor(threads) as pool:
        # In waves: results that nobody has taken yet would pile up in memory.
        for start in range(0, len(chunks), threads):
            yield from pool.map(run, chunks[start : start + threads])


def _by_length(lengths: np.ndarray) -> list[np.ndarray]:
    """Rows of each length that is not 0."""
    order = np.argsort(lengths, kind="stable")
    bounds = np.flatnonzero(np.diff(lengths[order])) + 1
    return [rows for rows in np.split(order, bounds) if len(rows) and lengths[rows[0]] > 0]


def _cut(rows: np.ndarray, length: int) -> list[np.ndarray]:
    size = min(_MOST_WINDOWS, max(1, _CHUNK_READINGS // length))
    return [rows[start : start + size] for start in range(0, len(rows), size)]


class Columns:
    """Collects chunks of features in one block of memory.

    Args:
        rows: how many there will be.
    """

    def __init__(self, rows: int) -> None:
        self.values: dict[str, np.ndarray] = {}
        self._rows = rows

    def put(self, rows: np.ndarray, made: Mapping[str, np.ndarray]) -> None:
        """Put features into their rows."""
        if not self.values:
            self.values = dict(zip(made, np.full((len(made), self._rows), np.nan), strict=True))
        for name, values in made.items():
            # A foreign calculator may name its columns by what it sees.
            if name not in self.values:
                self.values[name] = np.full(self._rows, np.nan)
            self.values[name][rows] = values
