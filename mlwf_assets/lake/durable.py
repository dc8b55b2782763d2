"""Files that are whole and on the disk, or not there: written under another name, synced, and renamed."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

DRAFT = ".draft"


@contextmanager
def writing_durably(path: Path) -> Iterator[IO[bytes]]:
    """Write a file; nothing is left of it where the context ends in an error.

    Raises:
        OSError: if the disk is full or refuses.
    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a"
        >>> with writing_durably(path) as sink:
        ...     written = sink.write(b"one")
        ...     path.exists()
        False
        >>> path.read_bytes()
        b'one'
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}{DRAFT}")
    try:
        with draft.open("wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
