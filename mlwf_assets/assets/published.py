"""Files of results that people open by themselves: the report, quarantined rows, trials.

They are copied out of the lake into `$MLWF_HOME/reports/WORKFLOW/`, where `mlwf up` serves them and any
browser or spreadsheet opens them. A reused result is published too, so that a deleted copy comes back.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlwf_assets.assets.step import Output
from mlwf_assets.lake.fingerprint import hash_bytes
from mlwf_assets.lake.result import Entry
from mlwf_assets.lake.store import Lake

if TYPE_CHECKING:
    import pyarrow as pa


def published_links(workflow: str, output: Output, partition: str | None) -> dict[str, str]:
    """Return file -> its page below the address of `mlwf up`."""
    return {file: f"/reports/{workflow}/{place}" for file, place in _places(output, partition).items()}


def publish(home: Path, lake: Lake, workflow: str, output: Output, entry: Entry) -> None:
    """Copy the published files of one entry to where people look, each whole or not at all."""
    for file, place in _places(output, entry.partition).items():
        target = home / "reports" / workflow / place
        if target.is_file() and hash_bytes(target.read_bytes()) == entry.files[file]:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{entry.fingerprint[:8]}")
        draft.write_bytes(lake.file_bytes(entry, file))
        draft.replace(target)


def as_csv(rows: "pa.Table") -> bytes:
    """Write rows as a file that spreadsheets open."""
    import pyarrow as pa
    from pyarrow import csv

    sink = pa.BufferOutputStream()
    csv.write_csv(rows, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _places(output: Output, partition: str | None) -> Mapping[str, str]:
    return {file: place.format(partition=partition) for file, place in output.published.items()}
