"""Rows with equal keys: numbers for what history is put together by, the same for events and for examples.

A key with a missing part is no key, and one that no event has leads nowhere: both are null.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Keys:
    """The keys of some rows.

    Attributes:
        values: of each column, its values in order.
        combined: the keys that there are, as numbers, in order.
        codes: (n_rows,) which of them each row has; -1: none.
    """

    values: Sequence[pa.Array]
    combined: np.ndarray
    codes: np.ndarray

    @classmethod
    def of(cls, columns: Sequence[pa.ChunkedArray], rows: int) -> "Keys":
        """Number the keys of rows.

        Args:
            columns: (n_rows,) each; without any, all rows have the same key.
            rows: n_rows.
        Example:
            >>> Keys.of([pa.chunked_array([["b", None, "a", "b"]])], 4).codes
            array([ 1, -1,  0,  1])
        """
        values = [pc.unique(_as_text(column)).drop_null().sort() for column in columns]
        numbers = _combine(columns, values, rows)
        combined = np.unique(numbers[numbers >= 0])
        codes = np.where(numbers < 0, -1, np.searchsorted(combined, numbers))
        return cls(values, combined, codes)

    def find(self, columns: Sequence[pa.ChunkedArray], rows: int) -> np.ndarray:
        """Find the keys of other rows among these; -1: not there.

        Example:
            >>> Keys.of([pa.chunked_array([["b", "a"]])], 2).find([pa.chunked_array([["a", "c", None]])], 3)
            array([ 0, -1, -1])
        """
        numbers = _combine(columns, self.values, rows)
        if not len(self.combined):
            return np.full(rows, -1)
        places = np.minimum(np.searchsorted(self.combined, numbers), len(self.combined) - 1)
        return np.where(self.combined[places] == numbers, places, -1)


def _combine(columns: Sequence[pa.ChunkedArray], values: Sequence[pa.Array], rows: int) -> np.ndarray:
    """(rows,) one number per key; negative where a part is missing or unknown."""
    numbers = np.zeros(rows, dtype=np.int64)
    for column, known in zip(columns, values, strict=True):
        codes = pc.index_in(_as_text(column), value_set=known).fill_null(-1)
        part = np.asarray(codes.to_numpy(), dtype=np.int64)
        numbers = np.where((numbers < 0) | (part < 0), -1, numbers * max(1, len(known)) + part)
    return numbers


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def as_links(codes: np.ndarray) -> pa.Array:
    """Make a column that refers to keys; null where there is none.

    Example:
        >>> as_links(np.array([3, -1])).to_pylist()
        [3, None]
    """
    return pa.array(codes, pa.int64(), mask=codes < 0)
