"""Columns as numbers that tell how unusual a value is, and how that is said in words.

A number or time stands for itself, beside it whether it is missing; a text, a category or a truth value stands for how
rare it is. What is usual is learned from a sample of rows; nothing here looks at the others.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

Numbers = npt.NDArray[np.float32]
Exact = npt.NDArray[np.float64]

_LONGEST = 40
_LARGEST = 1e30  # the forest takes single precision, and widths of ranges must fit, too


class Oddity(Protocol):
    """One column: how its values enter the forest, and how rare each of them is."""

    @property
    def name(self) -> str:
        """The column's name."""

    def encode(self, values: pa.ChunkedArray) -> Numbers:
        """Return (n, k) numbers without gaps."""

    def rarity(self, values: pa.ChunkedArray) -> Exact:
        """Return (n,) the share of sampled rows that are as extreme or have this value, 0 to 1."""

    def extremes(self, values: pa.ChunkedArray) -> list[int]:
        """Return the places of the ends and of a gap, or of values that the sample does not have."""

    def words(self, value: Any, rarity: float) -> str:
        """Say what is unusual about a value."""


def learn(name: str, sample: pa.ChunkedArray, values: pa.ChunkedArray) -> Oddity | None:
    """Learn what is usual in a column; None where no value can be unusual: constants, and texts that differ mostly.

    Args:
        name: the column's.
        sample: some of its values.
        values: all of them.
    Example:
        >>> ones = pa.chunked_array([[1, 1, 1]])
        >>> learn("a", ones, ones) is None
        True
    """
    kind = sample.type
    present = len(sample) - sample.null_count
    distinct = len(sample.unique())
    if distinct < 2 and len(values.unique()) < 2:
        return None
    if pt.is_integer(kind) or pt.is_floating(kind) or pt.is_timestamp(kind) or pt.is_date32(kind):
        return _Amount.learn(name, sample)
    return None if distinct > 1 and 2 * distinct > present else _Kind.learn(name, sample)


@dataclass(frozen=True)
class _Amount:
    """Numbers and times.

    Attributes:
        ordered: the sampled values, sorted.
        missing_share: how many of the sample were missing; where none was, less than one.
    """

    name: str
    ordered: Exact
    missing_share: float

    @classmethod
    def learn(cls, name: str, sample: pa.ChunkedArray) -> Self:
        values = _as_numbers(sample)
        there = np.isfinite(values)
        return cls(name, np.sort(values[there]), max(1 - float(there.mean()), 0.5 / len(sample)))

    def encode(self, values: pa.ChunkedArray) -> Numbers:
        numbers = _as_numbers(values)
        missing = ~np.isfinite(numbers)
        usual = float(np.median(self.ordered)) if len(self.ordered) else 0.0
        given = np.clip(np.where(missing, usual, numbers), -_LARGEST, _LARGEST)
        return np.stack([given, np.where(missing, -np.log(self.missing_share), 0.0)], axis=1).astype(np.float32)

    def rarity(self, values: pa.ChunkedArray) -> Exact:
        numbers = _as_numbers(values)
        size = max(1, len(self.ordered))
        below = np.searchsorted(self.ordered, numbers, side="right") / size
        above = 1 - np.searchsorted(self.ordered, numbers, side="left") / size
        tail = np.minimum(below, above) * (1 - self.missing_share)
        return np.where(np.isfinite(numbers), tail, self.missing_share)

    def extremes(self, values: pa.ChunkedArray) -> list[int]:
        numbers = _as_numbers(values)
        there = np.isfinite(numbers)
        gap, values_at = np.flatnonzero(~there)[:1], np.flatnonzero(there)
        ends = [values_at[np.argmin(numbers[there])], values_at[np.argmax(numbers[there])]] if len(values_at) else []
        return [int(place) for place in (*gap, *ends)]

    def words(self, value: Any, rarity: float) -> str:
        if value is None:
            return f"{self.name} is missing ({_share(rarity)})"
        number = _as_numbers(pa.chunked_array([pa.array([value])]))[0]
        side = "as much or more" if number > np.median(self.ordered) else "as little or less"
        if isinstance(value, dt.date):  # a datetime is one, too
            side = "as late or later" if number > np.median(self.ordered) else "as early or earlier"
        return f"{self.name} is {show(value)} ({_share(rarity)} have {side})"


@dataclass(frozen=True)
class _Kind:
    """Categories, texts of which many are the same, and truth values.

    Attributes:
        known: the sampled values, each once.
        shares: how often each is; the last one is that of values that the sample does not have.
    """

    name: str
    known: pa.Array
    shares: Exact

    @classmethod
    def learn(cls, name: str, sample: pa.ChunkedArray) -> Self:
        counted = sample.value_counts()
        shares = counted.field("counts").to_numpy() / len(sample)
        return cls(name, counted.field("values"), np.append(shares, 0.5 / len(sample)))

    def encode(self, values: pa.ChunkedArray) -> Numbers:
        return -np.log(self.rarity(values)).astype(np.float32)[:, None]

    def rarity(self, values: pa.ChunkedArray) -> Exact:
        places = pc.index_in(values, value_set=self.known).fill_null(len(self.known))
        return np.asarray(self.shares[places.to_numpy()])

    def extremes(self, values: pa.ChunkedArray) -> list[int]:
        unseen = pc.is_null(pc.index_in(values, value_set=self.known))
        return [int(place) for place in np.flatnonzero(unseen.to_numpy())[:2]]

    def words(self, value: Any, rarity: float) -> str:
        shown = f"'{show(value)}'" if isinstance(value, str) else show(value)
        return f"{self.name} is {shown} ({_share(rarity)})"


def _as_numbers(values: pa.ChunkedArray) -> Exact:
    """(n,) the values; times in seconds since 1970; NaN where there is none."""
    kind = values.type
    if pt.is_timestamp(kind):
        seconds = values.cast(pa.timestamp("us", kind.tz)).cast(pa.int64())
        return _plain(seconds) / 1e6
    if pt.is_date32(kind):
        return _plain(values.cast(pa.int32())) * 86400.0
    return _plain(values)


def _plain(values: pa.ChunkedArray) -> Exact:
    return np.asarray(values.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)


def _share(rarity: float) -> str:
    percent = 100 * rarity
    return f"{percent:.2g} % of the rows" if percent >= 0.01 else "under 0.01 % of the rows"


def show(value: Any) -> str:
    """Write a value for people.

    Example:
        >>> show(1959), show(93654), show(True), show(None)
        ('1959', '93,654', 'true', 'missing')
    """
    if value is None or isinstance(value, bool):
        return "missing" if value is None else str(value).lower()
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    text = f"{value:,.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
