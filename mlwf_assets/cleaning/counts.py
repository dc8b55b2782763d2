"""The bookkeeping of cleaning: what became of every row that came in, and the balance that must hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlwf_assets.errors import DataError


@dataclass(frozen=True)
class Counts:
    """What became of the rows of one table (or of one partition of it).

    Attributes:
        rows_in: rows of all sources.
        rows_out: clean rows.
        quarantined: rows that broke the contract or a rule.
        duplicates: rows that have the key of another, more trusted or later row.
        contradictions: those of the duplicates that say something else than the row that was kept.
        dropped: rule -> rows that it dropped.
        nulled: rule -> rows in which it set columns to null.
        noted: rule -> rows that it only counted.
        reasons: reason -> quarantined rows that have it; a row may have several.
    """

    rows_in: int
    rows_out: int
    quarantined: int = 0
    duplicates: int = 0
    contradictions: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    nulled: Mapping[str, int] = field(default_factory=dict)
    noted: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def accounted(self) -> int:
        """Rows whose whereabouts are known; equals rows_in.

        Example:
            >>> Counts(rows_in=9, rows_out=5, quarantined=1, duplicates=1, dropped={"test row": 2}).accounted
            9
        """
        return self.rows_out + self.quarantined + self.duplicates + sum(self.dropped.values())

    def as_metadata(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return {
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "quarantined": self.quarantined,
            "duplicates": self.duplicates,
            "contradictions": self.contradictions,
            "dropped": dict(self.dropped),
            "nulled": dict(self.nulled),
            "noted": dict(self.noted),
            "reasons": dict(self.reasons),
        }


def check_balance(counts: Counts, *, name: str) -> None:
    """Make sure that no row was lost and none was made.

    Raises:
        DataError: if rows in differ from rows out + quarantined + duplicates + dropped.
    Example:
        >>> check_balance(Counts(rows_in=2, rows_out=1), name="flights")
        Traceback (most recent call last):
        ...
        mlwf_assets.errors.DataError: flights: 2 rows in must equal rows out + quarantined + duplicates + dropped, \
however: 1 + 0 + 0 + 0; a lookup or rule changes the number of rows, please report it
    """
    if counts.accounted != counts.rows_in:
        raise DataError(
            f"{name}: {counts.rows_in} rows in must equal rows out + quarantined + duplicates + dropped, however: "
            f"{counts.rows_out} + {counts.quarantined} + {counts.duplicates} + {sum(counts.dropped.values())}; "
            "a lookup or rule changes the number of rows, please report it"
        )


def add_counts(parts: list[Counts]) -> Counts:
    """Add up the counts of several partitions.

    Example:
        >>> add_counts([Counts(2, 1, 1, reasons={"old": 1}), Counts(3, 1, 2, reasons={"old": 2})]).reasons
        {'old': 3}
    """
    added: dict[str, Any] = {name: sum(getattr(part, name) for part in parts) for name in _NUMBERS}
    added |= {name: _merge([getattr(part, name) for part in parts]) for name in _BY_RULE}
    return Counts(**added)


_NUMBERS = ("rows_in", "rows_out", "quarantined", "duplicates", "contradictions")
_BY_RULE = ("dropped", "nulled", "noted", "reasons")


def _merge(parts: list[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for rule, rows in part.items():
            total[rule] = total.get(rule, 0) + rows
    return total
