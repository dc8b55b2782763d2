"""A small lake to write to, and what must hold of every lake."""

from pathlib import Path

import deltalake
import pyarrow as pa

from mlwf_assets.lake.fingerprint import fingerprint
from mlwf_assets.lake.result import Entry, Result
from mlwf_assets.lake.store import Lake

TABLE = "toy/raw/things"


def rows(*values, **columns):
    """A table with a column x of some values, and others."""
    return pa.table({"x": pa.array(values), **columns})


def put(lake: Lake, partition: str | None, table: pa.Table, *, recipe: str = "", name: str = TABLE, **fields) -> Entry:
    """Write a table, under a recipe that says what is in it unless one is given."""
    result = Result(table, **fields)
    recipe = recipe or fingerprint(table)
    return lake.write(name, partition, result, recipe=recipe, run_id="run", seconds=0.1)


def check_whole(lake: Lake, name: str = TABLE) -> int:
    """Check that each current entry reads as what its fingerprint says; return how many there are."""
    entries = lake.entries(name)
    for entry in entries.values():
        table = lake.read_entries([entry])
        files = {file: lake.file_bytes(entry, file) for file in entry.files}
        assert table.num_rows == entry.rows
        assert fingerprint(table, files=files) == entry.fingerprint
        assert lake.find(entry.recipe) is not None
    return len(entries)


def data_files(folder: Path, name: str = TABLE) -> list[Path]:
    """All Parquet files of a table, also those that nothing names."""
    return sorted(path for path in (folder / name).rglob("*.parquet") if path.parent.name != "_delta_log")


def plain(folder: Path, **options) -> deltalake.DeltaTable:
    """The table as any other reader of Delta opens it."""
    return deltalake.DeltaTable(folder / TABLE, **options)
