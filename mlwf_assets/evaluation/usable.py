"""What can be judged: rows whose class the model can name."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc


def known_classes(table: pa.Table, *, kind: str, classes: Sequence[str]) -> tuple[pa.Table, dict[str, int]]:
    """Keep the rows whose class the model can name; a class that training never saw is in no prediction.

    Returns:
        The rows, and class -> rows that were left out.
    Example:
        >>> rows, lost = known_classes(pa.table({"label": ["a", "z"]}), kind="multiclass", classes=["a", "b"])
        >>> rows.num_rows, lost
        (1, {'z': 1})
    """
    if kind != "multiclass":
        return table, {}
    known = pc.is_in(table.column("label"), value_set=pa.array(list(classes), pa.string()))
    lost = table.column("label").filter(pc.invert(known)).value_counts().to_pylist()
    return table.filter(known), {str(one["values"]): int(one["counts"]) for one in lost}
