"""A share of the examples, the same ones each time: whether an example is in depends on its key alone.

What a split keeps together is in or out together. A larger share holds all that a smaller one holds.
"""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from mlwf_assets.cleaning.casting import quote
from mlwf_assets.datasets.examples import GROUP
from mlwf_assets.datasets.labels import describe_label
from mlwf_assets.lake import duck
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.names import ROW_ID

_DIGITS = 12  # of the hash, 48 bits


def take_sample(examples: Result, share: float, *, key: Sequence[str]) -> Result:
    """Keep a share of the examples of a partition.

    Args:
        examples: as `make_examples` gives them.
        share: between 0 and 1.
        key: what names an example; () for `_row_id`. Groups, where there are any, go before it.
    Returns:
        Some of the rows, in their order.
    Example:
        >>> made = Result(pa.table({"id": range(1000), "label": [True, False] * 500}))
        >>> take_sample(made, 0.05, key=["id"]).table.num_rows
        49
    """
    table = examples.table
    names = [GROUP] if GROUP in table.column_names else list(key) or [ROW_ID]
    kept = table.filter(_is_in(table.select(names), share))
    counts = {"examples": kept.num_rows, "examples of the whole": table.num_rows, **describe_label(kept["label"])}
    return replace(examples, table=kept, metadata={**examples.metadata, **counts})


def _is_in(table: pa.Table, share: float) -> pa.ChunkedArray:
    # A null and a text must differ, and so must ('a', 'bc') and ('ab', 'c').
    texts = ", ".join(
        f"coalesce(concat(length(CAST({quote(name)} AS VARCHAR)), ':', CAST({quote(name)} AS VARCHAR)), '-')"
        for name in table.column_names
    )
    number = f"CAST('0x' || substr(md5(concat('sample', {texts})), 1, {_DIGITS}) AS BIGINT)"
    with duck.connect() as connection:
        connection.register("examples", table)
        found = connection.sql(f"SELECT {number} < {share!r} * {16**_DIGITS} AS is_in FROM examples").to_arrow_table()
    return found["is_in"]
