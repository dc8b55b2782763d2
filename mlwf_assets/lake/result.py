"""What an asset computes (`Result`) and what the lake knows of a computed one (`Entry`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from mlwf_assets.lake.fingerprint import hash_json


@dataclass(frozen=True)
class Result:
    """One table and the files that go with it (definitions, native models, plots).

    Attributes:
        table: the rows; may have no rows, never no columns.
        files: name -> bytes; part of the content.
        metadata: what people want to see in the UI (JSON values); not part of the content.
        key: the columns that are checked unique; rows are ordered by them before fingerprinting.
        types: column -> what it is, where that says more than its type in Arrow.
    """

    table: pa.Table
    files: Mapping[str, bytes] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)


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
        columns: name -> what it is (as in `Result`, else its type), and the fingerprint of its values.
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
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def part(self, columns: Sequence[str] | None, files: Sequence[str] | None) -> str:
        """Name the content of some columns and files; None: of all, as where nothing is known of single columns.

        Example:
            >>> table = {"a": ("int64", "1f"), "b": ("string", "2e")}
            >>> entry = Entry("w/g/n", None, 0, "ab", "cd", "run", 1, 0.5, {}, {}, 0.0, columns=table)
            >>> entry.part(None, None), entry.part(["a"], None) == entry.part(["a", "b"], None)
            ('ab', False)
        """
        if (columns is None and files is None) or not self.columns:
            return self.fingerprint
        chosen = [[name, *self.columns[name]] for name in (self.columns if columns is None else columns)]
        kept = {name: digest for name, digest in self.files.items() if files is None or name in files}
        return hash_json([self.rows, chosen, kept])
