"""Sources: how the rows that a workflow names come into the lake, as they came.

One module per kind of source (`files`, `rows`), and for files one per form. Connectors know nothing of contracts:
they keep every row with its file and position, find the types of columns, and put rows into partitions by
their time. The kinds' settings stand in `spec/sources.py`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mlwf_assets.errors import MlwfError
from mlwf_assets.lake.connectors.files import (
    Stat,
    files_columns,
    files_fingerprint,
    files_stats,
    read_content,
    read_files,
)
from mlwf_assets.lake.connectors.rows import read_rows, rows_columns, rows_fingerprint
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.partitions import Cutting
from mlwf_assets.spec.secrets import hide_secrets
from mlwf_assets.spec.sources import RowsSource, Source

__all__ = ["Stat", "read_content", "read_source", "source_columns", "source_fingerprint", "source_stats"]


def source_fingerprint(source: Source, folder: Path) -> str:
    """Name the content of a source; it changes when, and only when, what is read may change.

    Args:
        source: as the workflow file describes it.
        folder: the workflow's folder.
    Returns:
        32 hex digits.
    Raises:
        SpecError, SourceError: if a file or package is not there.
    """
    with _without_secrets(source):
        return rows_fingerprint(source) if isinstance(source, RowsSource) else files_fingerprint(source, folder)


def source_stats(source: Source, folder: Path) -> list[Stat]:
    """List how a source's files lie there, without reading them; none for rows.

    Raises:
        SpecError, SourceError: if a file or package is not there.
    """
    with _without_secrets(source):
        return [] if isinstance(source, RowsSource) else files_stats(source, folder)


def source_columns(source: Source, folder: Path) -> list[str]:
    """Return the names of a source's columns, in order; of CSV and Parquet files only the beginning is read.

    Raises:
        SpecError, SourceError: if a file or package is not there, or has no sound header.
    """
    with _without_secrets(source):
        return rows_columns(source) if isinstance(source, RowsSource) else files_columns(source, folder)


def read_source(
    source: Source, folder: Path, cut: Cutting | None = None, names: Sequence[str] | None = None
) -> dict[str | None, Result]:
    """Read all rows of a source.

    Args:
        source: as the workflow file describes it.
        folder: the workflow's folder.
        cut: how rows are cut; None for a source without partitions.
        names: the partitions that are wanted; by default all.
    Returns:
        Partition (None without partitions) -> rows: the columns as they came, `_file` and `_row` (int64,
        from 0). Files: types.json, column -> the type found in the whole source.
    Raises:
        SpecError, SourceError: if something is not there or not sound, naming file and line.
    """
    if isinstance(source, RowsSource):
        return {None: read_rows(source)}
    with _without_secrets(source):
        return read_files(source, folder, cut, names)


@contextmanager
def _without_secrets(source: Source) -> Iterator[None]:
    """Keep the values of secrets out of messages."""
    try:
        yield
    except MlwfError as error:
        written = "" if isinstance(source, RowsSource) else " ".join(source.path)
        if (shown := hide_secrets(str(error), of=written)) == str(error):
            raise
        raise type(error)(shown) from None
