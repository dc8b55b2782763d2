"""Calls the functions of a workflow's own Python files on rows, and holds what comes back against what was said.

A function sees only the columns that it reads, and must give each row the same whatever rows stand beside it:
else a month computed alone, or a new row that is predicted, would differ from what models learned. That is
tried on a few rows each time.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from mlwf_assets.errors import DataError
from mlwf_assets.spec.extensions import CleaningStep, Extension, Feature, Label, OwnCode
from mlwf_assets.spec.own_code import load_object, raised_at
from mlwf_assets.spec.tables import ColumnType, Table

RowExtension: TypeAlias = CleaningStep | Label | Feature
_PROBES = 16
_ARROW: dict[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "category": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
}


class RowFunction(NamedTuple):
    """A function of a workflow's own files.

    Attributes:
        own: the files.
        extension: the function, and what it says of itself.
    """

    own: OwnCode
    extension: RowExtension

    @property
    def makes(self) -> dict[str, ColumnType]:
        """The columns that it makes, and their types."""
        one = self.extension
        return dict(one.makes) if isinstance(one, CleaningStep) else {one.name: one.type}

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Make columns of rows.

        Args:
            rows: (n, ...) with the columns that the function reads.
        Returns:
            (n, columns that it makes), of the types that were said.
        Raises:
            DataError: if it fails, gives other columns, rows or values than it said, or looks at other rows.
        """
        if not rows.num_rows:
            return pa.table({name: pa.nulls(0, _ARROW[type_]) for name, type_ in self.makes.items()})
        made = self._call(rows)
        probes = np.unique(np.linspace(0, rows.num_rows - 1, _PROBES).astype(np.int64))
        if len(probes) < rows.num_rows:
            self._compare(made.take(pa.array(probes)), self._call(rows.take(pa.array(probes))), probes)
        return made

    def _call(self, rows: pa.Table) -> pa.Table:
        import pandas as pd

        function, one = load_object(self.own, self.extension), self.extension
        frame = rows.select(list(one.reads)).to_pandas()
        try:
            made = function(frame)
        except Exception as error:
            raise DataError(
                f"{raised_at(self.own, error) or one.place + ': '}must work for all rows, however: "
                f"{type(error).__name__}: {error}"
            ) from error
        if isinstance(made, pd.Series) and len(self.makes) == 1:
            made = made.to_frame(next(iter(self.makes)))
        if not isinstance(made, pd.DataFrame) or set(made.columns) != set(self.makes):
            got = f"columns {list(made.columns)}" if isinstance(made, pd.DataFrame) else f"a {type(made).__name__}"
            wanted = "a Series" if len(self.makes) == 1 else f"a frame with the columns {', '.join(self.makes)}"
            raise DataError(f"{one.place}: must return {wanted}, however: {got}")
        if not made.index.equals(frame.index):
            raise DataError(
                f"{one.place}: must return a value for each row, in their order, however: {len(made):,} values for "
                f"{len(frame):,} rows; to leave rows out, write a rule on a column that it makes"
            )
        return pa.table({name: self._to_arrow(made[name], name, type_) for name, type_ in self.makes.items()})

    def _to_arrow(self, values: Any, name: str, type_: ColumnType) -> pa.ChunkedArray:
        wanted = _ARROW[type_]
        try:
            found = pa.chunked_array([pa.array(values, from_pandas=True)])
            return _utc(found).cast(wanted)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            words = str(error).partition("\n")[0]
            raise DataError(
                f"{self.extension.place}: {name} must be {type_} in each row, however: {words} ({values.dtype})"
            ) from error

    def _compare(self, together: pa.Table, alone: pa.Table, places: np.ndarray[Any, Any]) -> None:
        for name in together.column_names:
            one, other = (table[name].to_pandas() for table in (together, alone))
            differs = ~_equal(one, other)
            if differs.any():
                at = int(np.flatnonzero(differs)[0])
                raise DataError(
                    f"{self.extension.place}: must give a row the same whatever rows stand beside it, however: row "
                    f"{places[at]:,} has {name} = {one.iloc[at]!r} among all rows and {other.iloc[at]!r} among few; "
                    "make it of the row's own columns alone"
                )


def _equal(one: Any, other: Any) -> Any:
    """(n,) whether values are the same, but for what sums over arrays of another length round differently."""
    if one.dtype.kind == "f":
        return np.isclose(one, other, rtol=1e-9, atol=0, equal_nan=True)
    return ((one == other) | (one.isna() & other.isna())).to_numpy(dtype=bool)


def _utc(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times without a zone are in UTC."""
    kind = values.type
    return values.cast(pa.timestamp(kind.unit, "UTC")) if pa.types.is_timestamp(kind) and kind.tz is None else values


def table_steps(table: Table, own: OwnCode) -> list[RowFunction]:
    """List the cleaning steps that make columns of a table, in the order of the files."""
    names = {column.step for column in table.columns.values() if column.step}
    return [RowFunction(own, step) for step in own.of(CleaningStep) if step.name in names]


def append_made(rows: pa.Table, extensions: Sequence[RowExtension], own: OwnCode) -> pa.Table:
    """Append what functions make of rows; a column of the same name is replaced."""
    for extension in extensions:
        made = RowFunction(own, extension)(rows)
        for name in made.column_names:
            if name in rows.column_names:
                rows = rows.set_column(rows.column_names.index(name), name, made[name])
            else:
                rows = rows.append_column(name, made[name])
    return rows


def own_words(extension: Extension) -> str:
    """Say in words what a function or class is: its docstring's first line, else its name."""
    return extension.words.rstrip(".") or extension.name.replace("_", " ")
