"""The tables of an entity set in DuckDB: read once, column by column, through Arrow.

`Tables` also knows what holds of a table as a whole (is it in the order of its times? is every parent known when its
child is?), for the quick ways rest on it. Nothing here knows features.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlwf_assets.errors import SchemaError
from mlwf_assets.features.relational.engine.values import Kind, Value, quote

ROW = "__row"
# Numbers below this have squares, and sums of them, that a double holds.
_TAME = 1e140
# Whole numbers up to this are exact in a double.
_EXACT = 2**53


@dataclass
class Tables:
    """The entity set's tables as DuckDB sees them.

    Args:
        entityset: featuretools' EntitySet.
        connection: a DuckDB connection; tables are made in it as they are asked for.
    """

    entityset: Any
    connection: Any
    _columns: dict[tuple[str, str], Value] = field(default_factory=dict)
    _facts: dict[tuple[Any, ...], bool] = field(default_factory=dict)
    _arrow: dict[str, dict[str, pa.Array]] = field(default_factory=dict)

    @property
    def all_finite(self) -> bool:
        """Whether no number is infinite, which lets windows be differences."""
        return False

    def column(self, table: str, name: str) -> Value:
        """Tell what a column is; it can then be read from the table.

        Raises:
            SchemaError: if its values have a type that the engine does not know.
        """
        key = (table, name)
        if key not in self._columns:
            frame = self.entityset[table]
            array, value = read_column(frame[name], where=f"{table}.{name}")
            masks = self.masks(table)
            known = frozenset(time for time, columns in masks.items() if name in columns)
            exact = is_exact(array, rows=max(map(len, self.entityset.dataframes)))
            self._columns[key] = replace(value, sql=quote(name), known=known, exact=exact)
            self._arrow.setdefault(table, {})[name] = array
        return self._columns[key]

    def load(self) -> None:
        """Put the columns that were asked for into DuckDB, with each table's rows numbered in their order."""
        for table, columns in self._arrow.items():
            rows = len(self.entityset[table])
            arrays = {ROW: pa.array(np.arange(rows, dtype=np.int64)), **columns}
            _check_names(table, list(arrays))
            self.connection.register("__arrow", pa.table(arrays))
            name = quote(relation_name(table))
            self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM __arrow")
            self.connection.unregister("__arrow")

    def count_rows(self, table: str) -> int:
        """Count a table's rows."""
        return len(self.entityset[table])

    def masks(self, table: str) -> dict[str, list[str]]:
        """Name the table's secondary time indexes, each with the columns that are known only after it."""
        return self.entityset[table].ww.metadata.get("secondary_time_index") or {}

    def time_index(self, table: str) -> str | None:
        """Name the column that says when a row can be seen."""
        name: str | None = self.entityset[table].ww.time_index
        return name

    def last_time(self, table: str) -> str | None:
        """Name the column with the last time at which a row or its children were seen."""
        name: str | None = self.entityset[table].ww.metadata.get("last_time_index")
        return name

    def is_in_order(self, table: str) -> bool:
        """Tell whether the rows stand in the order of their times, none missing."""

        def check() -> bool:
            times = self.entityset[table][self.time_index(table)]
            return bool(times.notna().all() and times.is_monotonic_increasing)

        return self._know(("order", table), check)

    def ends_with_its_time(self, table: str) -> bool:
        """Tell whether each row's last time is its own time: then a window looks at that alone."""

        def check() -> bool:
            frame, name = self.entityset[table], self.last_time(table)
            return name is None or bool((frame[name].to_numpy() == frame[self.time_index(table)].to_numpy()).all())

        return self._know(("last", table), check)

    def is_within(self, table: str, limit_ns: int) -> bool:
        """Tell whether all times lie so close to 1970."""

        def check() -> bool:
            times = self.entityset[table][self.time_index(table)].dropna().to_numpy()
            return bool((np.abs(times.astype("datetime64[ns]").view(np.int64)) < limit_ns).all())

        return self._know(("within", table), check)

    def parents_come_first(self, child: str, key: str, parent: str, parent_key: str) -> bool:
        """Tell whether every parent can be seen as soon as its child can."""

        def check() -> bool:
            parent_time, child_time = self.time_index(parent), self.time_index(child)
            if parent_time is None:
                return True
            if child_time is None:
                return False
            parents = self.entityset[parent]
            times = pd.Series(parents[parent_time].to_numpy(), index=parents[parent_key].to_numpy())
            frame = self.entityset[child]
            met = frame[key].notna().to_numpy() & frame[key].isin(times.index).to_numpy()
            seen = times.reindex(frame[key].to_numpy()[met]).to_numpy()
            return bool((seen <= frame[child_time].to_numpy()[met]).all())

        return self._know(("first", child, key, parent), check)

    def _know(self, key: tuple[Any, ...], check: Any) -> bool:
        if key not in self._facts:
            self._facts[key] = check()
        return self._facts[key]


def relation_name(table: str) -> str:
    """Name a table's relation in DuckDB."""
    return f"table {table}"


def _check_names(table: str, names: Sequence[str]) -> None:
    lowered = [name.lower() for name in names]
    if twice := sorted({name for name in names if lowered.count(name.lower()) > 1}):
        raise SchemaError(
            f"columns of a table must differ by more than capitals, however: {twice} in {table!r}; rename one"
        )


def read_column(series: pd.Series, *, where: str) -> tuple[pa.Array, Value]:
    """Read a pandas column as Arrow, and tell what it is.

    Returns:
        (n_rows) Arrow values, gaps as nulls; and a Value without SQL.
    """
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _read_category(series)
    if isinstance(dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_localize(None)
        dtype = series.dtype
    if dtype.kind in ("M", "m"):
        units = series.to_numpy().astype("datetime64[ns]" if dtype.kind == "M" else "timedelta64[ns]")
        missing = np.isnat(units)
        return pa.array(units.view(np.int64), mask=missing), Value("", "time" if dtype.kind == "M" else "delta")
    kind, masked = _find_kind(dtype)
    if kind is None:
        return _read_objects(series, where=where)
    if kind == "text":
        return pa.array(series, type=pa.string(), from_pandas=True), Value("", "text", masked=True)
    target = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}[kind]
    array = pa.Array.from_pandas(series, type=target)
    return array, Value("", kind, masked=masked, tame=is_tame(array))


def is_exact(numbers: pa.Array | pa.ChunkedArray, *, rows: int) -> bool:
    """Tell whether sums of so many of these numbers, and of their squares, are exact in a double.

    Example:
        >>> is_exact(pa.array([1.0, None, -7.0]), rows=10**6), is_exact(pa.array([0.5]), rows=1)
        (True, False)
    """
    if not (pa.types.is_integer(numbers.type) or pa.types.is_floating(numbers.type)):
        return False
    ends = pc.min_max(numbers).as_py()
    largest = max(abs(ends["min"] or 0), abs(ends["max"] or 0))
    if not (largest < 2**31 and rows * largest**2 < _EXACT):
        return False
    return pa.types.is_integer(numbers.type) or bool(pc.all(pc.equal(pc.trunc(numbers), numbers), min_count=0).as_py())


def is_tame(numbers: pa.Array | pa.ChunkedArray) -> bool:
    """Tell whether the squares of these numbers, and sums of them, stay far from the end of what a double holds."""
    if not pa.types.is_floating(numbers.type):
        return False
    ends = pc.min_max(numbers).as_py()
    return ends["min"] is None or (ends["min"] > -_TAME and ends["max"] < _TAME)


def _find_kind(dtype: Any) -> tuple[Kind | None, bool]:
    masked = pd.api.types.is_extension_array_dtype(dtype)
    if pd.api.types.is_bool_dtype(dtype):
        return "bool", masked
    if pd.api.types.is_integer_dtype(dtype):
        return "int", masked
    if pd.api.types.is_float_dtype(dtype):
        return "float", masked
    if isinstance(dtype, pd.StringDtype):
        return "text", True
    return None, masked


def _read_category(series: pd.Series) -> tuple[pa.Array, Value]:
    categories = series.cat.categories
    whole = pd.api.types.is_integer_dtype(categories.dtype)
    if not whole and not all(isinstance(one, str) for one in categories):
        raise SchemaError("the engine takes categories of text or whole numbers")
    kinds = pa.array(categories.to_numpy(), type=pa.int64() if whole else pa.string())
    codes = pa.array(series.cat.codes.to_numpy(), mask=(series.cat.codes == -1).to_numpy())
    value = Value("", "category", categories=tuple(categories), whole=whole, ordered=bool(series.cat.ordered))
    return kinds.take(codes), value


def _read_objects(series: pd.Series, *, where: str) -> tuple[pa.Array, Value]:
    present = [one for one in series if not _is_missing(one)]
    if all(isinstance(one, bool | np.bool_) for one in present) and present:
        return pa.array([None if _is_missing(one) else bool(one) for one in series], pa.bool_()), Value("", "bool")
    if all(isinstance(one, str) for one in present):
        return pa.array([None if _is_missing(one) else one for one in series], pa.string()), Value("", "text")
    if all(isinstance(one, tuple | list) and len(one) == 2 for one in present):
        pairs = [None if _is_missing(one) else [_number(part) for part in one] for one in series]
        return pa.array(pairs, pa.list_(pa.float64())), Value("", "latlong")
    raise SchemaError(f"column {where} must hold numbers, text, times or categories, however: {present[:3]}")


def _is_missing(value: Any) -> bool:
    return not isinstance(value, tuple | list) and bool(pd.isna(value))


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
