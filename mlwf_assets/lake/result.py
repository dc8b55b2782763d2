"""What an asset computes (`Result`) and what the lake knows of a computed one (`Entry`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Result:
    """One table and the files that go with it (definitions, native models, plots).

    Attributes:
        table: the rows; may have no rows, never no columns.
        files: name -> bytes; part of the content.
        metadata: what people want to see in the UI (JSON values); not part of the content.
        key: the columns that are checked unique; rows are ordered by them before fingerprinting.
    """

    table: pa.Table
    files: Mapping[str, bytes] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One result that stands in the lake.

    Attributes:
        table: the table's name, 'WORKFLOW/GROUP/NAME'.
        partition: the partition's name, or None for a table without partitions.
        version: the Delta version that holds it.
        fingerprint: of the content (rows and files), 32 hex digits.
        recipe: what it was made from, 32 hex digits.
        run_id: the Dagster run that computed it.
        rows: number of rows.
        seconds: how long the computation took.
        files: name -> hash of its bytes.
        metadata: as in `Result`.
        created_s: when it was written, seconds since 1970.
        made_from: the parts of the recipe: what each is -> its fingerprint.
    """

    table: str
    partition: str | None
    version: int
    fingerprint: str
    recipe: str
    run_id: str
    rows: int
    seconds: float
    files: Mapping[str, str]
    metadata: Mapping[str, Any]
    created_s: float
    made_from: Mapping[str, str] = field(default_factory=dict)
