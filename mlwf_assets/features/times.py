"""Times as whole microseconds since 1970, UTC: what cutoffs and `_known_at` are compared in.

A null means something else on each side (a row that is always known, a prediction that is never made too
late), so whoever reads a time says what null is.
"""

import numpy as np
import pyarrow as pa

ALWAYS_KNOWN = int(np.iinfo(np.int64).min)
END_OF_TIME = int(np.iinfo(np.int64).max)


def read_times(column: pa.ChunkedArray, *, missing: int) -> np.ndarray:
    """Read timestamps as (n,) int64 microseconds since 1970, with a number for null.

    Example:
        >>> read_times(pa.chunked_array([pa.array([5, None], pa.timestamp("us"))]), missing=0)
        array([5, 0])
    """
    if pa.types.is_null(column.type):
        return np.full(len(column), missing, dtype=np.int64)
    times = column.cast(pa.timestamp("us", tz=getattr(column.type, "tz", None))).cast(pa.int64())
    return np.asarray(times.fill_null(missing), dtype=np.int64)
