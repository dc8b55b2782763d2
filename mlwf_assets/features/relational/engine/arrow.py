"""The tables of an entity set, where they are Arrow's and the entity set only says what they are: no copy in pandas.

What a column is follows from its type in Arrow: whole numbers, numbers, truth values, text for categories, and times as
timestamps in nanoseconds. Rows must stand in the order of their times, and numbers be finite.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pat

from mlwf_assets.features.relational.engine.tables import ROW, Tables, is_exact, is_tame, relation_name
from mlwf_assets.features.relational.engine.values import Value, quote


@dataclass
class ArrowTables(Tables):
    """Tables as Arrow has them.

    Args:
        data: name -> rows, in the order of their times.
    """

    data: Mapping[str, pa.Table] = field(default_factory=dict)
    _asked: dict[str, dict[str, None]] = field(default_factory=dict)

    @property
    def all_finite(self) -> bool:
        """Whether no number is infinite: that is asked for."""
        return True

    def column(self, table: str, name: str) -> Value:
        """Tell what a column is; it can then be read from the table."""
        self._asked.setdefault(table, {})[name] = None
        rows = self.data[table]
        value = replace(_describe(rows.schema.field(name).type), sql=quote(name))
        # A table that is empty now gets its rows later, and nothing is known of them.
        if not rows.num_rows or not value.numeric:
            return value
        most = max(one.num_rows for one in self.data.values())
        return replace(value, tame=is_tame(rows[name]), exact=is_exact(rows[name], rows=most))

    def load(self) -> None:
        """Put the columns that were asked for into DuckDB."""
        for table in self._asked:
            self.replace(table, self.data[table])

    def replace(self, table: str, rows: pa.Table) -> None:
        """Put other rows in the place of a table's."""
        columns: dict[str, Any] = {ROW: pa.array(np.arange(rows.num_rows, dtype=np.int64))}
        for name in self._asked.get(table, {}):
            values = rows[name]
            columns[name] = values.cast(pa.int64()) if pat.is_timestamp(values.type) else values
        self.connection.register("__arrow", pa.table(columns))
        self.connection.execute(f"CREATE OR REPLACE TABLE {quote(relation_name(table))} AS SELECT * FROM __arrow")
        self.connection.unregister("__arrow")

    def count_rows(self, table: str) -> int:
        """Count a table's rows."""
        return int(self.data[table].num_rows)

    def is_in_order(self, table: str) -> bool:
        """Tell whether the rows stand in the order of their times: that is asked for."""
        return table in self.data

    def ends_with_its_time(self, table: str) -> bool:
        """Tell whether each row's last time is its own: there are no others."""
        return table in self.data

    def is_within(self, table: str, limit_ns: int) -> bool:
        """Tell whether all times lie so close to 1970."""
        times = self.data[table][str(self.time_index(table))].drop_null().cast(pa.int64()).to_numpy()
        return bool((np.abs(times) < limit_ns).all())


def _describe(kind: pa.DataType) -> Value:
    if pat.is_timestamp(kind):
        return Value("", "time")
    if pat.is_boolean(kind):
        return Value("", "bool", masked=True)
    if pat.is_integer(kind):
        return Value("", "int")
    return Value("", "float") if pat.is_floating(kind) else Value("", "category")
