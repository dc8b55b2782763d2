"""What a column of the engine is: an SQL expression, what kind of value it gives, and how pandas treats a gap in it.

Missing values are NULL in SQL whatever they are in pandas; times and durations are whole nanoseconds (BIGINT), so that
nothing is rounded. How a table is read stands in `tables.py`; what is done with values in `transforms` and
`aggregates`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

Kind = Literal["int", "float", "bool", "text", "category", "time", "delta", "latlong"]

# The type in SQL of each kind; a category of numbers keeps their type.
TYPES: dict[Kind, str] = {
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "text": "VARCHAR",
    "category": "VARCHAR",
    "time": "BIGINT",
    "delta": "BIGINT",
    "latlong": "DOUBLE[]",
}


@dataclass(frozen=True)
class Value:
    """A column: its SQL and what pandas holds there.

    Args:
        sql: the expression, over the relation that it belongs to.
        kind: what kind of value.
        masked: whether pandas has it in a type with a mask (Int64, boolean, string), where comparing with a gap
            gives a gap; in other types it gives False (and "not equal" gives True).
        categories: of a category, all its values in their order; () where it has none of its own.
        whole: a category's values are whole numbers.
        ordered: whether the order of the categories means something (an Ordinal).
        shaky: a result that was joined or summarised and has a mask, or holds truth values: which type pandas gives it,
            and so what comparing its gaps gives, depends on what else stands in the same batch.
        rounded: a computed number whose last bits depend on the order of the sum.
        tame: no number in it is infinite, or has a square near the end of what a double holds.
        exact: whole numbers, so few and small that their sums and sums of squares are exact in a double, and each
            fits into 31 bits.
        known: names of the columns in the same row with the times after which it is known at all (secondary time
            indexes).
    """

    sql: str
    kind: Kind
    masked: bool = False
    categories: tuple[Any, ...] = ()
    whole: bool = False
    ordered: bool = False
    shaky: bool = False
    rounded: bool = False
    tame: bool = False
    exact: bool = False
    known: frozenset[str] = frozenset()

    def at(self, sql: str) -> "Value":
        """Give the same column by another expression."""
        return replace(self, sql=sql)

    @property
    def numeric(self) -> bool:
        """Whether one can calculate with it as it stands."""
        return self.kind in ("int", "float", "bool")

    @property
    def number(self) -> str:
        """Its SQL as a double: a truth value counts 0 or 1."""
        return f"CAST({self.sql} AS DOUBLE)"

    @property
    def type(self) -> str:
        """Its type in SQL."""
        if self.kind == "category" and self.whole:
            return "BIGINT"
        return TYPES[self.kind]


def quote(name: str) -> str:
    """Write a name as SQL.

    Example:
        >>> quote('SUM(log."x")')
        '"SUM(log.""x"")"'
    """
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def literal(value: Any) -> str:
    """Write a Python value as SQL.

    Example:
        >>> literal("it's"), literal(2), literal(0.5), literal(None), literal(True)
        ("'it''s'", '2', '0.5e0', 'NULL', 'TRUE')
    """
    import numpy as np
    import pandas as pd

    if value is None or value is pd.NaT or value is pd.NA:
        return "NULL"
    if isinstance(value, bool | np.bool_):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return _write_float(float(value))
    if isinstance(value, pd.Timedelta | pd.Timestamp):
        return str(value.value)
    escaped = str(value).replace("'", "''")
    return f"'{escaped}'"


def _write_float(value: float) -> str:
    if value != value:  # noqa: PLR0124 - only NaN differs from itself
        return "NULL"
    if value in (float("inf"), float("-inf")):
        return f"'{value}'::DOUBLE"
    text = repr(value)
    return text if "e" in text else f"{text}e0"


def without_nan(sql: str) -> str:
    """Make NULL of NaN: pandas knows one missing value."""
    return f"NULLIF({sql}, 'nan'::DOUBLE)"


def any_masked(values: Sequence[Value]) -> bool:
    """Tell whether a result of these has a mask in pandas."""
    return any(value.masked for value in values)
