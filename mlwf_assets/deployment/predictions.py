"""A version's test predictions, kept beside it.

By them a later model meets it on the same rows, also when its features are not made any more or its files
cannot be loaded.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.features.alignment import find_rows

FILE = "test_predictions.parquet"
_SCORE = "_score_"

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class TestRows:
    """The rows on which challenger and champion meet.

    Attributes:
        keys: (rows, key) what names each row.
        frame: (rows, columns); more columns than the challenger's are welcome, the champion may need them.
        truth: (rows,) 0/1, class number, or value.
        scores: (rows,) or (rows, classes) of the challenger.
    """

    __test__ = False  # not a test, whatever pytest thinks of the name

    keys: pa.Table
    frame: pd.DataFrame
    truth: Array
    scores: Array


def pack(rows: TestRows) -> bytes:
    """The challenger's scores with the rows' keys, as a Parquet file."""
    table = rows.keys
    for i, column in enumerate(np.atleast_2d(rows.scores.T)):
        table = table.append_column(f"{_SCORE}{i}", pa.array(column, pa.float64()))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def find(packed: bytes, rows: TestRows) -> Array | None:
    """The scores that a packed file holds for some rows, in their order.

    Returns:
        (rows,) or (rows, classes); None where it lacks one of the rows, or names rows by other columns.
    """
    table = pq.read_table(pa.BufferReader(packed))
    scores = [name for name in table.column_names if name.startswith(_SCORE)]
    key = [name for name in table.column_names if name not in scores]
    if key != rows.keys.column_names:
        return None
    try:
        found = find_rows(table, rows.keys, key=key)
    except (DataError, SchemaError, pa.ArrowInvalid):
        return None
    columns = [table[name].to_numpy()[found] for name in scores]
    return columns[0] if len(columns) == 1 else np.column_stack(columns)
